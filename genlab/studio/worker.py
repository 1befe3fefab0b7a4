"""One thread that owns the pipelines of a device, and its work seen from outside as a stream.

Two threads on one pipeline mix up their pictures and raise no error, so all work stands in line here.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple, TypeVar

from PIL import Image

R = TypeVar("R")
LOOK_SECONDS = 0.2  # between two signs of life while nothing is reported


class Progress(NamedTuple):
    """How far some work is."""

    share: float | None  # 0 to 1; None while nobody knows
    text: str
    previews: tuple[Image.Image, ...] = ()  # the latest; the same tuple until there are new ones


Report = Callable[[Progress], None]
Stream = Generator[Progress, None, R]


class Stopped(Exception):
    """Raised inside the work once nobody wants its result."""


class Worker:
    """Runs one piece of work after another, first come, first served."""

    # _waiting: a ticket for each piece of work that has not begun, in order.

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
        reports: queue.SimpleQueue[Progress | None] = queue.SimpleQueue()  # None: that was all
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
        future.add_done_callback(lambda _: reports.put(None))
        try:
            latest: Progress | None = Progress(None, "Starting.")
            while True:
                with contextlib.suppress(queue.Empty):
                    latest = reports.get(timeout=LOOK_SECONDS)
                if latest is None:
                    return future.result()
                waiting = list(self._waiting)  # which the worker's thread changes at any time
                yield _in_line(waiting.index(ticket)) if ticket in waiting else latest
        finally:
            stop.set()
            if future.cancel():
                self._waiting.remove(ticket)


def _in_line(before: int) -> Progress:
    """What is told to the one that ``before`` others in line come before."""
    others = f"{before} in line before this and " if before else ""
    return Progress(None, f"Waiting: {others}one at work.")
