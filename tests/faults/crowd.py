"""Many clients at once, and what each of them must get."""

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from genlab.library import Library
from tests.faults.helpers import SHIPPED, Api, drawn

PICTURES = 2


class Visitor:
    """A client with a model and a seed of its own, that tells whether it got its own pictures."""

    def __init__(self, api: Api, number: int, library: Library = SHIPPED) -> None:
        model, knobs = (("vae", {}), ("gan", {}), ("wgan_gp", {}), ("ddpm", {"steps": 2}))[number % 4]
        self.api, self.model, self.seed, self.knobs = api, model, number, knobs
        self.expected = drawn(model, PICTURES, number, library, **knobs)

    def draw(self) -> None:
        got = self.api.sample(self.model, PICTURES, self.seed, **self.knobs)
        assert np.array_equal(got, self.expected), f"not the pictures of {self.model}, seed {self.seed}"


def at_once(calls: Iterable[Callable[[], Any]]) -> list[Any]:
    """What each of ``calls`` gives, or the error it raises, all begun at the same moment."""
    calls = list(calls)
    gate = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        gate.wait(60)
        try:
            return call()
        except Exception as error:
            return error

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


class Drawing:
    """``visitors`` who draw again and again while this is open; afterwards none of them had an error."""

    def __init__(self, visitors: list[Visitor]) -> None:
        self.visitors, self.rounds, self.errors = visitors, 0, []  # type: ignore[var-annotated]
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._draw, args=(v,), daemon=True) for v in visitors]

    def _draw(self, visitor: Visitor) -> None:
        try:
            while not self._over.is_set():
                visitor.draw()
                self.rounds += 1
        except BaseException as error:
            self.errors.append(error)

    def __enter__(self) -> "Drawing":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: Any) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(120)
        assert not self.errors, self.errors
