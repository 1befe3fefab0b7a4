"""A server that goes down, asked to or killed, and the next one on the same folder."""

import signal
from pathlib import Path

from genlab import checkpoints
from tests.faults.conftest import Serve, Visit
from tests.faults.helpers import Api, Json, assert_whole

EXIT = 5.0  # seconds that a host waits after SIGTERM


def assert_interrupted(api: Api, job: str, at_least: int, lost: int = 0) -> Json:
    look = api.look(job)
    assert look["state"] == "interrupted" and look["resumable"], look
    assert look["step"] >= at_least
    assert_whole(api.curve(job), look["step"], lost)
    return look


def test_sigterm_saves_and_the_next_server_goes_on(serve: Serve, visit: Visit) -> None:
    """Two trainings and one in line are interrupted; resumed by the API and by the page's button."""
    server = serve(slots=2)
    first, second = Api(server), Api(server)
    jobs = [first.submit(), second.submit("gan")]
    waiting = second.submit("vae", steps=5)
    reached = [first.learned(id)["step"] for id in jobs]
    seconds = server.end(signal.SIGTERM)
    assert seconds < EXIT and server.process.returncode == 0

    server = serve(slots=2)
    again = Api(server)
    looks = [assert_interrupted(again, id, step) for id, step in zip(jobs, reached, strict=True)]
    visitor = visit(f"{server.url}?job={jobs[1]}")
    live = visitor.page.locator("#live-gan")
    live.locator("[data-state=interrupted]").wait_for()
    assert f"after step {looks[1]['step']:,} by a restart" in live.inner_text()
    assert live.locator("svg").count() > 0, "its curves"
    visitor.page.locator("#resume-gan").click()
    live.locator("[data-state=running]", has_text="images/s").wait_for()
    again.learned(jobs[1], looks[1]["step"] + 5)
    assert again.call("resume", jobs[0])["state"] == "running"
    again.learned(jobs[0], looks[0]["step"] + 5)
    for id in jobs:
        again.call("stop", id)
    assert Api(server).call("resume", waiting)["state"] in ("running", "waiting")
    assert again.ended(waiting)["state"] == "finished"


def test_a_killed_server_loses_no_more_than_its_last_step(serve: Serve, tmp_path: Path) -> None:
    """SIGKILL, twice, of a server that is nearly always saving."""
    job, reached = "", 0
    for life in range(3):
        server = serve(save_seconds=0)
        api = Api(server)
        if life == 0:
            job = api.submit(steps=100_000)
        else:
            look = assert_interrupted(api, job, reached, lost=life - 1)
            assert "went down" in look["message"]
            assert api.call("resume", job)["state"] == "running"
        saved = api.learned(job, reached + 20)["step"]
        if life < 2:
            reached = saved - 1  # of the step after it nothing may be on the disk yet
            server.end(signal.SIGKILL)
    api.call("stop", job)
    look = api.ended(job)
    assert look["state"] == "stopped"
    assert_whole(api.curve(job), look["step"], lost=2)
    assert checkpoints.read_training(tmp_path / "jobs" / job)["steps"] == look["step"]
    assert checkpoints.load(tmp_path / "jobs" / job)
