"""The generative adversarial network (Goodfellow et al., 2014)."""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.config import Config, TrainConfig, choice, knob
from genlab.models.base import CLASSES, PIXELS, Card, GenerativeModel, Metrics, Optimizers
from genlab.models.failures import Course, Failure, divergence, mode_collapse, restore
from genlab.nn import exponential_average
from genlab.noise import Noise

NOISE = 100  # dimensions of z
BETAS = (0.5, 0.999)  # of Adam; Radford et al. (2016), section 4
CANNOT_TELL = 0.005  # d_real - d_fake; healthy runs were so close for 30 steps at most


class Judging(NamedTuple):
    """What a discriminator lowers, and what its numbers mean: the plots, the labs and the doctor ask here."""

    loss: Callable[[Tensor, Tensor], Tensor]  # of logits (N, 1) of real and of generated pictures: one number
    realness: Callable[[Tensor], Tensor]  # of logits: how real it finds the pictures, 0 to 1; 0.5 is neither
    guessing: float  # its loss while it cannot tell them apart
    won: float  # a loss below which it is sure of every picture
    runaway: float  # a loss above which it diverges


class Loss(NamedTuple):
    """What the two players lower, each of logits (N, 1)."""

    discriminator: Judging
    generator: Callable[[Tensor], Tensor]  # of generated pictures: (N, 1)
    told: str  # what the generator does, after its name


def cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """-E[log D(x)] - E[log(1 - D(G(z)))], equation 1."""
    return F.softplus(-real).mean() + F.softplus(fake).mean()


# The best discriminator's D = sigmoid(logit) is the chance that a picture is real (proposition 1). Healthy runs
# have losses from 0.1 to 1.5; lr_d = 0.05 gives less than 0.0001, lr_d = 0.1 gives hundreds.
CROSS_ENTROPY = Judging(cross_entropy, torch.sigmoid, guessing=2 * math.log(2), won=0.03, runaway=10.0)

# An entry is a game in every GAN's knobs and in the GAN lab. Section 3 of the paper gives these two.
LOSSES = {
    "non_saturating": Loss(
        CROSS_ENTROPY, lambda fake: F.softplus(-fake), "maximises log D, steep where D is near 0"
    ),
    "minimax": Loss(
        CROSS_ENTROPY,
        lambda fake: -F.softplus(fake),
        "minimises log(1 - D), which hardly teaches while D is sure",
    ),
}


def loss_knob() -> Any:
    told = "; ".join(f"{name} {loss.told}" for name, loss in LOSSES.items())
    return choice("non_saturating", tuple(LOSSES), f"Generator's aim: {told}")


def width_knob() -> Any:
    return knob(32, 8, 64, "Channels of the convolutional networks: more draw finer strokes, slower")


def dropout_knob() -> Any:
    told = "Share of the discriminator that is switched off each step: more keeps it from winning"
    return knob(0.3, 0.0, 0.9, told)


def lr_knob(default: float) -> Any:
    return knob(
        default, 1e-6, 1.0, "Learning rate of the generator: too high makes all samples alike", log=True
    )


def lr_d_knob(default: float) -> Any:
    told = "Learning rate of the discriminator: too high and the generator stops learning"
    return knob(default, 1e-6, 1.0, told, log=True)


def ema_knob(default: float = 0.998) -> Any:
    told = "Averaging of the generator over steps: closer to 1 gives steadier, later pictures"
    return knob(default, 0.0, 0.9999, told)


@dataclass(frozen=True)
class GANConfig(Config):
    network: str = choice(
        "conv", ("mlp", "conv"), "mlp is the textbook pair of dense networks; conv draws sharper digits"
    )
    loss: str = loss_knob()
    width: int = width_knob()
    lr: float = lr_knob(4e-4)
    lr_d: float = lr_d_knob(4e-4)
    dropout: float = dropout_knob()
    ema: float = ema_knob()


def mlp_generator() -> nn.Sequential:
    """100-256-512-1024-784, leaky ReLU, tanh."""
    sizes = (NOISE, 256, 512, 1024)
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Linear(1024, PIXELS), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))


def mlp_discriminator(dropout: float) -> nn.Sequential:
    """784-512-256-1, leaky ReLU and dropout; returns the logit of "real"."""
    return nn.Sequential(
        nn.Flatten(), nn.Linear(PIXELS, 512), nn.LeakyReLU(0.2), nn.Dropout(dropout),
        nn.Linear(512, 256), nn.LeakyReLU(0.2), nn.Dropout(dropout), nn.Linear(256, 1),
    )  # fmt: skip


def conv_generator(width: int) -> nn.Sequential:
    """(N, 100) -> (N, 1, 28, 28): a dense layer to 7x7, then two doublings, batch norm, ReLU."""
    c0, c1, c2 = width // 2, width, 2 * width
    return nn.Sequential(
        nn.Linear(NOISE, 49 * c2, bias=False), nn.Unflatten(1, (c2, 7, 7)), nn.BatchNorm2d(c2), nn.ReLU(),
        nn.Conv2d(c2, c2, 3, padding=1, bias=False), nn.BatchNorm2d(c2), nn.ReLU(),  # (N, c2, 7, 7)
        nn.ConvTranspose2d(c2, c1, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(c1), nn.ReLU(),  # 14x14
        nn.ConvTranspose2d(c1, c0, 4, stride=2, padding=1, bias=False), nn.BatchNorm2d(c0), nn.ReLU(),  # 28x28
        nn.Conv2d(c0, 1, 3, padding=1), nn.Tanh(),
    )  # fmt: skip


def conv_discriminator(width: int, dropout: float) -> nn.Sequential:
    """(N, 1, 28, 28) -> (N, 1): two halvings, leaky ReLU, no normalisation."""
    c1, c2 = width, 2 * width
    return nn.Sequential(
        nn.Conv2d(1, c1, 4, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout(dropout),  # (N, c1, 14, 14)
        nn.Conv2d(c1, c2, 4, stride=2, padding=1), nn.LeakyReLU(0.2), nn.Dropout(dropout),  # (N, c2, 7, 7)
        nn.Flatten(), nn.Linear(49 * c2, 8 * width), nn.LeakyReLU(0.2), nn.Linear(8 * width, 1),
    )  # fmt: skip


def players(config: Any) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator as ``network``, ``width`` and, where there is one, ``dropout`` say."""
    dropout = getattr(config, "dropout", 0.0)
    if config.network == "mlp":
        return mlp_generator(), mlp_discriminator(dropout)
    return conv_generator(config.width), conv_discriminator(config.width, dropout)


def _judging(course: Course) -> Judging:
    return LOSSES[course.config.loss].discriminator


def _won(course: Course) -> str:
    loss, real, fake = (course.typical(m) for m in ("loss_d", "d_real", "d_fake"))
    if not loss < _judging(course).won:
        return ""
    return f"Its loss is {loss:.2g}: it gives real digits {real:.3f} and generated ones {fake:.3f}."


def _lost(course: Course) -> str:
    real, fake = course.typical("d_real"), course.typical("d_fake")
    if not real - fake < CANNOT_TELL:
        return ""
    return f"It gives real digits {real:.3f} and generated ones {fake:.3f}."


def _runaway(course: Course) -> str:
    loss, judging = course.typical("loss_d"), _judging(course)
    if not loss > judging.runaway:
        return ""
    return f"The discriminator's loss is {loss:.3g}; guessing would give {judging.guessing:.3g}."


MODE_COLLAPSE = mode_collapse(
    lambda config: restore(config, high=("lr", "lr_d", "dropout"), low=("lr_d",), tenth="lr")
)
DISCRIMINATOR_TOO_STRONG = Failure(
    "discriminator too strong",
    "The discriminator is sure of every picture, so its verdict hardly changes with the picture and "
    "the generator no longer learns which way to go.",
    _won,
    lambda config: restore(config, high=("lr_d", "lr"), low=("dropout", "lr"), tenth="lr_d"),
    patience=50,  # of healthy runs none was seen so for a single step
)
DISCRIMINATOR_TOO_WEAK = Failure(
    "discriminator too weak",
    "The discriminator cannot tell generated pictures from real ones, bad as they are, so the generator "
    "learns nothing from it.",
    _lost,
    lambda config: restore(config, high=("lr", "dropout"), low=("lr_d",)),
    patience=150,  # dense networks pass through it in the first 150 steps
)
DIVERGENCE = divergence(lambda config: restore(config, high=("lr_d", "lr"), tenth="lr_d"), _runaway)


class AdversarialModel(GenerativeModel):
    """What GANs share: a generator with its running average, its opponent, one-shot sampling."""

    averages = "generator"
    config: Any  # its own learning rates ``lr`` and ``lr_d``, its ``ema``

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        self.generator, self.discriminator = self.networks()
        self.average = exponential_average(self.generator, config.ema)

    def networks(self) -> tuple[nn.Module, nn.Module]:
        """Generator, from noise (N, 100), and discriminator, to (N, 1)."""
        return players(self.config)

    def optimizers(self) -> Optimizers:
        c = self.config
        return {
            "d": torch.optim.Adam(self.discriminator.parameters(), lr=c.lr_d, betas=BETAS),
            "g": torch.optim.Adam(self.generator.parameters(), lr=c.lr, betas=BETAS),
        }

    def draw(self, generator: nn.Module, z: Tensor, y: Tensor) -> Tensor:
        """Pictures of ``generator`` from noise z (N, 100), for the labels y where the family heeds them."""
        return generator(z)

    def judge(self, x: Tensor, y: Tensor) -> Tensor:
        """The opponent's verdict on pictures x that are said to show y: (N, 1), higher for real ones."""
        return self.discriminator(x)

    def generator_loss(self, verdict: Tensor) -> Tensor:
        """What the generator lowers, of verdicts (N, 1) on its pictures: (N, 1)."""
        raise NotImplementedError

    def generate(self, y: Tensor) -> Tensor:
        """A fresh picture for each label from the generator in training, (N, 1, 28, 28)."""
        return self.draw(self.generator, torch.randn(len(y), NOISE, device=self.device), y)

    def smoothness(self, x: Tensor, fake: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        """What is added to the opponent's loss on one batch, and what to plot (default: nothing)."""
        return x.new_zeros(()), {}

    def teach(self, loss: Tensor, optimizer: Optimizer) -> None:
        """One step of the generator, and of its average."""
        optimizer.zero_grad()
        loss.backward(inputs=list(self.generator.parameters()))  # the opponent's would only be thrown away
        optimizer.step()
        self.average.update_parameters(self.generator)

    @torch.no_grad()
    def sample(self, noise: Noise, *, labels: Tensor | None = None, **_: Any) -> Iterator[Tensor]:
        z = noise.normal(NOISE).to(self.device)
        if labels is None:
            labels = noise.integers(CLASSES)
        yield self.draw(self.average, z, labels.to(self.device)).clamp(-1, 1)


class OriginalGAN(AdversarialModel):
    """The game of the paper, whatever the networks: two losses out of one logit; see ``LOSSES``."""

    def verdicts(self, real: Tensor, fake: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """The logits (N, 1) of real and of generated pictures for the same labels."""
        return self.judge(torch.cat([real, fake]), torch.cat([y, y])).chunk(2)

    def realness(self, logit: Tensor) -> Tensor:
        """How real the discriminator finds pictures with these logits: 0 to 1, of the same shape."""
        return LOSSES[self.config.loss].discriminator.realness(logit)

    def generator_loss(self, verdict: Tensor) -> Tensor:
        return LOSSES[self.config.loss].generator(verdict)

    def update(self, x: Tensor, y: Tensor, optimizers: Optimizers) -> Metrics:
        # (1) Update the discriminator: maximise log D(x) + log(1 - D(G(z)))
        fake = self.generate(y)
        logit_real, logit_fake = self.verdicts(x, fake.detach(), y)
        extra, seen = self.smoothness(x, fake.detach(), y)
        loss_d = LOSSES[self.config.loss].discriminator.loss(logit_real, logit_fake)
        optimizers["d"].zero_grad()
        (loss_d + extra).backward()
        optimizers["d"].step()

        # (2) Update the generator
        loss_g = self.generator_loss(self.judge(fake, y)).mean()
        self.teach(loss_g, optimizers["g"])
        return {
            "loss": loss_g,
            "loss_d": loss_d,
            "d_real": self.realness(logit_real).mean(),
            "d_fake": self.realness(logit_fake).mean(),
        } | seen


class GAN(OriginalGAN):
    """A generator learns to fool a discriminator that learns to tell its pictures from real ones."""

    Config = GANConfig
    config: GANConfig
    recipe = TrainConfig(steps=24_000, batch_size=64, preview_every=500)
    live = TrainConfig(steps=2500, batch_size=64, preview_every=50)
    failures = (DISCRIMINATOR_TOO_STRONG, DISCRIMINATOR_TOO_WEAK, MODE_COLLAPSE, DIVERGENCE)
    card = Card(
        title="GAN",
        year=2014,
        idea="A forger and a detective train each other until the forgeries pass.",
        equation=r"\begin{aligned}&\max_D\ \mathbb{E}_x[\log D(x)] \\ &\quad + \mathbb{E}_z[\log(1 - D(G(z)))] \\ &\max_G\ \mathbb{E}_z[\log D(G(z))]\end{aligned}",
        paper="Goodfellow et al., Generative Adversarial Networks",
        url="https://arxiv.org/abs/1406.2661",
    )
