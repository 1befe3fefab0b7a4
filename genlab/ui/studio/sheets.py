"""Panels whose result is one labelled picture: a sweep over guidance, a grid over two settings."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.calls import call
from genlab.config import MAX_LIST
from genlab.numbers import duration
from genlab.studio import links
from genlab.studio.axes import NOTHING, SEPARATOR, Axes, Axis, Plan, listed, settings_of, typed
from genlab.studio.engine import Engine
from genlab.studio.request import Request
from genlab.studio.sheets import Sheet, draw_sheet
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import question
from genlab.ui.knobs import STUDIO, Values
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Cost, Drawing, Form, RecipeFold, StudioRunner, summary

SWEPT = "guidance"


class AxisInput:
    """The values of a setting, and the setting where there is a choice; made where this is called."""

    def __init__(self, values: Component, name: Component | None = None) -> None:
        self.values, self.name = values, name

    @property
    def parts(self) -> list[Component]:
        return [self.values] if self.name is None else [self.name, self.values]

    def read(self, values: Values) -> tuple[str, list[Any] | None]:
        """Name and values."""
        name = SWEPT if self.name is None else str(values[self.name])
        return name, None if name == NOTHING else listed(name, values[self.values])

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

    def first(self) -> dict[str, str]:
        told: dict[str, str] = {}
        for letter, axis in zip(Axes._fields, self.axes, strict=False):
            name = SWEPT if axis.name is None else axis.name.value
            told |= {letter: name, links.AXES[letter]: axis.values.value}
        return super().first() | told

    def restore(self, request: Request, axes: Axes | None = None) -> Updates:
        found = super().restore(request)
        for own, axis in zip(self.axes, axes or (), strict=False):
            found |= own.restore(axis)
        return found


class SheetResults:
    """The column of a panel whose result is one labelled picture; made where this is called.

    Args:
        panel: Begins the elements' ids.
        hint: What to press, and what will come.
        form: The panel's controls.
        engine: What draws.
        sessions: Whose visitor's work is run.
        make_axes: Makes the inputs of ``form`` that stand above the button.
        plan: The sheet that the controls ask for.
    """

    def __init__(
        self,
        panel: str,
        hint: str,
        form: SheetForm,
        engine: Engine,
        sessions: Sessions,
        make_axes: Callable[[], tuple[AxisInput, ...]],
        plan: Callable[[Values], Plan],
    ) -> None:
        with gr.Column(scale=4, min_width=300):
            form.axes = make_axes()
            self.runner = StudioRunner(panel, sessions, "Draw")
            self.cost = Cost(engine, form.inputs, lambda values: plan(values).requests())
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

        def draw(values: Values, session: Session) -> Drawing:
            return self.show((yield from draw_sheet(engine, plan(values))))

        form.link = lambda values: form.query(*plan(values))
        self.query = form.query
        outputs = [self.cost.line, self.said, self.image, *self.recipe.parts]
        self.runner.listen(draw, form.inputs, outputs, **STUDIO)

    def show(self, sheet: Sheet) -> Updates:
        """The labelled picture, which carries its recipe, and what it cost."""
        said = [f"{len(sheet.cells)} pictures in {duration(sheet.seconds)}", *sheet.notices]
        if sheet.withheld:
            said.append(f"{len(sheet.withheld)} withheld by the model's safety checker")
        return {
            self.cost.line: "",
            self.said: summary(*said),
            self.image: gr.Image(sheet.image, visible=True),
            **self.recipe.show(sheet.recipe, self.query(*sheet.plan)),
        }


def build_sweep(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Guidance sweep."""
    question("How strictly should the words be followed? One seed at several guidance scales.")

    def plan(values: Values) -> Plan:
        _, scales = form.axes[0].read(values)
        return api.sweep_plan(scales=scales, **form.read(values))

    with gr.Row(elem_classes="gl-controls"):
        form = SheetForm("sweep", "text_to_image", model, number=None, left_out=(SWEPT,))
        form.asked = lambda values: call(
            "guidance_sweep", scales=form.axes[0].read(values)[1], **form.read(values)
        )
        hint = "Press Draw: the same noise under several scales, side by side."
        SheetResults("sweep", hint, form, engine, sessions, lambda: (scales_input(),), plan)
    return form


def scales_input() -> AxisInput:
    return AxisInput(
        gr.Textbox(
            ", ".join(f"{w:g}" for w in api.SCALES),
            label="guidance scales",
            info=f"1 to 20, at most {MAX_LIST} of them: 1 is the prompt alone",
            elem_id="sweep-scales",
        )
    )


def build_grid(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Grid."""
    question("Which setting does what? One picture for every pair of values.")
    settings = list(settings_of(api.studio_request("text_to_image")))

    def make_axes() -> tuple[AxisInput, ...]:
        x = axis_input("x", settings, "guidance", "1, 2, 3, 5, 8")
        return x, axis_input("y", [NOTHING, *settings], "steps", "2, 5, 25")

    def wanted(values: Values) -> dict[str, Any]:
        x, y = (axis.read(values) for axis in form.axes)
        return {"x": x[0], "x_values": x[1], "y": y[0], "y_values": y[1]} | form.read(values)

    def plan(values: Values) -> Plan:
        return api.grid_plan(**wanted(values))

    with gr.Row(elem_classes="gl-controls"):
        form = SheetForm("grid", "text_to_image", model, number=None)
        form.asked = lambda values: call("grid", **wanted(values))
        hint = "Press Draw: the values of the axes replace those of the controls."
        SheetResults("grid", hint, form, engine, sessions, make_axes, plan)
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
