"""Noise as a latent: between two starts, and back from a picture to its noise."""

import math
from typing import Any

import gradio as gr
import torch

from genlab import api, visualize
from genlab.calls import Call, call
from genlab.lab.interpolation import PATHS, Path
from genlab.models.denoising import Denoising, Guided
from genlab.numbers import brief
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import NOISE_RANGE, Controls, Runner, figure, img, question, small
from genlab.ui.diffusion.source import PicturePanel, preview
from genlab.ui.knobs import Values, seed_box
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions
from genlab.walks import Walk, part

WHY = (
    "Gaussian noise of 784 pixels has a norm near 28, and the network has seen no other. The arc "
    "(spherical) stays there. The straight line (linear) cuts through the inside of the sphere: the noise "
    "in its middle is too weak, and what the shipped model draws from that is too typical. Between many "
    "pairs of starts, the digits in the middle of the line come out alike; those of the arc do not."
)
WEAK = 24.0  # a norm that no noise of 784 pixels has
FLAT = (
    "Real noise would have a norm of 28. An exactly black background is rarer than any noise the network "
    "knows, so the walk back leaves it flat; the more of the picture is ink or grey, the closer it comes."
)


def strip(name: str, path: Path) -> str:
    frames = "".join(
        figure(img(visualize.picture(image), f"{name}, picture {i}"), brief(norm))
        for i, (image, norm) in enumerate(zip(path.images, path.norms.tolist(), strict=True))
    )
    head = f"<b>{name}</b>, under each picture the norm of its start"
    return f'<div class="gl-strip">{head}<div>{frames}</div></div>'


def build_interpolate(sessions: Sessions) -> Panel:
    """The panel Interpolate."""
    question("What lies between two digits? Walk from one noise to another, along the arc and the line.")
    with gr.Row(elem_classes="gl-controls"):
        controls = Controls("between", Guided, number=9, fewest=2, seed_help="Of the first start")
        with gr.Column(scale=2, min_width=200):
            other = seed_box("Of the last start", "between-other", 1, "other seed")
            runner = Runner("between", sessions)
    runner.note.render()
    hint = "Press Run: pictures between two starts, on two ways."
    shown = gr.HTML(html.note(hint, plain=True), elem_id="between-shown")

    def wants(values: Values) -> dict[str, Any]:
        return controls.read(values) | {"other_seed": values[other]}

    def calls(values: Values) -> list[Call]:
        return [call("interpolate", path=path, **wants(values)) for path in PATHS]

    def walk(values: Values, session: Session) -> Walk[Updates]:
        wanted = wants(values)
        strips, weakest = "", math.inf
        for i, path in enumerate(PATHS):
            pictures = api.interpolate(path=path, library=session.library, **wanted)
            found = yield from part(pictures, i / len(PATHS), (i + 1) / len(PATHS))
            strips, weakest = strips + strip(path, found), min(weakest, float(found.norms.min()))
        return {shown: strips + (f'<p class="gl-live">{WHY}</p>' if weakest < WEAK else "")}

    runner.listen(walk, controls.inputs | {other}, [shown])
    return Panel("diffusion/interpolate", controls.fields | {"other_seed": other}, calls, run="between-run")


def build_invert(app: gr.Blocks, sessions: Sessions) -> Panel:
    """The panel Invert."""
    question("Which noise does a digit come from? DDIM walked backwards finds it, and draws the digit again.")
    panel = PicturePanel(
        "invert",
        sessions,
        Denoising,
        "Press Run: its noise, and the digit drawn from that. With few steps the two digits differ.",
        digit_help="What the network is told that it is; none: nothing",
        seed_help=None,
    )

    def walk(values: Values, session: Session) -> Walk[Updates]:
        digit, wanted = panel.digit(values), panel.controls.read(values)
        found = yield from api.invert(picture=digit, library=session.library, **wanted)
        apart = (found.image.float() - digit.image.float()).abs().to(torch.uint8)
        x_T = found.x_T
        flat = f'<p class="gl-live">{FLAT}</p>' if x_T.norm() < WEAK else ""
        figures = [
            figure(img(visualize.picture(digit.image), "digit"), "the digit"),
            figure(
                small(x_T / NOISE_RANGE, "noise"),
                f"its noise: norm {brief(float(x_T.norm()))}",
            ),
            figure(img(visualize.picture(found.image), "drawn again"), "drawn again from that noise"),
            figure(
                img(visualize.picture(apart), "difference"),
                f"their difference: root mean square {brief(found.error)} over pixels from 0 to 1",
            ),
        ]
        return {panel.shown: f'<div class="gl-four">{"".join(figures)}</div>{flat}'}

    panel.runner.listen(walk, panel.inputs, [panel.shown])
    panel.source.listen(app, lambda digit: (preview(digit),), [], [panel.chosen], panel.runner.note)
    return panel.panel("diffusion/invert", "invert")
