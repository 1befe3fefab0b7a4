"""Many pictures of one prompt in one labelled picture: a sweep over guidance, a grid over two settings."""

from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from genlab.studio.axes import Axes, Plan, told
from genlab.studio.engine import Drawn, Engine
from genlab.studio.recipe import attach
from genlab.studio.worker import Progress, Stream

CELL = 128  # pixels of a cell's longer edge, at least
MARGIN = 8
FONT = ImageFont.load_default(14)
INK, PAPER = (30, 41, 59), (255, 255, 255)


class Sheet(NamedTuple):
    """The labelled picture, which carries its recipe, and what it is made of, row by row."""

    image: Image.Image
    cells: list[Drawn]
    plan: Plan
    recipe: dict[str, Any]

    @property
    def seconds(self) -> float:
        return sum(cell.seconds for cell in self.cells)

    @property
    def notices(self) -> tuple[str, ...]:
        """Those of all cells, each once."""
        return tuple(dict.fromkeys(notice for cell in self.cells for notice in cell.notices))

    @property
    def withheld(self) -> tuple[int, ...]:
        """The cells that were blackened by the model's safety checker."""
        return tuple(i for i, cell in enumerate(self.cells) if cell.withheld)


def draw_sheet(engine: Engine, plan: Plan) -> Stream[Sheet]:
    """Draw the request of ``plan`` once for each pair of values of both axes."""
    wanted = plan.requests()
    cells: list[Drawn] = []
    for i, one in enumerate(wanted):
        stream = engine.draw(one)
        while True:
            try:
                drawing = next(stream)
            except StopIteration as end:
                cells.append(end.value)
                break
            share = (i + (drawing.share or 0.0)) / len(wanted)
            yield Progress(share, f"picture {i + 1} of {len(wanted)}, {drawing.text}", drawing.previews)
    axes = plan.axes
    title = "" if "prompt" in (axes.x.name, axes.y.name) else plan.request.prompt
    picture = labelled([cell.pictures[0] for cell in cells], axes, title)
    made = cells[0].recipes[0] | told(axes)
    return Sheet(attach(picture, made), cells, plan, made)


def labelled(pictures: list[Image.Image], axes: Axes, title: str) -> Image.Image:
    """Pictures row by row under the values of x, right of those of y, below ``title``."""
    x, y = axes
    across, down = pictures[0].size
    factor = max(1, round(CELL / max(across, down)))
    size = (across * factor, down * factor)
    columns = [x.label(value) for value in x.values]
    rows = [y.label(value) for value in y.values]
    left = MARGIN + round(max(FONT.getlength(_short(text)) for text in rows)) + (MARGIN if any(rows) else 0)
    top = MARGIN + 24 + (22 if any(columns) else 0)
    width = left + len(columns) * (size[0] + MARGIN)
    sheet = Image.new("RGB", (width, top + len(rows) * (size[1] + MARGIN)), PAPER)
    pen = ImageDraw.Draw(sheet)
    pen.text((left, MARGIN), _fitting(title, width - left - MARGIN), INK, FONT)
    for j, text in enumerate(columns):
        pen.text((left + j * (size[0] + MARGIN), top - 20), _fitting(text, size[0]), INK, FONT)
    for i, text in enumerate(rows):
        pen.text((MARGIN, top + i * (size[1] + MARGIN) + size[1] / 2 - 8), _short(text), INK, FONT)
        for j in range(len(columns)):
            cell = pictures[i * len(columns) + j].resize(size, Image.Resampling.NEAREST)
            sheet.paste(cell, (left + j * (size[0] + MARGIN), top + i * (size[1] + MARGIN)))
    return sheet


def _short(text: str) -> str:
    return text if len(text) <= 24 else text[:23] + "…"


def _fitting(text: str, pixels: float) -> str:
    """``text``, cut where it would be wider than ``pixels``."""
    if FONT.getlength(text) <= pixels:
        return text
    while text and FONT.getlength(text + "…") > pixels:
        text = text[:-1]
    return text + "…"
