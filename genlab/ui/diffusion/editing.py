"""A picture edited: a part of it drawn anew, and variations of the whole."""

from typing import Any

import gradio as gr
import numpy as np
from PIL import Image
from torch import Tensor

from genlab import api, visualize
from genlab.config import check_choice
from genlab.lab.latents import REGIONS, RepaintKnobs, VaryKnobs
from genlab.lab.pictures import Digit, to_mask
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import Controls, Runner, figure, img, question, sheet
from genlab.ui.diffusion.source import PAD, Source, preview, strokes
from genlab.ui.knobs import Values
from genlab.ui.session import Session, Sessions
from genlab.walks import Walk

PAINTED = "painted"
MASK_COLOUR = (230, 159, 0)


def tinted(image: Tensor, mask: Tensor) -> Image.Image:
    """The digit uint8 (1, 28, 28) in colour where the mask (1, 28, 28) has it drawn anew."""
    grey = np.repeat(image.permute(1, 2, 0).numpy(), 3, axis=2).astype(float)
    share = 0.6 * mask.permute(1, 2, 0).numpy()
    return Image.fromarray(((1 - share) * grey + share * np.array(MASK_COLOUR)).astype(np.uint8))


def beside(before: str, after: str) -> str:
    return f'<div class="gl-edit">{before}{after}</div>'


def canvas(digit: Digit) -> dict[str, Any]:
    """The digit as the background of the pad that a mask is painted on."""
    return {
        "background": visualize.enlarge(visualize.picture(digit.image), PAD),
        "layers": [],
        "composite": None,
    }


def build_inpaint(app: gr.Blocks, sessions: Sessions) -> None:
    """The panel Inpaint."""
    question("Hide a part of a digit: what could have been there?")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=2, min_width=220):
            source = Source("inpaint")
            chosen = gr.HTML("", elem_id="inpaint-chosen")
            region = gr.Radio(
                [*REGIONS, PAINTED],
                value="right half",
                label="mask",
                info="What is drawn anew; painted: what you paint below",
                elem_id="inpaint-region",
            )
            with gr.Accordion("Paint the mask", open=False):
                pad = gr.ImageEditor(
                    type="pil",
                    sources=(),
                    canvas_size=(PAD, PAD),
                    layers=False,
                    transforms=(),
                    brush=gr.Brush(28, ["#e69f00"], color_mode="fixed"),
                    show_label=False,
                    elem_id="inpaint-pad",
                )
        controls = Controls(
            "inpaint",
            RepaintKnobs,
            digit="none",
            digit_help="What the whole should be; none: whatever fits",
            number=8,
        )
        with gr.Column(scale=1, min_width=160):
            runner = Runner("inpaint", sessions)
    runner.note.render()
    hint = "Press Run: eight ways to complete the digit."
    shown = gr.HTML(html.note(hint, plain=True), elem_id="inpaint-shown")

    def mask_of(values: Values) -> Tensor:
        where = check_choice("mask", values[region], (*REGIONS, PAINTED))
        return to_mask(np.asarray(strokes(values[pad])) / 255) if where == PAINTED else REGIONS[where]

    def paint(values: Values, session: Session) -> Walk[Updates]:
        digit, mask = values[source.digit] or api.digit(), mask_of(values)
        wanted = controls.read(values)
        found = yield from api.repaint(picture=digit, mask=mask, library=session.library, **wanted)
        before = figure(img(tinted(digit.image, mask), "the mask"), "coloured: drawn anew")
        after = figure(sheet(found, "completed digits", columns=4), "completed")
        return {shown: beside(before, after)}

    inputs = controls.inputs | {source.digit, region, pad}
    runner.listen(paint, inputs, [shown], preprocess=True)  # gradio reads the painted mask
    source.listen(app, lambda digit: (preview(digit), canvas(digit)), [], [chosen, pad], runner.note)


def build_vary(app: gr.Blocks, sessions: Sessions) -> None:
    """The panel Image to image."""
    question("Add some noise to a digit and take it out again: how much of it is left?")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=2, min_width=220):
            source = Source("vary")
            chosen = gr.HTML("", elem_id="vary-chosen")
        controls = Controls(
            "vary", VaryKnobs, digit="none", digit_help="What it should become; none: whatever fits", number=8
        )
        with gr.Column(scale=1, min_width=160):
            runner = Runner("vary", sessions)
    runner.note.render()
    hint = "Press Run: variations of the digit. More strength, less of it is left."
    shown = gr.HTML(html.note(hint, plain=True), elem_id="vary-shown")

    def vary(values: Values, session: Session) -> Walk[Updates]:
        digit, wanted = values[source.digit] or api.digit(), controls.read(values)
        found = yield from api.vary(picture=digit, library=session.library, **wanted)
        before = figure(img(visualize.picture(digit.image), "before"), "before")
        said = f"after, strength {wanted['strength']:g}"
        return {shown: beside(before, figure(sheet(found, said, columns=4), said))}

    runner.listen(vary, controls.inputs | {source.digit}, [shown])
    source.listen(app, lambda digit: (preview(digit),), [], [chosen], runner.note)
