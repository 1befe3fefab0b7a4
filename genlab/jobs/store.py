"""All jobs of a server: their line before the device's slots, their ids, what is kept of them."""

import contextlib
import heapq
import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genlab.config import quote
from genlab.errors import Busy, InvalidInput
from genlab.jobs.job import RECORD, Job, Place
from genlab.jobs.work import Why, Work, Workshop
from genlab.settings import Settings

SETTLING = 10.0  # seconds, at most, in which an ended job is written down
ID = re.compile(r"[A-Za-z0-9_-]{22}")  # 128 bits: nobody guesses one


class JobStore:
    """Runs as many jobs at once as there are slots, first come, first served.

    Args:
        settings: Slots and limits, and the folder that outlives the server.
        shop: What the jobs work with.
        kinds: The kinds of work that are opened again after a restart.
    """

    def __init__(self, settings: Settings, shop: Workshop, kinds: Sequence[type[Work]]) -> None:
        self.limits, self.folder, self.shop = settings.limits, settings.folder, shop
        self.kinds = {kind.kind: kind for kind in kinds}
        self._jobs: dict[str, Job] = {}
        self._line: list[Job] = []
        self._running: list[Job] = []
        self._pace: dict[str, float] = {}  # seconds for a picture, by family
        self._closed = False
        self._lock = threading.RLock()

    # What visitors do

    def submit(self, work: Work, owner: str | None = None) -> Job:
        """Stand in line; Busy says why not."""
        id = secrets.token_urlsafe(16)
        return self._enter(Job(id, work, self.limits, self.folder / id, owner))

    def get(self, id: Any) -> Job:
        """The job ``id``, of an earlier life of the server too; InvalidInput if there is none."""
        with self._lock:
            known = isinstance(id, str) and ID.fullmatch(id)
            job = self._jobs.get(id) or self._reopened(id) if known else None
            if job and not job.active and self._expired(job.changed):
                self._forget(id)
                job = None
            if job is None:
                raise InvalidInput(f"job is {quote(id)}; there is no such job, or it has expired.")
            return job

    def stop(self, id: Any, why: Why = "asked") -> Job:
        """End the job within one step; one that has not begun leaves the line."""
        with self._lock:
            job = self.get(id)
            if job in self._line:
                self._line.remove(job)
                job.give_up(why)
            elif job.active:
                job.stop(why)
            return job

    def resume(self, id: Any, owner: str | None = None) -> Job:
        """Go on with a job that was stopped or interrupted, under the same id."""
        old = self.get(id)
        if not old.active:
            old.join(SETTLING)  # it may still be writing down its end
        with self._lock:
            old = self.get(id)
            if not old.resumable:
                raise InvalidInput(f"job is {quote(id)}; it is {old.state} and cannot go on.")
            return self._enter(Job(old.id, old.work, self.limits, old.folder, owner))

    def adopt(self, id: Any, owner: str | None) -> Job:
        """The job ``id``; from now on it counts for ``owner`` if it has lost its own."""
        job = self.get(id)
        job.owner = job.owner or owner
        return job

    def leave(self, owner: str) -> None:
        """``owner`` is gone: his jobs go on, for whoever has their ids."""
        with self._lock:
            for job in self._jobs.values():
                if job.owner == owner:
                    job.owner = None

    def counts(self) -> tuple[int, int]:
        """Jobs at work, and in line."""
        with self._lock:
            return len(self._running), len(self._line)

    def troubled(self) -> str:
        """What keeps results off the disk, if anything."""
        with self._lock:
            return next((job.trouble for job in self._running if job.trouble), "")

    def close(self, seconds: float = 4.0) -> None:
        """The server ends: stop and save all jobs, waiting at most ``seconds`` for them."""
        until = time.monotonic() + seconds
        with self._lock:
            self._closed = True
            running = list(self._running)
            for job in [*self._line, *running]:
                self.stop(job.id, "restart")
        for job in running:
            job.join(max(0.0, until - time.monotonic()))

    # The line

    def _enter(self, job: Job) -> Job:
        with self._lock:
            self._expire()
            for other in [other for other in self._line if other.unwatched]:
                self.stop(other.id, "unwatched")
            self._check(job.owner)
            self._jobs[job.id] = job
            job.place = self._place
            self._line.append(job)
            job.keep()  # who is given its id finds it, whatever happens to the server
            self._dispatch()
            return job

    def _check(self, owner: str | None) -> None:
        if self._closed:
            raise Busy("This server is about to restart; try again in a minute.")
        states = [j.state for j in (*self._running, *self._line) if owner is not None and j.owner == owner]
        if "waiting" in states:
            raise Busy("You have a job waiting already; stop it, or let it have its turn first.")
        begins = not states and len(self._running) < self.limits.slots
        if len(self._line) >= self.limits.line and not begins:
            raise Busy(f"The line is full: {len(self._line)} jobs are waiting. Try again in a few minutes.")

    def _dispatch(self) -> None:
        """Begin what may begin: each visitor has one job at work at most."""
        for job in list(self._line):
            if len(self._running) >= self.limits.slots or self._closed:
                return
            if job.unwatched:
                self.stop(job.id, "unwatched")
            elif job.owner is None or job.owner not in {other.owner for other in self._running}:
                self._line.remove(job)
                self._running.append(job)
                job.start(self._ended)

    def _ended(self, job: Job) -> None:
        with self._lock:
            self._running.remove(job)
            self._pace |= job.work.pace()
            try:
                self._expire()
            finally:
                self._dispatch()

    def _place(self, job: Job) -> Place | None:
        """How many begin before ``job``, and when it begins if each takes as long as it seems."""
        with self._lock:
            if job not in self._line:
                return None
            before = self._line[: self._line.index(job)]
            ends = [other.work.seconds_left(self._pace) for other in self._running]
            takes = [other.work.seconds_left(self._pace) for other in before]
            if None in ends or None in takes:
                return Place(len(before), None)
            free = ends + [0.0] * (self.limits.slots - len(ends))
            heapq.heapify(free)  # type: ignore[type-var]
            for seconds in takes:
                heapq.heapreplace(free, free[0] + seconds)  # type: ignore[operator, type-var]
            return Place(len(before), free[0])

    # What is kept

    def _reopened(self, id: str) -> Job | None:
        folder = self.folder / id
        try:
            record = json.loads((folder / RECORD).read_text())
            work = self.kinds[record["kind"]].reopen(record["work"], folder, self.shop)
            job = Job.reopened(id, work, self.limits, folder, record)
        except (OSError, ValueError, KeyError, TypeError):
            return None
        self._jobs[id] = job
        return job

    def _expire(self) -> None:
        """Forget ended jobs that are too old, too many or too large together, the oldest first."""
        room = self.limits.keep_megabytes * 2**20
        for i, (changed, id) in enumerate(sorted(self._ended_jobs(), reverse=True)):
            room -= _size(self.folder / id)
            if self._expired(changed) or i >= self.limits.keep_jobs or (room < 0 and i):
                self._forget(id)

    def _ended_jobs(self) -> list[tuple[float, str]]:
        """When they ended, and their ids: those in memory, and those of earlier lives of the server."""
        ended = [(job.changed, id) for id, job in self._jobs.items() if not job.active]
        with contextlib.suppress(OSError):  # no folder yet, or no disk
            for path in self.folder.iterdir():
                if ID.fullmatch(path.name) and path.name not in self._jobs:
                    ended.append((path.stat().st_mtime, path.name))  # noqa: PERF401  # one may vanish
        return ended

    def _expired(self, changed: float) -> bool:
        return time.time() - changed > self.limits.keep_seconds

    def _forget(self, id: str) -> None:
        self._jobs.pop(id, None)
        shutil.rmtree(self.folder / id, ignore_errors=True)


def _size(folder: Path) -> int:
    """Bytes in ``folder``; what vanishes meanwhile has none."""
    total = 0
    for path in folder.glob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size
    return total
