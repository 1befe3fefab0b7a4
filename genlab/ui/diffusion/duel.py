"""Two samplers on the same noise: what differs, what it costs, and how much of it is chance."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api, visualize
from genlab.config import check_choice
from genlab.lab.duel import Duel
from genlab.models.ddpm import DDPMSampling
from genlab.sampling import Samples
from genlab.ui import html
from genlab.ui.card import Updates, sentence
from genlab.ui.compare import DIGITS
from genlab.ui.knobs import SAMPLING, Values, components, read
from genlab.ui.numbers import brief, count, duration
from genlab.ui.session import Sessions

RUNS = 8
SIDES = {"A": {"sampler": "ddim", "steps": 50}, "B": {"sampler": "ddpm", "steps": 50}}


def grid(images: Any, said: str) -> str:
    uri = visualize.data_uri(visualize.grid(images, columns=8, side=480))
    return f'<img src="{uri}" alt="{said}" title="{said}">'


def side(name: str, knobs: dict[str, Any], samples: Samples) -> str:
    """One side's pictures and their bill."""
    said = f"{name}: {knobs['sampler']}, {count(knobs['steps'], 'step')}"
    bill = f"{duration(samples.seconds)}, {count(samples.evaluations, 'evaluation')} for a picture"
    return f"<figure>{grid(samples.images, said)}<figcaption><b>{said}</b><br>{bill}</figcaption></figure>"


def show(found: Duel, a: dict[str, Any], b: dict[str, Any]) -> str:
    """Both sides, and how far each picture of one is from the other's."""
    far = ", ".join(brief(d) for d in found.distance.tolist())
    return (
        f'<div class="gl-duel">{side("A", a, found.first)}{side("B", b, found.second)}</div>'
        f"<p>Distance between A and B, mean {brief(float(found.distance.mean()))} (Euclidean over pixels "
        f"from 0 to 1; real digits are about 4 from their nearest neighbour). Picture by picture: {far}.</p>"
    )


def build(sessions: Sessions) -> None:
    """The panel with its events."""
    gr.HTML(
        '<p class="gl-question">Same network, same noise, two samplers: which picture comes out, and at what '
        "price?</p>"
    )
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=1, min_width=200):
            n = gr.Slider(
                1, api.MAX_PICTURES, 8, step=1, label="number of images (n)", info="Starts for both"
            )
            seed = gr.Number(
                0, step=1, label="seed", info="Of the noise both start from", elem_id="duel-seed"
            )
            digit = gr.Dropdown(DIGITS, value="Any", label="digit", info="What both are asked to draw")
        sides: dict[str, dict[str, Component]] = {}
        for name, defaults in SIDES.items():
            with gr.Column(scale=1, min_width=220), gr.Accordion(f"Sampler {name}", elem_id=f"duel-{name}"):
                sides[name] = components(DDPMSampling, defaults)
        with gr.Column(scale=1, min_width=160):
            run = gr.Button("Run both", variant="primary", elem_id="duel-run")
            repeat = gr.Button(f"Each {RUNS} times from one start", size="sm", elem_id="duel-repeat")
    note = gr.HTML("", elem_classes="gl-quiet", elem_id="duel-note")
    hint = html.note("Press Run both: the pictures appear side by side.", plain=True)
    shown = gr.HTML(hint, elem_id="duel-shown")
    inputs: set[Any] = {n, seed, digit, *(part for knobs in sides.values() for part in knobs.values())}

    def label_of(values: Values) -> int | None:
        chosen = check_choice("digit", values[digit], tuple(DIGITS))
        return None if chosen == "Any" else int(chosen)

    def fight(values: Values, request: gr.Request) -> Iterator[Updates]:
        yield {note: html.note("Running both.", plain=True)}
        try:
            library = sessions.get(request.session_hash).library
            a, b = (read(values, knobs) for knobs in sides.values())
            found = api.compare_samplers(values[n], values[seed], label_of(values), a, b, library=library)
            yield {shown: show(found, a, b), note: ""}
        except Exception as error:
            yield {note: html.note(sentence(error))}

    def again(values: Values, request: gr.Request) -> Iterator[Updates]:
        yield {note: html.note("Running.", plain=True)}
        try:
            library, label = sessions.get(request.session_hash).library, label_of(values)
            figures = ""
            for name, knobs in sides.items():
                found = api.outcomes(RUNS, values[seed], label, library=library, **read(values, knobs))
                said = f"{name}: {RUNS} runs from one start, mean distance between two {brief(found.spread)}"
                figures += f"<figure>{grid(found.images, said)}<figcaption>{said}</figcaption></figure>"
            yield {shown: f'<div class="gl-duel">{figures}</div>', note: ""}
        except Exception as error:
            yield {note: html.note(sentence(error))}

    run.click(fight, inputs, [shown, note], **SAMPLING)
    repeat.click(again, inputs, [shown, note], **SAMPLING)
