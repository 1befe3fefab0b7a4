"""The GANs' game on real digits: which of the ten does the generator find, and what does its opponent do?

The opponent is looked at as by Arjovsky & Bottou, "Towards Principled Methods for Training GANs" (2017),
section 2 (how hard either loss pulls the generator), and Gulrajani et al., "Improved Training of
Wasserstein GANs" (2017), section 3 (a clipped critic's weights and slopes).
"""

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor

from genlab import draws
from genlab.config import MAX_SEED, Config, TrainConfig, choice, knob
from genlab.data import Dataset, to_float
from genlab.doctor import Diagnosis, Doctor
from genlab.evaluation import features_of
from genlab.events import Done, Preview, Step
from genlab.lab.games import choose_game, covered, has_critic, pulls
from genlab.models import MODELS, Classifier
from genlab.models.gan import AdversarialModel, OriginalGAN
from genlab.models.wgan_gp import WassersteinGAN
from genlab.sampling import sample
from genlab.training import finite, mix, train

SAMPLES = 200  # generated digits in each look, and as many real ones
SHOWN = 40  # of them
DIGITS = 10
MOMENTS = 20  # of a game that are told
BINS = 25  # odd: the middle of weights, and a slope of 1, lie within one
# From where on a sample counts as a digit: the classifier's probability, and the mean of x^2 over the mean of
# x, which is 1 for black and white. The classifier alone is sure of grey noise too: it takes it for an 8. Of
# MNIST's test images 98.7% reach both, of uniform noise (0.67) and of evenly grey pictures up to 0.7 none.
SURE, CONTRAST = 0.9, 0.7
SLOPES = (-4.0, 2.0)  # log10 of the critic's gradient norms that a histogram shows


@dataclass(frozen=True)
class ModesConfig(Config):
    game: str = choose_game("non_saturating")
    steps: int = knob(200, 1, 2000, "Steps of the generator")
    network: str = choice("mlp", ("mlp", "conv"), "mlp: dense networks, fast; conv: sharper digits, slower")
    batch_size: int = knob(64, 2, 256, "Real digits, and generated ones, in each step of the opponent")
    n_critic: int = knob(3, 1, 10, "wgan, wgan_gp: steps of the critic for each of the generator")
    lr: float = knob(4e-4, 1e-6, 1.0, "Learning rate of the generator", log=True)
    lr_d: float = knob(4e-4, 1e-6, 1.0, "Learning rate of the opponent", log=True)
    dropout: float = knob(0.3, 0.0, 0.9, "GAN: share of the discriminator that is switched off each step")
    penalty: float = knob(10.0, 0.0, 1000.0, "wgan_gp: weight of the gradient penalty", log=True)
    clip: float = knob(0.01, 1e-4, 1.0, "wgan: bound of the critic's weights", log=True)
    width: int = knob(16, 8, 64, "conv: channels of the networks")
    seed: int = knob(0, 0, MAX_SEED, "The same seed plays the same game")

    ema = 0.0  # the generator itself is shown

    @property
    def family(self) -> str:
        return self.game if has_critic(self.game) else "gan"


class Pair(NamedTuple):
    """Two games worth a look side by side, and what they show."""

    games: tuple[dict[str, Any], dict[str, Any]]
    says: str


CONV: dict[str, Any] = {"network": "conv"}
# The discriminator learns three times as fast, none of it is switched off: it wins.
SURE_OPPONENT = CONV | {"steps": 250, "lr": 3e-4, "lr_d": 1e-3, "dropout": 0.0}
# What they say is what seeds 0, 1 and 2 did.
PAIRS = {
    "collapse and cure: a generator that runs ahead": Pair(
        ({"steps": 450, "lr": 4e-3}, CONV | {"steps": 450, "lr": 1e-3, "lr_d": 1e-3}),
        "A: dense networks, and a generator that learns ten times as fast as its opponent. "
        "It draws nearly the same picture whatever the noise. "
        "B: convolutions, and both learn alike: about half of the digits are found.",
    ),
    "saturation and cure: minimax, non-saturating": Pair(
        (SURE_OPPONENT | {"game": "minimax"}, SURE_OPPONENT),
        "Both discriminators learn too fast, and soon are sure. A: log(1 - D) is flat there, hardly anything "
        "pulls the generator. B: -log D is steep there and pulls ten thousand times as hard.",
    ),
    "WGAN with clipped weights, WGAN-GP": Pair(
        (
            CONV | {"game": "wgan", "steps": 200, "lr": 5e-4, "lr_d": 5e-4},
            CONV | {"game": "wgan_gp", "steps": 200, "lr": 1e-3, "lr_d": 1e-3},
        ),
        "A: clipping pushes most of the critic's weights to the ends of the clip, its slope to a hundredth. "
        "B: the penalty leaves the weights alone, holds the slope near 1, and finds more digits.",
    ),
}


class Histogram(NamedTuple):
    """Shares of each group of values between lo and hi; what lies beyond is in the first or last bin."""

    lo: float
    hi: float
    shares: dict[str, tuple[float, ...]]  # (BINS,) by the name of the group, together 1


class Moment(NamedTuple):
    """A game after ``step`` steps."""

    step: int
    images: Tensor  # uint8 (SAMPLES, 1, 28, 28), always from the same noise
    counts: tuple[int, ...]  # (DIGITS,) samples that are clearly each digit; see ``counted``
    metrics: dict[str, float]
    pull: dict[str, float]  # how hard the generator is pulled, by name of what pulls; see ``games.pulls``
    scores: Histogram  # "real" and "generated": D(x) in [0, 1], or the critic's value
    weights: Histogram | None  # "weights" of a critic
    slopes: Histogram | None  # "slopes": log10 of a critic's gradient norm at interpolates
    diagnoses: tuple[Diagnosis, ...]  # what the doctor says
    broken: str = ""  # a number was not finite: the game is over, and this is its last good state

    @property
    def covered(self) -> int:
        """Digits that got at least a quarter of their fair share."""
        return covered(self.counts, SAMPLES)

    @property
    def clear(self) -> int:
        """Samples that are clearly a digit, whichever."""
        return sum(self.counts)


def build(config: ModesConfig) -> AdversarialModel:
    """The family of this game, by the knobs it has; its first weights depend on the seed alone."""
    family = MODELS[config.family]
    names = [f.name for f in dataclasses.fields(family.Config) if hasattr(config, f.name)]
    knobs: dict[str, Any] = {name: getattr(config, name) for name in names}
    if config.family == "gan":
        knobs["loss"] = config.game
    draws.seed(config.seed)
    return cast(AdversarialModel, family.build(knobs))


def histogram(groups: dict[str, Tensor], lo: float, hi: float) -> Histogram:
    """Shares (BINS,) of the finite ones among each group's numbers, of any shape."""
    if not lo < hi:
        lo, hi = lo - 0.5, lo + 0.5
    found = {}
    for name, values in groups.items():
        known = values[values.isfinite()].clamp(lo, hi)
        found[name] = tuple((torch.histc(known, BINS, lo, hi) / max(1, known.numel())).tolist())
    return Histogram(lo, hi, found)


def counted(images: Tensor, judge: Classifier) -> tuple[int, ...]:
    """(DIGITS,) how many of the pictures uint8 (N, 1, 28, 28) are clearly each digit."""
    x = images.flatten(1).float() / 255
    sharp = x.square().sum(1) > CONTRAST * x.sum(1)
    sure, digit = judge.probabilities(features_of(judge, images)).max(1)
    return tuple(torch.bincount(digit[sharp & (sure >= SURE)], minlength=DIGITS).tolist())


class _Judge:
    """Looks at one game, always with the same noise and the same real digits."""

    def __init__(self, config: ModesConfig, model: AdversarialModel, data: Dataset, judge: Classifier):
        self.config, self.model, self.judge = config, model, judge
        self.doctor = Doctor(model, judge)
        picked = torch.randperm(len(data), generator=torch.Generator().manual_seed(config.seed))[:SAMPLES]
        self.real = to_float(data.images[picked])

    def look(self, step: int, metrics: dict[str, float], broken: str = "") -> Moment:
        running = self.model.training
        self.model.eval()
        draws.seed(mix(self.config.seed, step))
        *_, drawn = sample(self.model, SAMPLES, self.config.seed)
        fake, real = to_float(drawn.images).to(self.model.device), self.real.to(self.model.device)
        found = Moment(
            step,
            drawn.images,
            counted(drawn.images, self.judge),
            metrics,
            pulls(self.model, fake),
            self.scores(real, fake),
            self.weights(),
            self.slopes(real, fake),
            self.doctor.diagnoses,
            broken,
        )
        self.model.train(running)
        return found

    @torch.no_grad()
    def scores(self, real: Tensor, fake: Tensor) -> Histogram:
        label = torch.zeros(SAMPLES, device=real.device)
        groups = {"real": self.model.judge(real, label), "generated": self.model.judge(fake, label)}
        if isinstance(self.model, OriginalGAN):
            return histogram({name: self.model.realness(v) for name, v in groups.items()}, 0.0, 1.0)
        both = torch.cat([*groups.values()])
        return histogram(groups, float(both.min()), float(both.max()))

    def weights(self) -> Histogram | None:
        """Of the critic; between the bounds where it is clipped."""
        if not has_critic(self.config.game):
            return None
        found = torch.cat([w.detach().flatten() for w in self.model.discriminator.parameters()])
        bound = self.config.clip if self.config.game == "wgan" else float(found.abs().quantile(0.999))
        return histogram({"weights": found}, -bound, bound)

    def slopes(self, real: Tensor, fake: Tensor) -> Histogram | None:
        if not isinstance(self.model, WassersteinGAN):
            return None
        label = torch.zeros(SAMPLES, device=real.device)
        norm = self.model.gradient_norm(real, fake, label, create_graph=False)
        return histogram({"slopes": norm.clamp(min=1e-12).log10()}, *SLOPES)


def play(config: ModesConfig, data: Dataset, judge: Classifier) -> Iterator[Moment | Step]:
    """One game from the beginning: every step of it, and about ``MOMENTS`` looks at it.

    The first item is a look before the first step, the last one a look after the last.

    Args:
        config: What is played.
        data: The training set, at least ``SAMPLES`` digits.
        judge: Reads the digits.
    """
    model, every = build(config), math.ceil(config.steps / MOMENTS)
    batch = config.batch_size * (config.n_critic if has_critic(config.game) else 1)
    plan = TrainConfig(
        steps=config.steps, batch_size=batch, decay="none", seed=config.seed, preview_every=every
    )
    looker, step, metrics = _Judge(config, model, data, judge), 0, {}
    yield looker.look(0, {})
    for event in train(model, data, plan, warmup=1):
        looker.doctor.take(event)
        match event:
            case Step():
                step, metrics = event.step, event.metrics
                yield event
            case Preview() if finite(model):  # else the next step ends the game
                yield looker.look(step, metrics)
            case Done(reason="diverged"):
                yield looker.look(event.step, metrics, event.message)
