"""Many pictures of one prompt in one labelled picture: a sweep over guidance, a grid over two settings."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

from PIL import Image, ImageDraw, ImageFont

from genlab.config import check_choice, check_list, check_options, quote
from genlab.errors import InvalidInput
from genlab.flags import number
from genlab.studio.engine import Drawn, Engine
from genlab.studio.recipe import attach
from genlab.studio.request import Request
from genlab.studio.worker import Progress, Stream

TEXTS = ("prompt", "negative_prompt")
SEPARATOR = "|"  # between prompts, which may hold commas
MAX_CELLS = 36
CELL = 128  # pixels of a cell's longer edge, at least
MARGIN = 8
FONT = ImageFont.load_default(14)
INK, PAPER = (30, 41, 59), (255, 255, 255)


class Axis(NamedTuple):
    """A setting and the values it takes; no name, one cell."""

    name: str
    values: tuple[Any, ...]


class Axes(NamedTuple):
    """What changes from left to right, and from top to bottom."""

    x: Axis
    y: Axis


class Sheet(NamedTuple):
    """The labelled picture, which carries its recipe, and what it is made of, row by row."""

    image: Image.Image
    cells: list[Drawn]
    seconds: float
    request: Request  # of the cells, but for the values of the axes
    axes: Axes
    recipe: dict[str, Any]


def axes_of(request: Request) -> tuple[str, ...]:
    """What a grid can run over."""
    return ("seed", *TEXTS, *(f.name for f in dataclasses.fields(request.knobs)))


def axis(request: Request, name: Any, values: Any) -> Axis:
    """An axis, every value of which ``request`` can take; InvalidInput says which cannot."""
    if name in (None, ""):
        return Axis("", (None,))
    check_choice("axis", name, axes_of(request))
    for value in check_list(f"values of {name}", values):
        request.change(**{name: value})
    return Axis(name, tuple(values))


def listed(name: str, text: Any) -> list[Any]:
    """The values of the axis ``name`` as they are typed: numbers or words with commas, prompts with bars."""
    if not isinstance(text, str):
        raise InvalidInput(f"values of {name} is {quote(text)}; they must be a text.")
    parts = text.split(SEPARATOR if name in TEXTS else ",")
    return [part.strip() if name in TEXTS else number(part.strip()) for part in parts]


def typed(axis: Axis) -> str:
    """The values of ``axis`` as ``listed`` reads them."""
    return (f" {SEPARATOR} " if axis.name in TEXTS else ", ").join(map(plain, axis.values))


def axes_in(recipe: Mapping[str, Any], request: Request) -> Axes | None:
    """The axes of the sheet that ``recipe`` is of, checked for ``request``; None if it is of one picture."""
    if "grid" not in recipe:
        return None
    grid = check_options("grid", recipe["grid"])
    found = [check_options(name, grid.get(name)) for name in Axes._fields]
    return Axes(*(axis(request, one.get("name"), one.get("values")) for one in found))


def requests(request: Request, axes: Axes) -> list[Request]:
    """One for each cell, row by row; all with one picture."""
    x, y = axes
    if x.name and x.name == y.name:
        raise InvalidInput(f"Both axes are {quote(x.name)}; they must differ.")
    if len(x.values) * len(y.values) > MAX_CELLS:
        raise InvalidInput(f"The grid has {len(x.values) * len(y.values)} cells; it may have {MAX_CELLS}.")
    return [
        request.change(n=1, **{axis.name: value for axis, value in ((x, b), (y, a)) if axis.name})
        for a in y.values
        for b in x.values
    ]


def draw_grid(engine: Engine, request: Request, axes: Axes) -> Stream[Sheet]:
    """Draw ``request`` once for each pair of values of both axes."""
    wanted = requests(request, axes)
    cells: list[Drawn] = []
    for i, one in enumerate(wanted):
        stream = engine.draw(one)
        while True:
            try:
                told = next(stream)
            except StopIteration as end:
                cells.append(end.value)
                break
            share = (i + (told.share or 0.0)) / len(wanted)
            yield Progress(share, f"picture {i + 1} of {len(wanted)}, {told.text}", told.previews)
    title = "" if "prompt" in (axes.x.name, axes.y.name) else request.prompt
    picture = labelled([cell.pictures[0] for cell in cells], axes, title)
    made = cells[0].recipes[0] | {"grid": {name: one._asdict() for name, one in axes._asdict().items()}}
    attach(picture, made)
    return Sheet(picture, cells, sum(cell.seconds for cell in cells), request, axes, made)


def plain(value: Any) -> str:
    return f"{value:.10g}" if isinstance(value, float) else str(value)


def label(axis: Axis, value: Any) -> str:
    """What stands beside the cells of ``value``."""
    return plain(value) if axis.name in TEXTS else f"{axis.name.replace('_', ' ')} {plain(value)}"


def labelled(pictures: list[Image.Image], axes: Axes, title: str) -> Image.Image:
    """Pictures row by row under the values of x, right of those of y, below ``title``."""
    x, y = axes
    across, down = pictures[0].size
    factor = max(1, round(CELL / max(across, down)))
    size = (across * factor, down * factor)
    columns = [label(x, value) if x.name else "" for value in x.values]
    rows = [label(y, value) if y.name else "" for value in y.values]
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
