"""Memory that runs out, weights that are no numbers, pictures that are withheld."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

from genlab.errors import ModelUnavailable
from genlab.studio.engine import Engine
from tests.studio.helpers import arrays, ask, draw, followed


@pytest.fixture
def failing(engine: Engine) -> Iterator[Callable[..., list[int]]]:
    """Makes the U-Net raise ``error`` in its first ``times`` calls; gives the calls made."""
    handles = []

    def arm(error: Exception, times: float) -> list[int]:
        calls: list[int] = []
        assert engine.resident is not None

        def hook(*_: Any) -> None:
            calls.append(1)
            if len(calls) <= times:
                raise error

        handles.append(engine.resident.parts["unet"].register_forward_pre_hook(hook))
        return calls

    yield arm
    for handle in handles:
        handle.remove()


OUT_OF_MEMORY = [
    torch.OutOfMemoryError("CUDA out of memory."),
    RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
    MemoryError(),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda e: type(e).__name__)
def test_out_of_memory_once_draws_one_at_a_time(engine: Engine, failing: Any, error: Exception) -> None:
    request = ask("text_to_image", n=3, seed=9)
    expected = arrays(draw(engine, request).pictures)
    calls = failing(error, times=1)
    drawn, told = followed(engine, request)
    assert np.abs(arrays(drawn.pictures) - expected).max() <= 1
    assert any(progress.text.startswith("Memory ran out") for progress in told)
    assert len(calls) == 1 + 3 * request.knobs.steps and drawn.evaluations == request.knobs.steps
    assert np.array_equal(arrays(draw(engine, request).pictures), expected)  # together and untiled again


def test_out_of_memory_always_says_what_would_fit(engine: Engine, failing: Any) -> None:
    draw(engine, ask("text_to_image", steps=1))
    failing(OUT_OF_MEMORY[0], times=float("inf"))
    request = ask("text_to_image", n=4, width=128, height=128)
    with pytest.raises(ModelUnavailable, match=r"Memory ran out: 4 of 128x128 .* GB.*1 of 32x32") as told:
        draw(engine, request)
    assert str(told.value).count(".\n") == 0
    assert engine.resident is None
    assert len(draw(engine, request).pictures) == 4


def test_another_error_is_not_tried_again(engine: Engine, failing: Any) -> None:
    draw(engine, ask("text_to_image", steps=1))
    calls = failing(RuntimeError("shapes cannot be multiplied"), times=1)
    with pytest.raises(RuntimeError, match="multiplied"):
        draw(engine, ask("text_to_image"))
    assert len(calls) == 1


@pytest.mark.parametrize("part", ["unet", "vae", "text_encoder"])
def test_weights_that_are_no_numbers_are_told(engine: Engine, part: str) -> None:
    draw(engine, ask("text_to_image", steps=1))
    assert engine.resident is not None
    with torch.no_grad():
        for parameter in engine.resident.parts[part].parameters():
            parameter.fill_(torch.nan)
    with pytest.raises(ModelUnavailable, match="not finite"):
        draw(engine, ask("text_to_image", prompt="another, so that it is encoded anew"))


class FlagsTheSecond(torch.nn.Module):
    """In the place of StableDiffusionSafetyChecker, which blackens what it flags."""

    device, dtype = torch.device("cpu"), torch.float32  # which every network of a pipeline tells

    def forward(self, images: torch.Tensor, clip_input: torch.Tensor) -> Any:
        images[1] = 0
        return images, [False, True, False]


class Pixels:
    """In the place of its feature extractor."""

    def __call__(self, pictures: Any, return_tensors: str) -> Any:
        from transformers import BatchFeature

        return BatchFeature({"pixel_values": torch.zeros(len(pictures), 3, 8, 8)})


def test_a_withheld_picture_is_named(engine: Engine) -> None:
    request = ask("text_to_image", n=3)
    free = draw(engine, request)
    assert free.withheld == () and engine.resident is not None
    engine.resident.parts.update(
        safety_checker=FlagsTheSecond(), feature_extractor=Pixels(), requires_safety_checker=True
    )
    checked = draw(engine, request)
    assert checked.withheld == (1,)
    assert not arrays(checked.pictures)[1].any()
    assert np.array_equal(arrays(checked.pictures)[::2], arrays(free.pictures)[::2])


def test_strangers_get_the_checker_of_a_hub_model(cards: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []

    class Asked(Exception):
        pass

    def load(card: Any, dtype: Any, checked: bool) -> Any:
        asked.append(checked)
        raise Asked

    monkeypatch.setattr("genlab.studio.loading.load_base", load)
    for public in (True, False):
        with pytest.raises(Asked):
            draw(Engine(torch.device("cpu"), cards, public=public), ask("text_to_image"))
    assert asked == [True, False]
