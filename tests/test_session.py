"""A visitor's state without a browser."""

from collections.abc import Generator

import pytest

from genlab.errors import InvalidInput
from genlab.library import Library
from genlab.ui import build_app
from genlab.ui import session as sessions_module
from genlab.ui.session import Session, Sessions, TrainRequest

SHORT = TrainRequest("vae", {"steps": 3, "batch_size": 8}, {"network": "mlp", "latent": 4})
LONG = TrainRequest("vae", {"steps": 1_000_000, "batch_size": 8}, {"network": "mlp", "latent": 4})


def run(session: Session, request: TrainRequest) -> str:
    *_, last = session.train(request)
    return last.state


def test_a_trained_model_is_its_visitors_alone_until_he_goes_back() -> None:
    sessions = Sessions()
    mine, yours = sessions.get("mine"), sessions.get("yours")
    shipped = mine.digest("vae")
    assert run(mine, SHORT) == "finished"
    assert mine.entry("vae").origin == "trained here, 3 steps" and mine.digest("vae") != shipped
    assert yours.entry("vae").origin == "shipped" and yours.digest("vae") == shipped
    assert sessions.get("mine") is mine
    mine.back_to_shipped("vae")
    assert mine.entry("vae").origin == "shipped" and mine.digest("vae") == shipped


def test_what_was_measured_of_an_own_model_is_kept_with_that_model_only() -> None:
    mine, yours = Session(), Session()
    run(mine, SHORT)
    first = mine.entry("vae")
    mine.library.measured(first, {"frechet": 500.0})
    assert mine.entry("vae").metrics == {"frechet": 500.0}
    run(mine, SHORT)  # measured while this one took its place: the figures are not this model's
    mine.library.measured(first, {"frechet": 500.0})
    assert mine.entry("vae").metrics == {}
    shipped = yours.entry("vae")
    yours.library.measured(shipped, {"frechet": 500.0})
    assert yours.entry("vae").metrics == shipped.metrics


def test_one_family_trains_once_at_a_time_and_leaving_stops_it() -> None:
    sessions = Sessions()
    session = sessions.get("mine")
    looks = session.train(LONG)
    next(looks)
    assert session.running() == ["vae"] and sessions.running() == 1
    with pytest.raises(InvalidInput, match="VAE is training already"):
        next(session.train(SHORT))
    sessions.close("mine")
    *_, last = looks
    assert last.state == "stopped" and session.running() == []
    assert sessions.get("mine") is not session


def test_closing_the_follower_stops_the_training() -> None:
    session = Session()
    looks = session.train(LONG)
    next(looks)
    looks.close()  # what gradio does when the browser is gone
    session.jobs["vae"].join(60)
    assert session.jobs["vae"].progress.state == "stopped" and session.running() == []


def test_a_diverged_training_leaves_the_previous_model_in_place() -> None:
    session = Session()
    broken = TrainRequest(
        "vae", {"steps": 300, "batch_size": 8, "decay": "none"}, {"network": "mlp", "latent": 4, "lr": 1.0}
    )
    assert run(session, broken) == "diverged"
    assert session.entry("vae").origin == "shipped"


def test_idle_visitors_are_forgotten_and_their_number_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    sessions = Sessions()
    monkeypatch.setattr(sessions_module, "MAX_SESSIONS", 3)
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


def test_work_is_interrupted_by_its_name_alone(library: Library) -> None:
    session, closed = Session(library), []

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
