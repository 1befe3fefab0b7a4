"""The verdict over a plane: against the opponent asked directly, finite differences, and plane geometry."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor, nn

from genlab import api, visualize
from genlab.data import to_float
from genlab.errors import InvalidInput
from genlab.lab.verdict import FAMILIES, KNOWN, SIDE, TILES, Plane, Spot, cells, survey
from genlab.library import Library
from genlab.models import MODELS
from genlab.models.gan import GAN
from genlab.sampling import sample
from genlab.ui.ganlab import plane as view

SEVEN = 7


@pytest.fixture(scope="module")
def found() -> dict[str, api.Verdict]:
    """Of each family, by the shipped weights."""
    return {
        name: api.verdict(name, api.digit(3), other_index=12, seed=SEVEN, x=0.3, y=0.6) for name in FAMILIES
    }


def asked(name: str, x: Tensor, label: int) -> Tensor:
    """What the shipped opponent says of pictures, in double precision: D, or a critic's value."""
    model: Any = Library().get(name).model
    opponent = type(model)(model.config).double().eval()
    opponent.load_state_dict(model.state_dict())
    raw = opponent.judge(x.double(), torch.full((len(x),), label))[:, 0]
    return raw.sigmoid() if name in ("gan", "cgan") else raw


def corners(name: str, label: int) -> Tensor:
    """The three pictures, found on another way."""
    model = Library().get(name).model
    *_, drawn = sample(model, 5, SEVEN, label if model.conditional else None)
    return to_float(torch.stack([api.digit(3).image, api.digit(12).image, drawn.images[0]]))


@pytest.mark.parametrize("name", FAMILIES)
def test_at_the_corners_it_is_that_of_those_pictures(name: str, found: dict[str, api.Verdict]) -> None:
    label = api.digit(3).label
    assert label is not None
    pictures = corners(name, label)
    got = found[name].survey
    assert torch.equal(torch.stack([spot.picture for spot in got.corners.values()]), pictures)
    expected, middle = asked(name, pictures, label), 0.0
    if not got.probability:
        *_, drawn = sample(Library().get(name).model, KNOWN, SEVEN)
        real = asked(name, to_float(api.dataset("test").images[:KNOWN]), 0).mean()
        middle = float(real + asked(name, to_float(drawn.images), 0).mean()) / 2
    verdicts = [spot.verdict for spot in got.corners.values()]
    assert verdicts == pytest.approx((expected - middle).tolist(), abs=1e-4)
    assert got.opponent.told == (label if name == "cgan" else None)


@pytest.mark.parametrize("name", FAMILIES)
def test_the_gradient_is_that_of_finite_differences(name: str, found: dict[str, api.Verdict]) -> None:
    got = found[name]
    for spot in (got.survey.corners["sample"], got.place):
        away = torch.randn(1, 28, 28, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
        start = spot.picture.double()
        start[(start + 1).abs() < 1e-3] = 1e-3 - 1  # off the bend at black
        for direction in (away / away.norm(), spot.gradient.double() / spot.size):
            ends = start + 1e-6 * torch.stack([-direction, direction])
            below, above = asked(name, ends, api.digit(3).label or 0).tolist()
            slope = float((spot.gradient.double() * direction).sum())
            assert (above - below) / 2e-6 == pytest.approx(slope, rel=1e-3, abs=1e-4 * spot.size)


def test_the_slope_in_the_plane_is_that_of_the_surface(found: dict[str, api.Verdict]) -> None:
    """The verdict changes along x and y as fast as the part of the gradient within the plane says."""
    for name in ("gan", "wgan_gp"):
        got, h = found[name].survey, 1e-3
        here = found[name].place
        dx = got.look(0.3 + h, 0.6).verdict - got.look(0.3 - h, 0.6).verdict
        dy = got.look(0.3, 0.6 + h).verdict - got.look(0.3, 0.6 - h).verdict
        assert math.hypot(dx, dy) / (2 * h * got.plane.edge) == pytest.approx(here.within, rel=0.05)
        assert 0 < here.within < here.size


def test_what_each_family_is_known_for(found: dict[str, api.Verdict]) -> None:
    size = {name: [spot.size for spot in one.spots.values()] for name, one in found.items()}
    assert max(size["wgan"]) < 0.05, "clipped"
    assert all(0.7 < each < 1.4 for each in size["wgan_gp"]), "held near 1"
    for spot in found["gan"].spots.values():
        assert spot.pull == pytest.approx(spot.size / spot.verdict, rel=0.01), "|grad -log D| = |grad D| / D"
    for spot in found["wgan_gp"].spots.values():
        assert spot.pull == pytest.approx(spot.size)


def test_the_plane_is_true_to_distances() -> None:
    three = torch.randn(3, 1, 28, 28)
    plane = Plane(three)
    assert torch.allclose(plane.pictures(plane.corners), three, atol=1e-5)
    flat = torch.cdist(plane.corners, plane.corners) * plane.edge
    assert torch.allclose(flat, torch.cdist(three.flatten(1).double(), three.flatten(1).double()))
    lo, hi = plane.corners.amin(0), plane.corners.amax(0)
    assert (lo > 0.1).all() and (hi < 0.9).all() and torch.allclose(lo + hi, torch.ones(2).double())
    assert plane.corners[1, 0] > plane.corners[0, 0] and plane.corners[2, 1] > plane.corners[0, 1]
    middle = plane.pictures(plane.corners.mean(0, keepdim=True))
    assert torch.allclose(middle[0], three.mean(0), atol=1e-5)


@pytest.mark.parametrize("third", [0.0, 0.5, 3.0])
def test_three_pictures_on_a_line_span_no_plane(third: float) -> None:
    a, b = torch.randn(2, 1, 28, 28)
    with pytest.raises(InvalidInput, match="lie on one line"):
        Plane(torch.stack([a, b, a + third * (b - a)]))
    with pytest.raises(InvalidInput, match="lie on one line"):
        Plane(torch.stack([a, a, b]))


def test_the_surface_and_the_tiles_lie_where_the_window_says(found: dict[str, api.Verdict]) -> None:
    got = found["wgan_gp"].survey
    assert got.surface.shape == (SIDE, SIDE) and len(got.tiles) == TILES**2
    for row, column in ((0, 0), (0, SIDE - 1), (SIDE - 1, 5)):
        x, y = (column + 0.5) / SIDE, 1 - (row + 0.5) / SIDE
        assert got.look(x, y).verdict == pytest.approx(float(got.surface[row, column]), abs=1e-4)
    shown = got.tiles[TILES * 2 + 4].float() / 127.5 - 1
    there = got.look(4.5 / TILES, 1 - 2.5 / TILES).picture.clamp(-1, 1)
    assert torch.allclose(shown, there, atol=0.005)
    assert cells(2).tolist() == [[0.25, 0.75], [0.75, 0.75], [0.25, 0.25], [0.75, 0.25]]


def test_a_linear_opponent() -> None:
    """Of the logit w x: D = sigmoid, |grad D| = D (1 - D) |w|, and the pull of -log D is (1 - D) |w|."""
    model = MODELS["gan"].build({"network": "mlp"}).eval()
    assert isinstance(model, GAN)
    model.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 1, bias=False))
    nn.init.constant_(model.discriminator[1].weight, 0.01)
    images = api.dataset("test").images
    got = survey(model, images[0], images[1], images, 0, None)
    for spot in (*got.corners.values(), got.look(0.9, 0.1)):
        d = 1 / (1 + math.exp(-0.01 * float(spot.picture.sum())))
        assert spot.verdict == pytest.approx(d, abs=1e-5)
        assert spot.size == pytest.approx(0.28 * d * (1 - d), rel=0.01)
        assert spot.pull == pytest.approx(0.28 * (1 - d), rel=0.01)


def test_the_ends_of_the_colours() -> None:
    found = np.asarray(visualize.diverging(torch.tensor([[-1.0, -9.0, 0.0], [0.5, 1.0, 9.0]])))
    orange, white, blue = (213, 94, 0), (245, 245, 245), (0, 114, 178)
    assert [tuple(pixel) for pixel in found[0]] == [orange, orange, white]
    assert [tuple(pixel) for pixel in found[1][1:]] == [blue, blue]
    assert tuple(found[1][0]) == pytest.approx([(w + b) / 2 for w, b in zip(white, blue, strict=True)], abs=1)


def test_the_picture_is_blue_where_it_says_real(found: dict[str, api.Verdict]) -> None:
    for one in found.values():
        got = one.survey
        pixels = np.asarray(view.heat(got)).astype(int)
        assert pixels.shape == (SIDE, SIDE, 3)
        above = (got.surface > got.middle + 0.1 * got.reach).numpy()
        below = (got.surface < got.middle - 0.1 * got.reach).numpy()
        assert (pixels[above][:, 2] > pixels[above][:, 0]).all()
        assert (pixels[below][:, 2] < pixels[below][:, 0]).all() and below.any()


def test_contour_lines_lie_where_the_surface_has_their_value() -> None:
    """Of a surface that rises to the right: one straight line at each tenth."""
    model = MODELS["gan"].build({"network": "mlp"}).eval()
    images = api.dataset("test").images
    got = survey(model, images[0], images[1], images, 0, None)  # type: ignore[arg-type]
    rising = ((torch.arange(SIDE) + 0.5) / SIDE).expand(SIDE, SIDE)
    drawn = view.contours(got._replace(surface=rising))
    starts = sorted(float(line.split(",")[0]) for line in drawn.split('points="')[1:])
    assert starts == pytest.approx([30.0 * k for k in range(1, 10)], abs=0.1)
    assert drawn.count("gl-bold") == 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("family", "vae"), ("other_index", -1), ("other_index", 0.5), ("seed", -1), ("label", 10), ("x", 1.1),
        ("y", math.nan), ("x", None), ("seed", True),
    ],
)  # fmt: skip
def test_bad_values(name: str, value: Any) -> None:
    with pytest.raises(InvalidInput, match=f"^{name} is "):
        api.verdict(**{name: value})


def test_the_same_digit_twice_spans_no_plane() -> None:
    with pytest.raises(InvalidInput, match="one line"):
        api.verdict("gan", api.digit(5), other_index=5)


def test_a_picture_of_one_s_own_has_no_label() -> None:
    own = api.digit(3)._replace(label=None)
    with pytest.raises(InvalidInput, match=r"^label is empty; cgan"):
        api.verdict("cgan", own)
    told = {
        label: api.verdict("cgan", own, label=label).survey.corners["first"].verdict for label in range(10)
    }
    assert len(set(told.values())) == 10


def pixels(picture: dict[str, Any]) -> np.ndarray:
    return np.asarray(Image.open(picture["image"]))


def test_the_endpoint(client: Any) -> None:
    pictures, numbers = client.predict(
        family="wgan_gp", index=3, other_index=12, seed=SEVEN, x=0.3, y=0.6, api_name="/verdict"
    )
    expected = api.verdict("wgan_gp", api.digit(3), other_index=12, seed=SEVEN, x=0.3, y=0.6)
    names = ["first", "other", "sample", "place"]
    assert [p["caption"] for p in pictures] == [
        "surface",
        "plane",
        *names,
        *(f"gradient, {n}" for n in names),
    ]
    assert np.array_equal(pixels(pictures[0]), np.asarray(view.heat(expected.survey)))
    assert np.array_equal(pixels(pictures[2]), api.digit(3).image[0].numpy())
    assert np.allclose(numbers["surface"], expected.survey.surface.numpy(), atol=1e-5)
    assert [*numbers["spots"]] == names and numbers["label"] is None and numbers["origin"] == "shipped"
    spot: Spot = expected.place
    told = numbers["spots"]["place"]
    assert told.pop("at") == pytest.approx([0.3, 0.6])
    assert told == pytest.approx({name: getattr(spot, name) for name in told}, rel=1e-3)
    assert told.keys() == {"verdict", "size", "within", "pull"}
