"""Samplers: from noise to picture with a denoiser, one small step at a time."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlab.diffusion.schedules import Schedule
from genlab.noise import Noise

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (x_t (N, C, H, W), t (N,)) -> eps (N, C, H, W)
SPACINGS = ("leading", "trailing", "linspace")


class SamplerStep(NamedTuple):
    """What one step saw and made; ``x`` is the state after the step, at time ``t_prev``."""

    t: int
    t_prev: int
    x: Tensor  # (N, C, H, W)
    x_0: Tensor  # the predicted picture, clipped to [-1, 1]
    eps: Tensor  # the predicted noise


def timesteps(T: int, steps: int, spacing: str = "trailing") -> list[int]:
    """``steps`` times in descending order out of 0 ... T - 1.

    The three conventions of Lin et al. (2023), "Common Diffusion Noise Schedules and Sample Steps
    Are Flawed", table 2: only "trailing" and "linspace" start from the noisiest time T - 1, only
    "leading" and "linspace" end at 0.
    """
    if spacing == "leading":
        return (np.arange(steps) * (T // steps))[::-1].tolist()
    if spacing == "trailing":
        return (np.round(np.arange(T, 0, -T / steps)).astype(int) - 1)[:steps].tolist()
    return np.round(np.linspace(0, T - 1, steps))[::-1].astype(int).tolist()


def _steps(schedule: Schedule, steps: int, spacing: str) -> list[tuple[int, int]]:
    """(t, t_prev) pairs; the last t_prev is -1, the clean picture."""
    times = timesteps(schedule.T, steps, spacing)
    return list(zip(times, [*times[1:], -1], strict=True))


def _predict(denoiser: Denoiser, schedule: Schedule, x: Tensor, t: int) -> tuple[Tensor, Tensor]:
    """(x_0, eps): the clipped prediction of the picture, and the noise that is consistent with it."""
    time = torch.full((len(x),), t, device=x.device)
    eps = denoiser(x, time)
    x_0 = schedule.predict_x_0(x, time, eps).clamp(-1, 1)
    bar = schedule.alpha_bar_at(t)
    return x_0, (x - bar**0.5 * x_0) / (1 - bar) ** 0.5


def ddpm(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Tensor,
    noise: Noise,
    *,
    steps: int = 1000,
    eta: float = 1.0,
    spacing: str = "trailing",
) -> Iterator[SamplerStep]:
    """Ancestral sampling (Ho et al., 2020, algorithm 2), the posterior's variance as in equation 7.

    Fewer than T steps sample the posterior between the times that are visited. ``eta`` is DDIM's:
    all samplers are called alike, this one always adds the posterior's noise.
    """
    x = x_T
    for t, t_prev in _steps(schedule, steps, spacing):
        x_0, eps = _predict(denoiser, schedule, x, t)
        x, variance = schedule.posterior(x_0, x, t, t_prev)
        if t_prev >= 0:
            x = x + float(variance) ** 0.5 * noise.normal(*x.shape[1:]).to(x.device)
        yield SamplerStep(t, t_prev, x, x_0, eps)


def ddim(
    denoiser: Denoiser,
    schedule: Schedule,
    x_T: Tensor,
    noise: Noise,
    *,
    steps: int = 50,
    eta: float = 0.0,
    spacing: str = "trailing",
) -> Iterator[SamplerStep]:
    """Song et al., "Denoising Diffusion Implicit Models" (2021), equation 12.

    eta = 0 is deterministic, eta = 1 has the variance of ancestral sampling.
    """
    x = x_T
    for t, t_prev in _steps(schedule, steps, spacing):
        x_0, eps = _predict(denoiser, schedule, x, t)
        bar, bar_prev = schedule.alpha_bar_at(t), schedule.alpha_bar_at(t_prev)
        sigma = eta * ((1 - bar_prev) / (1 - bar) * (1 - bar / bar_prev)) ** 0.5  # equation 16
        x = bar_prev**0.5 * x_0 + max(1 - bar_prev - sigma**2, 0.0) ** 0.5 * eps
        if eta > 0 and t_prev >= 0:
            x = x + sigma * noise.normal(*x.shape[1:]).to(x.device)
        yield SamplerStep(t, t_prev, x, x_0, eps)


SAMPLERS: dict[str, Callable[..., Iterator[SamplerStep]]] = {"ddim": ddim, "ddpm": ddpm}
