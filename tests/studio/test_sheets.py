"""A sheet over two settings comes back whole: from its recipe, and from a link."""

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest

from genlab.errors import InvalidInput
from genlab.studio import links, recipe, sheets
from genlab.studio.engine import Engine
from genlab.studio.request import Request
from genlab.studio.sheets import Axes, Axis
from genlab.walks import finish
from tests.studio.helpers import ask

AXES = {
    "numbers": (("guidance", [1.0, 2.5]), ("steps", [1, 2])),
    "one": (("seed", [3, 4294967295]), (None, None)),
    "words": (("prompt", ["a red, thick 7", "a 3"]), ("scheduler", ["ddim", "euler"])),
}


def made(request: Request, name: str) -> Axes:
    return Axes(*(sheets.axis(request, *axis) for axis in AXES[name]))


@pytest.mark.parametrize("name", AXES)
def test_a_sheet_brings_its_axes_back(name: str, shared: Engine) -> None:
    request = ask("text_to_image", seed=5, steps=1)
    sheet = finish(sheets.draw_grid(shared, request, made(request, name)))
    found = recipe.read(recipe.png(sheet.image), shared.catalog)
    restored = recipe.settings(found, shared.catalog)
    axes = sheets.axes_in(found, restored)
    assert axes == sheet.axes
    again = finish(sheets.draw_grid(shared, restored, axes))
    assert again.image.tobytes() == sheet.image.tobytes()
    assert again.recipe == sheet.recipe


@pytest.mark.parametrize("name", [*AXES, None])
def test_a_link_brings_request_and_axes_back(name: str | None) -> None:
    request = ask("text_to_image", model="mini-sd", prompt="a & b = 7?", seed=9, n=3, width=64)
    axes = None if name is None else made(request, name)
    query = links.query(request, axes)
    assert links.read(dict(parse_qsl(query))) == (request, axes)


def test_an_address_without_a_setting_has_none() -> None:
    assert links.read({}) is None
    assert links.read({"x": "steps", "x_values": "1"}) is None


HOSTILE: dict[str, Any] = {
    "no axes": [],
    "no axis": {"x": 3},
    "unknown": {"x": {"name": "colour", "values": ["red"]}},
    "no values": {"x": {"name": "steps", "values": []}},
    "a text": {"x": {"name": "steps", "values": "1, 2"}},
    "out of range": {"x": {"name": "steps", "values": [1, -1]}},
    "an unhashable name": {"x": {"name": ["steps"], "values": [1]}},
    "too long": {"x": {"name": "steps", "values": [1] * 1000}},
}


@pytest.mark.parametrize("grid", HOSTILE.values(), ids=HOSTILE)
def test_hostile_axes_are_refused(grid: Any) -> None:
    found = recipe.parse(json.dumps({"task": "text_to_image", "model": "mini-sd", "grid": grid}).encode())
    with pytest.raises(InvalidInput, match=r"^[^\n]{1,200}\.$"):
        sheets.axes_in(found, recipe.settings(found))


@pytest.mark.parametrize(
    "params", [{"x": "colour", "x_values": "1"}, {"x": "steps"}, {"x": "steps", "x_values": "a"}]
)
def test_a_bad_link_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"^[^\n]{1,200}\.$"):
        links.read({"studio": "text_to_image"} | params)


def test_typed_values_read_as_they_were() -> None:
    for axis in (Axis("steps", (1, 20)), Axis("guidance", (1.25, 3.0)), Axis("prompt", ("a, b", ""))):
        assert tuple(sheets.listed(axis.name, sheets.typed(axis))) == axis.values
