"""The reverse process: run once, then walk through what the network saw and believed."""

import math
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
import torch
from torch import Tensor

from genlab import api, visualize
from genlab.calls import call
from genlab.data import to_uint8
from genlab.lab.reverse import Moment
from genlab.models.denoising import DiffusionSampling
from genlab.numbers import brief
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.curves import Line, line_plot
from genlab.ui.diffusion.pieces import NOISE_RANGE, Controls, Runner, figure, question, small
from genlab.ui.knobs import NOW, SAMPLING, Values
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions
from genlab.walks import Walk

FRAME_SECONDS = 0.12  # between two frames of the playing animation
NEARLY_ONE = 0.9999  # sigma above which x_0 cannot be told
EARLY = (
    "So early, next to nothing of a picture is in xₜ: what seems a belief is the network's error, enlarged."
)
FRAMES = 60  # of the exported animation, at most
COLUMNS = 10  # moments in the strip, evenly chosen


class Recorded(NamedTuple):
    """A finished run and the folder of its exported files."""

    moments: list[Moment]
    folder: tempfile.TemporaryDirectory


def show(moments: list[Moment], k: int) -> str:
    """The moment k: four pictures, their norms, and where on the way it is."""
    m = moments[k]
    parts = [
        ("xₜ: what the network sees", m.x_t, 1.0),
        ("ε: the noise it believes in", m.eps, NOISE_RANGE),
        ("x̂₀: the picture it believes in", m.x_0, 1.0),
        ("score −ε/√(1 − ᾱ): the way uphill", m.score, NOISE_RANGE / max(m.sigma, 1e-9)),
    ]
    figures = ""
    for name, x, white in parts:
        if x is not None:
            figures += figure(small(x / white, name), f"{name}<br>norm {brief(float(x.norm()))}")
    at = "the finished picture" if m.t < 0 else f"t = {m.t}"
    head = f'<p class="gl-filled">step {k} of {len(moments) - 1}: {at}</p>'
    early = html.note(EARLY, plain=True) if m.sigma > NEARLY_ONE else ""
    return f'{head}<div class="gl-four">{figures}</div>{early}{norms(moments, k)}'


def norms(moments: list[Moment], k: int) -> str:
    lines = [
        Line("xₜ", [(i, float(m.x_t.norm())) for i, m in enumerate(moments)], "#56B4E9"),
        Line("ε", [(i, float(m.eps.norm())) for i, m in enumerate(moments) if m.eps is not None], "#E69F00"),
        Line("x̂₀", [(i, float(m.x_0.norm())) for i, m in enumerate(moments)], "currentColor", "5 3"),
    ]
    score = [(i, float(m.score.norm())) for i, m in enumerate(moments) if m.score is not None]
    plots = line_plot("norms on the way (28 is unit noise)", lines, "step", marker=k)
    plots += line_plot(
        "norm of the score",
        [Line("score", score, "#009E73")],
        "step",
        marker=min(k, len(score) - 1),
        log=True,
    )
    return f'<div class="gl-plots">{plots}</div>'


def strip(moments: list[Moment]) -> Tensor:
    """x_t above x_0 at ten moments, uint8 (20, 1, 28, 28)."""
    chosen = [moments[round(i * (len(moments) - 1) / (COLUMNS - 1))] for i in range(COLUMNS)]
    return to_uint8(torch.stack([m.x_t for m in chosen] + [m.x_0 for m in chosen]))


def export(moments: list[Moment], folder: Path) -> list[str]:
    """The animation and the strip as files."""
    every = math.ceil(len(moments) / FRAMES)
    chosen = [*moments[:-1:every], moments[-1]]
    frames = [visualize.grid(to_uint8(torch.stack([m.x_t, m.x_0])), columns=2, side=480) for m in chosen]
    animation, picture = folder / "reverse.gif", folder / "reverse.png"
    frames[0].save(
        animation, save_all=True, append_images=frames[1:], duration=[80] * (len(frames) - 1) + [1500], loop=0
    )
    visualize.grid(strip(moments), columns=COLUMNS).save(picture)
    return [str(animation), str(picture)]


def build(sessions: Sessions) -> Panel:
    """The panel with its events."""
    question("What does the network see, and what does it believe? Run once, then walk through the steps.")
    state = gr.State(None)
    with gr.Row(elem_classes="gl-controls"):
        controls = Controls("reverse", DiffusionSampling)
        with gr.Column(scale=1, min_width=160):
            runner = Runner("reverse", sessions)
            play = gr.Button("Play", size="sm", interactive=False, elem_id="reverse-play")
    runner.note.render()
    at = gr.Slider(0, 1, 0, step=1, label="step", info="Drag to walk through the run", elem_id="reverse-step")
    shown = gr.HTML(
        html.note("Press Run to see the way from noise to a digit.", plain=True), elem_id="reverse-shown"
    )
    files = gr.File(
        file_count="multiple",
        visible=False,
        interactive=False,
        label="Animation and strip",
        elem_id="reverse-files",
    )

    def walk(values: Values, session: Session) -> Walk[Updates]:
        found = yield from api.reverse(library=session.library, **controls.read(values))
        folder = tempfile.TemporaryDirectory(prefix="genlab-")  # gone with the run
        last = len(found) - 1
        return {
            state: Recorded(found, folder),
            shown: show(found, last),
            at: gr.Slider(0, last, last),
            play: gr.Button(interactive=True),
            files: gr.File(export(found, Path(folder.name)), visible=True),
        }

    def look(walked: Recorded | None, k: Any) -> Any:
        if walked is None or not isinstance(k, int) or not 0 <= k < len(walked.moments):
            return gr.skip()  # a box that is being typed into
        return show(walked.moments, k)

    def animate(walked: Recorded | None) -> Iterator[tuple[str, int]]:
        moments = walked.moments if walked else []
        for k in range(len(moments)):
            yield show(moments, k), k
            time.sleep(FRAME_SECONDS)

    runner.listen(walk, controls.inputs, [state, shown, at, play, files])
    at.input(look, [state, at], shown, trigger_mode="always_last", **NOW)
    play.click(animate, state, [shown, at], **SAMPLING)
    return Panel(
        "diffusion/reverse",
        controls.fields,
        lambda values: [call("reverse", **controls.read(values))],
        run="reverse-run",
    )
