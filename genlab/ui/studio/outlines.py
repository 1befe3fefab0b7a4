"""The panel Control: a picture along an outline."""

from typing import Any

import gradio as gr
import numpy as np
from gradio.components import Component
from PIL import Image

from genlab import api, visualize
from genlab.calls import Call, Own, call
from genlab.config import check_choice
from genlab.errors import InvalidInput
from genlab.studio.engine import Engine
from genlab.studio.pictures import Upload
from genlab.studio.request import AS_IT_IS, DRAWN, EDGES, SOURCES, ControlKnobs
from genlab.ui import html
from genlab.ui.card import sentence
from genlab.ui.diffusion.pieces import question
from genlab.ui.diffusion.source import pad, strokes
from genlab.ui.knobs import NOW, Values, components
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Drawing, Form, Results
from genlab.ui.studio.source import Picture, view

TITLES = {EDGES: "edges of the picture", DRAWN: "drawn by hand", AS_IT_IS: "the picture as it is"}
OWN = ("source", "low", "high")  # knobs that stand beside the picture


class Outline:
    """Where the outline comes from, and how it looks; made where this is called."""

    def __init__(self) -> None:
        self.source = gr.Radio(
            [(title, name) for name, title in TITLES.items()],
            value=EDGES,
            label="outline",
            elem_id="control-source",
        )
        self.picture = Picture("control")
        with gr.Column(elem_id="control-thresholds"):
            self.knobs = {"source": self.source} | components(ControlKnobs, names=("low", "high"))
        with gr.Accordion("Draw an outline", open=False) as self.fold:
            gr.Markdown("Choose the brush on the left, then draw: what you draw is taken as white on black.")
            self.pad = pad("control-pad", 8)
        self.shown = gr.HTML("", elem_id="control-edges")

    @property
    def parts(self) -> set[Any]:
        return {self.picture.image, self.pad, *self.knobs.values()}

    def read(self, values: Values, wanted: dict[str, Any]) -> Upload:
        """What the pictures will follow, in the size that is ``wanted``."""
        where = check_choice("outline", wanted["source"], SOURCES)
        if where == DRAWN:
            return Upload(lines(values[self.pad], wanted), ())
        found = self.picture.read(values)
        if where == AS_IT_IS:
            return api.read_outline(found)
        knobs = {name: wanted[name] for name in ("model", "width", "height", "low", "high")}
        return api.edges(picture=found.image, **knobs)

    def listen(self, app: gr.Blocks, form: Form, note: Component) -> None:
        """Show the outline at once when it changes, or the size that is drawn."""
        given = self.parts | form.inputs

        def preview(values: Values) -> str:
            try:
                return view(self.read(values, form.read(values)).image, "the outline")
            except Exception as error:
                return html.note(sentence(error))

        self.picture.listen(app, note, preview, given, [self.shown])
        watched: list[Any] = [*self.knobs.values(), self.pad, form.model]
        watched += [form.knobs["width"], form.knobs["height"]]
        changes = [part.change for part in watched]
        decoded = {**NOW, "preprocess": True}
        gr.on(changes, preview, given, self.shown, trigger_mode="always_last", **decoded)
        self.source.change(lambda where: gr.Accordion(open=where == DRAWN), self.source, self.fold, **NOW)
        self.pad.input(None, None, self.source, js=f"() => '{DRAWN}'", api_visibility="private")


def build(app: gr.Blocks, model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel with its events."""
    question("Can an outline say where, while the words say what? ControlNet follows white lines on black.")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=3, min_width=240):
            outline = Outline()
        form = Form("control", "control", model, left_out=OWN, prompt="a digit on a yellow background")
        form.knobs |= outline.knobs
        results = Results("control", "Press Draw: pictures along the outline.", form, engine, sessions)

    def draw(values: Values, session: Session) -> Drawing:
        wanted = form.read(values)
        request = api.studio_request("control", picture=outline.read(values, wanted), **wanted)
        drawn = yield from engine.draw(request)
        return results.show(drawn, request)

    def asked(values: Values) -> Call:
        wanted = form.read(values)
        if wanted["source"] == EDGES:
            return call("control", **outline.picture.arguments(values, wanted), **wanted)
        own = {name: value for name, value in wanted.items() if name not in OWN}
        return call("control", outline=Own(visualize.png(outline.read(values, wanted).image)), **own)

    form.asked, form.more = asked, outline.parts
    results.listen(draw, form.more | form.inputs, [], preprocess=True)
    outline.listen(app, form, results.runner.note)
    return form


def lines(value: dict[str, Any] | None, wanted: dict[str, Any]) -> Image.Image:
    """The strokes of the pad in the size that is drawn: thin ones would fade, so any touch counts."""
    drawn = strokes(value)
    if not drawn.getbbox():
        raise InvalidInput("Nothing is drawn yet; draw an outline first.")
    small = drawn.resize((wanted["width"], wanted["height"]), Image.Resampling.BOX)
    return Image.fromarray(np.where(np.asarray(small) > 64, 255, 0).astype(np.uint8)).convert("RGB")
