"""Latent spaces: their pieces against closed forms, scikit-learn and the models themselves."""

import math
from pathlib import Path
from statistics import NormalDist
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.decomposition import PCA
from torch import Tensor

from genlab import api, checkpoints
from genlab.data import Dataset, to_float, to_uint8
from genlab.errors import CheckpointError, InvalidInput
from genlab.lab import directions, manifold
from genlab.lab.codes import FAMILIES, Codec, CodeKnobs, codec
from genlab.lab.interpolation import along, lerp, slerp
from genlab.lab.pictures import Digit
from genlab.lab.reconstruction import shares
from genlab.library import Library
from genlab.noise import Noise
from genlab.walks import finish
from tests.helpers import tiny

QUICK = {"steps": 4, "search": 3, "starts": 2}


@pytest.fixture(scope="module")
def seven() -> Digit:
    return api.digit(int((api.dataset("test").labels == 7).nonzero()[0]))


def space(name: str, **knobs: Any) -> Codec:
    return codec(Library().shipped(name).model, CodeKnobs(**(QUICK | knobs)))


def encoded(found: Codec, x: Tensor) -> Tensor:
    return finish(shares(found.encode(x)))


def decoded(found: Codec, z: Tensor) -> Tensor:
    return finish(shares(found.decode(z)))


# Paths


@pytest.mark.parametrize("degrees", [10, 90, 170])
def test_the_arc_turns_evenly_on_the_unit_circle(degrees: float) -> None:
    """In the plane, slerp of unit vectors is a rotation by u times the angle."""
    angle = math.radians(degrees)
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[math.cos(angle), math.sin(angle)]])
    for u in (0.0, 0.2, 0.5, 0.9, 1.0):
        turned = torch.tensor([[math.cos(u * angle), math.sin(u * angle)]])
        assert torch.allclose(slerp(a, b, u), turned, atol=1e-5)
    assert torch.allclose(along("spherical", a, b, 7).norm(dim=1), torch.ones(7), atol=1e-5)
    assert torch.allclose(along("linear", a, b, 3)[1], (a + b)[0] / 2)


def test_the_arc_keeps_the_norm_and_the_line_does_not() -> None:
    a, b = Noise(0, 50).normal(1, 28, 28), Noise(1, 50).normal(1, 28, 28)
    norms = [f(a, b, 0.5).flatten(1).norm(dim=1).mean() / 28 for f in (slerp, lerp)]
    assert abs(norms[0] - 1) < 0.02 and abs(norms[1] - 0.5**0.5) < 0.02
    for u, end in ((0.0, a), (1.0, b)):
        assert torch.allclose(slerp(a, b, u), end, atol=1e-5)
    points = [slerp(a, b, u) for u in (0.25, 0.5, 0.75)]
    angles = [torch.acos((p * a).sum() / (p.norm() * a.norm())) for p in points]
    assert torch.allclose(torch.stack(angles).diff(), angles[0], rtol=0.02), "even speed along the arc"


def test_the_arc_between_equals_is_a_point() -> None:
    a = Noise(0, 2).normal(1, 3, 3)
    assert torch.allclose(slerp(a, a, 0.3), a) and torch.allclose(slerp(a, 2 * a, 0.5), 1.5 * a)


# The map


def test_the_map_stands_on_quantiles() -> None:
    normal = NormalDist()
    expected = [normal.inv_cdf((i + 0.5) / 5) for i in range(5)]
    assert manifold.axis(5).tolist() == pytest.approx(expected, abs=1e-5)
    codes = manifold.plane(5).view(5, 5, 2)
    assert codes[0, 1].tolist() == pytest.approx([expected[1], expected[4]], abs=1e-5), (
        "the top row is y's end"
    )


def test_a_place_on_the_map_is_the_code_that_is_drawn_there() -> None:
    codes = manifold.plane().view(manifold.SIDE, manifold.SIDE, 2)
    for row, column in ((0, 0), (3, 11), (19, 19)):
        there = manifold.place((column + 0.5) / manifold.SIDE, (row + 0.5) / manifold.SIDE)
        assert there == pytest.approx(codes[row, column].tolist(), abs=1e-5)
    for across, down in ((0.1, 0.9), (0.5, 0.5), (0.998, 0.3)):
        assert manifold.share(*manifold.place(across, down)) == pytest.approx((across, down), abs=1e-9)
    assert all(math.isfinite(v) and abs(v) < manifold.FARTHEST for v in manifold.place(0, 1))


def test_the_map_is_what_the_model_draws_and_sees() -> None:
    model, found = Library().plane(), api.plane()
    test = api.dataset("test")
    with torch.no_grad():
        drawn = to_uint8(model.decode(manifold.plane()[123:124]))
        seen = model.encode(to_float(test.images[40:41])).mean
    assert torch.equal(found.images[123:124], drawn)
    assert torch.allclose(found.codes[40:41], seen, atol=1e-4) and found.labels[40] == test.labels[40]


def test_a_place_is_drawn_read_and_has_a_neighbour() -> None:
    model, judge, on_map = Library().plane(), Library().classifier(), api.plane()
    found = api.decode(-1.5, 0.5)
    with torch.no_grad():
        drawn = model.decode(torch.tensor([[-1.5, 0.5]]))
    assert torch.equal(found.image, to_uint8(drawn)[0])
    assert float(found.chances.sum()) == pytest.approx(1, abs=1e-5)
    assert found.chances.argmax() == judge.predict(judge.features(drawn))[0]
    assert found.sharp.argmax() == judge.predict(judge.features(torch.where(drawn > 0, 1.0, -1.0)))[0]
    apart = np.hypot(on_map.codes[:, 0] + 1.5, on_map.codes[:, 1] - 0.5)
    assert found.nearest == int(apart.argmin())
    closest = on_map.labels[np.sort(np.argsort(apart.numpy())[:20])]
    assert found.around.tolist() == [int((closest == d).sum()) for d in range(10)]


def test_all_ten_digits_are_on_the_map() -> None:
    judge = Library().classifier()
    read = judge.predict(judge.features(to_float(api.plane().images).sign()))  # it knows no blur
    assert torch.bincount(read, minlength=10).min() >= 5


def test_the_plane_is_a_vae_with_two_latents(tmp_path: Path) -> None:
    for name, model in (("vae", tiny("vae", latent=3)), ("autoencoder", tiny("autoencoder", latent=2))):
        checkpoints.save(name, model, tmp_path / name / "vae2d", {})
        with pytest.raises(CheckpointError, match="another model"):
            Library(tmp_path / name).plane()
    with pytest.raises(CheckpointError, match="missing"):
        Library(tmp_path).plane()


# Directions and sums


def test_directions_are_those_of_scikit_learn() -> None:
    torch.manual_seed(0)
    codes = torch.randn(400, 8) @ torch.randn(8, 8) + 3
    found, known = directions.principal(codes, 5), PCA(5).fit(codes.double().numpy())
    assert found.mean.numpy() == pytest.approx(known.mean_, abs=1e-4)
    assert found.deviation.square().numpy() == pytest.approx(known.explained_variance_, rel=1e-4)
    assert found.share.numpy() == pytest.approx(known.explained_variance_ratio_, rel=1e-4)
    alike = (found.directions.double().numpy() * known.components_).sum(1)
    assert np.abs(alike) == pytest.approx(np.ones(5), abs=1e-4)
    assert all(row[row.abs().argmax()] > 0 for row in found.directions)


def test_a_code_moves_by_standard_deviations() -> None:
    torch.manual_seed(1)
    codes = torch.randn(1000, 3) * torch.tensor([3.0, 1.0, 0.1])
    axes = directions.principal(codes)
    assert len(axes.deviation) == 3, "no more directions than numbers"
    there = directions.moved(axes, torch.zeros(3), torch.tensor([0.0, -2.0]))
    assert there.abs().tolist() == pytest.approx([0, 2, 0], abs=0.2)
    swept = directions.sweep(axes, torch.ones(3), 7)
    assert swept.shape == (3, 7, 3) and torch.allclose(swept[:, 3], torch.ones(3, 3))
    assert torch.allclose(swept[1, 0] - 1, -3 * axes.deviation[1] * axes.directions[1], atol=1e-5)


@pytest.mark.parametrize("family", api.ENCODERS)
def test_no_move_is_the_reconstruction(family: str, seven: Digit) -> None:
    model: Any = Library().shipped(family).model
    with torch.no_grad():
        expected = to_uint8(model.decode(model.code(to_float(seven.image[None]))))[0]
    found = api.directions(family, [0.0], seven, n=3)
    assert torch.equal(found.image, expected) and torch.equal(found.sweeps[2, 1], expected)
    moved = api.directions(family, [0.0, 0.0, 3.0], seven, n=3)
    assert torch.equal(moved.image, found.sweeps[2, 2]) and not torch.equal(moved.image, expected)


@pytest.mark.parametrize("family", api.ENCODERS)
def test_sums(family: str, seven: Digit) -> None:
    model: Any = Library().shipped(family).model
    with torch.no_grad():
        again = to_uint8(model.decode(model.code(to_float(seven.image[None]))))[0]
    nothing = api.arithmetic(family, 4, 4, seven)
    assert torch.equal(nothing.result, again) and torch.equal(nothing.start, again)
    assert torch.equal(api.arithmetic(family, 7, 1, seven, 0.0).result, again)
    there = api.arithmetic(family, 7, 1, 1)  # 1 + (7 - 1)
    assert (there.result.int() - there.plus.int()).abs().max() <= 1 and torch.equal(there.start, there.minus)


def test_the_mean_code_of_a_digit() -> None:
    coded = directions.Coded(torch.tensor([[1.0, 2.0], [3.0, 4.0], [9.0, 9.0]]), torch.tensor([5, 5, 2]))
    assert directions.typical(coded, 5).tolist() == [2.0, 3.0]


# Codes


@pytest.mark.parametrize("family", ["gan", "wgan", "wgan_gp"])
def test_a_search_finds_what_the_gan_itself_drew(family: str) -> None:
    found = space(family, search=150, starts=8)
    drawn = decoded(found, found.draw(Noise(5, 1)))
    z = encoded(found, drawn)
    assert z.shape == (1, 100)
    error = (decoded(found, z) - drawn).square().mean().sqrt()
    chance = (decoded(found, found.draw(Noise(6, 50))) - drawn).square().mean((1, 2, 3)).sqrt()
    assert error < 0.4 * chance.min(), "much nearer than the best of 50 random codes"


def test_a_search_leaves_the_model_as_it_was() -> None:
    found = space("gan")
    encoded(found, torch.zeros(2, 1, 28, 28))
    assert all(p.grad is None for p in found.model.parameters())


def test_more_steps_of_a_search_come_closer(seven: Digit) -> None:
    x = to_float(seven.image[None])
    errors = []
    for steps in (1, 60):
        found = space("gan", search=steps, starts=4)
        errors.append(float((decoded(found, encoded(found, x)) - x).square().mean()))
    assert errors[1] < errors[0] / 4


@pytest.mark.parametrize("family", ["autoencoder", "vae"])
def test_an_encoder_is_the_models_own(family: str, digits: Dataset) -> None:
    found = space(family)
    x = to_float(digits.images[:3])
    with torch.no_grad():
        z = found.model.code(x)
        assert torch.equal(encoded(found, x), z) and torch.equal(decoded(found, z), found.model.decode(z))


def test_ddims_code_is_that_of_the_panel_invert(seven: Digit) -> None:
    found = space("ddpm", steps=10)
    expected = finish(api.invert(None, seven, steps=10))
    z = encoded(found, to_float(seven.image[None]))
    assert torch.equal(z[0], expected.x_T) and torch.equal(to_uint8(decoded(found, z))[0], expected.image)


def test_the_flow_goes_back_and_forth(seven: Digit) -> None:
    x = to_float(seven.image[None])
    errors = []
    for steps in (2, 20):
        found = space("flow", steps=steps)
        errors.append(float((decoded(found, encoded(found, x)) - x).square().mean().sqrt() / 2))
    assert errors[1] < 0.02 and errors[1] < errors[0]


# Ways


@pytest.mark.parametrize("family", ["autoencoder", "vae", "gan", "wgan_gp"])
def test_a_way_between_samples_begins_and_ends_with_them(family: str) -> None:
    found = finish(api.between(3, 8, 5, [family]))[family]
    for seed, at in ((3, 0), (8, -1)):
        *_, sample = api.sample(family, 1, seed)
        for path in found.values():
            assert (path.images[at].int() - sample.images[0].int()).abs().max() <= 1
    assert found["linear"].norms[2] < found["spherical"].norms[2]


def test_a_way_between_pictures_begins_and_ends_with_their_reconstructions(seven: Digit) -> None:
    three = api.digit(int((api.dataset("test").labels == 3).nonzero()[0]))
    found = finish(api.between(seven, three, 3, ["vae", "ddpm", "flow"], ["linear"], **QUICK))
    assert [*found] == ["vae", "ddpm", "flow"] and all([*paths] == ["linear"] for paths in found.values())
    for name, paths in found.items():
        for end, at in ((seven, 0), (three, -1)):
            *_, last = api.reconstruct(end, [name], **QUICK)
            there, alone = paths["linear"].images[at].int(), last.found[name].image.int()
            assert (there - alone).abs().max() <= 2, "in a batch sums are rounded otherwise"


def test_the_arc_between_noises_stays_long() -> None:
    found = finish(api.between(0, 1, 3, ["ddpm"], steps=1))["ddpm"]
    assert found["spherical"].norms[1] == pytest.approx(28, rel=0.05)
    assert found["linear"].norms[1] == pytest.approx(28 / 2**0.5, rel=0.05)


# Reconstructions


def test_every_family_reconstructs(seven: Digit) -> None:
    steps = list(api.reconstruct(seven, steps=20, search=60, starts=4))
    told = [step.share for step in steps]
    assert told == sorted(told) and told[-1] == 1
    last = steps[-1].found
    assert [*last] == [*FAMILIES] and all(r.done and r.norm for r in last.values())
    for name, found in last.items():
        apart = (found.image.numpy() / 255.0 - seven.image.numpy() / 255.0) ** 2
        assert found.error == pytest.approx(apart.mean() ** 0.5, abs=2e-3)
        assert found.error < 0.15, name
    first = next(step for step in steps if "gan" in step.found).found["gan"]
    assert not first.done and first.norm is None and first.error > 2 * last["gan"].error


def test_a_visitors_own_model_reconstructs(library: Library, seven: Digit) -> None:
    for name in FAMILIES:
        *_, last = api.reconstruct(seven, [name], library=library, **QUICK)
        assert last.found[name].done


BAD: list[tuple[str, dict[str, Any], str]] = [
    *(("decode", {"x": v, "y": 0}, "x is") for v in (5, math.nan, "1", None, True)),
    ("decode", {"x": 0, "y": -4.01}, "y is"),
    *(("between", {"n": v}, "n is") for v in (1, 33, 2.5)),
    ("between", {"first": -1}, "first is"),
    ("between", {"last": "seven"}, "last is"),
    *((f, {"families": v}, "families is") for f in ("between", "reconstruct") for v in ([], "vae", ["cgan"])),
    *(("between", {"paths": v}, "paths is") for v in ([], "linear", ["cubic"])),
    *((f, {"steps": 0}, "steps is") for f in ("between", "reconstruct")),
    *(("reconstruct", {"search": v}, "search is") for v in (0, 1001, math.inf)),
    ("reconstruct", {"starts": 33}, "starts is"),
    ("reconstruct", {"seeds": 1}, "option is"),
    *((f, {"family": v}, "family is") for f in ("directions", "arithmetic") for v in ("gan", None, 3)),
    *(("directions", {"amounts": v}, "amounts") for v in ([], 1.0, [3.1], ["1"], [0.0] * 7)),
    ("directions", {"n": 1}, "n is"),
    *(("arithmetic", {key: v}, key) for key in ("plus", "minus") for v in (10, -1, None, 1.5)),
    *(("arithmetic", {"start": v}, "start is") for v in (10, "3", 0.5)),
    *(("arithmetic", {"strength": v}, "strength is") for v in (2.1, math.nan, None)),
]


@pytest.mark.parametrize(("function", "values", "said"), BAD, ids=str)
def test_bad_input_is_one_sentence(function: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        getattr(api, function)(**values)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


def test_lerp_is_straight() -> None:
    a, b = torch.tensor([[1.0, 0.0]]), torch.tensor([[3.0, 4.0]])
    assert lerp(a, b, 0.25).tolist() == [[1.5, 1.0]]
