"""Training as a stream of events: resumable, stoppable, and safe when the numbers run away."""

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from genlab import training
from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.events import Done, Event, Preview, Saved, Started, Step, Unsaved
from genlab.models import MODELS, TRAINABLE, GenerativeModel, Trainable
from genlab.training import Batches, learning_rate_factor, train, warmup_steps
from tests.helpers import states_equal, tiny

SHORT = TrainConfig(steps=9, batch_size=16, preview_every=1000)


def snapshot(model: Trainable) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items()}


def finite(model: Trainable) -> bool:
    return all(bool(v.isfinite().all()) for v in model.state_dict().values())


# --- batches


@pytest.mark.parametrize(("n", "size"), [(100, 16), (100, 100), (100, 7), (10, 32), (64, 8)])
def test_every_epoch_is_a_permutation(n: int, size: int) -> None:
    config = TrainConfig(batch_size=size)
    batches = Batches(n, config)
    stream = torch.cat([batches.index(step) for step in range(-(-4 * n // size))])
    epochs = stream[: 4 * n].view(4, n)
    for epoch in epochs:
        assert torch.equal(epoch.sort().values, torch.arange(n))
    assert len({tuple(e.tolist()) for e in epochs}) == 4, "every epoch has its own order"


def test_a_batch_depends_on_seed_and_step_alone() -> None:
    config = TrainConfig(batch_size=7, seed=3)
    in_order = Batches(50, config)
    every = [in_order.index(step) for step in range(30)]
    for step in (29, 0, 13, 14, 7):
        assert torch.equal(Batches(50, config).index(step), every[step])
    assert not torch.equal(Batches(50, TrainConfig(batch_size=7, seed=4)).index(0), every[0])


# --- learning rate


def test_the_learning_rate_warms_up_and_fades() -> None:
    cosine = [learning_rate_factor(s, TrainConfig(steps=1000)) for s in range(1001)]
    assert cosine[0] == pytest.approx(1 / 20, rel=1e-3) and max(cosine) > 0.99
    assert all(a < b for a, b in pairwise(cosine[:20])), "2% of the steps"
    assert all(a > b for a, b in pairwise(cosine[20:]))
    assert cosine[500] == pytest.approx(0.5) and cosine[1000] == pytest.approx(0)
    constant = [learning_rate_factor(s, TrainConfig(steps=1000, decay="none")) for s in range(1000)]
    assert set(constant[19:]) == {1.0}
    assert learning_rate_factor(99, TrainConfig(steps=10**6, decay="none")) == 1, "100 steps at most"


class Slope(Trainable):
    """One weight whose gradient is always 1: it falls by the learning rate."""

    recipe = TrainConfig()

    def __init__(self) -> None:
        super().__init__(Trainable.Config())
        self.w = torch.nn.Parameter(torch.zeros(()))

    def optimizers(self) -> Any:
        return {"w": torch.optim.SGD(self.parameters(), lr=0.1)}

    def loss(self, x: Tensor, y: Tensor) -> Any:
        return self.w, {"loss": self.w}


@pytest.mark.parametrize("decay", ["cosine", "none"])
def test_the_learning_rate_is_used(decay: str, digits: Dataset) -> None:
    model, config = Slope(), TrainConfig(steps=100, batch_size=2, decay=decay)
    path = [float(model.w.detach()) for event in train(model, digits, config) if isinstance(event, Step)]
    taken = [a - b for a, b in pairwise([0.0, *path])]
    assert taken == pytest.approx([0.1 * learning_rate_factor(s, config) for s in range(100)], abs=1e-6)


def test_a_warm_up_of_its_own(digits: Dataset) -> None:
    model, config = Slope(), TrainConfig(steps=1000, batch_size=2, decay="none")
    path = [float(model.w.detach()) for e in train(model, digits, config, warmup=4) if isinstance(e, Step)]
    taken = [a - b for a, b in pairwise([0.0, *path])]
    assert taken[:6] == pytest.approx([0.025, 0.05, 0.075, 0.1, 0.1, 0.1], abs=1e-6)
    assert warmup_steps(config) == 20 and warmup_steps(TrainConfig(steps=10**6)) == 100


# --- events


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_the_events_of_a_training(name: str, digits: Dataset) -> None:
    model = tiny(name)
    config = TrainConfig(steps=5, batch_size=16, preview_every=2)
    events = list(train(model, digits, config))
    assert isinstance(events[0], Started) and events[0].images == len(digits)
    assert [e.step for e in events if isinstance(e, Step)] == [1, 2, 3, 4, 5]
    previews = [e for e in events if isinstance(e, Preview)]
    assert [e.step for e in previews] == ([2, 4, 5] if isinstance(model, GenerativeModel) else [])
    assert all(
        e.images.shape == (16, *model.canvas.shape) and e.images.dtype == torch.uint8 for e in previews
    )
    done = events[-1]
    assert isinstance(done, Done) and (done.step, done.reason) == (5, "finished")
    assert not model.training and finite(model)


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_the_same_seed_trains_the_same_model(name: str, digits: Dataset) -> None:
    def trained(seed: int) -> Trainable:
        model = tiny(name)
        list(train(model, digits, TrainConfig(steps=3, batch_size=8, seed=seed)))
        return model

    assert states_equal(trained(1), trained(1)) and not states_equal(trained(1), trained(2))


def test_previews_do_not_disturb(digits: Dataset) -> None:
    models = [tiny("ddpm"), tiny("ddpm")]
    for model, every in zip(models, (1, 1000), strict=True):
        list(train(model, digits, TrainConfig(steps=4, batch_size=8, preview_every=every)))
    assert states_equal(*models)


# --- stopping and resuming


@pytest.mark.parametrize("name", sorted(TRAINABLE))
@pytest.mark.parametrize("step", [1, 5])
def test_closing_leaves_exactly_the_last_step(name: str, step: int, digits: Dataset) -> None:
    whole, states = tiny(name), {}
    for event in train(whole, digits, SHORT):
        if isinstance(event, Step):
            states[event.step] = snapshot(whole)
    model = tiny(name)
    events = train(model, digits, SHORT)
    assert any(isinstance(event, Step) and event.step == step for event in events)
    events.close()  # type: ignore[attr-defined]
    assert states_equal(model.state_dict(), states[step]) and not model.training
    assert list(events) == []


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_resumed_is_uninterrupted(name: str, digits: Dataset, tmp_path: Path) -> None:
    whole = tiny(name)
    list(train(whole, digits, SHORT))

    state = tmp_path / "deep" / "state.safetensors"
    for seed, stop in ((0, 2), (55, 7)):  # interrupted twice, then going on in a model made anew
        events = train(tiny(name, seed=seed), digits, SHORT, state=state, save_seconds=0)
        assert any(isinstance(event, Saved) and event.step == stop for event in events)
        events.close()  # type: ignore[attr-defined]
    model = tiny(name, seed=99)
    rest = list(train(model, digits, SHORT, state=state))
    assert isinstance(rest[0], Started) and rest[0].first_step == 7
    assert [e.step for e in rest if isinstance(e, Step)] == [8, 9]
    a, b = model.state_dict(), whole.state_dict()
    assert {k: float((a[k] - b[k]).abs().max()) for k in a if not torch.equal(a[k], b[k])} == {}


def test_closing_keeps_the_last_step_to_go_on_from(digits: Dataset, tmp_path: Path) -> None:
    """Though the next regular save is far away."""
    whole, state = tiny("vae"), tmp_path / "state.safetensors"
    list(train(whole, digits, SHORT))
    events = train(tiny("vae"), digits, SHORT, state=state, save_seconds=1e6)
    assert any(isinstance(event, Step) and event.step == 4 for event in events)
    assert not state.exists()
    events.close()  # type: ignore[attr-defined]
    model = tiny("vae", seed=99)
    rest = list(train(model, digits, SHORT, state=state))
    assert [e.step for e in rest if isinstance(e, Step)] == list(range(5, SHORT.steps + 1))
    assert states_equal(model, whole)


def test_a_disk_that_fails_does_not_end_a_training(digits: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    model, whole = tiny("vae"), tiny("vae")
    state = tmp_path / "file" / "state.safetensors"
    events = list(train(model, digits, SHORT, state=state, save_seconds=0))
    told = [e for e in events if isinstance(e, Unsaved)]
    assert told and all("cannot be saved" in e.reason and str(tmp_path) not in e.reason for e in told)
    assert not [e for e in events if isinstance(e, Saved)]
    assert isinstance(events[-1], Done) and events[-1].reason == "finished"
    list(train(whole, digits, SHORT))
    assert states_equal(model, whole)


# --- running away


class Runaway(Trainable):
    """Doubles its weight at every step until the loss overflows."""

    recipe = TrainConfig()

    def __init__(self, start: float = 1.0, lr: float = 1.0) -> None:
        super().__init__(Trainable.Config())
        self.w, self.lr = torch.nn.Parameter(torch.tensor([start])), lr

    def optimizers(self) -> Any:
        return {"w": torch.optim.SGD(self.parameters(), lr=self.lr)}

    def loss(self, x: Tensor, y: Tensor) -> Any:
        loss = -0.5 * (self.w**2).sum()
        return loss, {"loss": loss}


def states_of(model: Trainable, events: Iterator[Event]) -> tuple[list[dict[str, Tensor]], Event]:
    states = [snapshot(model)]
    for event in events:
        if isinstance(event, Step):
            states.append(snapshot(model))
    return states, event


def test_a_runaway_ends_with_its_last_good_state(digits: Dataset) -> None:
    model = Runaway()
    config = TrainConfig(steps=10_000, batch_size=2, decay="none")
    states, done = states_of(model, train(model, digits, config))
    assert isinstance(done, Done) and done.reason == "diverged"
    assert "loss" in done.message and "learning rate" in done.message
    assert 50 < done.step < 1000 and done.step == len(states) - 1
    assert finite(model) and states_equal(model.state_dict(), states[done.step // 50 * 50])


def test_a_first_step_that_goes_wrong_gives_back_the_beginning(digits: Dataset) -> None:
    model = Runaway(start=1e30)
    done = list(train(model, digits, TrainConfig(batch_size=2)))[-1]
    assert (
        isinstance(done, Done)
        and done.reason == "diverged"
        and float(model.w.detach()) == pytest.approx(1e30)
    )


@pytest.mark.parametrize("steps", [1, 1000])
def test_weights_that_overflow_after_a_finite_loss(steps: int, digits: Dataset, tmp_path: Path) -> None:
    """The loss is still fine, the weights no more: neither the end nor a stop nor a save keeps them."""
    model, state = Runaway(start=1e10, lr=1e35), tmp_path / "state.safetensors"
    events = train(model, digits, TrainConfig(steps=steps, batch_size=2), state=state, save_seconds=0)
    for event in events:
        if isinstance(event, Step):
            assert not finite(model)
            events.close()  # type: ignore[attr-defined]
    assert float(model.w.detach()) == pytest.approx(1e10) and not state.exists()
    if steps == 1:
        assert isinstance(event, Done) and event.reason == "diverged"


@pytest.mark.parametrize("name", sorted(MODELS))
def test_an_absurd_learning_rate_leaves_usable_weights(name: str, digits: Dataset) -> None:
    model = tiny(name, lr=1.0)
    *_, done = train(model, digits, TrainConfig(steps=25, batch_size=16))
    assert isinstance(done, Done) and finite(model)
    assert training.preview(model).shape == (16, *model.canvas.shape)
