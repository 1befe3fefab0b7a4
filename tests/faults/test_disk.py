"""A disk that is full, read-only or none at all: trainings go on in memory, nothing is lost in silence."""

import base64
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from gradio_client.exceptions import AppError
from playwright.sync_api import Locator

from genlab import checkpoints
from genlab.library import Library
from tests.faults.conftest import Serve, Visit
from tests.faults.disk import Disk, small_disk
from tests.faults.helpers import Api, Json, assert_whole, drawn, fetch, until
from tests.visitor import Visitor

MEGABYTES = 40  # the states of two trainings, with room for a second copy of each


@pytest.fixture
def disk() -> Iterator[Disk]:
    with small_disk(MEGABYTES) as found:
        yield found


def assert_told(notice: str, reason: str) -> None:
    """One sentence on what is wrong and one on what to do, no path."""
    assert reason in notice and "in this server's memory alone" in notice, notice
    assert "/" not in notice and "\n" not in notice and "Traceback" not in notice


def trained_in_memory(api: Api, job: str, reason: str) -> Json:
    """The job once it has noticed, has gone on for a while and was stopped."""
    look = until(lambda: found if (found := api.look(job))["notice"] else None)
    assert_told(look["notice"], reason)
    api.learned(job, look["step"] + 20)
    api.call("stop", job)
    look = api.ended(job)
    assert look["state"] == "stopped" and look["step"] >= 20
    assert_told(look["notice"], reason)
    with pytest.raises(AppError, match=reason):
        api.call("checkpoint", job)
    return look


def download(links: Locator, folder: Path) -> Library:
    """The model in the page's links, put where a user would put it."""
    folder.mkdir()
    for name in (checkpoints.MODEL, checkpoints.CONFIG):
        link = links.locator(f"a[download='{name}']")
        link.wait_for()
        data = re.sub("^data:.*?;base64,", "", link.get_attribute("href") or "")
        (folder / name).write_bytes(base64.b64decode(data))
    found = Library()
    found.put("vae", checkpoints.load(folder), "")
    return found


def assert_kept(api: Api, job: str, disk: Disk, expected: bytes | None = None) -> None:
    """Now that there is room, the checkpoint is written, whole, and so is the job's record."""
    files, look = api.call("checkpoint", job)
    assert look["notice"] == "" and look["weights_sha256"]
    weights = next(fetch(f) for f in files if f["orig_name"] == checkpoints.MODEL)
    assert expected is None or weights == expected
    record = disk.run("cat", str(disk.path / "jobs" / job / "job.json"))
    assert '"state": "stopped"' in record, "also for the next server"


def assert_banner(visitor: Visitor, reason: str) -> None:
    visitor.page.locator("#status", has_text="This server cannot save results").wait_for()
    assert reason in visitor.page.locator("#status").inner_text()


def test_a_disk_that_fills_up_and_one_that_turns_read_only(
    serve: Serve, visit: Visit, disk: Disk, tmp_path: Path
) -> None:
    server = serve(disk.path / "jobs", disk.inside, save_seconds=0.5)
    api = Api(server)
    job = api.submit()
    api.learned(job)
    visitor = visit(f"{server.url}?job={job}")
    disk.fill()
    assert_banner(visitor, "the disk is full")
    look = trained_in_memory(api, job, "the disk is full")
    assert not [name for name in disk.files() if name.endswith((".tmp", ".new"))], "no halves"

    own = download(visitor.page.locator("#live-vae"), tmp_path / "downloaded")
    assert checkpoints.read_training(tmp_path / "downloaded")["steps"] == look["step"]
    api.curve(job)  # who has followed it to its end draws from it
    assert np.array_equal(api.sample("vae", 2, 7), drawn("vae", 2, 7, own))
    visitor.page.locator("#chips-vae", has_text="trained here").wait_for()
    disk.empty()
    assert_kept(api, job, disk, (tmp_path / "downloaded" / checkpoints.MODEL).read_bytes())

    job = api.submit(seed=1)
    api.learned(job)
    until(lambda: disk.read_only(True))
    trained_in_memory(api, job, "the disk is read-only")
    disk.read_only(False)
    assert_kept(api, job, disk)
    assert not [name for name in disk.files() if name.endswith((".tmp", ".new"))], "no halves"


def test_a_server_that_can_write_nowhere_still_trains(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder can be made below a file")
    server = serve(tmp_path / "file" / "jobs", save_seconds=0)
    api = Api(server)
    job = api.submit()
    visitor = visit(f"{server.url}?job={job}")
    assert_banner(visitor, "the disk failed")
    look = trained_in_memory(api, job, "the disk failed")
    own = download(visitor.page.locator("#live-vae"), tmp_path / "downloaded")
    assert_whole(api.curve(job), look["step"])
    assert np.array_equal(api.sample("vae", 2, 7), drawn("vae", 2, 7, own))
    assert api.ended(api.submit("gan", steps=3))["state"] == "finished"
