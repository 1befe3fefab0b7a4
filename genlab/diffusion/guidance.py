"""Guidance: a denoiser that wraps a denoiser."""

from collections.abc import Callable

import torch
from torch import Tensor

from genlab.diffusion.samplers import Denoiser

ConditionalDenoiser = Callable[[Tensor, Tensor, Tensor], Tensor]  # (x_t, t, y) -> eps


def classifier_free(model: ConditionalDenoiser, y: Tensor, y_null: Tensor, w: float) -> Denoiser:
    """eps_uncond + w (eps_cond - eps_uncond), after Ho & Salimans (2022).

    w = 1 is plain conditional sampling, w = 0 unconditional; both cost one evaluation a step, any
    other w two. ``y``, ``y_null``: int64 (N,). A label to keep away from in place of ``y_null`` is a
    negative condition.
    """
    if w == 1:
        return lambda x, t: model(x, t, y)
    if w == 0:
        return lambda x, t: model(x, t, y_null)

    def guided(x: Tensor, t: Tensor) -> Tensor:
        both = model(torch.cat([x, x]), torch.cat([t, t]), torch.cat([y, y_null]))
        cond, uncond = both.chunk(2)
        return uncond + w * (cond - uncond)

    return guided


def within(guided: Denoiser, plain: Denoiser, t_from: int, t_to: int) -> Denoiser:
    """``guided`` at the times t_from ... t_to, ``plain`` at all others.

    Kynkaanniemi et al., "Applying Guidance in a Limited Interval Improves Sample and Distribution
    Quality in Diffusion Models" (2024).
    """

    def limited(x: Tensor, t: Tensor) -> Tensor:
        inside = t_from <= int(t[0]) <= t_to  # a sampler's batch is at one time
        return (guided if inside else plain)(x, t)

    return limited
