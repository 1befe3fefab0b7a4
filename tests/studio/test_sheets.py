"""A sheet over two settings comes back whole: from its recipe, and from a link."""

import json
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest

from genlab.errors import InvalidInput
from genlab.studio import links, recipe
from genlab.studio.axes import Axis, listed, plan, plan_in, typed
from genlab.studio.engine import Engine
from genlab.studio.request import TASKS
from genlab.studio.sheets import draw_sheet
from genlab.walks import finish
from tests.studio.helpers import ask, draw

AXES: dict[str, Any] = {
    "numbers": (("guidance", [4 / 3, 2.5]), ("steps", [1, 2])),
    "one": (("seed", [3, 4294967295]),),
    "none named": (("seed", [3]), ("nothing", None)),
    "words": (("prompt", ["a red, thick 7", "a 3"]), ("scheduler", ["ddim", "euler"])),
    "bars": (("prompt", ["a|b", "[c"]), ("negative_prompt", [""])),
}


@pytest.mark.parametrize("name", AXES)
def test_a_sheet_brings_its_axes_back(name: str, shared: Engine) -> None:
    sheet = finish(draw_sheet(shared, plan(ask("text_to_image", seed=5, steps=1), *AXES[name])))
    found = recipe.read(recipe.png(sheet.image), shared.catalog)
    restored = plan_in(found, recipe.settings(found, shared.catalog))
    assert restored is not None and restored.axes == sheet.plan.axes
    again = finish(draw_sheet(shared, restored))
    assert again.image.tobytes() == sheet.image.tobytes()
    assert again.recipe == sheet.recipe


def sent(told: dict[str, Any]) -> dict[str, str]:
    """What arrives of an address."""
    return dict(parse_qsl(urlencode(told)))


@pytest.mark.parametrize("name", AXES)
def test_a_link_brings_a_sheet_back(name: str) -> None:
    wanted = plan(ask("text_to_image", model="mini-sd", seed=9, width=64), *AXES[name])
    assert links.read("text_to_image", sent(links.told(*wanted))) == wanted


def test_a_link_brings_a_request_back() -> None:
    for task in TASKS:
        own = {"source": "drawn", "low": 20} if task == "control" else {}
        request = ask(
            task, model="mini-sd", **own, prompt="a & b = 7?", seed=9, n=3, width=64, guidance=4 / 3
        )
        told = links.told(request)
        assert links.read(task, sent(told)) == request
        assert not {"few_steps", "refiner"} & told.keys(), "only what differs from the model's own"


def test_every_cell_says_what_it_is_of(shared: Engine) -> None:
    wanted = plan(ask("text_to_image", steps=1), ("guidance", [1.0, 2.5]), ("seed", [3, 4]))
    assert wanted.axes.captions() == [f"guidance {w}, seed {s}" for s in (3, 4) for w in (1, 2.5)]
    seeds = [request.seed for request in wanted.requests()]
    scales = [request.knobs.guidance for request in wanted.requests()]
    assert (seeds, scales) == ([3, 3, 4, 4], [1.0, 2.5, 1.0, 2.5])


def test_a_sheet_says_what_its_cells_say(shared: Engine) -> None:
    request = ask("text_to_image", steps=1, prompt="dog " * 100)
    (notice,) = draw(shared, request).notices
    assert finish(draw_sheet(shared, plan(request, ("seed", [1, 2])))).notices == (notice,)


HOSTILE: dict[str, Any] = {
    "no axes": [],
    "no axis": {"x": 3},
    "unknown": {"x": {"name": "colour", "values": ["red"]}},
    "no values": {"x": {"name": "steps", "values": []}},
    "a text": {"x": {"name": "steps", "values": "1, 2"}},
    "out of range": {"x": {"name": "steps", "values": [1, -1]}},
    "an unhashable name": {"x": {"name": ["steps"], "values": [1]}},
    "too long": {"x": {"name": "steps", "values": [1] * 1000}},
    "one setting twice": {name: {"name": "steps", "values": [1]} for name in "xy"},
    "too many": {"x": {"name": "steps", "values": [1] * 10}, "y": {"name": "seed", "values": [1] * 10}},
}


@pytest.mark.parametrize("grid", HOSTILE.values(), ids=HOSTILE)
def test_hostile_axes_are_refused(grid: Any) -> None:
    found = recipe.parse(json.dumps({"task": "text_to_image", "model": "mini-sd", "grid": grid}).encode())
    with pytest.raises(InvalidInput, match=r"^[^\n]{1,200}\.$"):
        plan_in(found, recipe.settings(found))


@pytest.mark.parametrize(
    "params",
    [
        {"x": "colour", "x_values": "1"},
        {"x": "steps"},
        {"x": "steps", "x_values": "a"},
        {"x": "steps", "x_values": "[1, [2]]"},
        {"x": "steps", "x_values": "1", "y": "steps", "y_values": "2"},
    ],
)
def test_a_bad_link_is_refused(params: dict[str, str]) -> None:
    with pytest.raises(InvalidInput, match=r"^[^\n]{1,200}\.$"):
        links.read("text_to_image", params)


def test_typed_values_read_as_they_were() -> None:
    for axis, text in (
        (Axis("steps", (1, 20)), "1, 20"),
        (Axis("guidance", (1.25, 3.0)), "1.25, 3"),
        (Axis("guidance", (1 / 3,)), "0.3333333333333333"),
        (Axis("prompt", ("a, b", "")), "a, b | "),
        (Axis("prompt", ("a|b",)), '["a|b"]'),
    ):
        assert typed(axis) == text
        assert tuple(listed(axis.name, text)) == axis.values
