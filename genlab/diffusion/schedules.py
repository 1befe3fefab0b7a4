"""Noise schedules: how much of the picture is left at time t.

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps,    eps ~ N(0, I)

Ho et al., "Denoising Diffusion Probabilistic Models" (2020), equation 4. All tables are float64.
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


class Posterior(NamedTuple):
    """q(x_{t-1} | x_t, x_0): Gaussian with this mean (N, C, H, W) and scalar variance."""

    mean: Tensor
    variance: Tensor


class Schedule:
    """A variance-preserving schedule given by its T betas, each in (0, 1)."""

    def __init__(self, betas: Tensor) -> None:
        self.betas = betas.double()  # (T,)
        self.alpha_bar = torch.cumprod(1 - self.betas, dim=0)  # (T,)

    @property
    def T(self) -> int:
        return len(self.betas)

    def alpha_bar_at(self, t: int) -> float:
        """alpha_bar_t; t = -1 is the clean picture, where it is 1."""
        return float(self.alpha_bar[t]) if t >= 0 else 1.0

    def scales_at(self, t: int) -> tuple[float, float]:
        """(alpha, sigma): the shares of picture and noise in x_t; (1, 0) for the clean picture."""
        bar = self.alpha_bar_at(t)
        return bar**0.5, (1 - bar) ** 0.5

    def snr(self) -> Tensor:
        """Signal-to-noise ratio alpha_bar / (1 - alpha_bar), (T,)."""
        return self.alpha_bar / (1 - self.alpha_bar)

    def _scales(self, t: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
        """(alpha, sigma) at times t (N,), shaped to multiply a batch ``like`` (N, C, H, W)."""
        alpha_bar = self.alpha_bar.to(t.device)[t].view(-1, *[1] * (like.dim() - 1))
        return alpha_bar.sqrt().to(like.dtype), (1 - alpha_bar).sqrt().to(like.dtype)

    def add_noise(self, x_0: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """x_t from x_0 in one step (equation 4); t is int64 (N,) in 0 ... T - 1."""
        alpha, sigma = self._scales(t, x_0)
        return alpha * x_0 + sigma * eps

    def predict_x_0(self, x_t: Tensor, t: Tensor, eps: Tensor) -> Tensor:
        """The picture that the noise ``eps`` in ``x_t`` implies (equation 15)."""
        alpha, sigma = self._scales(t, x_t)
        return (x_t - sigma * eps) / alpha

    def posterior(self, x_0: Tensor, x_t: Tensor, t: int, t_prev: int) -> Posterior:
        """q(x_{t_prev} | x_t, x_0), equations 6 and 7, for any t_prev < t (-1: the clean picture)."""
        bar, bar_prev = self.alpha_bar_at(t), self.alpha_bar_at(t_prev)
        beta = 1 - bar / bar_prev
        mean = (bar_prev**0.5 * beta * x_0 + (1 - beta) ** 0.5 * (1 - bar_prev) * x_t) / (1 - bar)
        return Posterior(mean, torch.tensor((1 - bar_prev) / (1 - bar) * beta, dtype=torch.float64))


def linear(T: int = 1000) -> Schedule:
    """beta from 1e-4 to 0.02 in equal steps (Ho et al., 2020, section 4)."""
    return Schedule(torch.linspace(1e-4, 0.02, T, dtype=torch.float64))


def cosine(T: int = 1000) -> Schedule:
    """alpha_bar follows a squared cosine (Nichol & Dhariwal, 2021, equation 17), beta <= 0.999."""

    def alpha_bar(u: float) -> float:
        return math.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2

    betas = [min(1 - alpha_bar((t + 1) / T) / alpha_bar(t / T), 0.999) for t in range(T)]
    return Schedule(torch.tensor(betas, dtype=torch.float64))


def sigmoid(T: int = 1000) -> Schedule:
    """beta from 1e-4 to 0.02 along a logistic curve (Xu et al., "GeoDiff", 2022)."""
    u = torch.linspace(-6, 6, T, dtype=torch.float64)
    return Schedule(1e-4 + (0.02 - 1e-4) * torch.sigmoid(u))


SCHEDULES: dict[str, Callable[[int], Schedule]] = {"linear": linear, "cosine": cosine, "sigmoid": sigmoid}
