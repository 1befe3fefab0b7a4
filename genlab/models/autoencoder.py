"""The autoencoder (Hinton & Salakhutdinov, 2006), and why it does not draw by itself."""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.config import Config, TrainConfig, knob
from genlab.models.base import PIXELS, Card, Metrics, Optimizers
from genlab.models.failures import COMMON, Course, divergence, no_progress, restore
from genlab.models.latent import LatentModel

LAYERS = (PIXELS, 256, 128)
# Squared error between the 0.27 of the average digit, drawn for every picture, and the 0.93 of an untrained
# network; healthy runs are below after 50 steps.
HAS_AVERAGE = 0.3


@dataclass(frozen=True)
class AutoencoderConfig(Config):
    latent: int = knob(
        32, 2, 128, "Numbers that describe a picture: more keep more detail, fewer force it to summarise"
    )
    lr: float = knob(
        1e-3, 1e-6, 1.0, "Learning rate: too high breaks the picture, too low learns slowly", log=True
    )


def dense(*sizes: int) -> list[nn.Module]:
    """Linear layers with ReLU between them, none after the last."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return layers[:-1]


def _unlearned(course: Course) -> str:
    mse = course.typical("loss")
    if not mse > HAS_AVERAGE:
        return ""
    return f"The squared error is {mse:.3g}; the average of all digits, drawn every time, would have 0.27."


NO_PROGRESS = no_progress(_unlearned, COMMON)
DIVERGENCE = divergence(lambda config: restore(config, high=("lr",), tenth="lr"))


class Autoencoder(LatentModel):
    """Squeeze a picture through 32 numbers and rebuild it; nothing says where those numbers lie."""

    Config = AutoencoderConfig
    config: AutoencoderConfig
    recipe = TrainConfig(steps=9400, batch_size=128, preview_every=500)
    live = TrainConfig(steps=1000, batch_size=128, preview_every=50)
    failures = (NO_PROGRESS, DIVERGENCE)
    card = Card(
        title="Autoencoder",
        year=2006,
        idea="Squeeze each digit into a few numbers and rebuild it. New numbers must be guessed afterwards.",
        equation=r"\mathcal{L} = \mathbb{E}_x\left\|x - D(E(x))\right\|^2",
        paper="Hinton & Salakhutdinov, Reducing the Dimensionality of Data with Neural Networks",
        url="https://doi.org/10.1126/science.1127647",
    )

    def __init__(self, config: AutoencoderConfig) -> None:
        super().__init__(config)
        sizes = (*LAYERS, config.latent)
        self.encoder = nn.Sequential(nn.Flatten(), *dense(*sizes))
        self.decoder = nn.Sequential(*dense(*reversed(sizes)), nn.Tanh(), nn.Unflatten(1, (1, 28, 28)))

    def optimizers(self) -> Optimizers:
        return {"autoencoder": torch.optim.Adam(self.parameters(), lr=self.config.lr)}

    def code(self, x: Tensor) -> Tensor:
        return self.encoder(x)

    def decode(self, z: Tensor) -> Tensor:
        return self.decoder(z)

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        loss = F.mse_loss(self.decode(self.code(x)), x)
        return loss, {"loss": loss}
