"""A scatter plot as SVG text, each point with its name."""

from html import escape
from typing import NamedTuple

from genlab.numbers import brief
from genlab.ui.curves import LETTER, Axis, words


class Dot(NamedTuple):
    """A point of a scatter plot: its name beside it, and whether it is drawn full."""

    name: str
    x: float
    y: float
    colour: str
    full: bool = True


Box = tuple[float, float, float, float]  # left, top, right, bottom


def _named(dots: list[tuple[str, float, float]], taken: list[Box], bounds: Box) -> str:
    """The names of points (name, x, y): beside each, above or below, wherever there is room."""

    def free(box: Box) -> bool:
        inside = bounds[0] <= box[0] and box[2] <= bounds[2] and bounds[1] <= box[1] and box[3] <= bounds[3]
        apart = (box[2] <= t[0] or t[2] <= box[0] or box[3] <= t[1] or t[3] <= box[1] for t in taken)
        return inside and all(apart)

    body = ""
    taken = [*taken, *((x - 4, y - 4, x + 4, y + 4) for _, x, y in dots)]
    for name, x, y in dots:
        long = LETTER * len(name)
        tries = [(x + 6, y + 3), (x - 6 - long, y + 3), (x - long / 2, y - 7), (x - long / 2, y + 14)]
        tries += [
            (left, y + 3 + off)
            for off in (-8, 8, -14, 14, -20, 20, -26, 26, -32)
            for left in (x + 6, x - 6 - long)
        ]
        boxes = [(left, line - 9, left + long, line + 2) for left, line in tries]
        box = next(filter(free, boxes), boxes[0])
        taken.append(box)
        at, anchor = (box[0], "start") if box[0] > x else (box[2], "end") if box[2] < x else (x, "middle")
        body += words(at, box[3] - 2, name, anchor)
    return body


def _front(dots: list[Dot]) -> list[Dot]:
    """Those that no other beats in both x and y, from the left."""
    found: list[Dot] = []
    for dot in sorted(dots, key=lambda dot: (dot.x, dot.y)):
        if not found or dot.y < found[-1].y:
            found.append(dot)
    return found


def scatter_plot(title: str, dots: list[Dot], x_label: str, floor: tuple[str, float]) -> str:
    """Named points on logarithmic scales, a dashed line at ``floor`` (its name, its y), and a thin one along
    the points that no other beats in both."""
    width, height = 420, 270
    left, top, right, base = 46.0, 24.0, width - 10.0, height - 30.0
    across = Axis.of([dot.x for dot in dots], log=True)
    up = Axis.of([dot.y for dot in dots] + [floor[1]], log=True)

    def px(x: float) -> float:
        return left + 8 + (right - left - 16) * across.share(x)

    def py(y: float) -> float:
        return base - 6 - (base - top - 12) * up.share(y)

    level = py(floor[1])
    path = " ".join(f"{px(dot.x):.1f},{py(dot.y):.1f}" for dot in _front(dots))
    body = [
        words(left, 12, title, extra='class="gl-plot-title"'),
        f'<path d="M{left} {top}V{base}H{right}" class="gl-axis"/>',
        f'<path d="M{left} {level:.1f}H{right}" class="gl-even"/>',
        words(left + 4, level - 4, floor[0]),
        f'<polyline points="{path}" class="gl-front"/>',
        words((left + right) / 2, base + 25, x_label, "middle"),
        *(words(left - 4, py(y) + 3, up.label(y), "end") for y in up.ticks()),
        *(words(px(x), base + 13, across.label(x), "middle") for x in across.ticks()),
    ]
    for dot in dots:
        said = escape(f"{dot.name}: {brief(dot.y)} at {brief(dot.x)} {x_label}")
        fill = dot.colour if dot.full else "var(--background-fill-primary)"
        ring = f'fill="{fill}" style="stroke:{dot.colour};stroke-width:2"'
        at = f'cx="{px(dot.x):.1f}" cy="{py(dot.y):.1f}"'
        body.append(f'<circle {at} r="4" {ring}><title>{said}</title></circle>')
    reserved = [(left + 4, level - 13, left + 4 + LETTER * len(floor[0]), level - 2)]
    points = [(dot.name, px(dot.x), py(dot.y)) for dot in dots]
    body.append(_named(points, reserved, (left, top, right, base)))
    label = escape(f"{title} over {x_label}: {', '.join(dot.name for dot in dots)}", quote=True)
    return (
        f'<svg class="gl-plot gl-wide" viewBox="0 0 {width} {height}" role="img" aria-label="{label}">'
        f"{''.join(body)}</svg>"
    )
