"""What a GAN's loss means is told by the loss itself: the shipped ones, and one that is added."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab import api
from genlab.data import Dataset, to_float
from genlab.doctor import Doctor
from genlab.events import Step
from genlab.lab import modes, ring
from genlab.lab.modes import ModesConfig
from genlab.lab.ring import RingConfig
from genlab.lab.verdict import survey
from genlab.library import Library
from genlab.models import gan
from genlab.models.gan import LOSSES, NOISE, GANConfig, Judging, Loss
from genlab.ui.progress import meanings
from tests.helpers import tiny


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Lim & Ye, "Geometric GAN" (2017), equation 9."""
    return F.relu(1 - real).mean() + F.relu(1 + fake).mean()


def between_margins(logit: Tensor) -> Tensor:
    return ((1 + logit) / 2).clamp(0, 1)


HINGE = Loss(
    Judging(hinge, between_margins, guessing=2.0, won=0.2, runaway=40.0), lambda fake: -fake, "raises it"
)


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The hinge loss, as one more entry of LOSSES would have it at import."""
    monkeypatch.setitem(LOSSES, "hinge", HINGE)
    monkeypatch.setitem(ring.GAMES, "hinge", ring.PlaneGAN)
    for config, name in ((GANConfig, "loss"), (ModesConfig, "game"), (RingConfig, "game")):
        field = config.__dataclass_fields__[name]
        options = (*field.metadata["options"], "hinge")
        monkeypatch.setattr(field, "metadata", {**field.metadata, "options": options})
    yield


def squares(real: Tensor, fake: Tensor) -> Tensor:
    """Mao et al., "Least Squares GANs" (2017), equation 2, with a = 0, b = 1."""
    return ((real - 1).square().mean() + fake.square().mean()) / 2


SQUARES = Loss(
    Judging(squares, lambda logit: logit.clamp(0, 1), guessing=0.25, won=0.01, runaway=10.0),
    lambda fake: (fake - 1).square() / 2,
    "brings it to 1",
)
KNOWN = LOSSES | {"hinge": HINGE, "squares": SQUARES}


@pytest.mark.parametrize("loss", KNOWN.values(), ids=[*KNOWN])
def test_its_numbers_are_those_of_the_function(loss: Loss) -> None:
    """Guessing is the lowest loss of one logit for all; with one for each kind it may be won, or run away."""
    judging, logits = loss.discriminator, torch.arange(-500, 501) / 100

    def value(real: Tensor, fake: Tensor) -> float:
        return judging.loss(real.view(1, 1), fake.view(1, 1)).item()

    same = torch.tensor([value(c, c) for c in logits])
    assert judging.guessing == pytest.approx(same.min().item(), abs=1e-5)
    neither = judging.realness(logits[same < judging.guessing + 1e-5])
    assert (neither - 0.5).abs().min() < 1e-6
    best = min(value(real, fake) for real in logits[::50] for fake in logits[::50])
    assert best < judging.won < judging.guessing < judging.runaway < value(logits[0] * 20, logits[-1] * 20)
    real = judging.realness(logits)
    assert real[0] < 0.01 and real[-1] > 0.99 and bool((real.diff() >= 0).all())


class Told(NamedTuple):
    loss_d: float
    cross_entropy: list[str]
    hinge: list[str]


@pytest.mark.parametrize(
    "told",
    [
        Told(0.1, [], ["discriminator too strong"]),
        Told(0.01, ["discriminator too strong"], ["discriminator too strong"]),
        Told(20.0, ["divergence"], []),
        Told(60.0, ["divergence"], ["divergence"]),
    ],
    ids=str,
)
def test_the_doctor_asks_the_loss_for_its_bounds(told: Told, added: None) -> None:
    for loss, expected in (("non_saturating", told.cross_entropy), ("hinge", told.hinge)):
        doctor, metrics = Doctor(tiny("gan", loss=loss)), {"loss": 1.0, "d_real": 0.9, "d_fake": 0.1}
        for step in range(1, 150):
            doctor.take(Step(step, 150, metrics | {"loss_d": told.loss_d}, 1.0, 1.0))
        assert [d.name for d in doctor.diagnoses] == expected
        if expected == ["divergence"]:
            guessing = "1.39" if loss == "non_saturating" else "2"
            assert doctor.diagnoses[0].evidence.endswith(f"guessing would give {guessing}.")


def test_what_is_plotted_is_told_by_the_loss(added: None) -> None:
    for config, told in (
        ({"loss": "minimax"}, "only guesses has 1.39"),
        ({"loss": "hinge"}, "only guesses has 2."),
        ({"penalty": 10.0}, "the opponent's loss."),
    ):
        assert told in meanings(["loss_d"], config)


def test_training_lowers_it_and_measures_realness_by_it(digits: Dataset, added: None) -> None:
    model, (x, y) = tiny("gan", loss="hinge", dropout=0.0), digits.batch(torch.arange(8))
    torch.manual_seed(2)
    fake = model.generate(y)
    real_d, fake_d = model.discriminator(x), model.discriminator(fake)
    torch.manual_seed(2)
    metrics = model.update(x, y, model.optimizers())
    assert metrics["loss_d"].item() == pytest.approx(hinge(real_d, fake_d).item(), rel=1e-4)
    assert metrics["d_real"].item() == pytest.approx((0.5 + real_d / 2).mean().item(), rel=1e-4)
    assert metrics["d_fake"].item() == pytest.approx((0.5 + fake_d / 2).mean().item(), rel=1e-4)


@pytest.mark.parametrize("weight", [0.0, 0.002, 9.0])
def test_the_labs_show_what_it_means(
    weight: float, digits: Dataset, monkeypatch: pytest.MonkeyPatch, added: None
) -> None:
    """Of a discriminator whose logit is known: on the plane, on digits and between them."""

    def linear(n_in: int) -> nn.Sequential:
        made = nn.Sequential(nn.Flatten(), nn.Linear(n_in, 1, bias=False))
        nn.init.constant_(made[1].weight, weight)
        return made

    monkeypatch.setattr(ring.PlaneGAN, "networks", lambda self: (nn.Linear(NOISE, 2), linear(2)))
    on_plane = next(ring.play(RingConfig(game="hinge")))
    expected = between_margins(weight * ring.grid().sum(1)).view_as(on_plane.surface)
    assert torch.allclose(on_plane.surface, expected, atol=1e-5)
    assert on_plane.pull["hinge"] == pytest.approx(weight * math.sqrt(2), abs=1e-5)

    monkeypatch.setattr(gan, "mlp_discriminator", lambda dropout: linear(784))
    data = Dataset(digits.images[: modes.SAMPLES], digits.labels[: modes.SAMPLES], "", complete=False)
    found = next(modes.play(ModesConfig(game="hinge"), data, Library().classifier()))
    assert isinstance(found, modes.Moment) and (found.scores.lo, found.scores.hi) == (0.0, 1.0)
    logits = weight * to_float(data.images).flatten(1).sum(1)
    seen, _ = np.histogram(between_margins(logits).numpy(), modes.BINS, (0, 1))
    assert found.scores.shares["real"] == pytest.approx(seen / len(data), abs=0.006)  # floats at the edges

    model, images = tiny("gan", network="mlp", loss="hinge").eval(), api.dataset("test").images
    got = survey(model, images[0], images[1], images, 0, None)
    for spot in got.corners.values():
        logit = weight * float(spot.picture.sum())
        assert spot.verdict == pytest.approx(min(max((1 + logit) / 2, 0), 1), abs=1e-4)
        assert spot.pull == pytest.approx(28 * weight, rel=1e-3)
