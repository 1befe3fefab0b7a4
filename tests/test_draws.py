"""Random numbers of one's own: those of torch's generator, which stays untouched; games beside a training."""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab import api, checkpoints, draws
from genlab.checkpoints import WEIGHTS
from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.draws import OwnDraws
from genlab.events import Step
from genlab.lab.modes import Moment
from genlab.models import TRAINABLE
from genlab.training import train
from tests.helpers import states_equal, tiny

Draw = Callable[[], Tensor]
DRAW: dict[str, Draw] = {
    "randn": lambda: torch.randn(5),
    "rand": lambda: torch.rand(()),
    "randint": lambda: torch.randint(9, (5,)),
    "randperm": lambda: torch.randperm(9),
    "like": lambda: torch.randn_like(torch.zeros(3, 4)) + torch.rand_like(torch.zeros(3, 4)),
    "bernoulli": lambda: torch.bernoulli(torch.full((9,), 0.5)),
    "normal": lambda: torch.normal(torch.zeros(3), torch.ones(3)),
    "in place": lambda: torch.empty(40).normal_() + torch.empty(40).uniform_() * torch.empty(40).bernoulli_(),
    "dropout": lambda: nn.Dropout(0.3)(torch.ones(999)),
    "no dropout": lambda: nn.Dropout(0.3).eval()(torch.randn(9)) + F.dropout(torch.randn(9), 0.0),
    "weights": lambda: torch.cat([p.flatten() for p in nn.Conv2d(3, 4, 2).parameters()]),
    "attention": lambda: nn.MultiheadAttention(8, 2).in_proj_weight,
}


@pytest.mark.parametrize("draw", DRAW.values(), ids=[*DRAW])
def test_the_numbers_are_those_of_torch_which_stays_as_it_was(draw: Draw) -> None:
    torch.manual_seed(7)
    expected = [draw(), draw()]
    before = torch.get_rng_state()
    own = OwnDraws(7)
    with own:
        first = draw()
    torch.rand(3)
    with own:  # goes on where it was
        second = draw()
        draws.seed(7)
        again = draw()
    assert torch.equal(first, expected[0]) and torch.equal(second, expected[1])
    assert torch.equal(again, first)
    torch.set_rng_state(before)
    with own:
        draw()
    assert torch.equal(torch.get_rng_state(), before)


def test_one_s_own_within_one_s_own_and_a_generator_that_is_given() -> None:
    with OwnDraws(1) as outer:
        a = torch.randn(2)
        with OwnDraws(1):
            assert torch.equal(torch.randn(2), a)
            draws.seed(5)
        b = torch.randn(2)
        given = torch.randn(2, generator=torch.Generator().manual_seed(1))
        outer.seed(1)
        assert torch.equal(torch.randn(4), torch.randn(4, generator=torch.Generator().manual_seed(1)))
    assert torch.equal(given, a) and not torch.equal(a, b)
    draws.seed(1)  # outside, torch's own
    assert torch.equal(torch.randn(2), a)


@pytest.mark.parametrize("name", TRAINABLE)
def test_every_family_begins_and_learns_alike(name: str, digits: Dataset) -> None:
    """A function that draws and is not known there would move torch's own generator."""

    family, config = TRAINABLE[name], tiny(name).config

    def learned(within: AbstractContextManager[Any]) -> Any:
        with within:
            draws.seed(3)
            model = family(config)
            list(train(model, digits, TrainConfig(steps=2, batch_size=8, seed=4)))
        return model

    expected = learned(nullcontext())
    before = torch.get_rng_state()
    found = learned(OwnDraws())
    assert states_equal(found, expected) and torch.equal(torch.get_rng_state(), before)


def ring() -> Iterator[np.ndarray]:
    return (moment.points.numpy() for moment in api.ring(steps=60, seed=5))


def modes() -> Iterator[np.ndarray]:
    moves = api.modes(steps=10, batch_size=16, seed=5)
    return (move.images.numpy() for move in moves if isinstance(move, Moment))


@pytest.mark.parametrize("game", [ring, modes])
def test_a_game_beside_a_training(game: Callable[[], Iterator[np.ndarray]], digits: Dataset) -> None:
    """Both are what they are alone, in whichever order their threads draw; and so beside what loads."""
    plan = TrainConfig(steps=100_000, batch_size=8, seed=1, preview_every=100_000)
    begun, over = threading.Event(), threading.Event()
    steps = [0]

    def learn(model: Any, until: Callable[[int], bool]) -> None:
        events = train(model, digits, plan)
        for event in events:
            if isinstance(event, Step):
                steps[0] = event.step
                begun.set()
                if until(event.step):
                    events.close()  # type: ignore[attr-defined]
                    return

    alone = [*game()]
    model = tiny("gan", network="mlp")  # which drops out
    thread = threading.Thread(target=learn, args=(model, lambda _: over.is_set()))
    thread.start()
    begun.wait(60)
    first = steps[0]
    beside = []
    for shown in game():
        beside.append(shown)
        checkpoints.load(WEIGHTS / "vae")
        api.race(["vae", "gan"], seconds=1.0)
    last = steps[0]
    over.set()
    thread.join(60)
    assert last > first, "they were at work at once"
    for expected, found in zip(alone, beside, strict=True):
        np.testing.assert_array_equal(expected, found)
    again = tiny("gan", network="mlp")
    n = steps[0]
    learn(again, lambda step: step == n)
    assert states_equal(model, again)
