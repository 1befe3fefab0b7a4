"""The deep convolutional GAN (Radford, Metz & Chintala, 2016) on 64 x 64 pixels.

Two things are younger than the paper, and both are for MNIST: its background is exactly -1, which tanh reaches
nowhere. So the discriminator soon told the drawn pictures by their grey, and was sure of all.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from genlab.canvas import Canvas
from genlab.config import Config, TrainConfig, choice, knob
from genlab.models.base import Card, Metrics
from genlab.models.gan import (
    DISCRIMINATOR_TOO_STRONG,
    DISCRIMINATOR_TOO_WEAK,
    DIVERGENCE,
    GAN,
    MODE_COLLAPSE,
    NOISE,
    OriginalGAN,
    ema_knob,
    loss_knob,
    lr_d_knob,
    lr_knob,
)

STD = 0.02  # of the initial weights; section 4
# The generator's tanh is this much wider than [-1, 1], so that black and white lie where it still learns
# (LeCun et al., "Efficient BackProp", 1998, section 4.5).
STRETCH = 1.1
LAZY = 4  # R1 is computed in one step of so many, so many times as strong (Karras et al., 2020, appendix B)
COLOURS = {"grey": Canvas(64), "colour": Canvas(64, colour=True)}


@dataclass(frozen=True)
class DCGANConfig(Config):
    palette: str = choice("grey", tuple(COLOURS), "grey draws as MNIST is; colour gives each digit a tint")
    loss: str = loss_knob()
    width: int = knob(24, 8, 128, "Channels of the finest layer; the paper has 128: more draw better, slower")
    lr: float = lr_knob(1e-3)  # at the paper's 2e-4 a generator this narrow never gets away from grey
    lr_d: float = lr_d_knob(5e-4)
    r1: float = knob(
        0.5,
        0.0,
        1000.0,
        "Weight of the penalty on the discriminator's slope at real pictures: 0 lets it become too sure",
        log=True,
    )
    ema: float = ema_knob()


def generator(width: int, channels: int) -> nn.Sequential:
    """z (N, 100) -> (N, channels, 64, 64): 4x4, then four doublings (figure 1); batch norm, ReLU, tanh."""
    widths = [8 * width, 4 * width, 2 * width, width]
    layers: list[nn.Module] = [
        nn.Unflatten(1, (NOISE, 1, 1)),
        nn.ConvTranspose2d(NOISE, widths[0], 4, bias=False), nn.BatchNorm2d(widths[0]), nn.ReLU(),
    ]  # fmt: skip
    for n_in, n_out in pairwise(widths):
        up = nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
        layers += [up, nn.BatchNorm2d(n_out), nn.ReLU()]
    last = nn.ConvTranspose2d(width, channels, 4, stride=2, padding=1)  # its bias is the background
    return nn.Sequential(*layers, last, nn.Tanh())


def discriminator(width: int, channels: int) -> nn.Sequential:
    """Pictures (N, channels, 64, 64) -> (N, 1): four halvings; leaky ReLU, and batch norm but in the first."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, width, 4, stride=2, padding=1, bias=False),
        nn.LeakyReLU(0.2),
    ]
    for n_in, n_out in pairwise([width, 2 * width, 4 * width, 8 * width]):
        down = nn.Conv2d(n_in, n_out, 4, stride=2, padding=1, bias=False)
        layers += [down, nn.BatchNorm2d(n_out), nn.LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, bias=False), nn.Flatten())


def initialise(module: nn.Module) -> None:
    """N(0, 0.02) for the weights of convolutions, N(1, 0.02) for the scales of batch norm."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, STD)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, STD)


class DCGAN(OriginalGAN):
    """The GAN in strided convolutions alone: no pooling, no dense layer, batch norm in both players."""

    Config = DCGANConfig
    config: DCGANConfig
    recipe = TrainConfig(steps=10_000, batch_size=64, preview_every=500)
    live = TrainConfig(steps=400, batch_size=64, preview_every=50)
    failures = (DISCRIMINATOR_TOO_STRONG, DISCRIMINATOR_TOO_WEAK, MODE_COLLAPSE, DIVERGENCE)
    card = Card(
        title="DCGAN",
        year=2015,
        idea="The GAN's game between convolutional networks that stay in balance, on larger pictures.",
        equation=GAN.card.equation,
        paper="Radford, Metz & Chintala, Unsupervised Representation Learning with Deep Convolutional GANs",
        url="https://arxiv.org/abs/1511.06434",
    )

    @property
    def canvas(self) -> Canvas:  # type: ignore[override]
        return COLOURS[self.config.palette]

    def networks(self) -> tuple[nn.Module, nn.Module]:
        width, channels = self.config.width, self.canvas.channels
        players = generator(width, channels), discriminator(width, channels)
        for player in players:
            player.apply(initialise)
        return players

    def draw(self, generator: nn.Module, z: Tensor, y: Tensor) -> Tensor:
        return STRETCH * super().draw(generator, z, y)

    def smoothness(self, x: Tensor, fake: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        """r1 / 2 E||grad D||^2 at real pictures: R1 (Mescheder et al., 2018, equation 9)."""
        if not self.config.r1 or torch.rand(()) > 1 / LAZY:
            return super().smoothness(x, fake, y)
        x = x.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self.judge(x, y).sum(), x, create_graph=True)
        return LAZY * self.config.r1 / 2 * gradient.flatten(1).square().sum(1).mean(), {}

    def verdicts(self, real: Tensor, fake: Tensor, y: Tensor) -> tuple[Tensor, ...]:
        """One batch of each: in a mixed one, batch norm would tell a picture's logit what others are in it."""
        return self.judge(real, y), self.judge(fake, y)
