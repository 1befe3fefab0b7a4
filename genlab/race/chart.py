"""Distance over compute time as a picture: log y, a line for each family, real digits dashed."""

import math
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageFont

from genlab.race.record import Point, RaceRecord
from genlab.visualize import colour

FONT = ImageFont.load_default(14)
INK, FAINT, PAPER = (28, 28, 28), (222, 222, 222), (255, 255, 255)
LEFT, RIGHT, TOP, BOTTOM = 64, 24, 32, 44  # pixels around the plot
FINE = 3  # lines are drawn that many times larger, then shrunk: smooth edges
DASH = 6  # pixels


def short(value: float) -> str:
    """Three significant digits, thousands apart."""
    return f"{float(f'{value:.3g}'):,g}"


class Axes(NamedTuple):
    """Where compute seconds and distances lie on a picture of ``size``."""

    size: tuple[int, int]
    seconds: float
    low: float
    high: float

    def x(self, seconds: float) -> float:
        return LEFT + (self.size[0] - LEFT - RIGHT) * min(seconds / self.seconds, 1.0)

    def y(self, distance: float) -> float:
        share = math.log(max(distance, self.low) / self.low) / math.log(self.high / self.low)
        return self.size[1] - BOTTOM - (self.size[1] - TOP - BOTTOM) * share

    def ticks(self) -> list[float]:
        """Powers of ten, and 2 and 5 times as much where there are few of them."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        steps = (1,) if self.high / self.low > 1000 else (1, 2, 5)
        every = [step * 10.0**decade for decade in decades for step in steps]
        return [tick for tick in every if self.low <= tick <= self.high]


def axes_of(record: RaceRecord, size: tuple[int, int]) -> Axes:
    """The same for every moment of the race, with a margin of a fifth above and below."""
    values = [d for s in record.families.values() for _, d in s.distances if d > 0]
    values += [record.floor] if record.floor else []
    return Axes(size, record.config.seconds, min(values) / 1.2, max(values) * 1.2)


def chart(record: RaceRecord, moment: int, size: tuple[int, int]) -> Image.Image:
    """What was measured up to ``moment``, RGB of ``size``."""
    axes = axes_of(record, size)
    large = Image.new("RGB", (size[0] * FINE, size[1] * FINE), PAPER)
    _lines(ImageDraw.Draw(large), record, moment, axes)
    image = large.resize(size, Image.Resampling.LANCZOS)
    _words(ImageDraw.Draw(image), record, axes)
    return image


def _lines(pen: ImageDraw.ImageDraw, record: RaceRecord, moment: int, axes: Axes) -> None:
    def line(points: list[Point], hue: tuple[int, int, int] | str, width: int) -> None:
        pen.line([(x * FINE, y * FINE) for x, y in points], hue, width * FINE, joint="curve")

    left, right = axes.x(0), axes.x(axes.seconds)
    for tick in axes.ticks():
        line([(left, axes.y(tick)), (right, axes.y(tick))], FAINT, 1)
    line([(left, TOP), (left, axes.y(axes.low)), (right, axes.y(axes.low))], INK, 1)
    if record.floor:
        y = axes.y(record.floor)
        for start in range(round(left), round(right), 2 * DASH):
            line([(start, y), (min(start + DASH, right), y)], INK, 1)
    for name, standing in record.families.items():
        seen = [frame for frame in standing.frames if frame.moment <= moment]
        points = [(axes.x(frame.seconds), axes.y(frame.frechet)) for frame in seen]
        line(points, colour(name), 2)
        for x, y in points:
            pen.circle((x * FINE, y * FINE), 3.5 * FINE, colour(name))


def _words(pen: ImageDraw.ImageDraw, record: RaceRecord, axes: Axes) -> None:
    pen.text((8, 8), "Frechet distance to real test digits, lower is better", INK, FONT)
    for tick in axes.ticks():
        pen.text((LEFT - 6, axes.y(tick)), short(tick), INK, FONT, anchor="rm")
    base = axes.y(axes.low)
    for k in range(5):
        seconds = axes.seconds * k / 4
        pen.text((axes.x(seconds), base + 5), short(seconds), INK, FONT, anchor="mt")
    pen.text((axes.x(axes.seconds / 2), base + 22), "seconds of compute", INK, FONT, anchor="mt")
    if record.floor:
        words = f"real digits {short(record.floor)}"
        pen.text((axes.x(axes.seconds), axes.y(record.floor) - 4), words, INK, FONT, anchor="rb")
