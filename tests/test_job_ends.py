"""The end of a job, and what is done to it at that very moment."""

import threading
from collections.abc import Callable

import pytest
from torch import nn

from genlab import api
from genlab.doctor import Doctor
from genlab.errors import InvalidInput
from genlab.jobs import JobStore, TrainingWork
from genlab.jobs.job import STOPPING
from genlab.ui.session import Sessions
from tests.test_job_store import ended, learned, submit, until


def test_a_stop_that_comes_with_the_end_does_not_revive_the_job(store: JobStore) -> None:
    """Stop asks while the job's thread writes its end: whoever comes first, it is over."""
    for _ in range(5):
        job = submit(store, 5)
        presses = [threading.Thread(target=job.stop) for _ in range(8)]
        until(lambda job=job: job.look().view.step >= 3)
        for press in presses:
            press.start()
        for press in presses:
            press.join()
        job.join(60)
        assert not job.active and ended(job) in ("finished", "stopped")


def test_stopping_is_said_until_it_has_stopped(store: JobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    gate, said = threading.Event(), []
    wait = TrainingWork.end
    monkeypatch.setattr(TrainingWork, "end", lambda *a: (gate.wait(60), wait(*a))[1])
    job = submit(store)
    learned(job)
    job.stop()
    until(lambda: said.append(job.look().message) or said[-1] == STOPPING)
    gate.set()
    assert ended(job) == "stopped"


def test_go_on_right_after_stop(store: JobStore) -> None:
    """The end of the first run is written down before the second one begins."""
    job = submit(store, owner="a")
    for k in range(3):
        learned(job, job.look().view.step + 2)
        store.stop(job.id)
        assert ended(job) == "stopped"
        job = store.resume(job.id, "a")
        assert job.active and not job.trouble, k
    store.stop(job.id)
    assert ended(job) == "stopped"


def test_abandoned_jobs_leave_the_line(make_store: Callable[..., JobStore]) -> None:
    store = make_store(line=1, unwatched_seconds=0.5)
    first, second = submit(store, owner="a"), submit(store, owner="b")
    for _ in range(8):
        first.look()
        threading.Event().wait(0.1)
    third = submit(store, owner="c")  # there is room: nobody has looked at the second one
    assert second.state == "stopped" and third.state == "waiting"


def test_an_ended_training_keeps_no_network_in_memory(
    store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = submit(store, 3)
    assert ended(job) == "finished"
    job.join(60)
    held = [v for v in vars(job.work).values() if isinstance(v, Doctor | nn.Module)]
    assert held == [] and job.look().view.diagnoses == ()


def test_a_cure_keeps_the_rest_of_the_plan(store: JobStore) -> None:
    session = Sessions(store).get("mine")
    plan = api.training_plan(
        "vae",
        {"steps": 100_000, "batch_size": 4, "seed": 9},
        {"network": "mlp", "beta": 50.0},
        shop=store.shop,
    )
    sick = session.submit(plan)
    cured = session.cure("vae", {"beta": 0.5})
    assert cured.work.plan.training == plan.training and cured.work.plan.config == plan.config | {"beta": 0.5}
    assert ended(sick) == "stopped"
    session.back_to_shipped("vae")  # it does not go on where nobody sees it
    assert ended(cured) == "stopped"
    with pytest.raises(InvalidInput):
        session.cure("gan", {})
