"""Sampling any number of pictures in bounded memory, with the bill: seconds and evaluations."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genlab.config import Config, check_number, make
from genlab.data import to_uint8
from genlab.errors import InvalidInput
from genlab.models import GenerativeModel
from genlab.noise import Noise

CHUNK = 256  # pictures at once: more are no faster on a CPU and cost memory


@dataclass(frozen=True)
class Samples:
    """Pictures and what they cost; while ``final`` is False they are still forming."""

    images: Tensor  # uint8 (N, C, H, W)
    labels: list[int] | None  # the digits asked for, where the family is conditional
    seconds: float
    evaluations: int  # network evaluations for one picture
    final: bool = True
    first: int = 0  # index of the first picture
    step: int = 1  # how often the pictures have been refined

    @property
    def images_per_second(self) -> float:
        return len(self.images) / max(self.seconds, 1e-9)


def knobs_for(
    model: GenerativeModel | type[GenerativeModel], given: dict[str, Any], kind: type[Config] | None = None
) -> dict[str, Any]:
    """The checked sampling knobs: None means the default; one the family lacks raises InvalidInput.

    Args:
        model: The family.
        given: Some of them.
        kind: Whose defaults; None for the family's own.
    """
    kind = kind or model.Sampling
    known = kind.__dataclass_fields__
    chosen = {k: v for k, v in given.items() if v is not None}
    for name in chosen:
        if name not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InvalidInput(f"{name} is not a sampling knob of this model; {has}.")
    return vars(make(kind, chosen))


def labels_for(noise: Noise, label: int | None) -> Tensor:
    """The digit for every picture: ``label`` for all, or one drawn for each from its own stream."""
    if label is None:
        return noise.integers(10)
    return torch.full((len(noise),), label)


def check_label(model: GenerativeModel, label: int | None) -> int | None:
    """The digit to draw, None for all mixed; InvalidInput if the family is unconditional or it is none."""
    if label is None:
        return None
    if not model.conditional:
        raise InvalidInput("label is given, but this model cannot be asked for a digit; leave it empty.")
    return int(check_number("label", label, 0, 9, whole=True))


def sample(
    model: GenerativeModel, n: int, seed: int, label: int | None = None, *, first: int = 0, **knobs: Any
) -> Iterator[Samples]:
    """Pictures ``first`` ... ``first + n - 1`` of ``seed``, as they form; the last item is the result.

    Picture i is the same whatever n, ``first`` or the chunks are.

    Args:
        model: Any family.
        n: How many, small enough to hold at once; see ``sample_chunks`` for more.
        seed: Whole number from 0 to 2^32 - 1.
        label: As ``check_label`` has it.
        first: Index of the first picture.
        knobs: Fields of the family's ``Sampling``, checked by ``knobs_for``.
    """
    label = check_label(model, label)
    began = time.perf_counter()
    noise = Noise(seed, n, first)
    labels = labels_for(noise, label) if model.conditional else None
    asked = labels.tolist() if labels is not None else None
    cost = model.evaluations(**knobs)
    images: Tensor | None = None
    step = 0
    for step, x in enumerate(model.sample(noise, labels=labels, **knobs), start=1):
        if images is not None:
            yield Samples(images, asked, time.perf_counter() - began, cost, False, first, step - 1)
        images = to_uint8(x).cpu()
    assert images is not None, "a family yields at least once"
    yield Samples(images, asked, time.perf_counter() - began, cost, first=first, step=step)


def sample_forming(
    model: GenerativeModel, n: int, seed: int, label: int | None = None, *, first: int = 0, **knobs: Any
) -> Iterator[Samples]:
    """Pictures ``first`` ... n - 1 of one ``sample`` of n, as they form, at most CHUNK at a time."""
    for at in range(first, n, CHUNK):
        yield from sample(model, min(CHUNK, n - at), seed, label, first=at, **knobs)


def sample_chunks(
    model: GenerativeModel, n: int, seed: int, label: int | None = None, *, first: int = 0, **knobs: Any
) -> Iterator[Samples]:
    """The same pictures, finished ones only; a bad label raises InvalidInput before anything is drawn."""
    forming = sample_forming(model, n, seed, check_label(model, label), first=first, **knobs)
    return (samples for samples in forming if samples.final)
