"""One job: a thread does its work, any number of viewers look at it, its end is written down."""

import contextlib
import logging
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from genlab.checkpoints import write_json
from genlab.errors import GenlabError, NotSaved
from genlab.events import Saved, Saving, Unsaved
from genlab.jobs.work import End, Why, Work, said
from genlab.settings import Limits

log = logging.getLogger(__name__)

State = Literal["waiting", "running", "failed"] | End
ACTIVE = ("waiting", "running")
RECORD = "job.json"
HEARTBEAT = 0.4  # seconds between two looks of a follower: more often costs a browser more than it shows
NICENESS = 10  # of a job's thread: who asks for a picture meanwhile goes first
STOPPING = "Stopping: the step at work is completed, and what was learned is saved."
IN_MEMORY = "It is in this server's memory alone: download it while the server runs."


@dataclass(frozen=True)
class Place:
    """Where a waiting job stands in line."""

    before: int  # jobs that begin earlier, those at work not counted
    seconds: float | None  # until it begins, about; None where nobody knows


@dataclass(frozen=True, eq=False)
class Look:
    """What a viewer sees of a job at one moment."""

    id: str
    kind: str
    name: str
    state: State
    message: str
    notice: str  # what keeps the result off the disk, if anything
    place: Place | None  # of a waiting job
    seconds: float  # at work
    resumable: bool
    files: tuple[str, ...]  # the result's, once it has ended
    view: Any  # what the work shows

    @property
    def ended(self) -> bool:
        return self.state not in ACTIVE


class Job:
    """Runs ``work`` once it is told to; ``stop`` ends it within one step and keeps its result.

    Args:
        id: Unguessable: who has it may look at the job and stop it.
        work: What to do, owned by this job.
        limits: When a job is ended although nobody asked for it.
        folder: Where the result goes, and what is needed to open the job again.
        owner: Whose job it is; None once he has left.
    """

    def __init__(self, id: str, work: Work, limits: Limits, folder: Path, owner: str | None) -> None:
        self.id, self.work, self.limits, self.folder, self.owner = id, work, limits, folder, owner
        self.state: State = "waiting"
        self.message, self.trouble = "Waiting.", ""  # what keeps the result off the disk, if anything
        self.created = self.changed = time.time()
        self.seen = time.monotonic()
        self.place: Callable[[Job], Place | None] = lambda _: None
        self._why: Why | None = None
        self._began: float | None = None
        self._seconds = 0.0
        self._lock, self._saving = threading.Lock(), threading.Lock()
        self._fresh: tuple[float, Look] | None = None
        self._thread: threading.Thread | None = None

    # Seen from outside

    def stop(self, why: Why = "asked") -> None:
        """Ask a running job for its end; returns at once."""
        with self._lock:  # or its thread might end it between the question and the answer
            self._why = self._why or why
            if self.state == "running":
                self.message, self._fresh = STOPPING, None

    def join(self, timeout: float | None = None) -> None:
        if self._thread:
            self._thread.join(timeout)

    @property
    def active(self) -> bool:
        return self.state in ACTIVE

    @property
    def stopping(self) -> bool:
        """Has somebody asked for its end?"""
        return self._why is not None

    @property
    def unwatched(self) -> bool:
        """Has nobody looked for a long time?"""
        return time.monotonic() - self.seen > self.limits.unwatched_seconds

    @property
    def seconds(self) -> float:
        """At work so far."""
        began = self._began
        return self._seconds if began is None else time.monotonic() - began

    def look(self) -> Look:
        """The job as it is now, at most ``HEARTBEAT`` old; whoever looks watches it."""
        self.seen = time.monotonic()
        place = self.place(self) if self.state == "waiting" else None  # asks the store: not under our lock
        with self._lock:
            if self._fresh and self.seen - self._fresh[0] < HEARTBEAT:
                return self._fresh[1]
            look = Look(
                self.id,
                self.work.kind,
                self.work.name,
                self.state,
                self.message,
                f"{self.trouble} {IN_MEMORY}" if self.trouble else "",
                place,
                self.seconds,
                self.resumable,
                () if self.active else tuple(map(str, self.work.files(self.folder))),
                self.work.view(),
            )
            self._fresh = self.seen, look
            return look

    @property
    def resumable(self) -> bool:
        return self.state in ("stopped", "interrupted") and self.work.resumable(self.folder)

    def follow(self) -> Iterator[Look]:
        """Looks, one a heartbeat, until the job has ended (that one last)."""
        while True:
            look = self.look()
            yield look
            if look.ended:
                return
            if self._thread:
                self._thread.join(HEARTBEAT)
            else:
                time.sleep(HEARTBEAT)

    # Its life

    def start(self, ended: Callable[["Job"], None]) -> None:
        """Begin; ``ended`` is called when it is over."""
        self._set("running", "Preparing data and network.")
        self._thread = threading.Thread(
            target=self._run, args=(ended,), name=f"job {self.work.name}", daemon=True
        )
        self._thread.start()

    def give_up(self, why: Why) -> None:
        """End a job that has not begun."""
        state: State = "interrupted" if why == "restart" else "stopped"
        self._set(state, f"{state.capitalize()} before it began{said(why, self.limits)}.")
        self.keep()

    def keep(self) -> None:
        """Write down what opens this job again; a disk that refuses is told to the viewers."""
        try:
            with self._lock:
                told = {
                    "kind": self.work.kind,
                    "state": self.state,
                    "message": self.message,
                    "seconds": self.seconds,
                    "created": self.created,
                    "work": self.work.record(),
                }
            write_json(self.folder / RECORD, told)
        except NotSaved as error:
            self._unsaved(error)

    def save_again(self) -> None:
        """Try to write what is in memory alone: there may be room by now."""
        with self._saving:
            if self.trouble and not self.active:
                self.save()
                self.settle()

    def save(self) -> None:
        """Write the result; where the disk refuses it stays in memory, and the viewers are told."""
        try:
            self.work.save(self.folder)
            self._fresh, self.trouble = None, ""
        except NotSaved as error:
            self._unsaved(error)

    def settle(self) -> None:
        """Write down that it has ended. A kill before that finds all that is needed to go on."""
        self.keep()
        if not self.trouble:
            with contextlib.suppress(OSError):
                self.work.tidy(self.folder)

    def _unsaved(self, error: NotSaved) -> None:
        log.warning("job %s: %s", self.work.name, error, exc_info=error)
        self._fresh, self.trouble = None, str(error)

    def _set(self, state: State, message: str) -> None:
        with self._lock:
            self.state, self.message, self.changed, self._fresh = state, message, time.time(), None

    def _run(self, ended: Callable[["Job"], None]) -> None:
        yield_to_others()
        self._began = time.monotonic()
        try:
            state, message = self._work()
        except GenlabError as error:
            state, message = "failed", str(error)
        except Exception:
            log.exception("job %s failed", self.work.name)
            state, message = "failed", "It failed for a reason of ours; the server's log says why."
        self._seconds, self._began = self.seconds, None
        try:
            with self._saving:
                self._set(state, message)
                self.settle()
        finally:
            ended(self)

    def _work(self) -> tuple[State, str]:
        events = self.work.events(self.folder)
        for event in events:
            with self._lock:
                self.work.take(event)
                if self._why is None:
                    self.message = "At work."
            if isinstance(event, Saving):
                self.keep()
            elif isinstance(event, Saved):
                self.trouble = ""
                self.keep()
            elif isinstance(event, Unsaved):
                self._unsaved(NotSaved(event.reason))
            if self._over():
                self.keep()  # first: see Saving
                events.close()  # type: ignore[attr-defined]
                break
        outcome = self.work.end(self._why)
        self.save()
        return outcome

    def _over(self) -> bool:
        """Is there a reason to end it now?"""
        if self.unwatched:
            self.stop("unwatched")
        elif self.seconds > self.limits.seconds:
            self.stop("time")
        return self._why is not None

    @classmethod
    def reopened(cls, id: str, work: Work, limits: Limits, folder: Path, record: dict[str, Any]) -> "Job":
        """A job of an earlier life of this server."""
        job = cls(id, work, limits, folder, None)
        job.state, job.message, job.created = record["state"], record["message"], record["created"]
        job._seconds, job.changed = record["seconds"], (folder / RECORD).stat().st_mtime
        if job.active:
            job.state = "interrupted"
            job.message = "The server went down while this was at work; what it had saved by then is kept."
        return job


def yield_to_others() -> None:
    """Let this thread, and those it will start, have the processor after the threads of visitors."""
    if sys.platform == "linux":  # where each thread has its own priority
        thread = threading.get_native_id()
        with contextlib.suppress(OSError):  # a sandbox may forbid it
            os.setpriority(os.PRIO_PROCESS, thread, max(NICENESS, os.getpriority(os.PRIO_PROCESS, thread)))
