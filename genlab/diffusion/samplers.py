"""Samplers: from noise to picture with a denoiser, one small step at a time.

All are called alike: ``sampler(denoiser, schedule, x, noise, times)`` takes x at the first of the
descending ``times`` to the clean picture and tells every step.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from genlab.diffusion.schedules import Schedule
from genlab.noise import Noise

Denoiser = Callable[[Tensor, Tensor], Tensor]  # (x_t (N, C, H, W), t (N,)) -> eps (N, C, H, W)
STEEP = 1000.0  # sigma / alpha; see ``heun``
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


def _pairs(times: Sequence[int]) -> list[tuple[int, int]]:
    """(t, t_prev) for every step; the last t_prev is -1, the clean picture."""
    return list(zip(times, [*times[1:], -1], strict=True))


def predict(denoiser: Denoiser, schedule: Schedule, x: Tensor, t: int) -> tuple[Tensor, Tensor]:
    """(x_0, eps): the clipped prediction of the picture, and the noise that is consistent with it.

    Where next to nothing of the picture is left (t near T), x_0 is the network's error divided by a
    tiny alpha: black and white speckle after the clipping, not yet a belief.
    """
    time = torch.full((len(x),), t, device=x.device)
    eps = denoiser(x, time)
    x_0 = schedule.predict_x_0(x, time, eps).clamp(-1, 1)
    bar = schedule.alpha_bar_at(t)
    return x_0, (x - bar**0.5 * x_0) / (1 - bar) ** 0.5


def ddpm(
    denoiser: Denoiser, schedule: Schedule, x: Tensor, noise: Noise, times: Sequence[int], *, eta: float = 1.0
) -> Iterator[SamplerStep]:
    """Ancestral sampling (Ho et al., 2020, algorithm 2), the posterior's variance as in equation 7.

    Fewer than T steps sample the posterior between the times that are visited. ``eta`` is DDIM's:
    all samplers are called alike, this one always adds the posterior's noise.
    """
    for t, t_prev in _pairs(times):
        x_0, eps = predict(denoiser, schedule, x, t)
        x, variance = schedule.posterior(x_0, x, t, t_prev)
        if t_prev >= 0:
            x = x + float(variance) ** 0.5 * noise.normal(*x.shape[1:]).to(x.device)
        yield SamplerStep(t, t_prev, x, x_0, eps)


def ddim(
    denoiser: Denoiser, schedule: Schedule, x: Tensor, noise: Noise, times: Sequence[int], *, eta: float = 0.0
) -> Iterator[SamplerStep]:
    """Song et al., "Denoising Diffusion Implicit Models" (2021), equation 12.

    eta = 0 is deterministic, eta = 1 has the variance of ancestral sampling.
    """
    for t, t_prev in _pairs(times):
        x_0, eps = predict(denoiser, schedule, x, t)
        bar, bar_prev = schedule.alpha_bar_at(t), schedule.alpha_bar_at(t_prev)
        sigma = eta * ((1 - bar_prev) / (1 - bar) * (1 - bar / bar_prev)) ** 0.5  # equation 16
        x = bar_prev**0.5 * x_0 + max(1 - bar_prev - sigma**2, 0.0) ** 0.5 * eps
        if eta > 0 and t_prev >= 0:
            x = x + sigma * noise.normal(*x.shape[1:]).to(x.device)
        yield SamplerStep(t, t_prev, x, x_0, eps)


def _is_euler(schedule: Schedule, t: int, t_prev: int) -> bool:
    """Is this one of the steps that ``heun`` does with one evaluation?"""
    alpha, sigma = schedule.scales_at(t)
    return t_prev < 0 or sigma / alpha > STEEP


def heun(
    denoiser: Denoiser, schedule: Schedule, x: Tensor, noise: Noise, times: Sequence[int], *, eta: float = 0.0
) -> Iterator[SamplerStep]:
    """Heun's second-order method on the probability flow (Karras et al., 2022, algorithm 1).

    In x / alpha, whose slope in sigma / alpha is eps: an Euler step, which is DDIM's, then the same
    step with the mean of the slopes at both ends. Two evaluations a step, one in the last, and one
    where sigma / alpha is above ``STEEP``: there the picture is all noise and Euler's step exact.
    """
    for t, t_prev in _pairs(times):
        x_0, eps = predict(denoiser, schedule, x, t)
        (alpha, sigma), (alpha_prev, sigma_prev) = schedule.scales_at(t), schedule.scales_at(t_prev)
        x_euler = alpha_prev * x_0 + sigma_prev * eps
        if _is_euler(schedule, t, t_prev):
            x = x_euler
        else:
            _, eps_end = predict(denoiser, schedule, x_euler, t_prev)
            slope = (eps + eps_end) / 2
            x = alpha_prev * (x / alpha + (sigma_prev / alpha_prev - sigma / alpha) * slope)
        yield SamplerStep(t, t_prev, x, x_0, eps)


def dpmpp(
    denoiser: Denoiser, schedule: Schedule, x: Tensor, noise: Noise, times: Sequence[int], *, eta: float = 0.0
) -> Iterator[SamplerStep]:
    """DPM-Solver++(2M) (Lu et al., 2022, "DPM-Solver++", algorithm 2): second order, one evaluation.

    Solves the probability flow in lambda = log(alpha / sigma), extrapolating x_0 from the last two
    predictions. The first and the last step are of first order, which is DDIM's.
    """
    last: tuple[Tensor, float] | None = None  # the previous step's x_0 and its size h in lambda
    for t, t_prev in _pairs(times):
        x_0, eps = predict(denoiser, schedule, x, t)
        if t_prev < 0:
            x = x_0
        else:
            (alpha, sigma), (alpha_prev, sigma_prev) = schedule.scales_at(t), schedule.scales_at(t_prev)
            h = math.log(alpha_prev / sigma_prev) - math.log(alpha / sigma)
            D = x_0 if last is None else x_0 + h / (2 * last[1]) * (x_0 - last[0])
            x = sigma_prev / sigma * x - alpha_prev * math.expm1(-h) * D
            last = x_0, h
        yield SamplerStep(t, t_prev, x, x_0, eps)


SAMPLERS: dict[str, Callable[..., Iterator[SamplerStep]]] = {
    "ddim": ddim,
    "ddpm": ddpm,
    "heun": heun,
    "dpmpp": dpmpp,
}


def evaluations(sampler: str, schedule: Schedule, times: Sequence[int]) -> int:
    """How often ``sampler`` runs the denoiser on its way through ``times``."""
    corrections = 0
    if sampler == "heun":
        corrections = sum(not _is_euler(schedule, t, t_prev) for t, t_prev in _pairs(times))
    return len(times) + corrections
