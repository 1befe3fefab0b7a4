"""The checks that many calls share: one sentence names the argument, its value and the range."""

from typing import Any

from genlab.config import MAX_SEED, check_number


def check_count(n: Any, lo: int, hi: int) -> int:
    """A number of pictures."""
    return int(check_number("n", n, lo, hi, whole=True))


def check_seed(seed: Any, name: str = "seed") -> int:
    return int(check_number(name, seed, 0, MAX_SEED, whole=True))


def check_digit(label: Any, name: str = "label") -> int | None:
    """A digit, or None for no digit in particular."""
    return None if label is None else int(check_number(name, label, 0, 9, whole=True))
