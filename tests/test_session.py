"""A visitor's state without a browser."""

import json
from collections.abc import Callable, Generator
from typing import Any

import pytest
import torch

from genlab import api, checkpoints
from genlab.__main__ import build_parser
from genlab.data import Dataset
from genlab.errors import DataUnavailable, InvalidInput
from genlab.hub import Loaded
from genlab.jobs import JobStore, TrainingPlan
from genlab.ui import build_app
from genlab.ui import session as sessions_module
from genlab.ui.session import Session, Sessions
from tests.helpers import scrambled, tiny


def plan(store: JobStore, steps: int = 3, lr: float = 1e-3, **training: Any) -> TrainingPlan:
    training = {"steps": steps, "batch_size": 8, "preview_every": 1_000_000} | training
    return api.training_plan("vae", training, {"network": "mlp", "latent": 4, "lr": lr}, shop=store.shop)


def run(session: Session, found: TrainingPlan) -> str:
    """Train to the end, as the page does."""
    job = session.submit(found)
    *_, last = job.follow()
    session.settle(job)
    return last.state


@pytest.fixture
def sessions(store: JobStore) -> Sessions:
    return Sessions(store)


def test_a_trained_model_is_its_visitors_alone_until_he_goes_back(sessions: Sessions) -> None:
    mine, yours = sessions.get("mine"), sessions.get("yours")
    shipped = mine.digest("vae")
    assert run(mine, plan(sessions.store)) == "finished"
    assert mine.entry("vae").origin == "trained here, 3 steps" and mine.digest("vae") != shipped
    assert yours.entry("vae").origin == "shipped" and yours.digest("vae") == shipped
    assert sessions.get("mine") is mine
    mine.back_to_shipped("vae")
    assert mine.entry("vae").origin == "shipped" and mine.digest("vae") == shipped


def test_what_is_from_the_hub_is_put_aside_by_a_training(sessions: Sessions) -> None:
    session = sessions.get("mine")
    with pytest.raises(InvalidInput, match="nothing of yours to save"):
        session.trained_files("vae")
    model: Any = scrambled(tiny("vae")).eval()
    session.take(Loaded("vae", model, "ada/vae", "c" * 40, "0" * 64, {}, "mnist"))
    assert session.entry("vae").origin == "from ada/vae at ccccccc" and session.digest("vae") == "0" * 64
    with pytest.raises(InvalidInput, match="nothing of yours to save"):
        session.trained_files("vae")
    run(session, plan(sessions.store))
    assert session.origin("vae") == "trained here, 3 steps" and not session.loaded
    config = json.loads(session.trained_files("vae")[checkpoints.CONFIG])
    assert config["sha256"] == session.digest("vae")
    told = config["training"]["command"]
    assert told.startswith("python -m genlab train vae --steps 3 --batch-size 8 ")
    assert build_parser().parse_args(told.split()[3:]).latent == 4, "the command line knows every flag"
    session.take(Loaded("vae", model, "ada/vae", "c" * 40, "0" * 64, {}, "mnist"))
    session.back_to_shipped("vae")
    assert session.origin("vae") == "shipped" and not session.loaded


def test_who_comes_back_while_it_goes_on_draws_from_what_it_had_learned(sessions: Sessions) -> None:
    before, after = sessions.get("before a reload"), sessions.get("after it")
    job = before.submit(plan(sessions.store, steps=1_000_000))
    assert after.watch([job.id]) == [] and after.entry("vae").origin == "shipped", "nothing is saved yet"
    next(look for look in job.follow() if look.view.step)
    before.stop("vae")
    *_, stopped = job.follow()
    before.settle(job)
    job = before.resume("vae")
    assert after.watch([job.id]) == []
    assert job.active and after.entry("vae").origin == before.entry("vae").origin != "shipped"
    shown, *_ = sessions.first_look(after, "vae", 4, 0)
    own, *_ = before.sample("vae", 4, 0, None, {})
    assert torch.equal(shown.images, own.images) and str(stopped.view.step) in after.entry("vae").origin
    before.stop("vae")
    job.join()


def test_what_was_measured_of_an_own_model_is_kept_with_that_model_only(sessions: Sessions) -> None:
    mine, yours = sessions.get("mine"), sessions.get("yours")
    run(mine, plan(sessions.store))
    first = mine.entry("vae")
    mine.library.measured(first, {"frechet": 500.0})
    assert mine.entry("vae").metrics == {"frechet": 500.0}
    run(mine, plan(sessions.store))  # measured while this one took its place: the figures are not its own
    mine.library.measured(first, {"frechet": 500.0})
    assert mine.entry("vae").metrics == {}
    shipped = yours.entry("vae")
    yours.library.measured(shipped, {"frechet": 500.0})
    assert yours.entry("vae").metrics == shipped.metrics


def test_who_trains_on_other_pictures_has_a_model_of_them(
    sessions: Sessions, store: JobStore, digits: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def data(name: str) -> Dataset:
        asked.append(name)
        return digits

    shop = store.shop._replace(data=data)
    monkeypatch.setattr(store, "shop", shop)
    monkeypatch.setattr(api.families, "load", lambda name, split: data(name))
    api.dataset.cache_clear()
    session = sessions.get("mine")
    assert run(session, plan(store, data="kmnist")) == "finished" and set(asked) == {"kmnist"}
    entry = session.entry("vae")
    assert (entry.origin, entry.data) == ("trained here, 3 steps on KMNIST", "kmnist")
    with pytest.raises(InvalidInput, match="draws KMNIST; only digits can be measured"):
        api.evaluate("vae", 100, library=session.library)
    asked.clear()
    assert len(api.nearest("vae", 2, library=session.library).images) == 2 and asked == ["kmnist"]
    api.dataset.cache_clear()
    with pytest.raises(InvalidInput, match="data is 'cifar10', colour pictures"):
        plan(store, data="cifar10")


def test_a_set_that_cannot_be_had_ends_the_training_in_a_sentence(
    sessions: Sessions, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def data(name: str) -> Dataset:
        raise DataUnavailable("Fashion-MNIST is not on this machine.")

    monkeypatch.setattr(store, "shop", store.shop._replace(data=data))
    session = sessions.get("mine")
    job = session.submit(plan(store, data="fashion_mnist"))
    *_, last = job.follow()
    session.settle(job)
    assert last.state == "failed" and last.message == "Fashion-MNIST is not on this machine."
    assert session.entry("vae").origin == "shipped"


def test_one_family_trains_once_at_a_time(sessions: Sessions) -> None:
    session = sessions.get("mine")
    job = session.submit(plan(sessions.store, 1_000_000))
    with pytest.raises(InvalidInput, match="VAE is at work already"):
        session.submit(plan(sessions.store))
    session.stop("vae")
    again = session.submit(plan(sessions.store))  # it need not wait for the end of the other
    assert session.jobs["vae"] is again
    assert [list(j.follow())[-1].state for j in (job, again)] == ["stopped", "finished"]


def test_a_visitor_who_leaves_finds_his_training_by_its_id(sessions: Sessions) -> None:
    job = sessions.get("mine").submit(plan(sessions.store, 1_000_000))
    sessions.close("mine")
    assert job.active and not job.stopping
    again = sessions.get("after a reload")
    assert again.watch([job.id, "guessed"]) == ["job is 'guessed'; there is no such job, or it has expired."]
    assert again.at_work("vae") is job and again.busy()
    stranger = sessions.get("stranger")
    stranger.stop()
    assert not job.stopping and not stranger.jobs
    again.stop("vae")
    *_, last = job.follow()
    assert last.state == "stopped"


def test_an_ended_training_is_taken_up_with_its_model(sessions: Sessions) -> None:
    first, second = sessions.get("first"), sessions.get("second")
    run(first, plan(sessions.store))
    second.watch([first.jobs["vae"].id])
    second.settle(second.jobs["vae"])
    assert second.origin("vae") == "trained here, 3 steps" and second.digest("vae") == first.digest("vae")


def test_a_diverged_training_leaves_the_previous_model_in_place(sessions: Sessions) -> None:
    session = sessions.get("mine")
    assert run(session, plan(sessions.store, 300, lr=1.0, decay="none")) == "diverged"
    assert session.entry("vae").origin == "shipped"


def test_idle_visitors_are_forgotten_and_their_number_is_bounded(
    make_store: Callable[..., JobStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    sessions = Sessions(make_store(sessions=3))
    first = sessions.get("0")
    for i in range(1, 6):
        sessions.get(str(i))
    assert len(sessions._sessions) <= 4 and sessions.get("0") is not first
    monkeypatch.setattr(sessions_module, "IDLE_SECONDS", -1.0)
    last = sessions.get("5")
    assert sessions.get("5") is not last


def test_every_element_has_an_id_of_its_own() -> None:
    ids = [b.elem_id for b in build_app().blocks.values() if getattr(b, "elem_id", None)]
    assert len(ids) == len(set(ids)), [name for name in ids if ids.count(name) > 1]


def test_work_is_interrupted_by_its_name_alone(store: JobStore) -> None:
    session, closed = Session("", store), []

    def counting() -> Generator[int, None, None]:
        try:
            yield from range(100)
        finally:
            closed.append(True)

    ours, others = session.work("ours", counting()), session.work("others", counting())
    assert (next(ours), next(others)) == (0, 0)
    session.interrupt("ours")
    session.interrupt("unknown")
    assert list(ours) == [] and closed == [True]
    assert next(others) == 1
    session.close()
    assert list(others) == [] and len(closed) == 2
