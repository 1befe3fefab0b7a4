"""The panel Text to image."""

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.studio.engine import Engine
from genlab.ui.diffusion.pieces import question
from genlab.ui.knobs import Values
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Drawing, Form, Results


def build(model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel with its events."""
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
