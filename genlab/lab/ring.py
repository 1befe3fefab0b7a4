"""The GANs' game on the plane: eight Gaussians on a ring, where one sees every move.

The test of Metz et al., "Unrolled Generative Adversarial Networks" (2017), section 3.1: a generator that
has found one of the modes fools its opponent there, and may never find the others. The players are dense
networks; the game is that of the families themselves.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from genlab import draws
from genlab.config import MAX_SEED, Config, knob
from genlab.lab.games import choose_game, covered, has_critic, pulls
from genlab.models.gan import LOSSES, NOISE, AdversarialModel, OriginalGAN
from genlab.models.wgan import WGAN
from genlab.models.wgan_gp import WGANGP
from genlab.training import mix

MODES, RADIUS, SIGMA = 8, 2.0, 0.1
NEAR = 3 * SIGMA  # from a centre: 98.9% of a Gaussian on the plane
BATCH, POINTS = 256, 512
SIDE, EXTENT = 40, 3.0  # the surface: cells along an edge, and how far it reaches from the centre
MOMENTS = 100  # of a game that are told


@dataclass(frozen=True)
class RingConfig(Config):
    game: str = choose_game("non_saturating")
    steps: int = knob(2000, 1, 10_000, "Steps of the generator")
    n_critic: int = knob(5, 1, 10, "wgan, wgan_gp: steps of the critic for each of the generator")
    lr: float = knob(1e-3, 1e-6, 1.0, "Learning rate of the generator", log=True)
    lr_d: float = knob(1e-3, 1e-6, 1.0, "Learning rate of the opponent", log=True)
    width: int = knob(128, 4, 256, "Neurons in each of the two hidden layers of both players")
    penalty: float = knob(1.0, 0.0, 100.0, "wgan_gp: weight of the gradient penalty", log=True)
    clip: float = knob(0.1, 1e-4, 1.0, "wgan: bound of the critic's weights", log=True)
    seed: int = knob(0, 0, MAX_SEED, "The same seed plays the same game")

    ema = 0.0  # the generator itself is shown

    @property
    def loss(self) -> str:
        """Of the generator, in a game of the original kind."""
        return self.game


class Preset(NamedTuple):
    """A game worth a look, and what it shows."""

    knobs: dict[str, Any]
    says: str


# What they say is what seeds 0 and 1 did.
PRESETS = {
    "balanced": Preset({}, "Both learn alike, and nearly all modes are found."),
    "collapse: the generator runs ahead": Preset(
        {"steps": 1500, "lr": 3e-3, "lr_d": 1e-4},
        "The generator moves faster than its opponent can follow: it sits on one mode and jumps to the next.",
    ),
    "saturation: minimax, a sure opponent": Preset(
        {"game": "minimax", "steps": 1500, "lr": 1e-4, "lr_d": 5e-3},
        "The opponent is sure of every point, log(1 - D) is flat there, and nothing pulls the generator.",
    ),
    "the same, non-saturating": Preset(
        {"steps": 1500, "lr": 1e-4, "lr_d": 5e-3},
        "The same opponent, but -log D is steep where it is sure: the generator is pulled, if to one mode.",
    ),
    "cure: WGAN-GP": Preset(
        {"game": "wgan_gp", "steps": 1000},
        "The critic says how far, not only whether: it pulls everywhere, and all modes are found.",
    ),
    "WGAN: clipped weights": Preset(
        {"game": "wgan", "steps": 1500, "lr": 5e-4},
        "The bound on the weights keeps the critic smooth, but too simple to show all modes.",
    ),
}


def centres() -> Tensor:
    """(8, 2)."""
    angle = torch.arange(MODES) * (2 * math.pi / MODES)
    return RADIUS * torch.stack([angle.cos(), angle.sin()], dim=1)


def real(n: int) -> Tensor:
    """Draws from the ring, (n, 2)."""
    return centres()[torch.randint(MODES, (n,))] + SIGMA * torch.randn(n, 2)


def dense(n_in: int, width: int, n_out: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(n_in, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU(), nn.Linear(width, n_out)
    )


class OnThePlane:
    """Players for points (N, 2) in place of pictures."""

    config: Any

    def networks(self) -> tuple[nn.Module, nn.Module]:
        return dense(NOISE, self.config.width, 2), dense(2, self.config.width, 1)


class PlaneGAN(OnThePlane, OriginalGAN):
    pass


class PlaneWGAN(OnThePlane, WGAN):
    pass


class PlaneWGANGP(OnThePlane, WGANGP):
    pass


GAMES: dict[str, type[AdversarialModel]] = {
    **dict.fromkeys(LOSSES, PlaneGAN),
    "wgan": PlaneWGAN,
    "wgan_gp": PlaneWGANGP,
}


class Moment(NamedTuple):
    """A game after ``step`` steps; everything finite, unless ``broken``."""

    step: int
    points: Tensor  # (POINTS, 2), always from the same noise
    surface: Tensor  # (SIDE, SIDE), rows from the top: D(x) in [0, 1], or the critic's value
    counts: tuple[int, ...]  # (MODES,) points near each centre
    metrics: dict[str, float]
    pull: dict[str, float]  # how hard the generator is pulled, by name of what pulls; see ``games.pulls``
    broken: bool = False  # a number was not finite: the game is over

    @property
    def covered(self) -> int:
        """Modes that got at least a quarter of their fair share."""
        return covered(self.counts, POINTS)

    @property
    def good(self) -> float:
        """Share of the points that are near a centre."""
        return sum(self.counts) / POINTS


def counted(points: Tensor) -> tuple[int, ...]:
    """How many of the points (N, 2) are near each centre."""
    return tuple((torch.cdist(points, centres()) <= NEAR).sum(0).tolist())


def grid() -> Tensor:
    """The centres of the surface's cells, (SIDE^2, 2), row by row from the top."""
    across = (torch.arange(SIDE) + 0.5) * (2 * EXTENT / SIDE) - EXTENT
    y, x = torch.meshgrid(-across, across, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def play(config: RingConfig) -> Iterator[Moment]:
    """One game from the beginning: its first moment, and about ``MOMENTS`` more."""
    draws.seed(config.seed)
    model = GAMES[config.game](config)
    optimizers = model.optimizers()
    batch = BATCH * (config.n_critic if has_critic(config.game) else 1)  # which the critic's steps share
    y, every = torch.zeros(batch), math.ceil(config.steps / MOMENTS)
    z, cells = torch.randn(POINTS, NOISE), grid()

    def moment(step: int, metrics: dict[str, float]) -> Moment:
        with torch.no_grad():
            points = model.draw(model.generator, z, y)
            value = model.judge(cells, y).view(SIDE, SIDE)
        surface = model.realness(value) if isinstance(model, OriginalGAN) else value
        finite = bool(points.isfinite().all() and surface.isfinite().all())
        return Moment(step, points, surface, counted(points), metrics, pulls(model, points), not finite)

    yield moment(0, {})
    for step in range(1, config.steps + 1):
        draws.seed(mix(config.seed, step))
        metrics = model.update(real(batch), y, optimizers)
        if step % every == 0 or step == config.steps:
            now = moment(step, {k: v.item() for k, v in metrics.items()})
            yield now
            if now.broken:
                return
