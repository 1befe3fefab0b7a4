"""Work that tells how far it is: its parts, its result, and giving it up."""

from collections.abc import Iterator

import pytest

from genlab.walks import Walk, collect, finish, last, part


def counting(n: int, closed: list[int]) -> Iterator[int]:
    try:
        yield from range(n)
    finally:
        closed.append(n)


def whole(closed: list[int]) -> Walk[tuple[int, list[int]]]:
    a = yield from part(last(counting(4, closed), 4), 0, 0.5)
    b = yield from part(collect(counting(2, closed), 2), 0.5, 1)
    return a, b


def test_parts_make_one_way_and_one_result() -> None:
    walk, shares = whole([]), []
    with pytest.raises(StopIteration) as end:
        while True:
            shares.append(next(walk))
    assert shares == [0.125, 0.25, 0.375, 0.5, 0.75, 1.0]
    assert end.value.value == (3, [0, 1]) == finish(whole([]))


def test_closing_gives_the_work_up_at_once() -> None:
    closed: list[int] = []
    walk = whole(closed)
    next(walk)
    walk.close()
    assert closed == [4], "the second part never began"
