"""The Wasserstein GAN with gradient penalty (Gulrajani et al., 2017)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from genlab.config import Config, TrainConfig, choice, knob
from genlab.models.base import Card, Metrics, Optimizers
from genlab.models.failures import Course, Failure, divergence, mode_collapse, restore
from genlab.models.gan import AdversarialModel, ema_knob

# gradient_norm: healthy runs have 1.1 to 2.3 after 20 steps; without penalty it grows from 5 (n_critic = 2) or
# 60 (n_critic = 5) on, with lr_d = 0.1 it is 14 to 100.
LOWEST_SLOPE, HIGHEST_SLOPE = 1 / 3, 4.0


@dataclass(frozen=True)
class WassersteinConfig(Config):
    network: str = choice(
        "conv", ("mlp", "conv"), "mlp is a pair of dense networks; conv draws sharper digits"
    )
    width: int = knob(32, 8, 64, "Channels of the convolutional networks: more draw finer strokes, slower")
    n_critic: int = knob(
        5, 1, 20, "Critic updates for each picture update: more give a better distance, slower"
    )
    ema: float = ema_knob(0.995)


@dataclass(frozen=True)
class WGANGPConfig(WassersteinConfig):
    penalty: float = knob(
        10.0,
        0.0,
        1000.0,
        "Weight of the gradient penalty: 0 lets the critic run away and training break",
        log=True,
    )
    lr: float = knob(5e-4, 1e-6, 1.0, "Learning rate of the generator", log=True)
    lr_d: float = knob(5e-4, 1e-6, 1.0, "Learning rate of the critic", log=True)


def _wrong_slope(course: Course) -> str:
    slope = course.typical("gradient_norm")
    if not (slope < LOWEST_SLOPE or slope > HIGHEST_SLOPE):
        return ""
    return f"The critic's gradient norm is {slope:.3g}; it should be 1."


WRONG_SLOPE = Failure(
    "gradient norm far from 1",
    "Only where the critic's slope is near 1 does its value measure a distance. "
    "The penalty is too weak to hold it there, or the critic learns too fast or too slowly.",
    _wrong_slope,
    lambda config: restore(config, low=("penalty", "lr_d"), high=("lr_d",), tenth="lr_d"),
)
MODE_COLLAPSE = mode_collapse(
    lambda config: restore(config, high=("lr", "lr_d"), low=("lr_d", "penalty"), tenth="lr")
)
DIVERGENCE = divergence(
    lambda config: restore(config, high=("lr_d", "lr"), low=("penalty",), tenth="lr_d"),
    lambda course: "",  # its losses have no scale; a critic that runs away has a wrong slope
)


class WassersteinGAN(AdversarialModel):
    """The game with a critic f in place of the discriminator; families differ in how they keep it smooth."""

    def generator_loss(self, verdict: Tensor) -> Tensor:
        return -verdict

    def constrain(self) -> None:
        """Called after each step of the critic (default: nothing)."""

    def update(self, x: Tensor, y: Tensor, optimizers: Optimizers) -> Metrics:
        # (1) Update the critic n_critic times, each on its own share of the batch (algorithm 1)
        parts = min(self.config.n_critic, len(x))
        for real, label in zip(x.tensor_split(parts), y.tensor_split(parts), strict=True):
            with torch.no_grad():
                fake = self.generate(label)
            distance = self.judge(real, label).mean() - self.judge(fake, label).mean()
            extra, seen = self.smoothness(real, fake, label)
            loss_d = extra - distance
            optimizers["d"].zero_grad()
            loss_d.backward()
            optimizers["d"].step()
            self.constrain()

        # (2) Update the generator: raise the critic's value of its pictures
        loss = self.generator_loss(self.judge(self.generate(label), label)).mean()
        self.teach(loss, optimizers["g"])
        return {"loss": loss, "loss_d": loss_d, "wasserstein": distance} | seen

    def gradient_norm(self, x: Tensor, fake: Tensor, y: Tensor, create_graph: bool = True) -> Tensor:
        """||grad f|| at random points between real and generated pictures, (N,)."""
        u = torch.rand(len(x), *[1] * (x.dim() - 1), device=x.device)
        x_hat = (u * x + (1 - u) * fake).requires_grad_()
        (gradient,) = torch.autograd.grad(self.judge(x_hat, y).sum(), x_hat, create_graph=create_graph)
        return gradient.flatten(1).norm(dim=1)


class WGANGP(WassersteinGAN):
    """A critic measures how far generated pictures are from real ones; the generator closes the gap."""

    Config = WGANGPConfig
    config: WGANGPConfig
    recipe = TrainConfig(steps=13_600, batch_size=160, preview_every=500)
    live = TrainConfig(steps=400, batch_size=320, preview_every=50)
    failures = (WRONG_SLOPE, MODE_COLLAPSE, DIVERGENCE)
    card = Card(
        title="WGAN-GP",
        year=2017,
        idea="Instead of a verdict, the opponent gives a distance, kept honest by a penalty on its slope.",
        equation=r"\begin{aligned}&\min_f\ \mathbb{E}[f(G(z))] - \mathbb{E}[f(x)] \\ &\quad + \lambda\,\mathbb{E}[(\|\nabla f(\hat x)\| - 1)^2] \\ &\max_G\ \mathbb{E}[f(G(z))]\end{aligned}",
        paper="Gulrajani et al., Improved Training of Wasserstein GANs",
        url="https://arxiv.org/abs/1704.00028",
    )

    def smoothness(self, x: Tensor, fake: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        norm = self.gradient_norm(x, fake, y)
        return self.config.penalty * ((norm - 1) ** 2).mean(), {"gradient_norm": norm.mean()}
