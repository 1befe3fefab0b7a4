"""Forward noising: one jump to time t, and the same walked step by step."""

from typing import NamedTuple

from torch import Tensor

from genlab.diffusion.schedules import Schedule
from genlab.noise import Noise


class Noised(NamedTuple):
    """A picture at time t, and how it got there."""

    t: int
    x_t: Tensor  # (N, C, H, W)
    alpha: float  # x_t = alpha x_0 + sigma eps
    sigma: float

    @property
    def snr(self) -> float:
        return self.alpha**2 / max(self.sigma**2, 1e-300)


class Moments(NamedTuple):
    """Mean and standard deviation of x_t - alpha x_0 over the pixels: in theory 0 and sigma."""

    mean: float
    std: float


def jump(schedule: Schedule, x_0: Tensor, t: int, seed: int) -> Noised:
    """The closed form, Ho et al. (2020), equation 4; the noise depends on the seed alone, not on t."""
    alpha, sigma = schedule.scales_at(t)
    eps = Noise(seed, len(x_0)).normal(*x_0.shape[1:])
    return Noised(t, alpha * x_0 + sigma * eps, alpha, sigma)


def walk(schedule: Schedule, x_0: Tensor, t: int, seed: int) -> Noised:
    """The Markov chain, equation 2: t + 1 small steps, each with noise of its own."""
    noise = Noise(seed, len(x_0))
    fresh = noise.normal(t + 1, *x_0.shape[1:])
    x = x_0
    for k, beta in enumerate(schedule.betas[: t + 1].tolist()):
        x = (1 - beta) ** 0.5 * x + beta**0.5 * fresh[:, k]
    return Noised(t, x, *schedule.scales_at(t))


def moments(x_0: Tensor, noised: Noised) -> Moments:
    rest = noised.x_t - noised.alpha * x_0
    return Moments(float(rest.mean()), float(rest.std()))
