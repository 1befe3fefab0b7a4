"""Guidance, dissected: both predictions at every step, a sweep over the scale, and what it costs."""

import re
from typing import Any, NamedTuple

import gradio as gr

from genlab import api
from genlab.calls import Call, call
from genlab.errors import InvalidInput
from genlab.lab.guidance import Dissected, GuidanceKnobs, GuidanceStudy
from genlab.models.denoising import T
from genlab.numbers import brief
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.curves import Line, line_plot
from genlab.ui.diffusion import measured
from genlab.ui.diffusion.pieces import NOISE_RANGE, Controls, Runner, figure, question, sheet, small
from genlab.ui.knobs import NOW, Values
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions
from genlab.walks import Walk

SCALES = "0, 0.5, 1, 2, 4, 8"
AMPLIFIED = 5.0  # times; the two predictions differ by little


class Shown(NamedTuple):
    """A finished run, to walk through."""

    steps: list[Dissected]
    scale: float


def parse(text: Any) -> list[float]:
    """Numbers out of "0, 1, 2"; InvalidInput names the text."""
    try:
        return [float(part) for part in re.split(r"[,;\s]+", str(text).strip(" ,;"))]
    except ValueError:
        said = str(text)[:40]
        raise InvalidInput(f"scales is {said!r}; it must be numbers from 0 to 10, such as 0, 1, 4.") from None


def rows(found: GuidanceStudy, label: int | None, where: str) -> str:
    """One row of pictures for each scale, and what the classifier reads in it."""
    out, width = "", 100 * found.images.shape[1] + 72
    for w, images, read_as in zip(found.scales, found.images, found.read_as.tolist(), strict=True):
        read = ", ".join(map(str, read_as))
        right = "" if label is None else f"; {read_as.count(label)} of {len(read_as)} are a {label}"
        picture = sheet(images, f"w = {w:g}: read as {read}", columns=len(images))
        out += (
            f'<div class="gl-row"><b>w = {w:g}</b><div>{picture}'
            f"<small>the classifier reads {read}{right}</small></div></div>"
        )
    return f'<p class="gl-live">{where}</p><div class="gl-rows" style="max-width: {width}px">{out}</div>'


def interval(wanted: dict[str, Any]) -> str:
    """Where the rows are guided."""
    lo, hi = wanted["t_from"], wanted["t_to"]
    everywhere = (lo, hi) == (0, T - 1)
    return "Guided at every t." if everywhere else f"Guided at t = {lo} to {hi} alone; elsewhere w = 1."


def show(run: Shown, k: int) -> str:
    """Step k, from 1: what the network sees, both its predictions, and their difference."""
    step = run.steps[k - 1]
    parts = [
        ("xₜ: what the network sees", step.x_t, 1.0),
        ("ε asked for the digit", step.cond, NOISE_RANGE),
        ("ε not asked for it", step.uncond, NOISE_RANGE),
        (f"their difference, {AMPLIFIED:g} times", step.difference, NOISE_RANGE / AMPLIFIED),
        (f"x̂₀ with w = {run.scale:g}", step.x_0, 1.0),
    ]
    figures = "".join(
        figure(small(x / white, name), f"{name}<br>norm {brief(float(x.norm()))}") for name, x, white in parts
    )
    norms = [(i, float(s.difference.norm())) for i, s in enumerate(run.steps, start=1)]
    plot = line_plot(
        "norm of the difference of both", [Line("difference", norms, "#E69F00")], "step", marker=k
    )
    return (
        f'<p class="gl-filled">step {k} of {len(run.steps)}: t = {step.t}</p>'
        f'<div class="gl-five">{figures}</div><div class="gl-plots">{plot}</div>'
    )


def build(app: gr.Blocks, sessions: Sessions) -> Panel:
    """The panel with its events."""
    question("How is the digit enforced, and what is lost by enforcing it?")
    state = gr.State(None)
    with gr.Row(elem_classes="gl-controls"):
        controls = Controls(
            "guidance", GuidanceKnobs, number=6, folded=("sampler", "t_from", "t_to", "away_from")
        )
        with gr.Column(scale=2, min_width=200):
            scales = gr.Textbox(
                SCALES,
                label="scales",
                info="The w of every row; guidance above is that of the run taken apart",
                elem_id="guidance-scales",
            )
            runner = Runner("guidance", sessions)
    runner.note.render()
    hint = "Press Run: the same noise under every scale, and one run taken apart."
    shown = gr.HTML(html.note(hint, plain=True), elem_id="guidance-shown")
    at = gr.Slider(
        0,
        1,
        0,
        step=1,
        label="step",
        info="Drag to walk through the run",
        elem_id="guidance-step",
        visible=False,
    )
    parts = gr.HTML("", elem_id="guidance-parts")

    def study(values: Values, session: Session) -> Walk[Updates]:
        wanted = controls.read(values)
        found = yield from api.guidance(library=session.library, scales=parse(values[scales]), **wanted)
        kept, middle = Shown(found.dissected, wanted["guidance"]), (len(found.dissected) + 1) // 2
        return {
            state: kept,
            shown: rows(found, wanted["label"], interval(wanted)),
            at: gr.Slider(1, max(len(found.dissected), 2), middle, visible=True),
            parts: show(kept, middle),
        }

    def look(kept: Shown | None, k: Any) -> Any:
        if kept is None or not isinstance(k, int) or not 1 <= k <= len(kept.steps):
            return gr.skip()  # a box that is being typed into
        return show(kept, k)

    def calls(values: Values) -> list[Call]:
        return [call("guidance", scales=parse(values[scales]), **controls.read(values))]

    runner.listen(study, controls.inputs | {scales}, [state, shown, at, parts])
    at.input(look, [state, at], parts, trigger_mode="always_last", **NOW)
    panel = Panel("diffusion/guidance", controls.fields | {"scales": scales}, calls, run="guidance-run")
    measured.build_guidance(app, sessions)
    return panel
