"""What goes into an endpoint and what comes out of it."""

from typing import Any, NamedTuple

import gradio as gr
from gradio.components import Component

Json = dict[str, Any]
Pictures = list[tuple[Any, str]]  # with their captions


class Outputs(NamedTuple):
    """Hidden components that results come back through; all endpoints share them."""

    numbers: Component
    gallery: Component
    first: Component
    second: Component
    files: Component


def make_outputs() -> Outputs:
    """The components, in the app in whose context this is called."""
    return Outputs(
        gr.JSON(visible=False, label="numbers"),
        gr.Gallery(visible=False, format="png", label="pictures"),
        gr.Image(visible=False, format="png", label="picture"),
        gr.Image(visible=False, format="png", label="x_t"),
        gr.File(visible=False, file_count="multiple", label="checkpoint"),
    )


def given(**values: Any) -> Json:
    """What the caller gave; None and "" mean the default."""
    return {k: v for k, v in values.items() if v is not None and v != ""}
