"""Two samplers, one network, one start: what differs, what it costs, and how much is chance."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.data import to_float, to_uint8
from genlab.models.ddpm import DDPM
from genlab.models.denoising import DiffusionSampling
from genlab.noise import Noise
from genlab.sampling import Samples, knobs_for, sample
from genlab.walks import Walk, last, part


class Duel(NamedTuple):
    """The same n starts brought to pictures by two samplers."""

    first: Samples
    second: Samples
    distance: Tensor  # (N,), Euclidean over pixels in [0, 1]


class Outcomes(NamedTuple):
    """One start, several runs that differ in nothing but the sampler's own noise."""

    images: Tensor  # uint8 (N, 1, 28, 28)
    spread: float  # mean distance between two of them, over pixels in [0, 1]; 0 for a deterministic one


def duel(
    model: DDPM, n: int, seed: int, label: int | None, first: dict[str, Any], second: dict[str, Any]
) -> Walk[Duel]:
    """Sample n pictures twice from the same x_T and digits.

    Args:
        first, second: Sampling knobs of each side (sampler, steps, eta, guidance), checked here.
    """
    sides = [knobs_for(model, knobs, DiffusionSampling) for knobs in (first, second)]
    return _duel([sample(model, n, seed, label, **knobs) for knobs in sides], [k["steps"] for k in sides])


def _duel(runs: list[Iterator[Samples]], steps: list[int]) -> Walk[Duel]:
    a = yield from part(last(runs[0], steps[0]), 0, 0.5)
    b = yield from part(last(runs[1], steps[1]), 0.5, 1)
    apart = (to_float(a.images) - to_float(b.images)).flatten(1) / 2
    return Duel(a, b, apart.norm(dim=1))


class SharedStart(Noise):
    """Every picture starts from the same noise; what is drawn after that is each one's own."""

    def __init__(self, seed: int, n: int) -> None:
        super().__init__(seed, n, first=1)  # stream 0 is the common start
        self._start: Noise | None = Noise(seed, 1)

    def normal(self, *shape: int) -> Tensor:
        if self._start is None:
            return super().normal(*shape)
        start, self._start = self._start.normal(*shape), None
        return start.expand(len(self), *shape).clone()


def outcomes(model: DDPM, n: int, seed: int, label: int, **knobs: Any) -> Walk[Outcomes]:
    """n runs from one x_T: DDIM with eta 0 draws one picture n times, DDPM n different ones."""
    checked = knobs_for(model, knobs, DiffusionSampling)
    run = model.sample(SharedStart(seed, n), labels=torch.full((n,), label), **checked)
    return _outcomes(run, checked["steps"])


def _outcomes(run: Iterator[Tensor], steps: int) -> Walk[Outcomes]:
    x = yield from last(run, steps)
    images = to_uint8(x).cpu()
    pixels = images.flatten(1).double() / 255
    return Outcomes(images, float(torch.pdist(pixels).mean()) if len(images) > 1 else 0.0)
