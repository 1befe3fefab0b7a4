"""What a sheet of pictures runs over: a setting or two, and the values that they take."""

import contextlib
import dataclasses
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from genlab.config import check_choice, check_list, check_options, quote
from genlab.errors import InvalidInput
from genlab.flags import number
from genlab.studio.request import Request

TEXTS = ("prompt", "negative_prompt")
SEPARATOR = "|"  # between prompts, which may hold commas
NOTHING = "nothing"  # the name of an axis that is none
NONE = (None, "", NOTHING)
MAX_CELLS = 36


class Axis(NamedTuple):
    """A setting and the values it takes; no name, one cell."""

    name: str
    values: tuple[Any, ...]

    def label(self, value: Any) -> str:
        """What stands beside the cells of ``value``."""
        if not self.name:
            return ""
        return plain(value) if self.name in TEXTS else f"{self.name.replace('_', ' ')} {plain(value)}"


class Axes(NamedTuple):
    """What changes from left to right, and from top to bottom."""

    x: Axis
    y: Axis

    def cells(self) -> list[dict[str, Any]]:
        """The settings of each cell, row by row."""
        return [
            {axis.name: value for axis, value in ((self.x, right), (self.y, down)) if axis.name}
            for down in self.y.values
            for right in self.x.values
        ]

    def captions(self) -> list[str]:
        """What is said of each cell, row by row."""
        named = [axis for axis in self if axis.name]
        return [", ".join(axis.label(cell[axis.name]) for axis in named) for cell in self.cells()]


class Plan(NamedTuple):
    """What a sheet is drawn from."""

    request: Request
    axes: Axes

    def requests(self) -> list[Request]:
        """One for each cell, row by row; all with one picture."""
        return [self.request.change(n=1, **cell) for cell in self.axes.cells()]


def settings_of(request: Request) -> tuple[str, ...]:
    """What a sheet can run over."""
    return ("seed", *TEXTS, *(f.name for f in dataclasses.fields(request.knobs)))


def plan(request: Request, x: tuple[Any, Any], y: tuple[Any, Any] = (None, None)) -> Plan:
    """A sheet of ``request`` over two axes, each a name and values; InvalidInput says what cannot be."""
    if x[0] == y[0] and x[0] not in NONE:
        raise InvalidInput(f"Both axes are {quote(x[0])}; they must differ.")
    axes = Axes(_axis(request, *x), _axis(request, *y))
    if (count := len(axes.cells())) > MAX_CELLS:
        raise InvalidInput(f"The grid has {count} cells; it may have {MAX_CELLS}.")
    return Plan(request, axes)


def _axis(request: Request, name: Any, values: Any) -> Axis:
    if name in NONE:
        return Axis("", (None,))
    check_choice("axis", name, settings_of(request))
    for value in check_list(f"values of {name}", values):
        request.change(**{name: value})
    return Axis(name, tuple(values))


def plan_in(recipe: Mapping[str, Any], request: Request) -> Plan | None:
    """The sheet that ``recipe`` is of, checked for ``request``; None if it is of one picture."""
    if "grid" not in recipe:
        return None
    grid = check_options("grid", recipe["grid"])
    x, y = (check_options(name, grid.get(name)) for name in Axes._fields)
    return plan(request, (x.get("name"), x.get("values")), (y.get("name"), y.get("values")))


def told(axes: Axes) -> dict[str, Any]:
    """``axes`` as a recipe keeps them, and ``plan_in`` reads them."""
    return {"grid": {name: axis._asdict() for name, axis in axes._asdict().items()}}


def listed(name: str, text: Any) -> list[Any]:
    """The values of the axis ``name`` as they are typed: numbers or words with commas, prompts with bars,
    or anything as a list in JSON."""
    if not isinstance(text, str):
        raise InvalidInput(f"values of {name} is {quote(text)}; they must be a text.")
    if text.lstrip().startswith("["):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(text)
    parts = text.split(SEPARATOR if name in TEXTS else ",")
    return [part.strip() if name in TEXTS else number(part.strip()) for part in parts]


def typed(axis: Axis) -> str:
    """The values of ``axis`` as ``listed`` reads them."""
    text = (f" {SEPARATOR} " if axis.name in TEXTS else ", ").join(map(plain, axis.values))
    if listed(axis.name, text) == list(axis.values):
        return text
    return json.dumps(axis.values, ensure_ascii=False)


def plain(value: Any) -> str:
    """A number as short as it can be told exactly; anything else as it is."""
    if isinstance(value, float):
        return short if float(short := f"{value:g}") == value else repr(value)
    return str(value)
