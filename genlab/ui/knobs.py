"""Input components made from the fields of a Config: the range and the help are written there."""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import Field
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab.config import MAX_SEED, Config

Values = dict[Component, Any]  # what an event with a set of inputs hands to its function
DICE = f"() => Math.floor(Math.random() * {MAX_SEED + 1})"
TICKS = 200  # a slider finer than this is a number box

# Events of the page: no public endpoint nor its name; values unchecked, so that our sentence is shown.
PRIVATE: dict[str, Any] = {
    "api_name": "page",
    "api_visibility": "private",
    "preprocess": False,
    "show_progress": "hidden",
    "show_progress_on": [],  # else the page looks for each output at every change of state
}
NOW: dict[str, Any] = {**PRIVATE, "queue": False}
NOW_TOO: dict[str, Any] = {**NOW, "trigger_mode": "multiple"}  # though the last one has not been answered
SAMPLING: dict[str, Any] = {**PRIVATE, "concurrency_id": "sampling", "concurrency_limit": 4}
MEASURING: dict[str, Any] = {**PRIVATE, "concurrency_id": "measuring", "concurrency_limit": 2}
HUB: dict[str, Any] = {**PRIVATE, "concurrency_id": "hub", "concurrency_limit": 2}
STUDIO: dict[str, Any] = {**PRIVATE, "concurrency_id": "studio", "concurrency_limit": 8}
# Viewers of jobs: any number, they only look.
WATCHING: dict[str, Any] = {**PRIVATE, "concurrency_limit": None, "trigger_mode": "multiple"}


def within(box: Component, ends: Callable[[], tuple[float, float]]) -> Component:
    """``box`` with the range of its number: gradio's own would be refused in gradio's words."""
    box.ends = ends  # type: ignore[attr-defined]
    return box


def component(field: Field, default: Any) -> Component:
    """A radio for a choice, a slider for a short range, a number box for a long one."""
    meta, label = field.metadata, field.name.replace("_", " ")
    if "options" in meta:
        return gr.Radio(list(meta["options"]), value=default, label=label, info=meta["help"])
    lo, hi, whole = meta["lo"], meta["hi"], isinstance(field.default, int)
    if meta["log"] or hi == MAX_SEED or hi - lo > 2000 or (not whole and hi - lo < 1 and hi != 0.9):
        info = f"{meta['help']} ({lo:g} to {hi:,.10g})"
        step = 1 if whole else 10 ** round_down(default)
        return within(gr.Number(default, label=label, info=info, step=step), lambda: (lo, hi))
    step = 1 if whole else (hi - lo) / TICKS if hi - lo <= 2 else 0.1
    return gr.Slider(lo, hi, default, step=step, label=label, info=meta["help"])


def round_down(value: float) -> int:
    """The power of ten one below the value's own, for the arrows of a number box."""
    return int(f"{value:e}".split("e")[1]) - 1 if value else -2


def components(
    config_type: type[Config], defaults: dict[str, Any] | None = None, names: Iterable[str] | None = None
) -> dict[str, Component]:
    """One input for each field, or for those of ``names``, by its name."""
    return {
        f.name: component(f, (defaults or {}).get(f.name, f.default))
        for f in dataclasses.fields(config_type)
        if names is None or f.name in names
    }


def seed_box(info: str, elem_id: str, value: int = 0, label: str = "seed") -> Component:
    """A box for a seed, with dice."""
    with gr.Column(min_width=120):
        seed = gr.Number(value, step=1, label=label, info=info, elem_id=elem_id)
        within(seed, lambda: (0, MAX_SEED))
        dice = gr.Button(f"⚄ New {label}", size="sm", elem_classes="gl-dice", elem_id=f"{elem_id}-dice")
    dice.click(None, None, seed, js=DICE, api_visibility="private")
    return seed


def read(values: Values, inputs: dict[str, Component]) -> dict[str, Any]:
    """The values of named components."""
    return {name: values[part] for name, part in inputs.items()}
