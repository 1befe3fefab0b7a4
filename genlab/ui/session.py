"""What one visitor has: his own models and his running trainings. Plain Python, no gradio."""

import contextlib
import json
import threading
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from genlab import api, checkpoints
from genlab.config import check_choice
from genlab.errors import InvalidInput
from genlab.jobs import Progress, TrainingJob
from genlab.library import SHIPPED_ORIGIN, Entry, Library
from genlab.models import MODELS
from genlab.sampling import Samples
from genlab.ui.numbers import whole

P = TypeVar("P")
MAX_SESSIONS = 500
IDLE_SECONDS = 3600.0


@lru_cache(maxsize=16)
def shipped_digest(folder: Path) -> str:
    """The sha256 of shipped weights, read once as the weights are."""
    return checkpoints.weights_sha256(folder)


def trained_digest(progress: Progress) -> str | None:
    """The sha256 of the weights that a training has left, None while it runs."""
    config = next((Path(f) for f in progress.files if f.endswith(".json")), None)
    return json.loads(config.read_text())["sha256"] if config else None


@dataclass(frozen=True)
class TrainRequest:
    """What to train and how: the arguments of ``api.train``."""

    name: str
    training: dict[str, Any]
    config: dict[str, Any]
    start: str = "scratch"


class Session:
    """One visitor's models and trainings; other visitors' are out of its reach."""

    def __init__(self, shipped: Library = api.SHIPPED) -> None:
        self.library = Library(shipped.folder)
        self.jobs: dict[str, TrainingJob] = {}
        self.seen = time.monotonic()
        self.closed = False
        self._busy: set[str] = set()
        self._digest: dict[str, str] = {}
        self._stop_all = threading.Event()
        self._working: dict[str, threading.Event] = {}
        self._lock = threading.Lock()

    # Sampling

    def entry(self, name: str) -> Entry:
        """The model that ``name`` means to this visitor."""
        return self.library.get(name)

    def sample(self, name: str, n: Any, seed: Any, label: Any, knobs: dict[str, Any]) -> Iterator[Samples]:
        """``api.sample`` with this visitor's models."""
        return api.sample(name, n, seed, label, library=self.library, **knobs)

    def origin(self, name: str) -> str:
        """Where the model that ``name`` means comes from; it need not load for that."""
        own = self.library.own.get(name)
        return own.origin if own else SHIPPED_ORIGIN

    def digest(self, name: str) -> str:
        """The sha256 of the weights that ``name`` means."""
        return self._digest.get(name) or shipped_digest(self.library.folder / name)

    # Long work

    def work(self, name: str, items: Generator[P, None, Any]) -> Iterator[P]:
        """Pass ``items`` on until somebody interrupts the work ``name``."""
        stop = self._working[name] = threading.Event()
        with contextlib.closing(items):
            for item in items:
                yield item
                if stop.is_set():
                    return

    def interrupt(self, name: str) -> None:
        """End it at its next step; returns at once."""
        if name in self._working:
            self._working[name].set()

    # Training

    def running(self) -> list[str]:
        """The families in training now."""
        return sorted(self._busy)

    def train(self, request: TrainRequest) -> Iterator[Progress]:
        """Train and follow it, a look at least every quarter second; closing the iterator stops it.

        A model that learned something takes the family's place in this session; a training that
        diverged or failed leaves the previous one there.
        """
        check_choice("model", request.name, tuple(MODELS))
        with self._lock:
            if request.name in self._busy:
                raise InvalidInput(f"{MODELS[request.name].card.title} is training already; stop it first.")
            self._busy.add(request.name)
        job = None
        try:
            job = api.train(
                request.name, request.training, request.config, request.start, library=self.library
            )
            self.jobs[request.name] = job
            for progress in job.start().follow():
                if progress.state != "running":
                    self._settle(job, progress, request.start)
                yield progress
        finally:
            self._busy.discard(request.name)
            if job:
                job.stop()

    def new_round(self) -> threading.Event:
        """For trainings in turn: set once somebody asks to stop them all."""
        self._stop_all = threading.Event()
        return self._stop_all

    def _settle(self, job: TrainingJob, progress: Progress, start: str) -> None:
        if progress.state in ("finished", "stopped") and progress.step:
            base = " from the shipped weights" if start == "shipped" else ""
            self.library.put(job.name, job.model, f"trained here, {whole(progress.step)} steps{base}")
            self._digest[job.name] = trained_digest(progress) or ""

    def stop(self, name: str | None = None) -> None:
        """Ask the training of ``name``, or all of them, to end; returns at once."""
        if name is None:
            self._stop_all.set()
        for job in [self.jobs.get(name)] if name else list(self.jobs.values()):
            if job:
                job.stop()

    def back_to_shipped(self, name: str) -> None:
        self.library.own.pop(name, None)
        self._digest.pop(name, None)

    def close(self) -> None:
        """The visitor has left."""
        self.closed = True
        self.stop()
        for name in self._working:
            self.interrupt(name)


class Sessions:
    """All visitors, by the key their browser or client sends; they share the ``shipped`` models."""

    def __init__(self, shipped: Library = api.SHIPPED) -> None:
        self.shipped = shipped
        self._sessions: dict[str, Session] = {}
        self._first_look: dict[str, Samples] = {}
        self._lock = threading.Lock()

    def get(self, key: str | None) -> Session:
        """The visitor's session; one without a key gets a fresh one each time."""
        with self._lock:
            self._forget_idle()
            session = self._sessions.get(key) if key else Session(self.shipped)
            if session is None or session.closed:
                session = self._sessions[key] = Session(self.shipped)  # type: ignore[index]
            session.seen = time.monotonic()
            return session

    def close(self, key: str | None) -> None:
        """The visitor has left: his trainings stop, his models are forgotten."""
        with self._lock:
            session = self._sessions.pop(key or "", None)
        if session:
            session.close()

    def running(self) -> int:
        """Trainings on this server now."""
        with self._lock:
            return sum(len(s.running()) for s in self._sessions.values())

    def first_look(self, name: str, n: int, seed: int) -> Iterator[Samples]:
        """What the page opens with: drawn for the first visitor, kept for all others."""
        if name not in self._first_look:
            for samples in api.sample(name, n, seed, library=self.shipped):
                yield samples
            self._first_look[name] = samples
        else:
            yield self._first_look[name]

    def _forget_idle(self) -> None:
        """Drop sessions nobody has used for an hour, and the oldest beyond the limit."""
        idle = sorted((s.seen, key) for key, s in self._sessions.items() if not s.running())
        surplus = len(self._sessions) - MAX_SESSIONS
        for i, (seen, key) in enumerate(idle):
            if i < surplus or time.monotonic() - seen > IDLE_SECONDS:
                del self._sessions[key]
