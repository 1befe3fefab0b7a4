"""Panels that draw from words alone: one prompt, a sweep over guidance, a grid over two settings."""

from collections.abc import Callable, Generator
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.config import quote
from genlab.errors import InvalidInput
from genlab.flags import number
from genlab.studio.engine import Engine
from genlab.studio.sheets import TEXTS, Sheet, axes_of
from genlab.studio.worker import Progress, Stream
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import question
from genlab.ui.knobs import STUDIO, Values
from genlab.ui.numbers import duration
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Form, Results, StudioRunner

Drawing = Generator[Progress, None, Updates]
NOTHING = "nothing"
SEPARATOR = "|"  # between prompts, which may hold commas


def build_text(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Text to image."""
    question("What do words become? The same words and seed give the same picture.")
    with gr.Row(elem_classes="gl-controls"):
        form = Form("text", "text_to_image", model)
        results = Results("text", "Press Draw: pictures for your words.", form, engine, sessions)

    def draw(values: Values, session: Session) -> Drawing:
        request = api.studio_request("text_to_image", **form.read(values))
        drawn = yield from engine.draw(request)
        return results.show(drawn, request)

    results.listen(draw, form.inputs, [])
    return form


class SheetResults:
    """The column of a panel whose result is one labelled picture; made where this is called."""

    def __init__(self, panel: str, hint: str, sessions: Sessions, more: Callable[[], None]) -> None:
        with gr.Column(scale=4, min_width=300):
            more()
            self.runner = StudioRunner(panel, sessions, "Draw")
            self.runner.note.render()
            self.said = gr.HTML(html.note(hint, plain=True), elem_id=f"{panel}-said")
            self.image = gr.Image(
                format="png",
                show_label=False,
                visible=False,
                interactive=False,
                buttons=["download", "fullscreen"],
                elem_id=f"{panel}-gallery",
            )

    def listen(self, work: Callable[[Values], Stream[Sheet]], inputs: set[Any]) -> None:
        """Draw the sheet of ``work`` when Draw is pressed."""

        def draw(values: Values, session: Session) -> Drawing:
            sheet = yield from work(values)
            said = f"{len(sheet.cells)} pictures in {duration(sheet.seconds)}."
            return {
                self.said: f'<p class="gl-live">{said}</p>',
                self.image: gr.Image(sheet.image, visible=True),
            }

        self.runner.listen(draw, inputs, [self.said, self.image], **STUDIO)


def listed(name: str, text: Any) -> list[Any]:
    """The values of an axis as a visitor types them: numbers or words with commas, prompts with bars."""
    if not isinstance(text, str):
        raise InvalidInput(f"values of {name} is {quote(text)}; they must be a text.")
    parts = text.split(SEPARATOR if name in TEXTS else ",")
    return [part.strip() if name in TEXTS else number(part.strip()) for part in parts]


def build_sweep(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Guidance sweep."""
    question("How strictly should the words be followed? One seed at several guidance scales.")
    made: list[Component] = []
    with gr.Row(elem_classes="gl-controls"):
        form = Form("sweep", "text_to_image", model, number=None, left_out=("guidance",))
        hint = "Press Draw: the same noise under several scales, side by side."
        results = SheetResults("sweep", hint, sessions, lambda: made.append(scales_box()))
    (scales,) = made

    def draw(values: Values) -> Stream[Sheet]:
        wanted = listed("guidance", values[scales])
        return api.guidance_sweep(engine=engine, scales=wanted, **form.read(values))

    results.listen(draw, form.inputs | {scales})
    return form


def scales_box() -> Component:
    return gr.Textbox(
        ", ".join(f"{w:g}" for w in api.SCALES),
        label="guidance scales",
        info="1 to 20, at most 10 of them: 1 is the prompt alone",
        elem_id="sweep-scales",
    )


class AxisInput:
    """A setting and its values, made where this is called."""

    def __init__(self, letter: str, settings: list[str], setting: str, values: str) -> None:
        self.letter = letter
        with gr.Row():
            self.name = gr.Dropdown(
                settings, value=setting, label=f"{letter} axis", info="What changes", elem_id=f"grid-{letter}"
            )
            self.values = gr.Textbox(
                values,
                label=f"{letter} values",
                info=f"With commas between them; prompts with {SEPARATOR}",
                elem_id=f"grid-{letter}-values",
            )

    @property
    def parts(self) -> set[Any]:
        return {self.name, self.values}

    def read(self, values: Values) -> dict[str, Any]:
        name = values[self.name]
        if name == NOTHING:
            return {self.letter: None, f"{self.letter}_values": None}
        return {self.letter: name, f"{self.letter}_values": listed(str(name), values[self.values])}


def build_grid(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Grid."""
    question("Which setting does what? One picture for every pair of values.")
    settings = list(axes_of(api.studio_request("text_to_image")))
    axes: list[AxisInput] = []

    def build_axes() -> None:
        axes.append(AxisInput("x", settings, "guidance", "1, 2, 3, 5, 8"))
        axes.append(AxisInput("y", [NOTHING, *settings], "steps", "2, 5, 25"))

    with gr.Row(elem_classes="gl-controls"):
        form = Form("grid", "text_to_image", model, number=None)
        hint = "Press Draw: the values of the axes replace those of the controls."
        results = SheetResults("grid", hint, sessions, build_axes)
    x, y = axes

    def draw(values: Values) -> Stream[Sheet]:
        return api.grid(engine=engine, **x.read(values), **y.read(values), **form.read(values))

    results.listen(draw, form.inputs | x.parts | y.parts)
    return form
