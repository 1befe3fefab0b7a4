"""The panel Control: a picture along an outline."""

from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from genlab import api
from genlab.config import check_choice
from genlab.errors import InvalidInput
from genlab.studio.edges import HIGH, LOW, MAX_THRESHOLD
from genlab.studio.engine import Engine
from genlab.studio.pictures import Upload
from genlab.ui import html
from genlab.ui.card import sentence
from genlab.ui.diffusion.pieces import question
from genlab.ui.diffusion.source import PAD, strokes
from genlab.ui.knobs import NOW, Values
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Drawing, Form, Results
from genlab.ui.studio.source import Picture, view

EDGES, DRAWN, AS_IT_IS = "edges of the picture", "drawn by hand", "the picture as it is"


def build(app: gr.Blocks, model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel with its events."""
    question("Can an outline say where, while the words say what? ControlNet follows white lines on black.")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=3, min_width=240):
            source = gr.Radio(
                [EDGES, DRAWN, AS_IT_IS], value=EDGES, label="outline", elem_id="control-source"
            )
            picture = Picture("control")
            low = threshold("low", LOW, "A lower one follows edges further")
            high = threshold("high", HIGH, "A lower one finds more edges")
            with gr.Accordion("Draw an outline", open=False):
                pad = gr.Sketchpad(
                    type="pil",
                    canvas_size=(PAD, PAD),
                    layers=False,
                    transforms=(),
                    brush=gr.Brush(8, ["#1f77b4"], color_mode="fixed"),
                    show_label=False,
                    elem_id="control-pad",
                )
            shown = gr.HTML("", elem_id="control-edges")
        form = Form("control", "control", model, prompt="a digit on a yellow background")
        results = Results("control", "Press Draw: pictures along the outline.", form, engine, sessions)
    given = {source, picture.image, low, high, pad, *form.inputs}

    def outline(values: Values) -> Upload:
        """What the pictures will follow."""
        where = check_choice("outline", values[source], (EDGES, DRAWN, AS_IT_IS))
        if where == DRAWN:
            return Upload(lines(values[pad], form.read(values)), ())
        if where == AS_IT_IS:
            return values[picture.image]
        sizes = {name: values[form.knobs[name]] for name in ("width", "height")}
        found = values[picture.image]
        thresholds = {"low": values[low], "high": values[high]}
        return api.edges(picture=found.image, model=values[form.model], **thresholds, **sizes)

    def preview(values: Values) -> str:
        try:
            return view(outline(values).image, "the outline")
        except Exception as error:
            return html.note(sentence(error))

    def draw(values: Values, session: Session) -> Drawing:
        request = api.studio_request("control", picture=outline(values), **form.read(values))
        drawn = yield from engine.draw(request)
        return results.show(drawn, request)

    decoded = {"preprocess": True}
    results.listen(draw, given, [], **decoded)
    picture.listen(app, results.runner.note, preview, given, [shown])
    watched: list[Any] = [source, low, high, pad, form.model]
    watched += [form.knobs["width"], form.knobs["height"]]
    gr.on(
        [part.change for part in watched],
        preview,
        given,
        shown,
        trigger_mode="always_last",
        **{**NOW, **decoded},
    )
    pad.input(None, None, source, js=f"() => '{DRAWN}'", api_visibility="private")
    return form


def threshold(name: str, value: int, help: str) -> Component:
    return gr.Slider(0, MAX_THRESHOLD, value, step=1, label=name, info=help, elem_id=f"control-{name}")


def lines(value: dict[str, Any] | None, wanted: dict[str, Any]) -> Image.Image:
    """The strokes of the pad in the size that is drawn: thin ones would fade, so any touch counts."""
    drawn = strokes(value)
    if not drawn.getbbox():
        raise InvalidInput("Nothing is drawn yet; draw an outline first.")
    small = drawn.resize((wanted["width"], wanted["height"]), Image.Resampling.BOX)
    return Image.fromarray(np.where(np.asarray(small) > 64, 255, 0).astype(np.uint8)).convert("RGB")
