"""Two samplers on the same noise: what differs, what it costs, and how much of it is chance."""

from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.calls import Call, call
from genlab.config import Config
from genlab.lab.duel import Duel
from genlab.models.denoising import DiffusionSampling
from genlab.numbers import brief, count, duration
from genlab.sampling import Samples
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import Controls, Runner, figure, question, sheet
from genlab.ui.knobs import Values, components, read
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions
from genlab.walks import Walk, part

RUNS = 8
SIDES = {"A": {"sampler": "ddim", "steps": 50}, "B": {"sampler": "ddpm", "steps": 50}}


def side(name: str, knobs: dict[str, Any], samples: Samples) -> str:
    """One side's pictures and their bill."""
    said = f"{name}: {knobs['sampler']}, {count(knobs['steps'], 'step')}"
    drawn = count(len(samples.images), "picture")
    bill = f"{drawn} in {duration(samples.seconds)}, {count(samples.evaluations, 'evaluation')} for each"
    return figure(sheet(samples.images, said), f"<b>{said}</b><br>{bill}")


def show(found: Duel, a: dict[str, Any], b: dict[str, Any]) -> str:
    """Both sides, and how far each picture of one is from the other's."""
    far = ", ".join(brief(d) for d in found.distance.tolist())
    return (
        f'<div class="gl-duel">{side("A", a, found.first)}{side("B", b, found.second)}</div>'
        f"<p>Distance between A and B, mean {brief(float(found.distance.mean()))} (Euclidean over pixels "
        f"from 0 to 1; real digits are about 4 from their nearest neighbour). Picture by picture: {far}.</p>"
    )


def build(sessions: Sessions) -> Panel:
    """The panel with its events."""
    question("Same network, same noise, two samplers: which picture comes out, and at what price?")
    sides: dict[str, dict[str, Component]] = {}
    with gr.Row(elem_classes="gl-controls"):
        controls = Controls(
            "duel", Config, digit="Any", nobody="Any", digit_help="What both are asked to draw", number=8
        )
        for name, defaults in SIDES.items():
            with gr.Column(scale=2, min_width=220), gr.Accordion(f"Sampler {name}", elem_id=f"duel-{name}"):
                sides[name] = components(DiffusionSampling, defaults)
        with gr.Column(scale=1, min_width=160):
            runner = Runner("duel", sessions, "Run both")
            repeat = gr.Button(f"Each {RUNS} times from one start", size="sm", elem_id="duel-repeat")
    runner.note.render()
    hint = html.note("Press Run both: the pictures appear side by side.", plain=True)
    shown = gr.HTML(hint, elem_id="duel-shown")
    inputs = controls.inputs | {part for knobs in sides.values() for part in knobs.values()}

    def fight(values: Values, session: Session) -> Walk[Updates]:
        a, b = (read(values, knobs) for knobs in sides.values())
        wanted = controls.read(values)
        found = yield from api.compare_samplers(first=a, second=b, library=session.library, **wanted)
        return {shown: show(found, a, b)}

    def again(values: Values, session: Session) -> Walk[Updates]:
        wanted, figures = controls.read(values) | {"n": RUNS}, ""
        for i, (name, knobs) in enumerate(sides.items()):
            runs = api.outcomes(library=session.library, **wanted, **read(values, knobs))
            found = yield from part(runs, i / len(sides), (i + 1) / len(sides))
            said = f"{name}: {RUNS} runs from one start, mean distance between two {brief(found.spread)}"
            figures += figure(sheet(found.images, said), said)
        return {shown: f'<div class="gl-duel">{figures}</div>'}

    def calls(values: Values) -> list[Call]:
        first, second = (read(values, knobs) for knobs in sides.values())
        return [call("compare_samplers", first=first, second=second, **controls.read(values))]

    runner.listen(fight, inputs, [shown])
    runner.listen(again, inputs, [shown], repeat)
    named = {f"{side}.{name}": part for side, knobs in sides.items() for name, part in knobs.items()}
    return Panel("diffusion/duel", controls.fields | named, calls, run="duel-run")
