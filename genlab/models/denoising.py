"""What all families share that learn to undo noise: DDPM, DiT, flow matching."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.config import Config, choice, knob
from genlab.diffusion import samplers
from genlab.diffusion.guidance import classifier_free
from genlab.diffusion.schedules import SCHEDULES
from genlab.models.base import CLASSES, GenerativeModel, Metrics, Optimizers
from genlab.models.failures import REAL_APART, Course, Failure, divergence, no_progress, restore
from genlab.nn import exponential_average
from genlab.noise import Noise

T = 1000
SPAN = 150  # steps between the two previews that are compared
MORE_RIGHT = 2  # pictures of a preview
NEARER = 0.3  # to REAL_APART
FLAT = 0.1  # share of the loss that it falls in that time at most, to be called flat
UNLEARNED = 0.8  # of the loss of a network that sees nothing; healthy runs are below within 50 steps


# Knobs that all of these families have, each after those of its network.


def schedule_knob() -> Any:
    return choice(
        "cosine", tuple(SCHEDULES), "How noise grows with t: cosine keeps the digit visible for longer"
    )


def drop_knob() -> Any:
    return knob(0.1, 0.0, 1.0, "Share of training digits shown without their label: needed for guidance")


def lr_knob() -> Any:
    return knob(
        1e-3, 1e-6, 1.0, "Learning rate: too high breaks the picture, too low learns slowly", log=True
    )


def ema_knob() -> Any:
    return knob(
        0.999, 0.0, 0.99999, "Averaging of the weights over steps: closer to 1 gives cleaner, later pictures"
    )


def steps_knob(default: int = 50) -> Any:
    return knob(default, 1, T, "Denoising steps: more take longer; beyond about 50 little is gained")


def guidance_knob(default: float = 1.0) -> Any:
    told = "How strongly the digit is enforced: 1 is the plain condition, 0 ignores it, 3 exaggerates it"
    return knob(default, 0.0, 10.0, told)


def sampler_knob(default: str = "ddim") -> Any:
    told = (
        "ddim is deterministic; ddpm adds fresh noise in each step; heun and dpmpp "
        "follow the same flow as ddim to second order, heun at two evaluations in most steps"
    )
    return choice(default, tuple(samplers.SAMPLERS), told)


@dataclass(frozen=True)
class Denoising(Config):
    """What every walk with the denoiser has."""

    steps: int = steps_knob()


@dataclass(frozen=True)
class Guided(Denoising):
    """A walk on which the digit can be enforced."""

    guidance: float = guidance_knob()


@dataclass(frozen=True)
class Sampled(Guided):
    """The same by a sampler of one's choice."""

    sampler: str = sampler_knob()


@dataclass(frozen=True)
class DiffusionSampling(Sampled):
    eta: float = knob(
        0.0,
        0.0,
        1.0,
        "Fresh noise in each step of ddim: 0 none, 1 as much as ddpm; the other samplers ignore this",
    )


@dataclass(frozen=True)
class AncestralSampling(DiffusionSampling):
    """The walk of the paper, in few steps, unless told otherwise.

    Fresh noise mends what the steps before did wrong: at half the time its digits are nearer to real ones than
    those of ddim in 50 steps (the leaderboard has both; Karras et al., 2022, section 4, on why).
    """

    steps: int = steps_knob(25)
    sampler: str = sampler_knob("ddpm")


def _samples_improve(course: Course, ignorant: float) -> str:
    """Between the latest preview and the last that is SPAN steps older."""
    now = course.looks[-1]
    older = [look for look in course.looks if look.step <= now.step - SPAN]
    if not older or not now.loss < UNLEARNED * ignorant:
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


def failures(ignorant: float) -> tuple[Failure, ...]:
    """What goes wrong while such a network learns; ``ignorant`` is the loss of one that sees nothing."""

    def unlearned(course: Course) -> str:
        loss = course.typical("loss")
        if not loss > UNLEARNED * ignorant:
            return ""
        return f"The loss is {loss:.3g}; seeing no noise at all would cost {ignorant:.3g}."

    samples_improve = Failure(
        "loss is flat but samples still improve",
        "Most of the loss is noise that nobody could guess, so its curve is soon flat. "
        "What is still learned hardly shows in it, but in the pictures: go on.",
        lambda course: _samples_improve(course, ignorant),
        lambda config: {},
        patience=0,
        in_samples=True,
        healthy=True,
        of_digits=True,
    )
    diverges = divergence(lambda config: restore(config, high=("lr",), tenth="lr"))
    return no_progress(unlearned, "to see noise where it is easy"), diverges, samples_improve


class DenoisingModel(GenerativeModel):
    """A network net(x_t, t, y) that is told the digit or not, its running average, and guidance."""

    config: Any  # with ``drop``, ``lr`` and ``ema``
    averages = "net"
    conditional = True
    preview_knobs = {"steps": 20}

    def __init__(self, config: Any, net: nn.Module) -> None:
        super().__init__(config)
        self.net = net
        self.average = exponential_average(net, config.ema)

    def optimizers(self) -> Optimizers:
        return {"net": torch.optim.Adam(self.net.parameters(), lr=self.config.lr, betas=(0.9, 0.99))}

    def some_unlabelled(self, y: Tensor) -> Tensor:
        """The labels, ``drop`` of them replaced by "none": the network also learns the unconditional."""
        return torch.where(torch.rand(len(y), device=y.device) < self.config.drop, CLASSES, y)

    def update(self, x: Tensor, y: Tensor, optimizers: Optimizers) -> Metrics:
        metrics = super().update(x, y, optimizers)
        self.average.update_parameters(self.net)
        return metrics

    def start(self, noise: Noise, labels: Tensor | None, guidance: float) -> tuple[samplers.Denoiser, Tensor]:
        """The averaged network under guidance, and pure noise (N, 1, 28, 28) to begin with.

        Without labels, each is drawn at random.
        """
        if labels is None:
            labels = noise.integers(CLASSES)
        x_T = noise.normal(1, 28, 28).to(self.device)
        y = labels.to(self.device)
        return classifier_free(self.average, y, torch.full_like(y, CLASSES), guidance), x_T


def spread(n: int, device: Any) -> Tensor:
    """n times on [0, 1), float (n,): one random offset spreads a batch evenly over all of them.

    Each time is uniform, the loss less noisy (Kingma et al., "Variational Diffusion Models", 2021,
    appendix I.1).
    """
    u = torch.rand(1, device=device) + torch.arange(n, device=device) / n
    return u % 1


class DiffusionModel(DenoisingModel):
    """The network sees the noise in a picture; sampling takes it out step by step (Ho et al., 2020)."""

    Sampling = AncestralSampling
    failures = failures(ignorant=1.0)

    def __init__(self, config: Any, net: nn.Module) -> None:
        super().__init__(config, net)
        self.schedule = SCHEDULES[config.schedule](T)

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        t = (spread(len(x), x.device) * T).long().clamp(max=T - 1)
        eps = torch.randn_like(x)
        y = self.some_unlabelled(y)
        loss = F.mse_loss(self.net(self.schedule.add_noise(x, t, eps), t, y), eps)  # algorithm 1
        return loss, {"loss": loss}

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
        """Yield the picture after each step."""
        denoiser, x_T = self.start(noise, labels, guidance)
        run, times = samplers.SAMPLERS[sampler], samplers.timesteps(T, steps)
        for step in run(denoiser, self.schedule, x_T, noise, times, eta=eta):
            yield step.x.clamp(-1, 1)

    def evaluations(self, *, sampler: str = "ddim", steps: int = 50, guidance: float = 1.0, **_: Any) -> int:
        runs = samplers.evaluations(sampler, self.schedule, samplers.timesteps(T, steps))
        return runs * guided_cost(guidance)


def guided_cost(guidance: float) -> int:
    """Network evaluations for one guided prediction."""
    return 1 if guidance in (0, 1) else 2
