"""Small plots as SVG text: a live one costs a few milliseconds, and follows light and dark by itself."""

import math
from html import escape
from typing import NamedTuple

from genlab.jobs import Curve
from genlab.ui.numbers import brief, whole

WIDTH, HEIGHT = 320, 96
LEFT, RIGHT, TOP, BOTTOM = 52, 8, 20, 20
SMOOTHING = 0.85  # of the bold line


def _smooth(curve: Curve) -> Curve:
    """An exponential average, without the bias towards the first point."""
    total = weight = 0.0
    out: Curve = []
    for step, value in curve:
        total, weight = SMOOTHING * total + value, SMOOTHING * weight + 1
        out.append((step, total / weight))
    return out


def _text(x: float, y: float, words: str, anchor: str = "start", extra: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {extra}>{escape(words)}</text>'


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
    body = [
        f'<path d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}" class="gl-axis"/>',
        _text(LEFT, 12, title, extra='class="gl-plot-title"'),
        _text(LEFT - 4, TOP + 8, brief(hi), "end"),
        _text(LEFT - 4, base, brief(lo), "end"),
        _text(LEFT, HEIGHT - 6, "0"),
        _text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "step", "middle"),
        _text(WIDTH - RIGHT, HEIGHT - 6, whole(total_steps), "end"),
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
    points: Curve
    colour: str
    dash: str = ""


def line_plot(
    title: str, lines: list[Line], x_label: str, *, marker: float | None = None, log: bool = False
) -> str:
    """Several lines over one axis, with a legend; ``marker`` is a vertical line, ``log`` the scale of y."""
    height = 150
    base, top = height - 30, TOP + 14
    scaled = [
        line._replace(points=[(x, math.log10(y) if log else y) for x, y in line.points if not log or y > 0])
        for line in lines
    ]
    xs = [x for line in scaled for x, _ in line.points]
    ys = [y for line in scaled for _, y in line.points if math.isfinite(y)]
    (x_lo, x_hi), (lo, hi) = (min(xs), max(xs)), (min(ys), max(ys))

    def px(x: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (x - x_lo) / ((x_hi - x_lo) or 1)

    def py(y: float) -> float:
        return base - (base - top) * (y - lo) / ((hi - lo) or 1)

    def label(y: float) -> str:
        return f"{10.0 ** round(y):g}" if log else f"{y:.3g}" if abs(y) > 1e-3 * abs(hi) else "0"

    body = [
        _text(LEFT, 12, title, extra='class="gl-plot-title"'),
        f'<path d="M{LEFT} {top}V{base}H{WIDTH - RIGHT}" class="gl-axis"/>',
        _text(LEFT - 4, top + 4, label(hi), "end"),
        _text(LEFT - 4, base, label(lo), "end"),
        _text(LEFT, base + 12, whole(round(x_lo))),
        _text((LEFT + WIDTH - RIGHT) / 2, base + 24, x_label, "middle"),
        _text(WIDTH - RIGHT, base + 12, whole(round(x_hi)), "end"),
    ]
    if marker is not None:
        body.append(f'<path d="M{px(marker):.1f} {top}V{base}" class="gl-even"/>')
    for i, line in enumerate(scaled):
        path = " ".join(f"{px(x):.1f},{py(y):.1f}" for x, y in line.points)
        stroke = f'fill="none" stroke="{line.colour}" stroke-width="2" stroke-dasharray="{line.dash}"'
        left = LEFT + i * (WIDTH - LEFT) / len(lines)
        body += [
            f'<polyline points="{path}" {stroke}/>',
            f'<path d="M{left:.1f} 24h16" {stroke}/>',
            _text(left + 20, 27, line.name),
        ]
    return _figure(f"{title}: {', '.join(line.name for line in lines)} over {x_label}", "".join(body), height)


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
        + _text(LEFT + (d + 0.5) * step, base + 12, str(d), "middle")
        for d, c in enumerate(counts)
    )
    line = y(even)
    body = [
        _text(LEFT, 12, f"digits drawn, N = {whole(n)}", extra='class="gl-plot-title"'),
        bars,
        f'<path d="M{LEFT} {TOP}V{base}H{WIDTH - RIGHT}" class="gl-axis"/>',
        f'<path d="M{LEFT} {line:.1f}H{WIDTH - RIGHT}" class="gl-even"/>',
        _text(LEFT - 4, line + 4, whole(round(even)), "end"),
        _text(LEFT - 4, base, "0", "end"),
        _text((LEFT + WIDTH - RIGHT) / 2, height - 4, "digit, as the classifier reads it", "middle"),
    ]
    spoken = ", ".join(f"{d}: {c}" for d, c in enumerate(counts))
    return _figure(f"Digits drawn: {spoken}", "".join(body), height)
