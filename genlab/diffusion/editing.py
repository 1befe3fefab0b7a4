"""What a diffusion model can do with a picture that is already there: invert it, repaint a part of
it, or vary it. Each is a walk with the denoiser, as the samplers are.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from genlab.diffusion.samplers import Denoiser, SamplerStep, predict
from genlab.diffusion.schedules import Schedule
from genlab.noise import Noise


def invert(
    denoiser: Denoiser, schedule: Schedule, x_0: Tensor, times: Sequence[int]
) -> Iterator[SamplerStep]:
    """DDIM inversion: the noise from which ``ddim`` with the same ``times`` draws ``x_0`` again.

    DDIM's step solved for its start (Dhariwal & Nichol, 2021, appendix F), where the noise at the
    start is not known yet: the noise at the present picture stands in for it, so the way back errs by
    a little in each step. Nothing is clipped: a clipped picture cannot be gone back from.

    Args:
        x_0: The clean pictures, (N, C, H, W) in [-1, 1].
        times: The sampler's times, descending; they are walked from the last to the first.
    """
    x, t_prev = x_0, -1
    for t in reversed(times):
        (alpha_prev, sigma_prev), (alpha, sigma) = schedule.scales_at(t_prev), schedule.scales_at(t)
        time = torch.full((len(x),), t, device=x.device)
        eps = denoiser(x, time)
        picture = (x - sigma_prev * eps) / alpha_prev
        x = alpha * picture + sigma * eps
        yield SamplerStep(t_prev, t, x, picture, eps)
        t_prev = t


def repaint(
    denoiser: Denoiser,
    schedule: Schedule,
    x: Tensor,
    noise: Noise,
    times: Sequence[int],
    *,
    known: Tensor,
    mask: Tensor,
    resamplings: int = 1,
) -> Iterator[SamplerStep]:
    """Fill in the masked part of ``known`` (Lugmayr et al., 2022, "RePaint", algorithm 1).

    After each ancestral step the part to keep is replaced by ``known`` with the noise of that time.
    The step is done ``resamplings`` times, noise added back in between, so that the new part has
    time to agree with the old one (jumps of length 1).

    Args:
        x: Noise to begin with, (N, C, H, W).
        known: The pictures to keep a part of, (N, C, H, W) in [-1, 1].
        mask: 1 where to paint anew, 0 where to keep; broadcasts to ``known``.
    """
    shape = x.shape[1:]
    for t, t_prev in zip(times, [*times[1:], -1], strict=True):
        alpha, sigma = schedule.scales_at(t_prev)
        for again in range(resamplings if t_prev >= 0 else 1):
            if again:
                kept = schedule.alpha_bar_at(t) / schedule.alpha_bar_at(t_prev)  # of the signal, squared
                x = kept**0.5 * x + (1 - kept) ** 0.5 * noise.normal(*shape).to(x.device)
            x_0, eps = predict(denoiser, schedule, x, t)
            x, variance = schedule.posterior(x_0, x, t, t_prev)
            background = alpha * known
            if t_prev >= 0:
                x = x + float(variance) ** 0.5 * noise.normal(*shape).to(x.device)
                background = background + sigma * noise.normal(*shape).to(x.device)
            x = mask * x + (1 - mask) * background
        yield SamplerStep(t, t_prev, x, x_0, eps)


def late_times(times: Sequence[int], strength: float) -> Sequence[int]:
    """The last ``strength`` of the times: where SDEdit starts (Meng et al., 2022, section 3).

    A picture with the noise of the first of these times, taken on by any sampler, becomes a variation
    of itself: strength 1 starts from nearly pure noise, 0 changes nothing (no times are left).
    """
    return times[len(times) - round(len(times) * strength) :]
