"""What one visitor has: his own models, and the jobs he watches. Plain Python, no gradio."""

import contextlib
import json
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from genlab import api, checkpoints
from genlab.data import PUBLISHED
from genlab.errors import GenlabError, InvalidInput
from genlab.hub import Loaded
from genlab.jobs import Job, JobStore, Look, RaceWork, TrainingPlan, TrainingWork
from genlab.library import SHIPPED_ORIGIN, Entry, Library
from genlab.models import MODELS, GenerativeModel
from genlab.numbers import whole
from genlab.sampling import Samples

P = TypeVar("P")
IDLE_SECONDS = 3600.0
MAX_WATCHED = 8  # jobs in one address


@lru_cache(maxsize=16)
def shipped_digest(folder: Path) -> str:
    """The sha256 of shipped weights, read once as the weights are."""
    return checkpoints.weights_sha256(folder)


def trained_digest(look: Look) -> str | None:
    """The sha256 of the weights that a training has left; None where there are none on the disk."""
    config = next((Path(f) for f in look.files if f.endswith(checkpoints.CONFIG)), None)
    return json.loads(config.read_text())["sha256"] if config else None


class Session:
    """One visitor's models and jobs; other visitors' are out of its reach.

    Args:
        key: What the visitor's browser or client sends; his jobs are counted by it.
        store: Where his jobs run, and whose library he draws from.
    """

    def __init__(self, key: str, store: JobStore = api.JOBS) -> None:
        self.key, self.store = key, store
        self.library = Library(store.shop.library.folder)
        self.jobs: dict[str, Job] = {}  # the latest of each family, and the race
        self.seen = time.monotonic()
        self.closed = False
        self.loaded: dict[str, Loaded] = {}  # from the hub, in place of what he trained
        self._digest: dict[str, str] = {}
        self.round: list[str] | None = None  # families still to train in turn, the present one first
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
        """The sha256 of the weights that ``name`` means; empty for those that are in memory alone."""
        if name in self.library.own:
            return self._digest.get(name, "")
        return shipped_digest(self.library.folder / name)

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

    # Jobs

    def at_work(self, name: str) -> Job | None:
        """The job ``name`` that is at work, or will be when its turn comes."""
        job = self.jobs.get(name)
        return job if job and job.active and not job.stopping else None

    def busy(self) -> bool:
        """Is one of his jobs at work or in line?"""
        return any(job.active for job in self.jobs.values())

    def submit(self, plan: TrainingPlan) -> Job:
        """Train in the background; InvalidInput if this family is in training, Busy if there is no room."""
        title = MODELS[plan.name].card.title
        return self._begin(plan.name, title, lambda owner: api.submit(plan, owner=owner, store=self.store))

    def cure(self, name: str, change: dict[str, Any]) -> Job:
        """Train ``name`` again by the same plan with some knobs changed, in place of the present training."""
        work = self.jobs[name].work if name in self.jobs else None
        if not isinstance(work, TrainingWork):
            raise InvalidInput("There is no training here to begin again.")
        old = work.plan
        config = old.config | change
        plan = api.training_plan(name, vars(old.training), config, old.start, shop=self.store.shop)
        self.stop(name)
        return self.submit(plan)

    def submit_race(self, families: Any, **knobs: Any) -> Job:
        """Race in the background; InvalidInput if a race is on, Busy if there is no room."""
        return self._begin(
            RaceWork.name,
            "Your race",
            lambda owner: api.submit_race(families, owner=owner, store=self.store, **knobs),
        )

    def _begin(self, name: str, title: str, submit: Callable[[str | None], Job]) -> Job:
        with self._lock:
            if self.at_work(name):
                raise InvalidInput(f"{title} is at work already; stop it first.")
            job = self.jobs[name] = submit(self.key or None)
            return job

    def watch(self, ids: Iterable[str]) -> list[str]:
        """Take up the jobs of an address; what is wrong with an id is returned as a sentence."""
        wrong = []
        for id in list(ids)[:MAX_WATCHED]:
            try:
                job = self.store.adopt(id, self.key or None)
            except GenlabError as error:
                wrong.append(str(error))
            else:
                if self.jobs.get(job.work.name) is not job:  # a page that loads asks more than once
                    self.jobs[job.work.name] = job
                    self._take_up(job)
        return wrong

    def _take_up(self, job: Job) -> None:
        """What a training that goes on had learned when it was stopped draws until it ends again."""
        with contextlib.suppress(GenlabError, OSError):
            if job.active and isinstance(job.work, TrainingWork) and job.work.files(job.folder):
                steps = whole(checkpoints.read_training(job.folder)["steps"])
                model: Any = checkpoints.load(job.folder)
                self._place(job.work, model, f"{steps} steps")

    def resume(self, name: str) -> Job:
        """Go on with the stopped or interrupted job of ``name``."""
        if name not in self.jobs:
            raise InvalidInput("There is nothing here to go on with.")
        job = self.jobs[name] = self.store.resume(self.jobs[name].id, self.key or None)
        return job

    def settle(self, job: Job) -> None:
        """A model that learned something takes the family's place; one that diverged or failed does not."""
        work, look = job.work, job.look()
        if not isinstance(work, TrainingWork) or look.state not in ("finished", "stopped"):
            return
        if not look.view.step:
            return
        base = " from the shipped weights" if work.plan.start == "shipped" else ""
        model = work.trained(job.folder)
        self._digest[work.name] = trained_digest(look) or ""
        self._place(work, model, f"{whole(look.view.step)} steps{base}")

    def _place(self, work: TrainingWork, model: GenerativeModel, effort: str) -> None:
        """From now on the family is what was learned here."""
        data = work.plan.training.data
        self.loaded.pop(work.name, None)
        on = "" if data == "mnist" else f" on {PUBLISHED[data].title}"
        self.library.put(work.name, model, f"trained here, {effort}{on}", data)

    # The hub

    def take(self, found: Loaded) -> None:
        """From now on the family is this model from the hub."""
        model: Any = found.model
        self.library.put(found.name, model, found.origin, found.data)
        self.loaded[found.name], self._digest[found.name] = found, found.sha256

    def trained_files(self, name: str) -> dict[str, bytes]:
        """Weights and config of what was trained here and draws now; InvalidInput if nothing was."""
        job = self.jobs.get(name)
        if name in self.loaded or name not in self.library.own or job is None:
            raise InvalidInput("There is nothing of yours to save here yet: train it first.")
        return job.work.packed() or {p.name: p.read_bytes() for p in job.work.files(job.folder)}

    # Rounds

    def begin_round(self, names: list[str]) -> None:
        """Train these in turn."""
        self.round = names

    def next_in_round(self, name: str) -> bool:
        """The training of ``name`` is over: does the round go on with the next?"""
        if not self.round or self.round[0] != name:
            return False
        self.round = self.round[1:] or None
        return self.round is not None

    def end_round(self) -> None:
        self.round = None

    def stop(self, name: str | None = None) -> None:
        """Ask the job ``name``, or all of them, to end; returns at once."""
        if name is None:
            self.end_round()
        for job in [self.jobs.get(name)] if name else list(self.jobs.values()):
            if job and job.active:
                self.store.stop(job.id)

    def back_to_shipped(self, name: str) -> None:
        self.stop(name)  # or it would go on where nobody sees it
        self.library.own.pop(name, None)
        self._digest.pop(name, None)
        self.loaded.pop(name, None)
        self.jobs.pop(name, None)

    def close(self) -> None:
        """The visitor has left: what he watched goes on for a while, what he waited for does not."""
        self.closed = True
        self.store.leave(self.key)
        for name in self._working:
            self.interrupt(name)


class Sessions:
    """All visitors, by the key their browser or client sends; they share the shipped models and ``store``."""

    def __init__(self, store: JobStore = api.JOBS) -> None:
        self.store = store
        self._sessions: dict[str, Session] = {}
        self._first_look: dict[str, Samples] = {}
        self._lock = threading.Lock()

    def get(self, key: str | None) -> Session:
        """The visitor's session; one without a key gets a fresh one each time."""
        with self._lock:
            self._forget_idle()
            session = self._sessions.get(key) if key else Session("", self.store)
            if session is None or session.closed:
                session = self._sessions[key] = Session(key, self.store)  # type: ignore[index, arg-type]
            session.seen = time.monotonic()
            return session

    def close(self, key: str | None) -> None:
        """The visitor has left: his models are forgotten, his jobs wait a while for him to come back."""
        with self._lock:
            session = self._sessions.pop(key or "", None)
        if session:
            session.close()

    def first_look(self, session: Session, name: str, n: int, seed: int) -> Iterator[Samples]:
        """What the page opens with; shipped models draw for the first visitor, and it is kept for all."""
        if name in session.library.own:
            yield from session.sample(name, n, seed, None, {})
        elif name not in self._first_look:
            for samples in api.sample(name, n, seed, library=self.store.shop.library):
                yield samples
            self._first_look[name] = samples
        else:
            yield self._first_look[name]

    def _forget_idle(self) -> None:
        """Drop sessions nobody has used for an hour, and the oldest beyond the limit."""
        idle = sorted((s.seen, key) for key, s in self._sessions.items() if not s.busy())
        surplus = len(self._sessions) - self.store.limits.sessions
        for i, (seen, key) in enumerate(idle):
            if i < surplus or time.monotonic() - seen > IDLE_SECONDS:
                self._sessions.pop(key).close()
