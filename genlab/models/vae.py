"""The variational autoencoder (Kingma & Welling, 2014; beta: Higgins et al., 2017)."""

import math
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.canvas import Canvas
from genlab.config import Config, TrainConfig, choice, knob
from genlab.models.base import PIXELS, Card, Metrics, Optimizers
from genlab.models.failures import COMMON, Course, Failure, divergence, no_progress, restore
from genlab.models.latent import LatentModel

ACTIVE = 0.05  # nats of KL from which a latent dimension tells something of the picture
AVERAGE = 206.0  # nats of bce when MNIST's average digit is drawn for all; an untrained network has 784 ln 2
HAS_AVERAGE = 250.0  # healthy runs are there within 60 steps, those with collapsed latents too
DIVERGENCE = divergence(lambda config: restore(config, high=("lr",), tenth="lr"))


def beta_knob() -> Any:
    return knob(
        0.5,
        0.0,
        100.0,
        "Weight of KL: higher gives smoother samples with less variety, 1 is the textbook",
        log=True,
    )


def lr_knob() -> Any:
    return knob(
        1e-3, 1e-6, 1.0, "Learning rate: too high breaks the picture, too low learns slowly", log=True
    )


@dataclass(frozen=True)
class VAEConfig(Config):
    network: str = choice(
        "conv", ("mlp", "conv"), "mlp is the textbook 784-400-latent network; conv draws sharper digits"
    )
    latent: int = knob(
        16, 2, 128, "Numbers that describe a picture: more keep more detail, but are harder to sample"
    )
    width: int = knob(32, 8, 64, "Channels of the convolutional network: more draw finer strokes, slower")
    beta: float = beta_knob()
    lr: float = lr_knob()


class Latent(NamedTuple):
    """The Gaussian q(z | x): mean and log variance, each (N, latent)."""

    mean: Tensor
    log_variance: Tensor

    def draw(self) -> Tensor:
        """One z for each picture, by the reparameterisation: gradients pass through it."""
        return self.mean + torch.exp(0.5 * self.log_variance) * torch.randn_like(self.mean)


class MLP(nn.Module):
    """The textbook network: 784-400-latent and back, one hidden layer each way."""

    def __init__(self, latent: int, hidden: int = 400) -> None:
        super().__init__()
        self.encode = nn.Sequential(
            nn.Flatten(), nn.Linear(PIXELS, hidden), nn.ReLU(), nn.Linear(hidden, 2 * latent)
        )
        self.decode = nn.Sequential(
            nn.Linear(latent, hidden), nn.ReLU(), nn.Linear(hidden, PIXELS), nn.Unflatten(1, (1, 28, 28))
        )


class Conv(nn.Module):
    """Strided convolutions, each to half the side and twice the channels, and transposed ones back.

    Args:
        latent: Numbers of a code.
        width: Channels after the first convolution; a multiple of it stands between code and pictures.
        halvings: Strided convolutions: 28 -> 14 -> 7 with 2 of them, 32 -> 16 -> 8 -> 4 with 3.
        canvas: What is encoded, and drawn.
    """

    def __init__(self, latent: int, width: int, halvings: int, canvas: Canvas) -> None:
        super().__init__()
        channels = [width * 2**i for i in range(halvings)]
        small, hidden = (channels[-1], *[canvas.side >> halvings] * 2), 8 * width
        down: list[nn.Module] = []
        for n_in, n_out in pairwise([canvas.channels, *channels]):
            down += [nn.Conv2d(n_in, n_out, 4, stride=2, padding=1), nn.SiLU()]
        up: list[nn.Module] = []
        for n_in, n_out in pairwise([*reversed(channels), width]):
            up += [nn.ConvTranspose2d(n_in, n_out, 4, stride=2, padding=1), nn.SiLU()]
        self.encode = nn.Sequential(
            *down, nn.Flatten(), nn.Linear(math.prod(small), hidden), nn.SiLU(), nn.Linear(hidden, 2 * latent)
        )
        self.decode = nn.Sequential(
            nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, math.prod(small)), nn.SiLU(),
            nn.Unflatten(1, small), *up, nn.Conv2d(width, canvas.channels, 3, padding=1),
        )  # fmt: skip


def failures(average: float, has_average: float) -> tuple[Failure, ...]:
    """What is known to go wrong.

    Args:
        average: Nats of bce when the average picture is drawn for all.
        has_average: From where on a network has learned at least that one.
    """

    def collapsed(course: Course) -> str:
        bce, active = course.typical("bce"), course.typical("active_latents")
        if not (bce < has_average and active == 0):
            return ""
        latent = course.config.latent
        return (
            f"None of the {latent} numbers of the code tells more than {ACTIVE} nats; "
            f"KL is {course.typical('kl') / latent:.2g} nats for each of them."
        )

    def unlearned(course: Course) -> str:
        bce = course.typical("bce")
        if not bce > has_average:
            return ""
        return (
            f"A picture costs {bce:.3g} nats; the average of all, drawn every time, would cost {average:.3g}."
        )

    posterior_collapse = Failure(
        "posterior collapse",
        "The encoder says the same about every picture, so the decoder ignores the code and draws the "
        "average digit. The KL term weighs more than what the code could tell.",
        collapsed,
        lambda config: restore(config, high=("beta", "lr"), tenth="beta"),
        patience=50,  # of healthy runs none was seen so for a single step
        of_digits=True,
    )
    return posterior_collapse, no_progress(unlearned, COMMON), DIVERGENCE


class VAE(LatentModel):
    """Encode a picture as a Gaussian, decode a draw from it, and keep the Gaussians near N(0, I)."""

    Config = VAEConfig
    config: VAEConfig
    recipe = TrainConfig(steps=4000, batch_size=128, preview_every=500)
    live = TrainConfig(steps=1000, batch_size=128, preview_every=50)
    failures = failures(AVERAGE, HAS_AVERAGE)
    card = Card(
        title="VAE",
        year=2013,
        idea="Squeeze each digit into a few numbers that follow a known distribution, then draw new numbers.",
        equation=r"\begin{aligned}\mathcal{L} = &-\mathbb{E}_{q(z|x)}[\log p(x|z)] \\ &+ \beta\, D_{KL}(q(z|x)\,\|\,\mathcal{N}(0, I))\end{aligned}",
        paper="Kingma & Welling, Auto-Encoding Variational Bayes",
        url="https://arxiv.org/abs/1312.6114",
    )

    def __init__(self, config: VAEConfig) -> None:
        super().__init__(config)
        self.net = self.network()

    def network(self) -> MLP | Conv:
        """Encoder and decoder."""
        c = self.config
        return MLP(c.latent) if c.network == "mlp" else Conv(c.latent, c.width, 2, self.canvas)

    def optimizers(self) -> Optimizers:
        return {"vae": torch.optim.Adam(self.net.parameters(), lr=self.config.lr)}

    def encode(self, x: Tensor) -> Latent:
        """q(z | x) of pictures (N, 1, 28, 28) in [-1, 1]."""
        return Latent(*self.net.encode(x).chunk(2, dim=1))

    def code(self, x: Tensor) -> Tensor:
        return self.encode(x).mean

    def draw_code(self, x: Tensor) -> Tensor:
        return self.encode(x).draw()

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (N, 1, 28, 28) in [-1, 1] from latents (N, latent): the pixels' expected values."""
        return self.net.decode(z).sigmoid() * 2 - 1

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        mean, log_variance = q = self.encode(x)
        z = q.draw()
        # Pixels as Bernoulli probabilities, as the paper's appendix C.1 treats them.
        bce = F.binary_cross_entropy_with_logits(self.net.decode(z), (x + 1) / 2, reduction="sum") / len(x)
        kl_each = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).mean(0)  # (latent,), appendix B
        kl = kl_each.sum()
        loss = bce + self.config.beta * kl
        return loss, {"loss": loss, "bce": bce, "kl": kl, "active_latents": (kl_each > ACTIVE).sum()}
