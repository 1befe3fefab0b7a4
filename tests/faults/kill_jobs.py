"""Kill -9 at random moments of a training that is nearly always saving, the end of it included.

``python -m tests.faults.kill_jobs FOLDER KILLS``. Each life opens every job that an earlier one was
told of, goes on with those that can, and then submits new ones, until it is killed. Every training
has the same seed, so each must end with the weights of one that nothing disturbed. Prints a report as
JSON.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import torch

from genlab import api, checkpoints
from genlab.api.jobs import KINDS
from genlab.data import Dataset
from genlab.jobs import Job, JobStore, TrainingPlan, Workshop
from genlab.jobs.job import RECORD
from genlab.library import Library
from genlab.settings import Limits, Settings
from genlab.training import train
from tests.helpers import TINY

STEPS = 8
STRIPES = Dataset(torch.arange(50 * 784).view(50, 1, 28, 28).byte(), torch.arange(50) % 10, "stripes", False)


LIMITS = Limits(save_seconds=0.0, keep_jobs=1000)
SHOP = Workshop(Library(), lambda name: STRIPES, LIMITS)


def plan() -> TrainingPlan:
    return api.training_plan("gan", {"steps": STEPS, "batch_size": 2}, TINY["gan"], shop=SHOP)


def undisturbed(folder: Path) -> str:
    """The sha256 of the weights that every job must end with. Here, where all children are forked from,
    so that none of them has to import what torch imports at the first step.
    """
    model = plan().build(SHOP.library)
    for _ in train(model, STRIPES, plan().training):
        pass
    return checkpoints.save("gan", model, folder, {})


class Life:
    """One server's: tells its parent, line by line, what it found."""

    def __init__(self, folder: Path, out: int) -> None:
        self.out, self.store = out, JobStore(Settings(LIMITS, folder), SHOP, KINDS)

    def tell(self, **facts: Any) -> None:
        os.write(self.out, (json.dumps(facts) + "\n").encode())

    def run(self, job: Job) -> None:
        """Follow it to its end, which must be that of an undisturbed one."""
        job.join(60)
        look = job.look()
        self.tell(ended=job.id, state=look.state, digest=checkpoints.weights_sha256(job.folder))
        steps = [step for step, _ in look.view.curves["loss_d"]]
        assert look.state == "finished" and steps[-1] == STEPS, (look.state, steps)
        assert steps == sorted(set(steps)), f"{steps}: a step was taken twice"
        checkpoints.load(job.folder)

    def again(self, id: str) -> None:
        """A job of an earlier life: there, and whole or able to go on."""
        job = self.store.get(id)
        self.tell(opened=id, state=job.state, step=job.look().view.step)
        if job.state != "finished":
            job = self.store.resume(id)
        self.run(job)

    def new(self) -> None:
        job = api.submit(plan(), store=self.store)
        self.tell(submitted=job.id)
        assert (job.folder / RECORD).is_file(), "who was given an id finds its job, whatever happens next"
        self.run(job)


def live(folder: Path, out: int, known: list[str], jobs: float) -> None:
    """``jobs`` new jobs after the ``known`` ones."""
    life = Life(folder, out)
    try:
        for id in known:
            life.again(id)
        while jobs > 0:
            life.new()
            jobs -= 1
    except BaseException as error:
        life.tell(wrong=f"{type(error).__name__}: {error}")


def one_life(folder: Path, known: list[str], jobs: float, seconds: float | None) -> list[dict[str, Any]]:
    """What a life told before it was killed after ``seconds``, or ended."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        live(folder, write, known, jobs)
        os._exit(0)
    os.close(write)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    with os.fdopen(read) as lines:
        told = [json.loads(line) for line in lines]
    os.waitpid(child, 0)
    return told


def main(folder: Path, kills: int) -> None:
    torch.set_num_threads(1)
    rng = random.Random(0)
    digest = undisturbed(folder.with_name("undisturbed"))
    began = time.monotonic()
    told = one_life(folder, [], 1, None)
    once = time.monotonic() - began
    unfinished: list[str] = []
    halves = 0
    for kill in range(kills + 1):
        last = kill == kills
        seconds = None if last else rng.uniform(0.2, 1.5) * once
        news = one_life(folder, unfinished, 0 if last else float("inf"), seconds)
        halves += any(p.name.endswith((".tmp", ".new")) for p in folder.glob("*/*"))
        ended = {fact["ended"] for fact in news if "ended" in fact}
        unfinished += [fact["submitted"] for fact in news if "submitted" in fact]
        unfinished = [id for id in unfinished if id not in ended]
        told += news
    found = Counter(fact["state"] for fact in told if "opened" in fact)
    steps = Counter(fact["step"] for fact in told if "opened" in fact)
    wrong = [fact["wrong"] for fact in told if "wrong" in fact]
    wrong += [f"other weights: {fact}" for fact in told if "ended" in fact and fact["digest"] != digest]
    finished = sum("ended" in fact for fact in told)
    report: dict[str, Any] = {
        "once": once,
        "kills": kills,
        "halves": halves,
        "opened": found,
        "steps": steps,
        "finished": finished,
    }
    print(json.dumps(report | {"unfinished": unfinished, "wrong": wrong}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
