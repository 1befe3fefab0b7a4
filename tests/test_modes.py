"""The game on digits: its pieces against closed forms, and whether failures that are provoked are seen."""

import math
from concurrent.futures import ThreadPoolExecutor
from itertools import zip_longest
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from genlab import api
from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.errors import InvalidInput
from genlab.events import Step
from genlab.lab import games, modes
from genlab.lab.modes import BINS, DIGITS, PAIRS, SAMPLES, ModesConfig, Moment, play
from genlab.library import Library
from genlab.models import MODELS, Classifier
from genlab.models.gan import LOSSES
from genlab.sampling import sample
from genlab.training import train
from genlab.ui.ganlab.pieces import PULLED


@pytest.fixture(scope="module")
def judge() -> Classifier:
    return Library().classifier()


def moments(data: Dataset, judge: Classifier, **knobs: Any) -> list[Moment]:
    return [move for move in play(ModesConfig(**knobs), data, judge) if isinstance(move, Moment)]


def test_which_digits_are_counted(embedded: dict[str, Dataset], judge: Classifier) -> None:
    test = embedded["test"]
    threes, sevens = (test.images[test.labels == digit] for digit in (3, 7))
    grey = torch.arange(0, 170, 5, dtype=torch.uint8)[:, None, None, None].expand(-1, 1, 28, 28)
    noise = torch.randint(0, 256, (50, 1, 28, 28), dtype=torch.uint8)
    counts = modes.counted(torch.cat([threes, sevens[:10], grey, noise]), judge)
    assert 0.95 * len(threes) <= counts[3] <= len(threes) and 9 <= counts[7] <= 10
    assert sum(counts) - counts[3] - counts[7] <= 2
    assert modes.counted(grey, judge) == modes.counted(noise, judge) == (0,) * DIGITS


def test_games_at_once_are_those_alone() -> None:
    """They share torch's generator; each in a thread of its own, as those of several visitors are."""

    def digits(seed: int) -> list[np.ndarray]:
        found = api.modes(steps=6, batch_size=8, seed=seed)
        return [move.images.numpy() for move in found if isinstance(move, Moment)]

    def points(seed: int) -> list[np.ndarray]:
        return [moment.points.numpy() for moment in api.ring(steps=60, seed=seed)]

    entered = [(digits, 3), (digits, 4), (points, 5), (points, 6)]
    alone = [play(seed) for play, seed in entered]
    with ThreadPoolExecutor(len(entered)) as pool:
        at_once = list(pool.map(lambda game: game[0](game[1]), entered))
    for expected, found in zip(alone, at_once, strict=True):
        np.testing.assert_array_equal(expected, found)


def test_a_digit_is_covered_from_a_quarter_of_its_share() -> None:
    assert games.covered((5, 4, 191, 0, 0, 0, 0, 0, 0, 0), 200) == 2


@pytest.mark.parametrize("sure", [0.0, -12.0])
def test_the_pull_on_a_picture(sure: float) -> None:
    """Of the logit w x + b: |d/dx -log D| = (1 - D) |w|, |d/dx log(1 - D)| = D |w|; of a critic it is |w|."""
    for game in ("minimax", "wgan"):
        model = modes.build(ModesConfig(game=game))
        model.discriminator = nn.Sequential(nn.Flatten(), nn.Linear(784, 1))
        nn.init.constant_(model.discriminator[1].weight, 0.1)  # its length: 0.1 * 28
        nn.init.constant_(model.discriminator[1].bias, sure)
        found, d = games.pulls(model, torch.zeros(5, 1, 28, 28)), 1 / (1 + math.exp(-sure))
        pulled = {"critic"} if game == "wgan" else LOSSES.keys()
        expected = {"critic": 2.8, "non_saturating": 2.8 * (1 - d), "minimax": 2.8 * d}
        assert found == pytest.approx({name: expected[name] for name in pulled}, rel=1e-3)


def test_every_pull_has_its_colour() -> None:
    assert PULLED.keys() == {*LOSSES, "critic"}


def test_a_histogram_is_that_of_numpy() -> None:
    values = torch.randn(1000)
    found = modes.histogram({"a": values, "b": torch.tensor([math.nan, 99.0])}, -1.0, 1.0)
    counts, _ = np.histogram(values.clamp(-1, 1).numpy(), BINS, (-1, 1))
    assert found.shares["a"] == pytest.approx(counts / 1000, abs=2e-3)  # at the edges floats may differ
    assert found.shares["b"] == (0.0,) * (BINS - 1) + (1.0,)
    assert modes.histogram({"a": torch.ones(3)}, 1.0, 1.0).lo == 0.5


@pytest.mark.parametrize("game", ["minimax", "wgan", "wgan_gp"])
def test_a_game_is_the_family_s_own_training(game: str, digits: Dataset, judge: Classifier) -> None:
    """Whatever is looked at on the way, and whoever else plays in turn."""
    config = ModesConfig(game=game, steps=6, batch_size=8, seed=3)
    other = play(ModesConfig(steps=9, batch_size=8), digits, judge)
    moves = [mine for mine, _ in zip_longest(play(config, digits, judge), other) if mine is not None]
    assert [m.step for m in moves if isinstance(m, Step)] == [1, 2, 3, 4, 5, 6]
    looks = [m for m in moves if isinstance(m, Moment)]
    assert [m.step for m in looks] == [0, 1, 2, 3, 4, 5, 6] and moves[-1] is looks[-1]
    family = MODELS["gan" if game == "minimax" else game]
    knobs: dict[str, Any] = {"network": "mlp", "ema": 0.0, "lr": config.lr, "lr_d": config.lr_d}
    knobs |= {"loss": "minimax"} if game == "minimax" else {"n_critic": 3}
    torch.manual_seed(3)
    model, batch = family.build(knobs), 8 if game == "minimax" else 24
    list(train(model, digits, TrainConfig(steps=6, batch_size=batch, decay="none", seed=3), warmup=1))
    *_, drawn = sample(model, SAMPLES, 3)
    assert torch.equal(looks[-1].images, drawn.images)
    assert not torch.equal(looks[0].images, looks[-1].images)


def test_clipping_pushes_weights_to_the_ends_and_the_penalty_holds_the_slope(
    embedded: dict[str, Dataset], judge: Classifier
) -> None:
    common = {"steps": 25, "batch_size": 32, "lr": 5e-4}
    clipped, held = (
        moments(embedded["train"], judge, game=game, lr_d=lr_d, **common)[-1]
        for game, lr_d in (("wgan", 5e-3), ("wgan_gp", 5e-4))
    )
    assert clipped.weights and clipped.slopes and held.weights and held.slopes
    assert (clipped.weights.lo, clipped.weights.hi) == (-0.01, 0.01)

    def ends(now: Moment) -> float:
        shares = now.weights.shares["weights"]  # type: ignore[union-attr]
        return shares[0] + shares[-1]

    assert ends(clipped) > 0.3 > 0.02 > ends(held)

    def slope(now: Moment) -> float:
        """Its logarithm, on average."""
        lo, hi, shares = now.slopes  # type: ignore[misc]
        return sum(s * (lo + (hi - lo) * (i + 0.5) / BINS) for i, s in enumerate(shares["slopes"]))

    assert slope(clipped) < -0.5 and abs(slope(held)) < 0.4


def test_a_provoked_collapse_is_seen(embedded: dict[str, Dataset], judge: Classifier) -> None:
    end = moments(embedded["train"], judge, lr=0.004, steps=130)[-1]
    assert end.covered <= 1 and "mode collapse" in [d.name for d in end.diagnoses]
    assert end.weights is None and end.slopes is None


def test_minimax_saturates_beside_a_sure_discriminator(
    embedded: dict[str, Dataset], judge: Classifier
) -> None:
    knobs = PAIRS["saturation and cure: minimax, non-saturating"].games[0]
    first, *_, end = moments(embedded["train"], judge, **knobs | {"steps": 40})
    assert end.pull["minimax"] < 0.01 * end.pull["non_saturating"]
    assert first.pull["minimax"] > 0.5 * first.pull["non_saturating"]
    real, generated = end.scores.shares["real"], end.scores.shares["generated"]
    assert real[-1] > 0.9 and generated[0] > 0.9, "it is sure of both"


def test_a_game_that_breaks_says_so(
    digits: Dataset, judge: Classifier, monkeypatch: pytest.MonkeyPatch
) -> None:
    family = MODELS["gan"]
    update = family.update

    def poison(self: Any, *args: Any) -> Any:
        self.generator[0].weight.data.fill_(math.nan)
        return update(self, *args)

    monkeypatch.setattr(family, "update", poison)
    first, end = moments(digits, judge, steps=20, batch_size=8)
    assert not first.broken and "no longer finite" in end.broken and end.step == 0
    assert torch.equal(first.images, end.images), "the last good state is shown"


@pytest.mark.parametrize(
    "knobs", [{"game": "chess"}, {"steps": 0}, {"lr": math.nan}, {"clip": 2}, {"batch_size": 1}, {"x": 1}]
)
def test_bad_knobs(knobs: dict) -> None:
    with pytest.raises(InvalidInput, match=next(iter(knobs)) if "x" not in knobs else "option"):
        api.modes(**knobs)


def test_both_games_of_a_pair_have_as_many_steps() -> None:
    for pair in PAIRS.values():
        a, b = (ModesConfig(**knobs) for knobs in pair.games)
        assert a != b and a.steps == b.steps and pair.says
