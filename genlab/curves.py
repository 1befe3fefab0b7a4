"""Curves that grow for as long as a training runs and stay small: thinned, never cut."""

from typing import Any

Curve = list[tuple[int, float]]  # (step, value)
CURVE_POINTS = 400


class Curves:
    """Every metric over the steps; of many steps every second is kept, then every fourth, and so on."""

    def __init__(self) -> None:
        self._stride, self._points = 1, {}  # type: tuple[int, dict[str, Curve]]

    def add(self, step: int, metrics: dict[str, float]) -> None:
        if step % self._stride:
            return
        for name, value in metrics.items():
            self._points.setdefault(name, []).append((step, value))
        if any(len(points) > CURVE_POINTS for points in self._points.values()):
            self._stride *= 2
            self._keep(lambda step: step % self._stride == 0)

    def _keep(self, wanted: Any) -> None:
        self._points = {name: [p for p in points if wanted(p[0])] for name, points in self._points.items()}

    def cut(self, step: int) -> None:
        """Forget what came after ``step``: a training goes on from there."""
        self._keep(lambda at: at <= step)

    def snapshot(self) -> dict[str, Curve]:
        return {name: list(points) for name, points in self._points.items()}

    def to_json(self) -> dict[str, Any]:
        return {"stride": self._stride, "points": self._points}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "Curves":
        curves = cls()
        curves._stride = int(kept["stride"])
        curves._points = {
            name: [(int(step), float(value)) for step, value in points]
            for name, points in kept["points"].items()
        }
        return curves
