"""Panels that draw from words alone: one prompt, a sweep over guidance, a grid over two settings."""

from collections.abc import Generator
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.config import quote
from genlab.errors import InvalidInput
from genlab.flags import number
from genlab.studio.engine import Engine
from genlab.studio.sheets import TEXTS, Sheet, axes_of
from genlab.studio.worker import Progress
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import question
from genlab.ui.knobs import STUDIO, Values
from genlab.ui.numbers import duration
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Expected, Form, Outcome, StudioRunner

Drawing = Generator[Progress, None, Updates]
NOTHING = "nothing"
SEPARATOR = "|"  # between prompts, which may hold commas


def build_text(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Text to image."""
    question("What do words become? The same words and seed give the same picture.")
    with gr.Row(elem_classes="gl-controls"):
        form = Form("text", "text_to_image", model)
        with gr.Column(scale=4, min_width=300):
            runner = StudioRunner("text", sessions, "Draw")
            Expected(form, engine)
            runner.note.render()
            outcome = Outcome("text", "Press Draw: pictures for your words.")

    def draw(values: Values, session: Session) -> Drawing:
        wanted = form.read(values)
        drawn = yield from api.text_to_image(engine=engine, **wanted)
        return outcome.show(drawn, api.studio_request("text_to_image", **wanted))

    runner.listen(draw, form.inputs, outcome.outputs, **STUDIO)
    return form


def told(outcome: Outcome, sheet: Sheet) -> Updates:
    """The labelled picture; the cells stand in it."""
    said = f"{len(sheet.cells)} pictures in {duration(sheet.seconds)}"
    return outcome.pictures([(sheet.image, "grid")], said)


def listed(name: str, text: Any) -> list[Any]:
    """The values of an axis as a visitor types them: numbers or words with commas, prompts with bars."""
    if not isinstance(text, str):
        raise InvalidInput(f"values of {name} is {quote(text)}; they must be a text.")
    parts = text.split(SEPARATOR if name in TEXTS else ",")
    return [part.strip() if name in TEXTS else number(part.strip()) for part in parts]


def build_sweep(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Guidance sweep."""
    question("How strictly should the words be followed? One seed at several guidance scales.")
    with gr.Row(elem_classes="gl-controls"):
        form = Form("sweep", "text_to_image", model, number=None, left_out=("guidance",))
        with gr.Column(scale=4, min_width=300):
            scales = gr.Textbox(
                ", ".join(f"{w:g}" for w in api.SCALES),
                label="guidance scales",
                info="1 to 20, at most 10 of them: 1 is the prompt alone",
                elem_id="sweep-scales",
            )
            runner = StudioRunner("sweep", sessions, "Draw")
            runner.note.render()
            outcome = Outcome("sweep", "Press Draw: the same noise under several scales, side by side.")

    def draw(values: Values, session: Session) -> Drawing:
        wanted = listed("guidance", values[scales])
        sheet = yield from api.guidance_sweep(engine=engine, scales=wanted, **form.read(values))
        return told(outcome, sheet)

    runner.listen(draw, form.inputs | {scales}, outcome.outputs, **STUDIO)
    return form


class AxisInput:
    """A setting and its values, made where this is called."""

    def __init__(self, panel: str, letter: str, settings: list[str], setting: str, values: str) -> None:
        self.name = gr.Dropdown(
            settings, value=setting, label=f"{letter} axis", info="What changes", elem_id=f"{panel}-{letter}"
        )
        self.values = gr.Textbox(
            values,
            label=f"{letter} values",
            info=f"With commas between them; prompts with {SEPARATOR}",
            elem_id=f"{panel}-{letter}-values",
        )

    def read(self, values: Values, letter: str) -> dict[str, Any]:
        name = values[self.name]
        if name == NOTHING:
            return {letter: None, f"{letter}_values": None}
        return {letter: name, f"{letter}_values": listed(str(name), values[self.values])}


def build_grid(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Grid."""
    question("Which setting does what? One picture for every pair of values.")
    settings = list(axes_of(api.studio_request("text_to_image")))
    with gr.Row(elem_classes="gl-controls"):
        form = Form("grid", "text_to_image", model, number=None)
        with gr.Column(scale=4, min_width=300):
            with gr.Row():
                x = AxisInput("grid", "x", settings, "guidance", "1, 2, 3, 5, 8")
            with gr.Row():
                y = AxisInput("grid", "y", [NOTHING, *settings], "steps", "2, 5, 25")
            runner = StudioRunner("grid", sessions, "Draw")
            runner.note.render()
            outcome = Outcome("grid", "Press Draw: the axes' values replace those of the controls.")

    def draw(values: Values, session: Session) -> Drawing:
        axes = x.read(values, "x") | y.read(values, "y")
        sheet = yield from api.grid(engine=engine, **axes, **form.read(values))
        return told(outcome, sheet)

    runner.listen(draw, form.inputs | {x.name, x.values, y.name, y.values}, outcome.outputs, **STUDIO)
    return form
