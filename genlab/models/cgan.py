"""The conditional GAN (Mirza & Osindero, 2014): both players are told the digit.

The generator is told by conditional batch norm (Dumoulin et al., 2017), the discriminator by projection
(Miyato & Koyama, 2018). With an embedding laid beside the noise, as in the first paper, ours drew one and the
same picture for each digit: batch norm asks that a batch differs, and the labels alone make it differ then.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from genlab.config import Config, TrainConfig
from genlab.models.base import CLASSES, Card
from genlab.models.gan import (
    DISCRIMINATOR_TOO_STRONG,
    DISCRIMINATOR_TOO_WEAK,
    DIVERGENCE,
    MODE_COLLAPSE,
    OriginalGAN,
    conv_discriminator,
    conv_generator,
    dropout_knob,
    ema_knob,
    loss_knob,
    lr_d_knob,
    lr_knob,
    width_knob,
)


@dataclass(frozen=True)
class CGANConfig(Config):
    loss: str = loss_knob()
    width: int = width_knob()
    lr: float = lr_knob(4e-4)
    lr_d: float = lr_d_knob(4e-4)
    dropout: float = dropout_knob()
    ema: float = ema_knob()


class ConditionalBatchNorm(nn.Module):
    """Batch norm whose scale and shift are those of the label."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale, self.shift = nn.Embedding(CLASSES, channels), nn.Embedding(CLASSES, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        return self.norm(x) * self.scale(y)[..., None, None] + self.shift(y)[..., None, None]


class LabelledGenerator(nn.Module):
    """Noise z (N, 100) and labels (N,) -> pictures: the GAN's generator, its batch norms conditional."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        self.net = nn.ModuleList(
            ConditionalBatchNorm(m.num_features) if isinstance(m, nn.BatchNorm2d) else m for m in net
        )

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        for module in self.net:
            z = module(z, y) if isinstance(module, ConditionalBatchNorm) else module(z)
        return z


class LabelledDiscriminator(nn.Module):
    """Pictures and labels (N,) -> logits (N, 1): w^T phi(x) + v_y^T phi(x), v_y the label's embedding."""

    def __init__(self, net: nn.Sequential) -> None:
        super().__init__()
        *phi, last = net
        assert isinstance(last, nn.Linear)
        self.phi, self.last = nn.Sequential(*phi), last
        self.label = nn.Embedding(CLASSES, last.in_features)
        nn.init.normal_(self.label.weight, 0.0, 0.02)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        features = self.phi(x)  # (N, D)
        return self.last(features) + (self.label(y) * features).sum(1, keepdim=True)


class CGAN(OriginalGAN):
    """The forger is told what to draw, and the detective what it should be."""

    Config = CGANConfig
    config: CGANConfig
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
        c = self.config
        return (
            LabelledGenerator(conv_generator(c.width)),
            LabelledDiscriminator(conv_discriminator(c.width, c.dropout)),
        )

    def draw(self, generator: nn.Module, z: Tensor, y: Tensor) -> Tensor:
        return generator(z, y)

    def judge(self, x: Tensor, y: Tensor) -> Tensor:
        return self.discriminator(x, y)
