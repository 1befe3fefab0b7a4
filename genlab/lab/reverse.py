"""The way back from noise, recorded: what the network sees and what it believes at every step."""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.diffusion import samplers
from genlab.lab.guidance import denoiser_of
from genlab.models.ddpm import DDPM
from genlab.models.denoising import T
from genlab.noise import Noise


class Moment(NamedTuple):
    """One step of one picture; all pictures (C, H, W)."""

    t: int
    x_t: Tensor  # what the network sees
    eps: Tensor | None  # the noise it believes in; None for the finished picture
    x_0: Tensor  # the picture it believes in
    sigma: float

    @property
    def score(self) -> Tensor | None:
        """grad log p(x_t), estimated: -eps / sigma (Song et al., 2021, "Score-Based", section 3.2)."""
        return None if self.eps is None else -self.eps / self.sigma


@torch.no_grad()
def record(
    model: DDPM,
    label: int | None,
    seed: int,
    *,
    sampler: str = "ddim",
    steps: int = 50,
    guidance: float = 1.0,
    eta: float = 0.0,
) -> Iterator[Moment]:
    """Sample one picture and tell every step; the last moment's x_t is the finished picture, t = -1.

    Args:
        model: A diffusion model with label conditions.
        label: A digit 0-9; None asks for none (the unconditional model).
        seed: Of x_T and of the sampler's own noise: the same picture as ``sample`` with n = 1 draws
            when it is asked for this digit.
        sampler, steps, guidance, eta: As in the family's ``Sampling``.
    """
    noise = Noise(seed, 1)
    x = noise.normal(1, 28, 28).to(model.device)
    denoiser = denoiser_of(model, 1, label, guidance)
    run, times = samplers.SAMPLERS[sampler], samplers.timesteps(T, steps)
    for step in run(denoiser, model.schedule, x, noise, times, eta=eta):
        _, sigma = model.schedule.scales_at(step.t)
        yield Moment(step.t, x[0].cpu(), step.eps[0].cpu(), step.x_0[0].cpu(), sigma)
        x = step.x
    picture = x[0].cpu()
    yield Moment(-1, picture, None, picture, 0.0)
