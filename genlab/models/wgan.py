"""The Wasserstein GAN with weight clipping (Arjovsky, Chintala & Bottou, 2017)."""

from dataclasses import dataclass

import torch
from torch import Tensor

from genlab.config import TrainConfig, knob
from genlab.models.base import Card, Metrics, Optimizers
from genlab.models.failures import divergence, mode_collapse, restore
from genlab.models.wgan_gp import WassersteinConfig, WassersteinGAN

AT_BOUND = 0.999  # of the bound: where a weight counts as clipped


@dataclass(frozen=True)
class WGANConfig(WassersteinConfig):
    clip: float = knob(
        0.01,
        1e-4,
        1.0,
        "Bound of the critic's weights: small makes its slope vanish, large lets it explode",
        log=True,
    )
    lr: float = knob(5e-5, 1e-6, 1.0, "Learning rate of the generator", log=True)
    lr_d: float = knob(5e-5, 1e-6, 1.0, "Learning rate of the critic", log=True)


MODE_COLLAPSE = mode_collapse(
    lambda config: restore(config, high=("lr", "lr_d", "clip"), low=("lr_d",), tenth="lr")
)
DIVERGENCE = divergence(
    lambda config: restore(config, high=("lr_d", "lr", "clip"), tenth="lr_d"),
    lambda course: "",  # its losses have no scale
)


class WGAN(WassersteinGAN):
    """The critic's weights are cut to a small box, the first way to keep its slope bounded."""

    Config = WGANConfig
    config: WGANConfig
    recipe = TrainConfig(steps=13_600, batch_size=160, preview_every=500)
    live = TrainConfig(steps=800, batch_size=320, preview_every=50)
    failures = (MODE_COLLAPSE, DIVERGENCE)
    card = Card(
        title="WGAN",
        year=2017,
        idea="The opponent gives a distance instead of a verdict; cutting its weights keeps its slope bounded.",
        equation=r"\begin{aligned}&\max_{|w| \le c}\ \mathbb{E}[f_w(x)] - \mathbb{E}[f_w(G(z))] \\ &\max_G\ \mathbb{E}[f_w(G(z))]\end{aligned}",
        paper="Arjovsky, Chintala & Bottou, Wasserstein GAN",
        url="https://arxiv.org/abs/1701.07875",
    )

    def optimizers(self) -> Optimizers:
        """RMSprop: with momentum the critic's training became unstable (section 4)."""
        c = self.config
        return {
            "d": torch.optim.RMSprop(self.discriminator.parameters(), lr=c.lr_d),
            "g": torch.optim.RMSprop(self.generator.parameters(), lr=c.lr),
        }

    def smoothness(self, x: Tensor, fake: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        """Nothing is added to the loss; how steep the critic is, and how many weights sit at the bound."""
        weights = torch.cat([w.detach().flatten() for w in self.discriminator.parameters()])
        clipped = (weights.abs() >= AT_BOUND * self.config.clip).float().mean()
        slope = self.gradient_norm(x, fake, y, create_graph=False).mean()
        return x.new_zeros(()), {"gradient_norm": slope, "clipped": clipped}

    @torch.no_grad()
    def constrain(self) -> None:
        for w in self.discriminator.parameters():
            w.clamp_(-self.config.clip, self.config.clip)
