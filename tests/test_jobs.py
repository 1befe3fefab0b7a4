"""One training in the background: followed, stopped, saved, and what is said of its end."""

import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from genlab import api, checkpoints
from genlab.curves import CURVE_POINTS
from genlab.errors import InvalidInput
from genlab.jobs import Job, JobStore, Look, TrainingPlan, TrainingWork
from genlab.models.vae import VAE, VAEConfig
from tests.helpers import states_equal

MLP = {"network": "mlp", "latent": 2}


def plan(store: JobStore, steps: int = 100_000, **training: Any) -> TrainingPlan:
    training = {"steps": steps, "batch_size": 2, "preview_every": 1_000_000} | training
    return api.training_plan("vae", training, MLP, shop=store.shop)


class Watched(VAE):
    """Calls ``at(step)`` before each of its updates; the first ones measure its memory."""

    def __init__(self, at: Callable[[int], None]) -> None:
        super().__init__(VAEConfig(network="mlp", latent=2))
        self.at, self.updates = at, 0

    def __deepcopy__(self, memo: Any) -> VAE:
        return VAE(VAEConfig(network="mlp", latent=2))

    def update(self, x: Tensor, y: Tensor, optimizers: Any) -> Any:
        self.updates += 1
        self.at(self.updates)
        return super().update(x, y, optimizers)


def watched(
    store: JobStore, monkeypatch: pytest.MonkeyPatch, at: Callable[[int], None], **training: Any
) -> tuple[Watched, Job]:
    """A job that trains a ``Watched``, at work."""
    model = Watched(at)
    monkeypatch.setattr(TrainingPlan, "build", lambda *_: model)
    return model, store.submit(TrainingWork(plan(store, **training), store.shop))


def ended(job: Job) -> Look:
    *_, last = job.follow()
    assert last.ended and not job.active
    return last


def test_a_job_runs_to_its_end(store: JobStore) -> None:
    steps = CURVE_POINTS + 50
    job = api.submit(plan(store, steps, preview_every=200), store=store)
    seen = list(job.follow())
    final = seen[-1]
    assert final.state == "finished" and final.view.step == steps
    assert all(look.state == "running" for look in seen[:-1])
    assert [look.view.step for look in seen] == sorted(look.view.step for look in seen)
    assert final.view.preview.shape == (16, 1, 28, 28) and final.view.preview_step == steps
    assert set(final.view.curves) == set(final.view.metrics) >= {"loss", "bce", "kl"}
    for curve in final.view.curves.values():
        assert len(curve) <= CURVE_POINTS and curve[0][0] <= 2 and curve[-1][0] == steps
    assert final.seconds > 0 and not final.resumable
    assert [Path(f).name for f in final.files] == [checkpoints.MODEL, checkpoints.CONFIG]
    job.join()
    assert not (job.folder / checkpoints.STATE).exists(), "nothing to go on from is left"


def test_any_number_of_viewers_see_all_of_it(store: JobStore) -> None:
    job = api.submit(plan(store, 300), store=store)
    first = ended(job)
    late = [ended(job), ended(store.get(job.id))]
    for look in late:
        assert look.view.curves == first.view.curves and look.view.curves["loss"][0][0] == 1


@pytest.mark.parametrize("step", [1, 5])
def test_a_stop_ends_it_within_the_step(step: int, store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    model, job = watched(store, monkeypatch, lambda update: job.stop() if update == step else None)
    look = ended(job)
    assert look.state == "stopped" and f"after step {step};" in look.message and look.resumable
    assert model.updates == step == look.view.step
    assert states_equal(checkpoints.load(job.folder), model)
    assert bool(model.mix_mean.any()), "ready to sample: the prior is fitted"


def test_a_stop_before_the_first_step(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    model, job = watched(store, monkeypatch, lambda _: None)
    store.stop(job.id)
    look = ended(job)
    assert look.state == "stopped" and model.updates == look.view.step <= 1
    if not look.view.step:
        assert "nothing was learned" in look.message and look.files == ()


def test_a_stop_after_the_end_changes_nothing(store: JobStore) -> None:
    job = api.submit(plan(store, 2), store=store)
    assert ended(job).state == "finished"
    assert store.stop(job.id).look().state == "finished"


def test_a_failure_is_told_without_its_insides(
    store: JobStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(update: int) -> None:
        if update == 3:
            raise RuntimeError("boom in /srv/secret")

    with caplog.at_level(logging.ERROR):
        look = ended(watched(store, monkeypatch, fail)[1])
    assert look.state == "failed" and look.files == () and look.view.step == 2
    assert look.message and not any(w in look.message for w in ("boom", "secret", "Traceback", "\n"))
    assert "boom in /srv/secret" in caplog.text, "whoever runs the server learns why"


def test_our_own_errors_are_shown_as_they_are(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(update: int) -> None:
        raise InvalidInput("lr is 7; it must be less.")

    look = ended(watched(store, monkeypatch, fail)[1])
    assert (look.state, look.message) == ("failed", "lr is 7; it must be less.")


def test_divergence_is_an_end_with_usable_weights(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def poison(update: int) -> None:
        if update == 4:
            with torch.no_grad():
                next(model.parameters()).fill_(float("nan"))

    model, job = watched(store, monkeypatch, poison)
    look = ended(job)
    assert look.state == "diverged" and "learning rate" in look.message and not look.resumable
    assert all(v.isfinite().all() for v in checkpoints.load(job.folder).state_dict().values())


def test_a_job_that_nobody_watches_stops_and_saves(make_store: Callable[..., JobStore]) -> None:
    job = api.submit(plan(store := make_store(unwatched_seconds=0.5)), store=store)
    job.join(60)
    look = job.look()
    assert look.state == "stopped" and look.view.step > 0
    assert "nobody had watched for 0.5 seconds; what was learned is kept" in look.message
    assert checkpoints.load(job.folder) and look.resumable


def test_a_watched_job_goes_on(make_store: Callable[..., JobStore]) -> None:
    """Until the limit of time ends it, more than twice the time it may go unwatched."""
    job = api.submit(plan(store := make_store(unwatched_seconds=0.6, seconds=1.5)), store=store)
    look = ended(job)
    assert look.state == "stopped" and "after the 1.5 seconds that a job may take" in look.message


def test_too_large_a_batch_is_refused_before_it_takes_the_memory(make_store: Callable[..., JobStore]) -> None:
    store = make_store(megabytes=100)
    wide = api.training_plan("ddpm", {"steps": 1, "batch_size": 4096}, {"width": 128}, shop=store.shop)
    look = ended(api.submit(wide, store=store))
    assert look.state == "failed" and look.message.startswith("batch_size is 4096;")
    assert "100 MB" in look.message
    small = api.training_plan("vae", {"steps": 1, "batch_size": 4}, MLP, shop=store.shop)
    assert ended(api.submit(small, store=store)).state == "finished"


def test_the_same_plan_trains_the_same_model(store: JobStore) -> None:
    digests = []
    for seed in (3, 3, 4):
        look = ended(api.submit(plan(store, 5, seed=seed), store=store))
        digests.append(json.loads(Path(look.files[1]).read_text())["sha256"])
    assert digests[0] == digests[1] != digests[2]


def test_a_job_goes_on_from_the_shipped_weights(store: JobStore) -> None:
    start = store.shop.library.shipped("vae").model
    gentle = api.training_plan("vae", {"steps": 1, "batch_size": 4}, {"lr": 1e-6}, "shipped", shop=store.shop)
    job = api.submit(gentle, store=store)
    ended(job)
    trained = checkpoints.load(job.folder)
    for name, p in start.named_parameters():
        assert torch.allclose(p, trained.get_parameter(name), atol=2e-6), name
    with pytest.raises(InvalidInput, match="another shape"):
        api.training_plan("gan", {}, {"width": 32}, "shipped", shop=store.shop)


def test_the_steps_of_a_public_server_are_limited(make_store: Callable[..., JobStore]) -> None:
    with pytest.raises(InvalidInput, match=r"steps is 501; it must be a whole number from 1 to 500"):
        plan(make_store(steps=500), 501)
