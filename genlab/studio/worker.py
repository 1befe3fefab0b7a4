"""One thread that owns the pipelines of a device, and its work seen from outside as a stream.

Two threads on one pipeline mix up their pictures and raise no error, so all work stands in line here.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

from PIL import Image

R = TypeVar("R")
LOOK_SECONDS = 0.2  # between two signs of life while nothing is reported


class Progress(NamedTuple):
    """How far some work is."""

    share: float | None  # 0 to 1; None while nobody knows
    text: str
    previews: tuple[Image.Image, ...] = ()


Report = Callable[[Progress], None]
Stream = Generator[Progress, None, R]


class Stopped(Exception):
    """Raised inside the work once nobody wants its result."""


class Worker:
    """Runs one piece of work after another, first come, first served."""

    def __init__(self) -> None:
        self._waiting: list[object] = []
        self._pool: ThreadPoolExecutor | None = None
        self._process = 0

    def _submit(self, work: Callable[[], R]) -> Future[R]:
        return self._own_pool().submit(work)

    def _own_pool(self) -> ThreadPoolExecutor:
        if self._pool is None or self._process != os.getpid():  # a forked process has lost the thread,
            self._pool, self._process = ThreadPoolExecutor(1, "studio"), os.getpid()
            self._waiting = []  # and whoever stood in line waits in the other process
        return self._pool

    def stream(self, work: Callable[[Report], R]) -> Stream[R]:
        """Do ``work``, passing on what it reports; closing the stream stops it at its next report."""
        reports: queue.SimpleQueue[Progress] = queue.SimpleQueue()
        stop, ticket = threading.Event(), object()

        def report(progress: Progress) -> None:
            if stop.is_set():
                raise Stopped
            reports.put(progress)

        def begun() -> R:
            self._waiting.remove(ticket)
            report(Progress(None, "Starting."))
            return work(report)

        pool = self._own_pool()
        self._waiting.append(ticket)
        future = pool.submit(begun)
        try:
            latest = Progress(None, "Starting.")
            while not (future.done() and reports.empty()):
                with contextlib.suppress(queue.Empty):
                    latest = reports.get(timeout=LOOK_SECONDS)
                yield latest if ticket not in self._waiting else self._in_line(ticket)
            return future.result()
        finally:
            stop.set()
            if future.cancel():
                self._waiting.remove(ticket)

    def _in_line(self, ticket: object) -> Progress:
        before = self._waiting.index(ticket) if ticket in self._waiting else 0
        return Progress(
            None,
            f"Waiting: {before} in line before this and one at work."
            if before
            else "Waiting for one at work.",
        )

    def do(self, work: Callable[[], R]) -> R:
        """Do ``work`` when its turn comes, and wait for it."""
        return self._submit(work).result()


def finish(stream: Generator[Any, None, R]) -> R:
    """The result of a stream, whatever it reports on the way."""
    while True:
        try:
            next(stream)
        except StopIteration as end:
            return end.value
