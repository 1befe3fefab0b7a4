"""A visitor who closes his browser in mid-training."""

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from genlab import checkpoints
from tests.faults.conftest import Serve, Visit
from tests.faults.helpers import Api, assert_whole, until
from tests.visitor import Visitor

UNWATCHED = 75.0  # seconds; a new browser must open the page in less, on a busy machine too


def begin(visitor: Visitor) -> str:
    """Train a small VAE by the page; the id of the job, from its address."""
    visitor.open_fold("vae", "Train")
    visitor.fill("steps", "1000000", "#train-vae")
    visitor.fill("batch size", "4", "#train-vae")
    visitor.page.locator("#start-vae").click()
    visitor.page.locator("#live-vae", has_text="images/s").wait_for()
    visitor.page.wait_for_url("**/?*job=*")
    return parse_qs(urlsplit(visitor.page.url).query)["job"][0]


def test_the_browser_is_closed_in_mid_training(serve: Serve, visit: Visit, tmp_path: Path) -> None:
    """It goes on, is found again whole in another browser, and stops once nobody has come back."""
    server = serve(unwatched_seconds=UNWATCHED)
    job = begin(first := visit(server.url))
    api = Api(server)
    step = api.look(job)["step"]
    first.context.close()

    address = f"{server.url}?job={job}"
    second = visit(address)
    live = second.page.locator("#live-vae")
    live.locator("[data-state=running]", has_text="images/s").wait_for()
    assert live.locator("svg").count() > 0
    assert api.learned(job, step + 1)["step"] > step, "it went on"
    second.context.close()

    record = tmp_path / "jobs" / job / "job.json"  # asking the server would be watching
    until(lambda: json.loads(record.read_text())["state"] == "stopped")
    third = visit(address)
    live = third.page.locator("#live-vae")
    live.locator("[data-state=stopped]").wait_for()
    assert f"nobody had watched for {UNWATCHED:g} seconds; what was learned is kept" in live.inner_text()
    third.page.locator("#files-vae a[download='model.safetensors']").wait_for()
    third.page.locator("#chips-vae", has_text="trained here").wait_for()
    look, curve = api.look(job), api.curve(job)
    assert_whole(curve, look["step"])
    assert checkpoints.read_training(record.parent)["steps"] == look["step"]
