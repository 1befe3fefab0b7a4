"""Small plots as SVG text: a live one costs a few milliseconds, and follows light and dark by itself."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

from genlab.curves import Curve
from genlab.numbers import brief, whole

WIDTH, HEIGHT = 320, 96
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 20, 20
LETTER = 6.0  # pixels of a letter, about
SMOOTHING = 0.85  # of the bold line


def _smooth(curve: Curve) -> Curve:
    """An exponential average, without the bias towards the first point."""
    total = weight = 0.0
    out: Curve = []
    for step, value in curve:
        total, weight = SMOOTHING * total + value, SMOOTHING * weight + 1
        out.append((step, total / weight))
    return out


def words(x: float, y: float, said: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(said)}</text>'


def _figure(title: str, body: str, height: int = HEIGHT) -> str:
    label = escape(title, quote=True)
    return f'<svg class="gl-plot" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{label}">{body}</svg>'


def curve_plot(name: str, curve: Curve, total_steps: int, colour: str) -> str:
    """One metric over the steps: thin as measured, bold smoothed."""
    points = [(s, v) for s, v in curve if math.isfinite(v)]
    if not points:
        return ""
    values = sorted(v for _, v in points)
    lo, hi = values[0], values[min(len(values) - 1, int(len(values) * 0.99))]  # a first spike may leave
    spread = (hi - lo) or abs(hi) or 1.0

    def line(curve: Curve, style: str) -> str:
        xy = (
            (
                LEFT + (WIDTH - LEFT - RIGHT) * s / max(total_steps, 1),
                max(TOP, HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (v - lo) / spread),
            )
            for s, v in curve
        )
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in xy)
        return f'<polyline points="{path}" fill="none" stroke="{colour}" {style}/>'

    base = HEIGHT - BOTTOM
    title = f"{name.replace('_', ' ')} {brief(points[-1][1])}"
    peak_step, peak = max(points, key=lambda point: point[1])
    above = f"↑ {brief(peak)} at step {whole(peak_step)}" if peak > hi + spread / 4 else ""
    body = [
        f'<path d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}" class="gl-axis"/>',
        words(LEFT, 12, title, extra='class="gl-plot-title"'),
        words(WIDTH - RIGHT, 12, above, "end"),
        words(LEFT - 4, TOP + 8, brief(hi), "end"),
        words(LEFT - 4, base, brief(lo), "end"),
        words(LEFT, HEIGHT - 6, "0"),
        words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "step", "middle"),
        words(WIDTH - RIGHT, HEIGHT - 6, whole(total_steps), "end"),
        line(points, 'stroke-width="1" opacity="0.35"'),
        line(_smooth(points), 'stroke-width="2"'),
    ]
    return _figure(f"{title} at step {whole(points[-1][0])}", "".join(body))


def curve_plots(curves: dict[str, Curve], total_steps: int, colour: str) -> str:
    """Every metric in its own plot, one under the other."""
    return "".join(curve_plot(name, curve, total_steps, colour) for name, curve in curves.items())


class Line(NamedTuple):
    """A line of a plot: its name in the legend, its points, and how it is drawn."""

    name: str
    points: Sequence[tuple[float, float]]
    colour: str
    dash: str = ""
    filled: bool = False  # down to the axis, as a histogram


class Axis(NamedTuple):
    """A range of values along one direction of a plot."""

    lo: float
    hi: float
    log: bool

    @classmethod
    def of(cls, values: list[float], log: bool) -> "Axis":
        fit = [v for v in values if math.isfinite(v) and (v > 0 or not log)]
        return cls(min(fit, default=1.0), max(fit, default=1.0), log)

    def shows(self, value: float) -> bool:
        return math.isfinite(value) and (value > 0 or not self.log)

    def share(self, value: float) -> float:
        """Where ``value`` lies, 0 (lo) to 1 (hi)."""
        lo, hi, at = (math.log10(v) if self.log else v for v in (self.lo, self.hi, value))
        return (at - lo) / ((hi - lo) or 1)

    def ticks(self) -> list[float]:
        """Both ends; of a logarithmic axis the powers of ten, if there are two, and an end far from them."""
        if self.log:
            first, last = math.ceil(math.log10(self.lo) - 1e-9), math.floor(math.log10(self.hi) + 1e-9)
            if last > first:
                every = math.ceil((last - first) / 5)  # no more than six labels
                powers = [10.0**k for k in range(first, last + 1, every)]
                foot = [] if self.share(powers[0]) < 0.15 else [self.lo]
                return [*foot, *powers, *([] if self.share(powers[-1]) > 0.85 else [self.hi])]
        return [self.lo, self.hi]

    def label(self, value: float) -> str:
        if self.log:
            return f"{value:,.0f}" if 100 <= value < 1e6 else f"{value:.3g}"
        return brief(value) if abs(value) > 1e-3 * abs(self.hi) else "0"


DOTS = 12  # a line of at most so many points shows each, with its value as a tooltip


def line_plot(
    title: str,
    lines: list[Line],
    x_label: str,
    *,
    marker: float | None = None,
    log: bool = False,
    log_x: bool = False,
) -> str:
    """Several lines over one axis, with a legend; ``marker`` is a vertical line.

    ``log``, ``log_x``: the scales of y and x are logarithmic; points they cannot show are left out.
    """
    height = 150
    base, top = height - 30, TOP + 14
    across = Axis.of([x for line in lines for x, _ in line.points], log_x)
    up = Axis.of([y for line in lines for _, y in line.points], log)

    def px(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * across.share(x)

    def py(y: float) -> float:
        return base - (base - top) * up.share(y)

    body = [
        words(LEFT, 12, title, extra='class="gl-plot-title"'),
        f'<path d="M{LEFT} {top}V{base}H{WIDTH - RIGHT}" class="gl-axis"/>',
        words((LEFT + WIDTH - RIGHT) / 2, base + 24, x_label, "middle"),
    ]
    body += [words(LEFT - 4, py(y) + (0 if y == up.lo else 4), up.label(y), "end") for y in up.ticks()]
    for x in across.ticks():
        said = across.label(x) if log_x else whole(round(x)) if across.hi > 10 else brief(x)
        anchor = "start" if x == across.lo else "end" if x == across.hi else "middle"
        body.append(words(px(x), base + 12, said, anchor))
    if marker is not None:
        body.append(f'<path d="M{px(marker):.1f} {top}V{base}" class="gl-even"/>')
    left = float(LEFT)  # of the next name in the legend
    for line in lines:
        points = [(x, y) for x, y in line.points if across.shows(x) and up.shows(y)]
        path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in points)
        area = f'"{line.colour}" fill-opacity="0.25"' if line.filled else '"none"'
        stroke = f'fill={area} stroke="{line.colour}" stroke-width="2" stroke-dasharray="{line.dash}"'
        body += [
            f'<polyline points="{path}" {stroke}/>',
            f'<path d="M{left:.1f} 24h12" {stroke}/>',
            words(left + 15, 27, line.name),
        ]
        left += 25 + LETTER * len(line.name)
        if len(points) <= DOTS and not line.dash:
            body += [
                f'<circle cx="{px(x):.1f}" cy="{py(y):.1f}" r="3" fill="{line.colour}">'
                f"<title>{escape(line.name)}, {escape(x_label)} {brief(x)}: {brief(y)}</title></circle>"
                for x, y in points
            ]
    return _figure(f"{title}: {', '.join(line.name for line in lines)} over {x_label}", "".join(body), height)


def histogram_line(name: str, shares: Sequence[float], lo: float, hi: float, colour: str) -> Line:
    """Shares of bins of equal width from lo to hi, as a line of ``line_plot``."""
    width = (hi - lo) / len(shares)
    tops = [(lo + (i + side) * width, share) for i, share in enumerate(shares) for side in (0, 1)]
    return Line(name, [(lo, 0.0), *tops, (hi, 0.0)], colour, filled=True)


def digit_histogram(counts: list[int], colour: str) -> str:
    """How often each digit was drawn; the dashed line is an even share."""
    n, height = sum(counts), 130
    base, even = height - 30, n / 10
    top = max([*counts, even * 1.25, 1])
    step = (WIDTH - LEFT - RIGHT) / 10

    def y(count: float) -> float:
        return base - (base - TOP) * count / top

    bars = "".join(
        f'<rect x="{LEFT + d * step + 2:.1f}" y="{y(c):.1f}" width="{step - 4:.1f}" '
        f'height="{base - y(c):.1f}" fill="{colour}"><title>{d}: {c:,}</title></rect>'
        + words(LEFT + (d + 0.5) * step, base + 12, str(d), "middle")
        for d, c in enumerate(counts)
    )
    line = y(even)
    body = [
        words(LEFT, 12, f"digits drawn, N = {whole(n)}", extra='class="gl-plot-title"'),
        bars,
        f'<path d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}" class="gl-axis"/>',
        f'<path d="M{LEFT} {line:.1f}H{WIDTH - RIGHT}" class="gl-even"/>',
        words(LEFT - 4, line + 4, whole(round(even)), "end"),
        words(LEFT - 4, base, "0", "end"),
        words((LEFT + WIDTH - RIGHT) / 2, height - 4, "digit, as the classifier reads it", "middle"),
    ]
    spoken = ", ".join(f"{d}: {c}" for d, c in enumerate(counts))
    return _figure(f"Digits drawn: {spoken}", "".join(body), height)
