"""The same seed draws the same pictures, however they are asked for."""

from typing import Any

import pytest
import torch
from torch import Tensor

from genlab import sampling
from genlab.errors import InvalidInput
from genlab.models import MODELS
from genlab.sampling import Samples, knobs_for, sample, sample_chunks
from tests.helpers import scrambled, tiny

FAMILIES = sorted(MODELS)
FAST: dict[str, dict[str, Any]] = {"ddpm": {"steps": 5, "eta": 1.0}}


def model_of(name: str) -> Any:
    # The code of a deep decoder hardly shows where all weights are small.
    return scrambled(tiny(name), strength=0.2 if name == "conv_vae" else 0.05).eval()


def draw(model: Any, n: int, seed: int, *args: Any, **knobs: Any) -> Samples:
    *_, last = sample(model, n, seed, *args, **knobs)
    return last


def close(a: Tensor, b: Tensor) -> bool:
    """Equal within one of 255 levels: a batch of another size may add up in another order."""
    return a.shape == b.shape and bool((a.int() - b.int()).abs().max() <= 1)


@pytest.mark.parametrize("name", FAMILIES)
def test_picture_i_is_the_same_however_it_is_drawn(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model, knobs = model_of(name), knobs_for(model_of(name), FAST.get(name, {}))
    five = draw(model, 5, 42, **knobs)
    assert torch.equal(five.images, draw(model, 5, 42, **knobs).images)
    for i in range(5):
        one = draw(model, 1, 42, first=i, **knobs)
        assert close(one.images, five.images[i : i + 1])
        assert one.labels == (five.labels and five.labels[i : i + 1])
    monkeypatch.setattr(sampling, "CHUNK", 2)
    chunks = list(sample_chunks(model, 5, 42, **knobs))
    assert [len(c.images) for c in chunks] == [2, 2, 1] and [c.first for c in chunks] == [0, 2, 4]
    assert close(torch.cat([c.images for c in chunks]), five.images)


@pytest.mark.parametrize("name", FAMILIES)
def test_seeds_and_pictures_differ(name: str) -> None:
    model, knobs = model_of(name), FAST.get(name, {})
    a, b = draw(model, 2, 0, **knobs), draw(model, 2, 1, **knobs)
    assert not close(a.images, b.images) and not close(a.images[:1], a.images[1:])


@pytest.mark.parametrize("name", FAMILIES)
def test_the_global_generator_is_left_alone(name: str) -> None:
    model, knobs = model_of(name), FAST.get(name, {})
    torch.manual_seed(0)
    before = torch.get_rng_state()
    first = draw(model, 2, 0, **knobs)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(999)
    assert torch.equal(draw(model, 2, 0, **knobs).images, first.images)


def test_labels_are_the_ones_asked_for() -> None:
    model = model_of("ddpm")
    assert draw(model, 3, 0, 7, steps=1).labels == [7, 7, 7]
    mixed = draw(model, 60, 0, steps=1).labels
    assert mixed is not None and set(mixed) == set(range(10))
    assert draw(model_of("gan"), 3, 0).labels is None


def test_the_diffusion_streams_and_ends_once() -> None:
    items = list(sample(model_of("ddpm"), 2, 0, steps=6))
    assert len(items) == 6 and [s.final for s in items] == [False] * 5 + [True]
    assert all(s.images.dtype == torch.uint8 and s.evaluations == 6 for s in items)
    assert [s.step for s in items] == [1, 2, 3, 4, 5, 6]
    assert [s.seconds for s in items] == sorted(s.seconds for s in items)


@pytest.mark.parametrize("label", [-1, 10, 1.5, True, "3", float("nan"), [3]])
def test_bad_labels(label: Any) -> None:
    with pytest.raises(InvalidInput, match="label"):
        draw(model_of("ddpm"), 1, 0, label)


def test_what_a_model_does_not_have_is_refused() -> None:
    with pytest.raises(InvalidInput, match="label"):
        draw(model_of("gan"), 1, 0, 3)
    with pytest.raises(InvalidInput, match=r"guidance.*prior"):
        knobs_for(model_of("vae"), {"guidance": 2.0})
    with pytest.raises(InvalidInput, match=r"steps.*none"):
        knobs_for(model_of("gan"), {"steps": 2})


def test_none_means_the_default() -> None:
    defaults = knobs_for(model_of("ddpm"), {})
    assert knobs_for(model_of("ddpm"), {"steps": None, "foo": None}) == defaults and defaults["steps"] == 25
