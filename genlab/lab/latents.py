"""Noise as a latent: between two starts, back from a picture, and around a picture."""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.data import to_float, to_uint8
from genlab.diffusion import samplers
from genlab.diffusion.editing import invert, late_times, lerp, repaint, slerp
from genlab.diffusion.guidance import classifier_free
from genlab.diffusion.samplers import Denoiser, timesteps
from genlab.models.ddpm import CLASSES, DDPM, T
from genlab.noise import Noise

PATHS = {"spherical": slerp, "linear": lerp}


def denoiser_of(model: DDPM, n: int, label: int | None, guidance: float = 1.0) -> Denoiser:
    """The model asked for one digit, or for none in particular."""
    null = torch.full((n,), CLASSES, device=model.device)
    y = null if label is None else torch.full_like(null, label)
    return classifier_free(model.average, y, null, guidance)


def _last(trajectory: Any) -> Tensor:
    *_, step = trajectory
    return step.x


class Path(NamedTuple):
    """Pictures between two starts, and the norm of each start: 28 for Gaussian noise."""

    images: Tensor  # uint8 (N, 1, 28, 28)
    norms: Tensor  # (N,)


@torch.no_grad()
def interpolate(
    model: DDPM,
    seeds: tuple[int, int],
    label: int | None,
    *,
    n: int = 9,
    path: str = "spherical",
    steps: int = 50,
) -> Path:
    """n pictures by DDIM from starts between two seeds' noise, along the arc or the straight line."""
    a, b = (Noise(seed, 1).normal(1, 28, 28) for seed in seeds)
    x_T = torch.cat([PATHS[path](a, b, i / (n - 1)) for i in range(n)]).to(model.device)
    run = samplers.ddim(denoiser_of(model, n, label), model.schedule, x_T, Noise(0, n), timesteps(T, steps))
    return Path(to_uint8(_last(run)).cpu(), x_T.flatten(1).norm(dim=1).cpu())


class Inversion(NamedTuple):
    """A picture, the noise it comes from, and what that noise is drawn back to."""

    x_T: Tensor  # (1, 28, 28)
    image: Tensor  # uint8 (1, 28, 28)
    error: float  # root mean square over pixels in [0, 1]


@torch.no_grad()
def invert_digit(model: DDPM, image: Tensor, label: int | None, *, steps: int = 50) -> Inversion:
    """DDIM inversion of ``image`` uint8 (1, 28, 28), and DDIM from what was found."""
    x_0, times, denoiser = (
        to_float(image[None]).to(model.device),
        timesteps(T, steps),
        denoiser_of(model, 1, label),
    )
    x_T = _last(invert(denoiser, model.schedule, x_0, times))
    again = _last(samplers.ddim(denoiser, model.schedule, x_T, Noise(0, 1), times))
    return Inversion(x_T[0].cpu(), to_uint8(again)[0].cpu(), float(((again - x_0) / 2).pow(2).mean().sqrt()))


@torch.no_grad()
def repaint_digit(
    model: DDPM,
    image: Tensor,
    mask: Tensor,
    label: int | None,
    *,
    n: int = 8,
    seed: int = 0,
    steps: int = 50,
    resamplings: int = 1,
    guidance: float = 1.0,
) -> Tensor:
    """n ways to fill the masked part (1: paint anew) of ``image`` uint8 (1, 28, 28): uint8 (n, 1, 28, 28)."""
    noise = Noise(seed, n)
    run = repaint(
        denoiser_of(model, n, label, guidance),
        model.schedule,
        noise.normal(1, 28, 28).to(model.device),
        noise,
        timesteps(T, steps),
        known=to_float(image[None]).to(model.device),
        mask=mask.to(model.device).float(),
        resamplings=resamplings,
    )
    return to_uint8(_last(run)).cpu()


@torch.no_grad()
def vary_digit(
    model: DDPM,
    image: Tensor,
    label: int | None,
    *,
    n: int = 8,
    seed: int = 0,
    strength: float = 0.5,
    sampler: str = "ddim",
    steps: int = 50,
    guidance: float = 1.0,
) -> Tensor:
    """SDEdit: n variations of ``image`` uint8 (1, 28, 28), which strength 0 leaves and 1 forgets."""
    times, noise = late_times(timesteps(T, steps), strength), Noise(seed, n)
    if not times:
        return image.expand(n, *image.shape).clone()
    alpha, sigma = model.schedule.scales_at(times[0])
    x = alpha * to_float(image[None]) + sigma * noise.normal(1, 28, 28)
    run = samplers.SAMPLERS[sampler](
        denoiser_of(model, n, label, guidance), model.schedule, x.to(model.device), noise, times
    )
    return to_uint8(_last(run)).cpu()
