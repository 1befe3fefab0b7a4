"""The panel Inside: a walk through a running pipeline, from words over latents to the picture."""

from collections.abc import Generator
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.api.studio_inside import inside
from genlab.calls import call
from genlab.studio.engine import Engine
from genlab.studio.lens import Inside
from genlab.studio.worker import Progress
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import question
from genlab.ui.knobs import NOW, STUDIO, Values
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Cost, Form, StudioRunner
from genlab.ui.studio.inside_view import MEAN, THIS_STEP, show


def build(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel with its events; ``model`` is the choice that all panels share."""
    question("What happens between the words and the picture?")
    state = gr.State(None)
    with gr.Row(elem_classes="gl-controls"):
        form = Form("inside", "text_to_image", model, number=None)
        form.asked = lambda values: call("inside", **form.read(values))
        with gr.Column(scale=1, min_width=160):
            runner = StudioRunner("inside", sessions)
            Cost(
                engine, form.inputs, lambda values: [api.studio_request("text_to_image", **form.read(values))]
            )
            runner.note.render()
    with gr.Row(elem_classes="gl-controls", visible=False) as walking:
        at = gr.Slider(
            1, 2, 1, step=1, label="step", info="Drag to walk through the run", elem_id="inside-step"
        )
        view = gr.Radio(
            [MEAN, THIS_STEP],
            value=MEAN,
            label="maps of the words",
            info="Early steps place things, late ones refine",
            elem_id="inside-view",
        )
    hint = "Press Run: one picture is drawn, and every step of it is kept to walk through."
    shown = gr.HTML(html.note(hint, plain=True), elem_id="inside-shown")

    def walk(values: Values, session: Session) -> Generator[Progress, None, Updates]:
        found = yield from inside(engine=engine, **form.read(values))
        last = len(found.steps)
        return {
            state: found,
            shown: show(found, last, values[view] == THIS_STEP),
            at: gr.Slider(1, max(last, 2), last),
            walking: gr.Row(visible=True),
        }

    def look(found: Inside | None, k: Any, which: Any) -> Any:
        if found is None or not isinstance(k, int) or not 1 <= k <= len(found.steps):
            return gr.skip()  # a box that is being typed into
        return show(found, k, which == THIS_STEP)

    runner.listen(walk, form.inputs | {view}, [state, shown, at, walking], **STUDIO)
    for part in (at, view):
        part.input(look, [state, at, view], shown, trigger_mode="always_last", **NOW)
    return form
