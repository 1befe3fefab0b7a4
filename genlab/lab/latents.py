"""Noise as a latent: between two starts, back from a picture, and around a picture."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.config import knob
from genlab.data import to_float, to_uint8
from genlab.diffusion import samplers
from genlab.diffusion.editing import invert, late_times, repaint
from genlab.diffusion.samplers import SamplerStep, timesteps
from genlab.lab.guidance import denoiser_of
from genlab.lab.interpolation import Path, along, norms
from genlab.lab.pictures import SIDE, pixel_error
from genlab.models.ddpm import DDPM
from genlab.models.denoising import Denoising, DiffusionModel, Guided, Sampled, T
from genlab.noise import Noise
from genlab.walks import Walk, last, part


@dataclass(frozen=True)
class RepaintKnobs(Guided):
    resamplings: int = knob(
        1, 1, 20, "How often each step is redone, so that the new part agrees with the old; costs as often"
    )


@dataclass(frozen=True)
class VaryKnobs(Sampled):
    strength: float = knob(
        0.5, 0.0, 1.0, "How much of the picture is forgotten: 0 keeps it, 1 draws a fresh one"
    )


def walk_back(model: DiffusionModel, x_0: Tensor, label: int | None, steps: int) -> Iterator[SamplerStep]:
    """DDIM inversion of pictures (N, 1, 28, 28) in [-1, 1]: the last step's ``x`` is their noise."""
    return invert(denoiser_of(model, len(x_0), label), model.schedule, x_0, timesteps(T, steps))


def walk_forth(
    model: DiffusionModel, x_T: Tensor, label: int | None, steps: int, guidance: float = 1.0
) -> Iterator[SamplerStep]:
    """DDIM from noise (N, 1, 28, 28)."""
    n = len(x_T)
    denoiser = denoiser_of(model, n, label, guidance)
    return samplers.ddim(denoiser, model.schedule, x_T, Noise(0, n), timesteps(T, steps))


@torch.no_grad()
def interpolate(
    model: DDPM, seeds: tuple[int, int], label: int | None, n: int, path: str, knobs: Guided
) -> Walk[Path]:
    """n pictures by DDIM from starts between two seeds' noise, along the arc or the straight line.

    A start of Gaussian noise has a norm near 28.
    """
    a, b = (Noise(seed, 1).normal(1, SIDE, SIDE) for seed in seeds)
    x_T = along(path, a, b, n).to(model.device)
    step = yield from last(walk_forth(model, x_T, label, knobs.steps, knobs.guidance), knobs.steps)
    return Path(to_uint8(step.x).cpu(), norms(x_T))


class Inversion(NamedTuple):
    """A picture, the noise it comes from, and what that noise is drawn back to."""

    x_T: Tensor  # (1, 28, 28)
    image: Tensor  # uint8 (1, 28, 28)
    error: float  # root mean square over pixels in [0, 1]


@torch.no_grad()
def invert_digit(model: DDPM, image: Tensor, label: int | None, knobs: Denoising) -> Walk[Inversion]:
    """DDIM inversion of ``image`` uint8 (1, 28, 28), and DDIM from what was found."""
    x_0 = to_float(image[None]).to(model.device)
    back = yield from part(last(walk_back(model, x_0, label, knobs.steps), knobs.steps), 0, 0.5)
    x_T = back.x
    again = (yield from part(last(walk_forth(model, x_T, label, knobs.steps), knobs.steps), 0.5, 1)).x
    return Inversion(x_T[0].cpu(), to_uint8(again)[0].cpu(), float(pixel_error(again, x_0)))


def _box(top: int, left: int, height: int, width: int) -> Tensor:
    mask = torch.zeros(1, SIDE, SIDE)
    mask[:, top : top + height, left : left + width] = 1
    return mask


REGIONS = {
    "right half": _box(0, SIDE // 2, SIDE, SIDE // 2),
    "left half": _box(0, 0, SIDE, SIDE // 2),
    "upper half": _box(0, 0, SIDE // 2, SIDE),
    "lower half": _box(SIDE // 2, 0, SIDE // 2, SIDE),
    "middle": _box(SIDE // 4, SIDE // 4, SIDE // 2, SIDE // 2),
}  # masks (1, 28, 28): 1 where to paint anew


@torch.no_grad()
def repaint_digit(
    model: DDPM, image: Tensor, mask: Tensor, label: int | None, n: int, seed: int, knobs: RepaintKnobs
) -> Walk[Tensor]:
    """n ways to fill the masked part (1: paint anew) of ``image`` uint8 (1, 28, 28): uint8 (n, 1, 28, 28)."""
    noise = Noise(seed, n)
    run = repaint(
        denoiser_of(model, n, label, knobs.guidance),
        model.schedule,
        noise.normal(1, SIDE, SIDE).to(model.device),
        noise,
        timesteps(T, knobs.steps),
        known=to_float(image[None]).to(model.device),
        mask=mask.to(model.device),
        resamplings=knobs.resamplings,
    )
    step = yield from last(run, knobs.steps)
    return to_uint8(step.x).cpu()


@torch.no_grad()
def vary_digit(
    model: DDPM, image: Tensor, label: int | None, n: int, seed: int, knobs: VaryKnobs
) -> Walk[Tensor]:
    """SDEdit: n variations of ``image`` uint8 (1, 28, 28), which strength 0 leaves and 1 forgets."""
    times, noise = late_times(timesteps(T, knobs.steps), knobs.strength), Noise(seed, n)
    if not times:
        return image.expand(n, *image.shape).clone()
    alpha, sigma = model.schedule.scales_at(times[0])
    x = alpha * to_float(image[None]) + sigma * noise.normal(1, SIDE, SIDE)
    run = samplers.SAMPLERS[knobs.sampler](
        denoiser_of(model, n, label, knobs.guidance), model.schedule, x.to(model.device), noise, times
    )
    step = yield from last(run, len(times))
    return to_uint8(step.x).cpu()
