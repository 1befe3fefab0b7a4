"""The functions under the page: what they refuse, and what they give."""

import dataclasses
import inspect
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from genlab import api, checkpoints
from genlab.config import TrainConfig
from genlab.diffusion.schedules import SCHEDULES
from genlab.errors import CheckpointError, InvalidInput
from genlab.jobs import JobStore, TrainingPlan, Workshop
from genlab.library import Library
from genlab.models import MODELS
from genlab.noise import Noise
from genlab.settings import Limits
from tests.helpers import TINY, states_equal, tiny

NUMBERS = [-1, 1.5, math.nan, math.inf, "5", "abc", True, [1], {}, 10**9 * 10**9, 10**400]
NAMES = ["", "stylegan", "GAN", None, 5, ["gan"], "../weights/gan", "x" * 10_000]
SEEDS = [*NUMBERS, None]


def diffusion_calls() -> list[tuple[str, dict[str, Any], str]]:
    table: list[tuple[str, dict[str, Any], str]] = []
    for function in ("reverse", "guidance", "interpolate", "invert", "repaint", "vary"):
        table += [(function, {"label": v, "steps": 1}, "label") for v in [*NUMBERS, 10]]
        table += [(function, {"steps": v}, "steps") for v in [*NUMBERS, 0, 1001]]
        table += [(function, {"stepps": 1}, "stepps")]
    for function in ("reverse", "guidance", "interpolate", "repaint", "vary"):
        table += [(function, {"seed": v, "steps": 1}, "seed") for v in SEEDS]
        table += [(function, {"guidance": v, "steps": 1}, "guidance") for v in (-1, 11, math.nan, "w", [2])]
    for function in ("guidance", "interpolate", "repaint", "vary"):
        table += [(function, {"n": v, "steps": 1}, "n ") for v in [*NUMBERS, None, 0, 33]]
    table += [("reverse", {"eta": v, "steps": 1}, "eta") for v in (2, -0.1, math.nan, "5")]
    table += [
        ("guidance", {"scales": v}, "scales") for v in ([], "1", None, [11.0], [math.nan], [True], [0.0] * 11)
    ]
    table += [("guidance", {key: v}, key) for key in ("t_from", "t_to") for v in (-1, 1000, 0.5, "x")]
    table += [("guidance", {"label": None}, "label"), ("guidance", {"t_from": 600, "t_to": 200}, "t_from")]
    table += [("guidance", {"away_from": v}, "away_from") for v in ("ten", 3, None)]
    table += [("interpolate", {"n": 1}, "n "), ("interpolate", {"path": "cubic"}, "path")]
    table += [("interpolate", {"other_seed": -1}, "other_seed")]
    table += [("repaint", {"region": v}, "region") for v in ("painted", "", None, ["left half"])]
    table += [("repaint", {"resamplings": v}, "resamplings") for v in (0, 21, 1.5)]
    table += [("vary", {"strength": v}, "strength") for v in (-0.1, 1.1, math.nan, "half")]
    table += [("vary", {"sampler": "euler"}, "sampler"), ("vary", {"eta": 0.5}, "eta")]
    for function in ("steps_curve", "guidance_curve"):
        table += [(function, {"n": v}, "n ") for v in [*NUMBERS, None, 49, 2001]]
        table += [(function, {"seed": v}, "seed") for v in SEEDS]
    table += [("steps_curve", {"samplers": v}, "sampler") for v in ([], "ddim", ["euler"], [1], None)]
    table += [("steps_curve", {"steps": v}, "steps") for v in ([], 5, [0], [1001], ["5"], [1.5], [5] * 11)]
    table += [("guidance_curve", {"scales": v}, "scales") for v in ([], 5, None)]
    table += [("guidance_curve", {"scales": v}, "guidance") for v in ([-1.0], ["x"])]
    return table


def calls() -> list[Any]:
    """(function, arguments, the field that the message must name)."""
    table: list[tuple[str, dict[str, Any], str]] = []
    for function in ("sample", "nearest", "evaluate", "training_plan"):
        table += [(function, {"model": name}, "model") for name in NAMES]
    for function, good in (("sample", "ddpm"), ("nearest", "ddpm"), ("evaluate", "gan")):
        table += [(function, {"model": good, "n": n}, "n ") for n in [*NUMBERS, None, 0]]
        table += [(function, {"model": good, "seed": s}, "seed") for s in [*SEEDS, 2**32]]
    for function in ("sample", "nearest"):
        table += [(function, {"model": "ddpm", "label": v, "steps": 1}, "label") for v in [*NUMBERS, 10]]
        table += [
            (function, {"model": "ddpm", "n": 257}, "n "),
            (function, {"model": "gan", "label": 3}, "label"),
            (function, {"model": "gan", "steps": 3}, "steps"),
            (function, {"model": "vae", "guidance": 1.0}, "guidance"),
            (function, {"model": "vae", "prior": "uniform"}, "prior"),
            (function, {"model": "ddpm", "sampler": "euler"}, "sampler"),
            (function, {"model": "ddpm", "steps": 1001}, "steps"),
            (function, {"model": "ddpm", "guidance": math.nan}, "guidance"),
            (function, {"model": "ddpm", "eta": 1.1}, "eta"),
            (function, {"model": "ddpm", "stepps": 5}, "stepps"),
        ]
    table += [("evaluate", {"model": "gan", "n": n}, "n ") for n in (99, 10_001)]
    table += [("noise", {"t": t}, "t ") for t in [*NUMBERS, None, 1000]]
    table += [("noise", {"t": 0, "index": i}, "index") for i in [*NUMBERS, None]]
    table += [("noise", {"t": 0, "seed": s}, "seed") for s in SEEDS]
    table += [("noise", {"t": 0, "schedule": s}, "schedule") for s in ("", "quadratic", None, 5, ["cosine"])]
    table += diffusion_calls()
    table += [("training_plan", {"model": "gan", "start": s}, "start") for s in ("", "resume", None, 5, [])]
    for group in ("training", "config"):
        table += [
            ("training_plan", {"model": "gan", group: v}, "option") for v in ("abc", 5, ["lr"], {"epochs": 5})
        ]
    table += [
        ("training_plan", {"model": "gan", "training": {"steps": v}}, "steps")
        for v in [*NUMBERS[:8], None, 0]
    ]
    table += [
        ("training_plan", {"model": "gan", "config": {"lr": v}}, "lr")
        for v in (0, -1, 2, math.nan, "5", None)
    ]
    table += [("training_plan", {"model": "gan", "config": {"width": 16}, "start": "shipped"}, "start")]
    return [pytest.param(*row, id=f"{row[0]}-{str(row[1])[:40]}") for row in table]


def run(function: str, library: Library, arguments: dict[str, Any]) -> Any:
    """Call it as the page does, to the end of what it yields."""
    call: Callable[..., Any] = getattr(api, function)
    shared: dict[str, Any] = {"library": library}
    if function == "training_plan":
        shared = {"shop": Workshop(library, lambda name: api.dataset("train", name), Limits())}
    result = call(**arguments) if function == "noise" else call(**arguments, **shared)
    return list(result) if inspect.isgenerator(result) else result


@pytest.mark.parametrize(("function", "arguments", "field"), calls())
def test_bad_input_is_named(function: str, arguments: dict, field: str, library: Library) -> None:
    with pytest.raises(InvalidInput) as caught:
        run(function, library, arguments)
    message = str(caught.value)
    assert field in message and len(message) < 300 and "\n" not in message
    assert str(library.folder) not in message, "no path of the server"


def test_bad_input_leaves_everything_as_it_was(library: Library) -> None:
    *_, before = api.sample("gan", 2, library=library)
    for n in (0, "x"):
        with pytest.raises(InvalidInput):
            run("sample", library, {"model": "gan", "n": n})
    *_, after = api.sample("gan", 2, library=library)
    assert torch.equal(before.images, after.images)


def test_sample(library: Library) -> None:
    items = list(api.sample("ddpm", 3, 5, 7, library=library, steps=4, guidance=2.0, sampler=None))
    assert [s.final for s in items] == [False, False, False, True]
    final = items[-1]
    assert final.images.shape == (3, 1, 28, 28) and final.images.dtype == torch.uint8
    assert final.labels == [7, 7, 7] and final.evaluations == 8


def test_a_slider_may_send_whole_floats(library: Library) -> None:
    *_, a = api.sample("gan", 3.0, 5.0, library=library)  # type: ignore[arg-type]
    *_, b = api.sample("gan", 3, 5, library=library)
    assert torch.equal(a.images, b.images)


@pytest.mark.parametrize("schedule", sorted(SCHEDULES))
@pytest.mark.parametrize("t", [0, 1, 500, 999])
def test_noise_is_the_closed_form(t: int, schedule: str) -> None:
    found = api.noise(t, index=3, seed=11, schedule=schedule)
    test = api.dataset("test")
    bar = float(torch.cumprod(1 - SCHEDULES[schedule](1000).betas, 0)[t])
    x_0 = test.images[3].double() / 127.5 - 1
    x_t = bar**0.5 * x_0 + (1 - bar) ** 0.5 * Noise(11, 1).normal(1, 28, 28)[0].double()
    expected = ((x_t.clamp(-1, 1) + 1) * 127.5).round()
    assert (found.x_t.double() - expected).abs().max() <= 1
    assert torch.equal(found.x_0, test.images[3]) and found.digit == int(test.labels[3])
    assert found.alpha**2 + found.sigma**2 == pytest.approx(1)
    assert found.snr == pytest.approx((found.alpha / found.sigma) ** 2)
    assert not torch.equal(found.x_t, api.noise(t, 3, 12, schedule).x_t)


def test_noise_reaches_the_last_test_image() -> None:
    last = len(api.dataset("test")) - 1
    assert torch.equal(api.noise(0, last).x_0, api.dataset("test").images[last])
    with pytest.raises(InvalidInput, match=str(last)):
        api.noise(0, last + 1)


def test_nearest(library: Library) -> None:
    found = api.nearest("gan", 3, 1, library=library)
    train = api.dataset("train").images
    q, a = (v.flatten(1).float().numpy() / 255 for v in (found.samples.images, train))
    for i in range(3):
        distances = np.linalg.norm(a - q[i], axis=1)
        assert found.neighbours.distance[i].item() == pytest.approx(distances.min(), rel=1e-4)
        assert torch.equal(found.images[i], train[found.neighbours.index[i]])


def test_evaluate(library: Library) -> None:
    *progress, result = api.evaluate("ddpm", 100, library=library, steps=1)
    assert progress[-1] == {"sampled": 100} and result["n"] == 100 and result["evaluations"] == 1


def test_models_describes_every_family(library: Library) -> None:
    described = {m["name"]: m for m in api.models(library)}
    assert described.keys() == MODELS.keys()
    for name, family in MODELS.items():
        knobs = described[name]["knobs"]
        groups = {"config": family.Config, "sampling": family.Sampling, "training": TrainConfig}
        for group, config in groups.items():
            assert knobs[group].keys() == {f.name for f in dataclasses.fields(config)}
            assert all("default" in k and "help" in k for k in knobs[group].values())
        assert described[name]["config"]["width" if "width" in TINY[name] else "latent"] in (4, 8, 16, 32)
        net = library.get(name).model
        assert 0 < described[name]["parameters"] < sum(p.numel() for p in net.parameters()) + 1


def test_a_plan_says_all_that_will_be_done(store: JobStore) -> None:
    scratch = api.training_plan("gan", {"steps": 3, "seed": 4}, {"width": 8}, shop=store.shop)
    assert scratch.training == dataclasses.replace(MODELS["gan"].live, steps=3, seed=4)
    assert scratch.config == vars(MODELS["gan"].Config(width=8))  # type: ignore[call-arg]
    shelf = store.shop.library.get("gan").model
    gentle = api.training_plan("gan", {"steps": 2}, {"lr": 0.01}, "shipped", shop=store.shop)
    assert gentle.config == vars(shelf.config) | {"lr": 0.01}, "the rest as shipped"
    assert states_equal(gentle.build(store.shop.library), shelf)
    assert TrainingPlan.from_json(json.loads(json.dumps(gentle.to_json()))) == gentle


def test_ones_own_model_comes_first(library: Library, tmp_path: Path) -> None:
    own = Library(library.folder)
    own.put("gan", tiny("gan").eval(), "mine")
    assert own.get("gan").origin == "mine" and own.shipped("gan").origin == "shipped"
    assert library.get("gan").origin == "shipped", "nobody else sees it"


def test_missing_weights_are_named(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"gan/model\.safetensors is missing"):
        list(api.sample("gan", library=Library(tmp_path)))


def test_weights_of_another_family_are_refused(tmp_path: Path, library: Library) -> None:
    checkpoints.save("vae", library.get("vae").model, tmp_path / "gan", {})
    with pytest.raises(CheckpointError, match="another model"):
        list(api.sample("gan", library=Library(tmp_path)))
