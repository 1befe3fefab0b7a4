"""Denoising diffusion with class conditions (Ho et al., 2020; Ho & Salimans, 2022)."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.config import Config, TrainConfig, choice, knob
from genlab.diffusion import samplers
from genlab.diffusion.guidance import classifier_free
from genlab.diffusion.schedules import SCHEDULES
from genlab.models.base import CLASSES, Card, GenerativeModel, Metrics, Optimizers
from genlab.models.failures import REAL_APART, Course, Failure, divergence, restore
from genlab.nn import UNet, exponential_average
from genlab.noise import Noise

T = 1000
SPAN = 150  # steps between the two previews that are compared
MORE_RIGHT = 2  # pictures of a preview
NEARER = 0.3  # to REAL_APART
FLAT = 0.1  # share of the loss that it falls in that time at most, to be called flat
UNLEARNED = 0.8  # loss; 1 is that of seeing no noise at all, healthy runs are below 0.8 within 50 steps


@dataclass(frozen=True)
class DDPMConfig(Config):
    width: int = knob(48, 16, 128, "Channels of the U-Net: more draw finer strokes, slower", step=16)
    blocks: int = knob(1, 1, 4, "Residual blocks for each resolution: more draw better, slower")
    schedule: str = choice(
        "cosine", tuple(SCHEDULES), "How noise grows with t: cosine keeps the digit visible for longer"
    )
    drop: float = knob(
        0.1, 0.0, 1.0, "Share of training digits shown without their label: needed for guidance"
    )
    lr: float = knob(
        1e-3, 1e-6, 1.0, "Learning rate: too high breaks the picture, too low learns slowly", log=True
    )
    ema: float = knob(
        0.999, 0.0, 0.99999, "Averaging of the weights over steps: closer to 1 gives cleaner, later pictures"
    )


@dataclass(frozen=True)
class Denoising(Config):
    """What every walk with the denoiser has."""

    steps: int = knob(50, 1, T, "Denoising steps: more take longer; beyond about 50 little is gained")


@dataclass(frozen=True)
class Guided(Denoising):
    """A walk on which the digit can be enforced."""

    guidance: float = knob(
        1.0,
        0.0,
        10.0,
        "How strongly the digit is enforced: 1 is the plain condition, 0 ignores it, 3 exaggerates it",
    )


@dataclass(frozen=True)
class Sampled(Guided):
    """The same by a sampler of one's choice."""

    sampler: str = choice(
        "ddim",
        tuple(samplers.SAMPLERS),
        "ddim is deterministic; ddpm adds fresh noise in each step; heun and dpmpp "
        "follow the same flow as ddim to second order, heun at two evaluations in most steps",
    )


@dataclass(frozen=True)
class DDPMSampling(Sampled):
    eta: float = knob(
        0.0,
        0.0,
        1.0,
        "Fresh noise in each step of ddim: 0 none, 1 as much as ddpm; the other samplers ignore this",
    )


def _unlearned(course: Course) -> str:
    loss = course.typical("loss")
    return f"The loss is {loss:.3g}; seeing no noise at all would cost 1." if loss > UNLEARNED else ""


def _samples_improve(course: Course) -> str:
    """Between the latest preview and the last that is SPAN steps older."""
    now = course.looks[-1]
    older = [look for look in course.looks if look.step <= now.step - SPAN]
    if not older or not now.loss < UNLEARNED:
        return ""
    before = older[-1]
    if not abs(now.loss / before.loss - 1) < FLAT:
        return ""
    told = f"Since step {before.step:,} the loss went from {before.loss:.3g} to {now.loss:.3g}, but "
    if now.right >= before.right + MORE_RIGHT:
        return (
            told
            + f"{now.right} of the {now.n} pictures read as the digit asked for instead of {before.right}."
        )
    nearer = abs(before.apart - REAL_APART) - abs(now.apart - REAL_APART)
    if now.right >= before.right and nearer > NEARER:
        return told + (
            f"the distance from a picture to the one most like it went from {before.apart:.3g} to "
            f"{now.apart:.3g}; among real digits it is {REAL_APART}."
        )
    return ""


SAMPLES_IMPROVE = Failure(
    "loss is flat but samples still improve",
    "Most of the loss is noise that nobody could guess, so its curve is soon flat. "
    "What is still learned hardly shows in it, but in the pictures: go on.",
    _samples_improve,
    lambda config: {},
    patience=0,
    in_samples=True,
    healthy=True,
)
NO_PROGRESS = Failure(
    "no progress",
    "The network has not learned to see noise even where it is easy. The learning rate is too low, or so "
    "high that each step undoes the one before.",
    _unlearned,
    lambda config: restore(config, high=("lr",), low=("lr",)),
)
DIVERGENCE = divergence(lambda config: restore(config, high=("lr",), tenth="lr"))


class DDPM(GenerativeModel):
    """A network learns to see the noise in a picture; sampling takes it out step by step."""

    Config = DDPMConfig
    config: DDPMConfig
    recipe = TrainConfig(steps=21_500, batch_size=64, preview_every=500)
    live = TrainConfig(steps=1200, batch_size=64, preview_every=50)
    failures = (NO_PROGRESS, DIVERGENCE, SAMPLES_IMPROVE)
    averages = "net"
    Sampling = DDPMSampling
    conditional = True
    preview_knobs = {"steps": 20}
    card = Card(
        title="DDPM",
        year=2020,
        idea="Learn to remove a little noise, then start from pure noise and remove it all.",
        equation=r"\begin{aligned}\mathcal{L} &= \mathbb{E}_{x_0, \epsilon, t}\left\|\epsilon - \epsilon_\theta(x_t, t)\right\|^2 \\ x_t &= \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon\end{aligned}",
        paper="Ho, Jain & Abbeel, Denoising Diffusion Probabilistic Models",
        url="https://arxiv.org/abs/2006.11239",
    )

    def __init__(self, config: DDPMConfig) -> None:
        super().__init__(config)
        self.schedule = SCHEDULES[config.schedule](T)
        self.net = UNet(width=config.width, blocks=config.blocks, classes=CLASSES)
        self.average = exponential_average(self.net, config.ema)

    def optimizers(self) -> Optimizers:
        return {"net": torch.optim.Adam(self.net.parameters(), lr=self.config.lr, betas=(0.9, 0.99))}

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        # One random offset spreads the batch evenly over all t: each t is uniform, the loss less
        # noisy (Kingma et al., "Variational Diffusion Models", 2021, appendix I.1).
        u = torch.rand(1, device=x.device) + torch.arange(len(x), device=x.device) / len(x)
        t = (u % 1 * T).long().clamp(max=T - 1)
        eps = torch.randn_like(x)
        # Some digits lose their label, so that the network also learns the unconditional noise.
        y = torch.where(torch.rand(len(x), device=x.device) < self.config.drop, CLASSES, y)
        loss = F.mse_loss(self.net(self.schedule.add_noise(x, t, eps), t, y), eps)  # algorithm 1
        return loss, {"loss": loss}

    def update(self, x: Tensor, y: Tensor, optimizers: Optimizers) -> Metrics:
        metrics = super().update(x, y, optimizers)
        self.average.update_parameters(self.net)
        return metrics

    @torch.no_grad()
    def sample(  # type: ignore[override]  # names its knobs, as ``Sampling`` does
        self,
        noise: Noise,
        *,
        labels: Tensor | None = None,
        sampler: str = "ddim",
        steps: int = 50,
        guidance: float = 1.0,
        eta: float = 0.0,
    ) -> Iterator[Tensor]:
        """Yield the predicted picture after each step; without labels, each is drawn at random."""
        if labels is None:
            labels = noise.integers(CLASSES)
        x_T = noise.normal(1, 28, 28).to(self.device)
        y = labels.to(self.device)
        denoiser = classifier_free(self.average, y, torch.full_like(y, CLASSES), guidance)
        run, times = samplers.SAMPLERS[sampler], samplers.timesteps(T, steps)
        for step in run(denoiser, self.schedule, x_T, noise, times, eta=eta):
            yield step.x.clamp(-1, 1)

    def evaluations(self, *, sampler: str = "ddim", steps: int = 50, guidance: float = 1.0, **_: Any) -> int:
        runs = samplers.evaluations(sampler, self.schedule, samplers.timesteps(T, steps))
        return runs * (1 if guidance in (0, 1) else 2)
