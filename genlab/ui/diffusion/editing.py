"""A picture edited: a part of it drawn anew, and variations of the whole."""

from typing import Any

import gradio as gr
import numpy as np
from PIL import Image
from torch import Tensor

from genlab import api, visualize
from genlab.calls import Call, Own, call
from genlab.config import check_choice
from genlab.data import to_uint8
from genlab.lab.latents import REGIONS, RepaintKnobs, VaryKnobs
from genlab.lab.pictures import Digit, to_mask
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import figure, img, question, sheet
from genlab.ui.diffusion.source import PAD, PicturePanel, pad, preview, strokes
from genlab.ui.knobs import Values
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions
from genlab.walks import Walk

PAINTED = "painted"
MASK_COLOUR = (230, 159, 0)
MASK_INK = "#{:02x}{:02x}{:02x}".format(*MASK_COLOUR)


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


class Mask:
    """Which part is drawn anew: a choice of regions, and a pad to paint on; made where this is called."""

    def __init__(self) -> None:
        self.region = gr.Radio(
            [*REGIONS, PAINTED],
            value="right half",
            label="mask",
            info="What is drawn anew; painted: what you paint below",
            elem_id="inpaint-region",
        )
        with gr.Accordion("Paint the mask", open=False):
            self.pad = pad("inpaint-mask", 28, MASK_INK)
        self.pad.input(None, None, self.region, js=f"() => '{PAINTED}'", api_visibility="private")

    def arguments(self, values: Values) -> dict[str, Any]:
        """The parameters of a call that hide the same part."""
        if values[self.region] != PAINTED:
            return {"region": values[self.region]}
        return {"mask": Own(visualize.png(visualize.picture(to_uint8(2 * self.read(values)[None] - 1)[0])))}

    def read(self, values: Values) -> Tensor:
        where = check_choice("mask", values[self.region], (*REGIONS, PAINTED))
        return to_mask(np.asarray(strokes(values[self.pad])) / 255) if where == PAINTED else REGIONS[where]


def build_inpaint(app: gr.Blocks, sessions: Sessions) -> Panel:
    """The panel Inpaint."""
    question("Hide a part of a digit: what could have been there?")
    masks: list[Mask] = []
    panel = PicturePanel(
        "inpaint",
        sessions,
        RepaintKnobs,
        "Press Run: ways to complete the digit.",
        more=lambda: masks.append(Mask()),
        digit_help="What the whole should be; none: whatever fits",
        number=8,
    )
    (mask,) = masks

    def paint(values: Values, session: Session) -> Walk[Updates]:
        digit, hidden, wanted = panel.digit(values), mask.read(values), panel.controls.read(values)
        found = yield from api.repaint(picture=digit, mask=hidden, library=session.library, **wanted)
        before = figure(img(tinted(digit.image, hidden), "the mask"), "coloured: drawn anew")
        after = figure(sheet(found, "completed digits", columns=4), "completed")
        return {panel.shown: beside(before, after)}

    inputs = panel.inputs | {mask.region, mask.pad}
    panel.runner.listen(paint, inputs, [panel.shown], preprocess=True)  # gradio reads the painted mask
    chosen, note = [panel.chosen, mask.pad], panel.runner.note
    panel.source.listen(app, lambda digit: (preview(digit), canvas(digit)), [], chosen, note)

    def calls(values: Values) -> list[Call]:
        wanted = panel.source.arguments(values) | mask.arguments(values) | panel.controls.read(values)
        return [call("repaint", **wanted)]

    fields = panel.controls.fields | panel.source.fields | {"region": mask.region}
    return Panel(
        "diffusion/inpaint",
        fields,
        calls,
        inputs,
        run="inpaint-run",
        looks=(panel.source.again,),
        painted=True,
    )


def build_vary(app: gr.Blocks, sessions: Sessions) -> Panel:
    """The panel Image to image."""
    question("Add some noise to a digit and take it out again: how much of it is left?")
    panel = PicturePanel(
        "vary",
        sessions,
        VaryKnobs,
        "Press Run: variations of the digit. More strength, less of it is left.",
        digit_help="What it should become; none: whatever fits",
        number=8,
    )

    def vary(values: Values, session: Session) -> Walk[Updates]:
        digit, wanted = panel.digit(values), panel.controls.read(values)
        found = yield from api.vary(picture=digit, library=session.library, **wanted)
        before = figure(img(visualize.picture(digit.image), "before"), "before")
        said = f"after, strength {wanted['strength']:g}"
        return {panel.shown: beside(before, figure(sheet(found, said, columns=4), said))}

    panel.runner.listen(vary, panel.inputs, [panel.shown])
    panel.source.listen(app, lambda digit: (preview(digit),), [], [panel.chosen], panel.runner.note)
    return panel.panel("diffusion/image-to-image", "vary")
