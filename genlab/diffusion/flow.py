"""Straight paths between noise and pictures, and how to follow a learned velocity along them.

    x_t = (1 - t) x_0 + t eps,    dx / dt = eps - x_0,    t from 1 (noise) to 0 (picture)

Lipman et al., "Flow Matching for Generative Modeling" (2023); Liu et al., "Flow Straight and Fast"
(2023); the direction of t is that of Esser et al., "Scaling Rectified Flow Transformers" (2024).
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import torch
from torch import Tensor

Velocity = Callable[[Tensor, Tensor], Tensor]  # (x_t (N, C, H, W), t (N,) in (0, 1]) -> v (N, C, H, W)
EDGE = 1e-4  # of the logit-normal's quantiles: 0 and 1 would be infinitely far out


def interpolate(x_0: Tensor, eps: Tensor, t: Tensor) -> Tensor:
    """x_t at times t (N,), for pictures and noise (N, C, H, W)."""
    t = t.view(-1, *[1] * (x_0.dim() - 1))
    return (1 - t) * x_0 + t * eps


def logit_normal(u: Tensor) -> Tensor:
    """Times whose logit is N(0, 1), from uniform ``u`` in [0, 1) (Esser et al., 2024, section 3.1)."""
    return torch.special.ndtri(u.clamp(EDGE, 1 - EDGE)).sigmoid()


def times(steps: int) -> list[float]:
    """steps + 1 equally spaced times from 1 to 0."""
    return [1 - i / steps for i in range(steps)] + [0.0]


def _at(t: float, x: Tensor) -> Tensor:
    return torch.full((len(x),), t, device=x.device)


def euler(velocity: Velocity, x: Tensor, times: Sequence[float]) -> Iterator[Tensor]:
    """Straight on from each point; yields the state after every step."""
    for t, t_next in pairwise(times):
        x = x + (t_next - t) * velocity(x, _at(t, x))
        yield x


def heun(velocity: Velocity, x: Tensor, times: Sequence[float]) -> Iterator[Tensor]:
    """The mean of the slopes at both ends of each step; the last step is Euler's, as at t = 0 nothing was
    trained."""
    for t, t_next in pairwise(times):
        v = velocity(x, _at(t, x))
        ahead = x + (t_next - t) * v
        if t_next > 0:
            ahead = x + (t_next - t) * (v + velocity(ahead, _at(t_next, x))) / 2
        x = ahead
        yield x


SOLVERS: dict[str, Callable[[Velocity, Tensor, Sequence[float]], Iterator[Tensor]]] = {
    "heun": heun,
    "euler": euler,
}


def evaluations(solver: str, steps: int) -> int:
    """How often a solver asks for the velocity."""
    return 2 * steps - 1 if solver == "heun" else steps
