"""The game on the plane: its pieces against closed forms, and whether the presets do what they say."""

import math
from typing import Any

import pytest
import torch
from torch import nn

from genlab import api
from genlab.errors import InvalidInput
from genlab.lab import games, ring
from genlab.lab.ring import GAMES, MODES, NEAR, POINTS, PRESETS, SIGMA, Moment, RingConfig


def last(**knobs: object) -> Moment:
    *_, end = api.ring(**knobs)
    return end


def test_the_ring_is_eight_gaussians() -> None:
    torch.manual_seed(0)
    x = ring.real(40_000)
    distance, mode = torch.cdist(x, ring.centres()).min(1)
    assert torch.bincount(mode, minlength=MODES).min() > 40_000 / MODES * 0.93
    # |x - centre| is Rayleigh: its mean square is 2 sigma^2, and 1 - exp(-9 / 2) of it lies within 3 sigma.
    assert (distance**2).mean().item() == pytest.approx(2 * SIGMA**2, rel=0.03)
    assert (distance <= NEAR).float().mean().item() == pytest.approx(1 - math.exp(-4.5), abs=0.003)
    assert ring.centres().norm(dim=1).allclose(torch.tensor(ring.RADIUS))


def test_what_is_covered() -> None:
    fair = POINTS // MODES
    points = torch.cat(
        [ring.centres()[:1].repeat(POINTS - fair // 4 - 1, 1), ring.centres()[1:2].repeat(fair // 4, 1)]
    )
    points = torch.cat([points, torch.tensor([[0.0, 0.0]])])
    now = Moment(0, points, torch.zeros(1, 1), ring.counted(points), {}, {})
    assert now.counts == (POINTS - fair // 4 - 1, fair // 4, 0, 0, 0, 0, 0, 0)
    assert now.covered == 2 and now.good == (POINTS - 1) / POINTS


def test_the_surface_is_read_from_the_top() -> None:
    cells = ring.grid().view(ring.SIDE, ring.SIDE, 2)
    assert cells[0, 0].tolist() == pytest.approx([-2.925, 2.925]) and cells[-1, 0, 1] == pytest.approx(-2.925)


@pytest.mark.parametrize("sure", [0.0, -12.0])
def test_the_pull_is_the_gradient_of_either_loss(sure: float) -> None:
    """Of the logit w x + b: d/dx -log D = -(1 - D) w and d/dx log(1 - D) = -D w."""
    model = GAMES["minimax"](RingConfig(game="minimax"))
    model.discriminator = nn.Linear(2, 1)
    with torch.no_grad():
        model.discriminator.weight.copy_(torch.tensor([[0.6, 0.8]]))
        model.discriminator.bias.fill_(sure)
    found = games.pulls(model, torch.zeros(5, 2))
    d = 1 / (1 + math.exp(-sure))
    assert found["non_saturating"] == pytest.approx(1 - d, rel=1e-4)
    assert found["minimax"] == pytest.approx(d, rel=1e-3)


def test_a_game_is_told_from_its_first_moment_to_its_last_and_repeats() -> None:
    one, again = (list(api.ring(steps=250, seed=3)) for _ in range(2))
    assert [m.step for m in one] == [0, *range(3, 250, 3), 250]
    assert all(torch.equal(a.points, b.points) for a, b in zip(one, again, strict=True))
    assert not torch.equal(one[-1].points, last(steps=250, seed=4).points)
    assert one[-1].points.shape == (POINTS, 2) and 0 <= one[-1].surface.min() <= one[-1].surface.max() <= 1


@pytest.mark.parametrize("game", GAMES)
def test_every_game_moves(game: str) -> None:
    first, *_, end = api.ring(game=game, steps=20, width=16)
    assert end.step == 20 and not torch.equal(first.points, end.points) and not end.broken
    assert all(math.isfinite(v) for v in (*end.metrics.values(), *end.pull.values()))


def test_a_game_that_breaks_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    update = ring.PlaneGAN.update

    def poison(self: ring.PlaneGAN, *args: Any) -> Any:
        metrics = update(self, *args)
        self.generator[0].weight.data.fill_(math.nan)
        return metrics

    monkeypatch.setattr(ring.PlaneGAN, "update", poison)
    first, end = api.ring(steps=500)
    assert not first.broken and end.broken and end.step == 5


@pytest.mark.parametrize("knobs", [{"game": "chess"}, {"steps": 0}, {"lr": math.nan}, {"width": 3}, {"x": 1}])
def test_bad_knobs(knobs: dict) -> None:
    with pytest.raises(InvalidInput, match=next(iter(knobs)) if "x" not in knobs else "option"):
        api.ring(**knobs)


def test_the_presets_do_what_they_say() -> None:
    ends = {name: last(**preset.knobs) for name, preset in PRESETS.items()}
    assert ends["balanced"].covered >= 6
    assert ends["collapse: the generator runs ahead"].covered <= 3
    stuck, pulled = ends["saturation: minimax, a sure opponent"], ends["the same, non-saturating"]
    assert stuck.covered == 0 and stuck.pull["minimax"] < 1e-3 * stuck.pull["non_saturating"]
    assert pulled.good > 0.5 > 0.1 > stuck.good
    assert ends["cure: WGAN-GP"].covered == MODES
    assert ends["WGAN: clipped weights"].covered < MODES
