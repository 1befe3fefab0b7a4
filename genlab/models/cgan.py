"""The conditional GAN (Mirza & Osindero, 2014): both players are told the digit."""

import torch
from torch import Tensor, nn

from genlab.config import TrainConfig
from genlab.models.base import CLASSES, PIXELS, Card
from genlab.models.gan import (
    DISCRIMINATOR_TOO_STRONG,
    DISCRIMINATOR_TOO_WEAK,
    DIVERGENCE,
    MODE_COLLAPSE,
    NOISE,
    GANConfig,
    OriginalGAN,
    players,
)


class LabelledGenerator(nn.Module):
    """Noise z (N, 100) and labels (N,) -> pictures: the label's embedding is laid beside the noise."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.label = nn.Embedding(CLASSES, NOISE)
        self.net = net

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return self.net(torch.cat([z, self.label(y)], dim=1))


class LabelledDiscriminator(nn.Module):
    """Pictures and labels (N,) -> logits (N, 1): the label's embedding is a second channel."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.label = nn.Embedding(CLASSES, PIXELS)
        self.net = net

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.net(torch.cat([x, self.label(y).view(x.shape)], dim=1))  # (N, 2, 28, 28)


class CGAN(OriginalGAN):
    """The forger is told what to draw, and the detective what it should be."""

    Config = GANConfig
    config: GANConfig
    conditional = True
    recipe = TrainConfig(steps=12_000, batch_size=64, preview_every=500)
    live = TrainConfig(steps=2500, batch_size=64, preview_every=50)
    failures = (DISCRIMINATOR_TOO_STRONG, DISCRIMINATOR_TOO_WEAK, MODE_COLLAPSE, DIVERGENCE)
    card = Card(
        title="Conditional GAN",
        year=2014,
        idea="Forger and detective are both told the digit, so that one can ask for it.",
        equation=r"\begin{aligned}&\max_D\ \mathbb{E}_{x,y}[\log D(x, y)] \\ &\quad + \mathbb{E}_{z,y}[\log(1 - D(G(z, y), y))] \\ &\max_G\ \mathbb{E}_{z,y}[\log D(G(z, y), y)]\end{aligned}",
        paper="Mirza & Osindero, Conditional Generative Adversarial Nets",
        url="https://arxiv.org/abs/1411.1784",
    )

    def networks(self) -> tuple[nn.Module, nn.Module]:
        generator, discriminator = players(self.config, inputs=2 * NOISE, channels=2)
        return LabelledGenerator(generator), LabelledDiscriminator(discriminator)

    def draw(self, generator: nn.Module, z: Tensor, y: Tensor) -> Tensor:
        return generator(z, y)

    def judge(self, x: Tensor, y: Tensor) -> Tensor:
        return self.discriminator(x, y)
