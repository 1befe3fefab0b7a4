"""A visitor's picture for the studio: an upload, or the example that is there from the start."""

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image

from genlab import api, visualize
from genlab.calls import Own
from genlab.studio.pictures import Upload, fit
from genlab.ui import html
from genlab.ui.card import sentence
from genlab.ui.diffusion.pieces import figure, img
from genlab.ui.knobs import NOW, Values

SHOWN = 168  # pixels of the small view's edge


def view(image: Image.Image, caption: str) -> str:
    """A small view of a picture of any size."""
    small = image.copy()
    small.thumbnail((SHOWN, SHOWN))
    shown = figure(img(visualize.enlarge(small, SHOWN), caption), escape(caption))
    return f'<div class="gl-source gl-large">{shown}</div>'


class Picture:
    """The components that hold a picture, made where this is called.

    Args:
        panel: Begins the elements' ids.
        visible: Whether it is shown here; False where the panel shows it elsewhere.
    """

    def __init__(self, panel: str, visible: bool = True) -> None:
        self.image = gr.State(None)
        self.upload = gr.UploadButton(
            "Upload a picture", type="binary", file_types=["image"], size="sm", elem_id=f"{panel}-upload"
        )
        self.shown = gr.HTML("", elem_id=f"{panel}-picture", visible=visible)

    def read(self, values: Values) -> Upload:
        """The visitor's picture; the example while the page is still loading."""
        return values[self.image] or api.studio_picture(None)

    def arguments(self, values: Values, wanted: dict[str, Any]) -> dict[str, Own]:
        """The parameter of a call that brings the same picture, in the size ``wanted``; none the example."""
        upload = self.read(values)
        if upload.image.tobytes() == api.studio_example().tobytes():
            return {}
        return {"picture": Own(visualize.png(fit(upload, wanted["width"], wanted["height"]).image))}

    def listen(
        self,
        app: gr.Blocks,
        note: Component,
        then: Callable[..., Any] | None = None,
        inputs: Any = None,
        outputs: list[Component] | None = None,
    ) -> None:
        """Show the example when the page opens, and every upload; errors go to ``note``.

        ``then`` follows with what depends on the picture: a function of ``inputs`` to ``outputs``.
        """

        def taken(data: bytes | None) -> tuple[Upload, str]:
            upload = api.studio_picture(data)
            caption = "; ".join(upload.notices) or ("your picture" if data else "an example")
            return upload, view(upload.image, caption)

        def uploaded(data: bytes | None) -> tuple[object, object, str]:
            try:
                return *taken(data), ""
            except Exception as error:
                return gr.skip(), gr.skip(), html.note(sentence(error))

        targets, decoded = [self.image, self.shown], {**NOW, "preprocess": True}
        changes = [
            self.upload.upload(uploaded, self.upload, [*targets, note], **decoded),
            app.load(lambda: taken(None), None, targets, **NOW),
        ]
        if then is not None:
            for change in changes:
                change.then(then, inputs, outputs, **decoded)
