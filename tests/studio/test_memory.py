"""What a request will cost, and where the networks go for it."""

from typing import Any

import pytest
import torch
from PIL import Image

from genlab.errors import ModelUnavailable
from genlab.studio import memory
from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine
from genlab.studio.request import PICTURES, ControlKnobs, Request, TextKnobs
from genlab.studio.tasks import Stage
from tests.studio.helpers import ask, draw

SIZES = {"unet": 5.0, "text_encoder": 2.0, "vae": 1.0}


@pytest.mark.parametrize(
    ("free", "work", "frugal", "expected"),
    [
        (11.0, 2.0, False, "full"),  # 8 of weights, 2 of work, 1 in reserve
        (10.9, 2.0, False, "model-offload"),
        (8.0, 2.0, False, "model-offload"),  # the largest is 5
        (7.9, 2.0, False, "sequential-offload"),
        (0.0, 2.0, False, "sequential-offload"),
        (11.0, 2.0, True, "model-offload"),
        (8.0, 2.0, True, "sequential-offload"),
        (0.0, 2.0, True, "sequential-offload"),
    ],
)
def test_the_fastest_placement_that_fits(free: float, work: float, frugal: bool, expected: str) -> None:
    assert memory.choose(free, SIZES, work, frugal) == expected


@pytest.mark.parametrize("gigabytes", [100.0, 0.0])
def test_placement_follows_free_memory(
    gigabytes: float, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All but the GPU itself: what is free there, and the move to it."""
    draw(engine, ask("text_to_image", steps=1))
    resident: Any = engine.resident
    placed: list[str] = []
    monkeypatch.setattr(memory, "free_gigabytes", lambda device: gigabytes)
    monkeypatch.setattr(memory, "place", lambda pipe, device, placement: placed.append(placement))
    resident.device = torch.device("cuda")
    for frugal in (False, True):
        with resident.pipeline(ask("text_to_image"), Stage(), frugal) as pipe:
            assert pipe.vae.use_tiling == frugal
    expected = ["full", "model-offload"] if gigabytes == 100.0 else ["sequential-offload"] * 2
    assert placed == expected


def drawable(card: ModelCard) -> Request:
    """A complete request for the model's first task."""
    size = card.knobs.width, card.knobs.height
    images = {"picture": Image.new("RGB", size), "mask": Image.new("L", size, 255)}
    given = {name: images[name] for name in PICTURES[card.tasks[0]]}
    return Request(card.tasks[0], card.name, "", card.knobs, **given)


def test_a_model_for_gpus_is_refused_without_one() -> None:
    engine = Engine(torch.device("cpu"))
    for card in CATALOG.values():
        reason = engine.unavailable(card)
        assert (reason is None) == (card.name == "mini-sd")
        if reason:
            with pytest.raises(ModelUnavailable, match=r"needs a GPU.*mini-SD"):
                engine.draw(drawable(card))


def test_memory_grows_with_pictures_and_parts() -> None:
    card = CATALOG["sdxl"]
    one = Request("text_to_image", "sdxl", "", card.knobs)
    assert card.gigabytes(one) == pytest.approx(2 * 3.468 + 3.0)
    assert card.gigabytes(one.change(n=4)) == pytest.approx(2 * 3.468 + 4 * 3.0)
    assert card.gigabytes(one.change(width=512)) == pytest.approx(2 * 3.468 + 1.5)
    assert card.gigabytes(one, number_bytes=4) == pytest.approx(2 * card.gigabytes(one))
    refined = one.change(refiner="on")
    assert card.gigabytes(refined) - card.gigabytes(one) == pytest.approx(2 * 2.567)
    outline = Request("control", "sdxl", "", ControlKnobs(**vars(card.knobs)))
    assert card.gigabytes(outline) - card.gigabytes(one) == pytest.approx(2 * 1.251)


def test_seconds_come_from_the_card_then_from_runs_here(engine: Engine) -> None:
    gpu = Engine(torch.device("cpu"))
    own = Request("text_to_image", "sd15", "", CATALOG["sd15"].knobs)
    seconds, _, basis = gpu.estimate(own)
    assert seconds == pytest.approx(CATALOG["sd15"].seconds) and "A100" in basis
    assert gpu.estimate(own.change(n=3, steps=50)).seconds == pytest.approx(6 * seconds)
    assert gpu.estimate(own.change(guidance=1.0)).seconds == pytest.approx(seconds / 2)
    assert gpu.estimate(Request("text_to_image", "sd21", "", TextKnobs())).seconds is None
    request = ask("text_to_image", steps=8)
    drawn = draw(engine, request)
    found = engine.estimate(request)
    assert found.basis == "measured here" and found.seconds == pytest.approx(drawn.seconds)
    assert engine.estimate(request.change(steps=4)).seconds == pytest.approx(drawn.seconds / 2)
