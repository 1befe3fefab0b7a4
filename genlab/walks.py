"""Work of many steps that tells how far it is, can be given up between two steps, and ends in a result.

A walk is a generator: it yields the share done, from 0 to 1, and its value is the result. Closing it
gives the work up. ``result = yield from walk`` passes its shares on.
"""

from collections.abc import Generator, Iterator
from typing import TypeVar

R = TypeVar("R")
Walk = Generator[float, None, R]


def finish(walk: Walk[R]) -> R:
    """Go to the end; the result."""
    while True:
        try:
            next(walk)
        except StopIteration as end:
            return end.value


def last(steps: Iterator[R], total: int) -> Walk[R]:
    """The last of ``total`` steps."""
    found = None
    for i, found in enumerate(steps, start=1):  # noqa: B007  # the last one is the result
        yield i / total
    assert found is not None, "there is a step"
    return found


def part(walk: Walk[R], start: float, end: float) -> Walk[R]:
    """``walk`` as the part from ``start`` to ``end`` of a longer one."""
    while True:
        try:
            yield start + (end - start) * next(walk)
        except StopIteration as done:
            return done.value


def collect(steps: Iterator[R], total: int) -> Walk[list[R]]:
    """All of ``total`` steps."""
    found: list[R] = []
    for step in steps:
        found.append(step)
        yield len(found) / total
    return found
