"""Panels that begin with a picture: the whole of it varied, a part of it drawn anew."""

from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from genlab import api, visualize
from genlab.calls import Call, Own, call
from genlab.errors import InvalidInput
from genlab.studio.engine import Engine
from genlab.studio.pictures import Upload, fit, fit_mask
from genlab.ui.diffusion.editing import MASK_INK
from genlab.ui.diffusion.pieces import question
from genlab.ui.diffusion.source import pad, strokes
from genlab.ui.knobs import Values
from genlab.ui.session import Session, Sessions
from genlab.ui.studio.form import Drawing, Form, Results
from genlab.ui.studio.source import Picture

SLIDER_SIDE = 320  # pixels that small pictures are enlarged to
CANVAS = 320  # pixels of the pad's longer edge, about
PROMPT = "a thick blue seven on a white background"


def build_image(app: gr.Blocks, model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Image to image."""
    question("What is left of a picture when it is drawn anew after words? Strength decides.")
    sliders: list[gr.ImageSlider] = []
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=2, min_width=200):
            picture = Picture("image")
        form = Form("image", "image_to_image", model, prompt=PROMPT)
        hint = "Press Draw: your picture after your words. Less strength keeps more of it."
        results = Results("image", hint, form, engine, sessions, lambda: sliders.append(slider()))
    (before_after,) = sliders

    def draw(values: Values, session: Session) -> Drawing:
        request = api.studio_request("image_to_image", picture=picture.read(values), **form.read(values))
        drawn = yield from engine.draw(request)
        assert request.picture is not None
        before, after = (visualize.enlarge(one, SLIDER_SIDE) for one in (request.picture, drawn.pictures[0]))
        return results.show(drawn, request) | {before_after: gr.ImageSlider((before, after), visible=True)}

    def asked(values: Values) -> Call:
        wanted = form.read(values)
        return call("image_to_image", **picture.arguments(values, wanted), **wanted)

    form.asked, form.more = asked, {picture.image}
    results.listen(draw, form.inputs | form.more, [before_after])
    picture.listen(app, results.runner.note)
    return form


def slider() -> gr.ImageSlider:
    return gr.ImageSlider(
        format="png",
        show_label=False,
        visible=False,
        interactive=False,
        label="before and after",
        elem_id="image-slider",
        elem_classes="gl-crisp",
    )


def canvas(image: Image.Image) -> Image.Image:
    """The picture as large as a mask can be painted on it."""
    image = image.copy()
    image.thumbnail((512, 512))
    return visualize.enlarge(image, CANVAS)


class Pad:
    """Where the mask is painted, over the picture; made where this is called."""

    def __init__(self) -> None:
        self.editor = pad("hole-pad", 40, MASK_INK, edge=800)

    def fill(self, upload: Upload) -> dict[str, Any]:
        return {"background": canvas(upload.image), "layers": [], "composite": None}

    def mask(self, value: dict[str, Any] | None, image: Image.Image) -> Image.Image:
        """White where it was painted, of the size of ``image``; InvalidInput if nothing was."""
        found = strokes(value, image.size)
        if not found.getbbox():
            raise InvalidInput("Nothing is painted yet; paint over the part that should be drawn anew.")
        return found


def build_inpaint(app: gr.Blocks, model: Component, sessions: Sessions, engine: Engine) -> Form:
    """The panel Inpaint."""
    question("What else could be there? Paint over a part of the picture, and say what the whole should be.")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=3, min_width=240):
            hole = Pad()
            picture = Picture("hole", visible=False)
        form = Form("hole", "inpaint", model, prompt="a red nine on a yellow background")
        hint = "Choose the brush on the left of the picture, paint, then press Draw."
        results = Results("hole", hint, form, engine, sessions)

    def draw(values: Values, session: Session) -> Drawing:
        upload = picture.read(values)
        mask = hole.mask(values[hole.editor], upload.image)
        request = api.studio_request("inpaint", picture=upload, mask=mask, **form.read(values))
        drawn = yield from engine.draw(request)
        return results.show(drawn, request)

    def asked(values: Values) -> Call:
        wanted = form.read(values)
        upload, size = picture.read(values), (wanted["width"], wanted["height"])
        mask = fit_mask(hole.mask(values[hole.editor], upload.image), *size)
        own = {"picture": fit(upload, *size).image, "mask": mask}
        return call("inpaint", **{k: Own(visualize.png(one)) for k, one in own.items()}, **wanted)

    form.asked, form.more = asked, {picture.image, hole.editor}
    results.listen(draw, form.inputs | form.more, [], preprocess=True)
    picture.listen(app, results.runner.note, hole.fill, picture.image, [hole.editor])
    return form
