"""Trainings in the background: followed, stopped, and never in each other's way."""

import logging
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from genlab import checkpoints
from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.errors import InvalidInput
from genlab.jobs import CURVE_POINTS, Curves, TrainingJob
from genlab.models.vae import VAE, VAEConfig
from tests.helpers import states_equal, tiny

LONG = TrainConfig(steps=100_000, batch_size=2, preview_every=1_000_000)


def ended(job: TrainingJob) -> Any:
    job.join(timeout=120)
    progress = job.progress
    assert progress.state != "running"
    return progress


class Watched(VAE):
    """Calls ``at(step)`` before each of its updates."""

    def __init__(self, at: Any) -> None:
        super().__init__(VAEConfig(network="mlp", latent=2))
        self.at, self.updates = at, 0

    def update(self, x: Tensor, y: Tensor, optimizers: Any) -> Any:
        self.updates += 1
        self.at(self.updates)
        return super().update(x, y, optimizers)


def test_a_job_runs_to_its_end(digits: Dataset) -> None:
    config = TrainConfig(steps=CURVE_POINTS + 50, batch_size=2, preview_every=200)
    job = TrainingJob("vae", tiny("vae"), digits, config).start()
    seen = list(job.follow())
    final = seen[-1]
    assert final.state == "finished" == ended(job).state and final.step == config.steps
    assert all(p.state == "running" for p in seen[:-1])
    assert [p.step for p in seen] == sorted(p.step for p in seen)
    assert final.preview.shape == (16, 1, 28, 28) and final.preview_step == config.steps
    assert set(final.curves) == {"loss", "bce", "kl"} == set(final.metrics)
    for curve in final.curves.values():
        assert len(curve) <= CURVE_POINTS and curve[0][0] <= 2 and curve[-1][0] == config.steps
    assert final.seconds > 0 and final.seconds_left == 0
    again = checkpoints.load(Path(final.files[0]).parent)
    assert states_equal(again, job.model)
    assert [Path(f).name for f in final.files] == [checkpoints.MODEL, checkpoints.CONFIG]


@pytest.mark.parametrize("steps", [1, CURVE_POINTS, CURVE_POINTS + 1, 12_345])
def test_curves_are_bounded_and_span_the_run(steps: int) -> None:
    curves = Curves()
    for step in range(1, steps + 1):
        curves.add(step, {"a": step / 2, "b": -step})
        if step % 1000 == 0:
            assert len(curves.snapshot()["a"]) <= CURVE_POINTS
    for name, factor in (("a", 0.5), ("b", -1)):
        points = curves.snapshot()[name]
        assert min(steps, CURVE_POINTS // 2) <= len(points) <= CURVE_POINTS
        assert all(value == factor * step for step, value in points)
        gaps = {b - a for (a, _), (b, _) in pairwise(points)}
        assert len(gaps) <= 1, "evenly thinned"
        stride = gaps.pop() if gaps else 1
        assert points[0][0] <= stride and steps - points[-1][0] < stride


@pytest.mark.parametrize("step", [1, 5])
def test_a_stop_ends_it_within_the_step(step: int, digits: Dataset) -> None:
    model = Watched(lambda update: job.stop() if update == step else None)
    job = TrainingJob("vae", model, digits, LONG)
    progress = ended(job.start())
    assert progress.state == "stopped" and f"step {step}" in progress.message
    assert model.updates == step == progress.step
    assert states_equal(checkpoints.load(Path(progress.files[0]).parent), model)
    assert bool(model.mix_mean.any()), "ready to sample: the prior is fitted"


def test_a_stop_before_the_start(digits: Dataset) -> None:
    model = Watched(lambda _: None)
    job = TrainingJob("vae", model, digits, LONG)
    job.stop()
    progress = ended(job.start())
    assert progress.state == "stopped" and model.updates == progress.step == 0
    assert all(Path(f).is_file() for f in progress.files) and len(progress.files) == 2


def test_a_stop_after_the_end_changes_nothing(digits: Dataset) -> None:
    job = TrainingJob("vae", tiny("vae"), digits, TrainConfig(steps=2, batch_size=2)).start()
    assert ended(job).state == "finished"
    job.stop()
    assert ended(job).state == "finished"


def test_two_jobs_at_once(digits: Dataset) -> None:
    """Each waits for the other's steps, so that they do run at once; stopping one leaves the other."""
    first_model, second_model = Watched(lambda n: None), Watched(lambda n: None)
    first = TrainingJob("vae", first_model, digits, TrainConfig(steps=300, batch_size=2))
    second = TrainingJob("vae", second_model, digits, LONG)
    first_model.at = lambda n: second.stop() if n == 250 else None
    before = {id(m): {k: v.clone() for k, v in m.state_dict().items()} for m in (first_model, second_model)}
    second.start()
    one, two = ended(first.start()), ended(second)
    assert (one.state, one.step) == ("finished", 300) and two.state == "stopped" and two.step > 0
    assert set(map(Path, one.files)).isdisjoint(map(Path, two.files))
    for model in (first_model, second_model):
        assert not states_equal(model.state_dict(), before[id(model)])
    pointers = [{v.data_ptr() for v in m.state_dict().values()} for m in (first_model, second_model)]
    assert pointers[0].isdisjoint(pointers[1])
    assert states_equal(checkpoints.load(Path(one.files[0]).parent), first_model)
    assert states_equal(checkpoints.load(Path(two.files[0]).parent), second_model)


def test_a_failure_is_told_without_its_insides(digits: Dataset, caplog: pytest.LogCaptureFixture) -> None:
    def fail(update: int) -> None:
        if update == 3:
            raise RuntimeError("boom in /srv/secret")

    with caplog.at_level(logging.ERROR):
        progress = ended(TrainingJob("vae", Watched(fail), digits, LONG).start())
    assert progress.state == "failed" and progress.files == () and progress.step == 2
    assert progress.message and not any(w in progress.message for w in ("boom", "secret", "Traceback", "\n"))
    assert "boom in /srv/secret" in caplog.text, "whoever runs the server learns why"


def test_our_own_errors_are_shown_as_they_are(digits: Dataset) -> None:
    def fail(update: int) -> None:
        raise InvalidInput("lr is 7; it must be less.")

    progress = ended(TrainingJob("vae", Watched(fail), digits, LONG).start())
    assert (progress.state, progress.message) == ("failed", "lr is 7; it must be less.")


def test_divergence_is_an_end_with_usable_weights(digits: Dataset) -> None:
    def poison(update: int) -> None:
        if update == 4:
            with torch.no_grad():
                next(model.parameters()).fill_(float("nan"))

    model = Watched(poison)
    job = TrainingJob("vae", model, digits, LONG).start()  # its files live as long as it does
    progress = ended(job)
    assert progress.state == "diverged" and "learning rate" in progress.message
    assert all(v.isfinite().all() for v in model.state_dict().values())
    checkpoints.load(Path(progress.files[0]).parent)
