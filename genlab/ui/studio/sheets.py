"""Panels whose result is one labelled picture: a sweep over guidance, a grid over two settings."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.studio import links
from genlab.studio.engine import Engine
from genlab.studio.request import Request
from genlab.studio.sheets import SEPARATOR, Axes, Axis, Sheet, axes_of, listed, typed
from genlab.studio.worker import Stream
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import question
from genlab.ui.knobs import STUDIO, Values
from genlab.ui.numbers import duration
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Drawing, Form, RecipeFold, StudioRunner

SWEPT = "guidance"
NOTHING = "nothing"


class AxisInput:
    """The values of a setting, and the setting where there is a choice; made where this is called."""

    def __init__(self, values: Component, name: Component | None = None) -> None:
        self.values, self.name = values, name

    @property
    def parts(self) -> list[Component]:
        return [self.values] if self.name is None else [self.name, self.values]

    def read(self, values: Values) -> tuple[str | None, list[Any] | None]:
        """Name and values; None and None for no axis."""
        name = SWEPT if self.name is None else str(values[self.name])
        return (None, None) if name == NOTHING else (name, listed(name, values[self.values]))

    def restore(self, axis: Axis) -> Updates:
        """The inputs as they were for ``axis``."""
        values: Updates = {self.values: typed(axis)} if axis.name else {}
        return values if self.name is None else {self.name: axis.name or NOTHING} | values


class SheetForm(Form):
    """Controls with axes, which are made with the panel's results."""

    axes: tuple[AxisInput, ...]

    @property
    def inputs(self) -> set[Any]:
        return super().inputs.union(*(axis.parts for axis in self.axes))

    @property
    def restored(self) -> list[Component]:
        return super().restored + [part for axis in self.axes for part in axis.parts]

    def restore(self, request: Request, axes: Axes | None = None) -> Updates:
        found = super().restore(request)
        for own, axis in zip(self.axes, axes or (), strict=False):
            found |= own.restore(axis)
        return found


class SheetResults:
    """The column of a panel whose result is one labelled picture; made where this is called.

    ``make_axes`` makes the inputs of ``form`` that stand above the button.
    """

    def __init__(
        self,
        panel: str,
        hint: str,
        form: SheetForm,
        sessions: Sessions,
        make_axes: Callable[[], tuple[AxisInput, ...]],
    ) -> None:
        with gr.Column(scale=4, min_width=300):
            form.axes = make_axes()
            self.form = form
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
            self.recipe = RecipeFold(panel)

    def listen(self, work: Callable[[Values], Stream[Sheet]]) -> None:
        """Draw the sheet of ``work`` when Draw is pressed."""

        def draw(values: Values, session: Session) -> Drawing:
            sheet = yield from work(values)
            said = f"{len(sheet.cells)} pictures in {duration(sheet.seconds)}."
            return {
                self.said: f'<p class="gl-live">{said}</p>',
                self.image: gr.Image(sheet.image, visible=True),
                **self.recipe.show(sheet.recipe, links.query(sheet.request, sheet.axes)),
            }

        outputs = [self.said, self.image, *self.recipe.parts]
        self.runner.listen(draw, self.form.inputs, outputs, **STUDIO)


def build_sweep(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Guidance sweep."""
    question("How strictly should the words be followed? One seed at several guidance scales.")
    with gr.Row(elem_classes="gl-controls"):
        form = SheetForm("sweep", "text_to_image", model, number=None, left_out=(SWEPT,))
        hint = "Press Draw: the same noise under several scales, side by side."
        results = SheetResults("sweep", hint, form, sessions, lambda: (scales_input(),))

    def draw(values: Values) -> Stream[Sheet]:
        _, scales = form.axes[0].read(values)
        return api.guidance_sweep(engine=engine, scales=scales, **form.read(values))

    results.listen(draw)
    return form


def scales_input() -> AxisInput:
    return AxisInput(
        gr.Textbox(
            ", ".join(f"{w:g}" for w in api.SCALES),
            label="guidance scales",
            info="1 to 20, at most 10 of them: 1 is the prompt alone",
            elem_id="sweep-scales",
        )
    )


def build_grid(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Grid."""
    question("Which setting does what? One picture for every pair of values.")
    settings = list(axes_of(api.studio_request("text_to_image")))

    def make_axes() -> tuple[AxisInput, ...]:
        x = axis_input("x", settings, "guidance", "1, 2, 3, 5, 8")
        return x, axis_input("y", [NOTHING, *settings], "steps", "2, 5, 25")

    with gr.Row(elem_classes="gl-controls"):
        form = SheetForm("grid", "text_to_image", model, number=None)
        hint = "Press Draw: the values of the axes replace those of the controls."
        results = SheetResults("grid", hint, form, sessions, make_axes)

    def draw(values: Values) -> Stream[Sheet]:
        x, y = (axis.read(values) for axis in form.axes)
        axes: dict[str, Any] = {"x": x[0], "x_values": x[1], "y": y[0], "y_values": y[1]}
        return api.grid(engine=engine, **axes, **form.read(values))

    results.listen(draw)
    return form


def axis_input(letter: str, settings: list[str], setting: str, values: str) -> AxisInput:
    with gr.Row():
        name = gr.Dropdown(
            settings, value=setting, label=f"{letter} axis", info="What changes", elem_id=f"grid-{letter}"
        )
        box = gr.Textbox(
            values,
            label=f"{letter} values",
            info=f"With commas between them; prompts with {SEPARATOR}",
            elem_id=f"grid-{letter}-values",
        )
    return AxisInput(box, name)
