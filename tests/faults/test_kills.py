"""Kill -9 at any moment of a training and of its saves."""

import json
import subprocess
import sys
from pathlib import Path

from tests.server import ROOT

KILLS = 50


def test_after_any_kill_every_job_is_there_and_goes_on_to_the_same_weights(tmp_path: Path) -> None:
    script = [sys.executable, "-m", "tests.faults.kill_jobs", str(tmp_path / "jobs"), str(KILLS)]
    done = subprocess.run(script, capture_output=True, text=True, cwd=ROOT, timeout=900)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    assert not report["wrong"] and not report["unfinished"], report
    assert report["kills"] == KILLS
    assert report["opened"]["interrupted"] > KILLS / 3 and len(report["steps"]) > 3, "at many moments"
    assert report["finished"] > 5
