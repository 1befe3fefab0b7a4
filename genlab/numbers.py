"""Numbers as people read them: three significant digits, thousands apart, with their unit."""

import math
from typing import Any


def brief(value: float | None) -> str:
    """Three significant digits: 0.0123, 4.56, 789, 12,300; very small or large ones as 1.23e-07."""
    if value is None or not math.isfinite(value):
        return "–"
    if value and not 1e-4 <= abs(value) < 1e6:
        return f"{value:.2e}"
    digits = max(0, 2 - math.floor(math.log10(abs(value)))) if value else 0
    rounded = round(value, 2 - math.floor(math.log10(abs(value)))) if value else 0.0
    return f"{rounded:,.{digits}f}"


def whole(value: int) -> str:
    """1,200."""
    return f"{value:,}"


def count(value: int, unit: str) -> str:
    """1 evaluation, 50 evaluations."""
    return f"{value:,} {unit}{'' if value == 1 else 's'}"


def millions(value: int) -> str:
    """1.23 M, 45.6 k."""
    for size, letter in ((1_000_000, "M"), (1_000, "k")):
        if value >= size:
            return f"{brief(value / size)} {letter}"
    return str(value)


def duration(seconds: float) -> str:
    """0.123 s, 12.3 s, 2 min 10 s, 1 h 5 min."""
    if seconds < 60:
        return f"{brief(seconds)} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    return f"{minutes // 60} h {minutes % 60} min"


def jsonable(value: Any) -> Any:
    """The same with None in place of numbers that JSON has no word for."""
    if isinstance(value, dict):
        return {str(k): jsonable(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [jsonable(v) for v in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def within(value: float | None, spread: float | None) -> str:
    """A mean with its spread, to the same decimals: 33.4 ± 0.5; the mean alone where there is no spread."""
    said = brief(value)
    if value is None or spread is None:
        return said
    return f"{said} ± {spread:,.{len(said.partition('.')[2])}f}"


def percent(share: float | None) -> str:
    """99.6%."""
    return "–" if share is None else f"{share:.1%}"


def operations(flops: float | None) -> str:
    """55.1 TFLOP: 10^12 floating-point operations, or 10^15."""
    if flops is None:
        return "–"
    size, unit = (1e15, "PFLOP") if flops >= 1e15 else (1e12, "TFLOP")
    return f"{brief(flops / size)} {unit}"
