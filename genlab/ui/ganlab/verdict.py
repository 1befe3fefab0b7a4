"""The panel Verdict: what the opponents of trained GANs say over a plane of pictures."""

from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.calls import Call, call
from genlab.config import check_choice, check_list
from genlab.lab.verdict import FAMILIES, OTHER
from genlab.models import MODELS
from genlab.ui import html
from genlab.ui.card import sentence
from genlab.ui.diffusion.pieces import DIGITS, credit, figure, img, question
from genlab.ui.diffusion.source import Source, last, preview, usable
from genlab.ui.explorer.pieces import card, families, side_by_side
from genlab.ui.ganlab.plane import closer, drawing, scale, table, tiles
from genlab.ui.knobs import SAMPLING, Values, read, seed_box, within
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions

NAME = "verdict"
HOW = (
    "A discriminator judges pictures of 784 pixels. Here is a plane of them: all mixtures of a test digit A, "
    "another one B, and a sample C of the family, true to their distances. Blue says real, orange generated, "
    "white neither; of a critic, 0 lies half-way between its means of real and of generated digits. The "
    "gradient tells how each pixel changes the verdict: it is all that a generator learns from. Click on a "
    "plane, or move x and y, to look closer at another picture (+)."
)
GRADIENTS = (
    "Below each picture the gradient of the verdict, and its length (pixels from -1 to 1): blue where more "
    "ink looks more real, orange where less does. Only a part of it lies in the plane, and shows as a slope. "
    "The pull is the length of the gradient of the generator's loss, had it drawn this picture; of a critic "
    "it is that of the verdict itself. "
    "Where a pixel is black, it is the gradient of getting brighter: many a critic bends exactly at black."
)
SAYS = {
    "gan": "Where D is near 0 or 1 it is flat: its gradient fades.",
    "cgan": "This discriminator is told what the picture is said to show: here {digit}.",
    "wgan": "Clipped weights keep the critic's gradient small, wherever it is.",
    "wgan_gp": "The penalty asks for a gradient of length 1 between real and generated digits.",
}
QUESTION = (
    "What does a discriminator say of pictures that are neither real nor generated, and how steep is it?"
)
SHOWN = ("gan", "wgan", "wgan_gp")  # at first
AS_FIRST = "as A"
# Where on a plane the visitor clicks.
CLICK = """element.addEventListener('click', event => {
    const plane = event.target.closest('.gl-verdict');
    if (!plane) return;
    const box = plane.getBoundingClientRect();
    const x = (event.clientX - box.left) / box.width, y = 1 - (event.clientY - box.top) / box.height;
    trigger('click', {x: Math.round(100 * x) / 100, y: Math.round(100 * y) / 100});
});"""


def lane(name: str, found: api.Verdict) -> str:
    """What is seen of one family."""
    survey, spots = found.survey, found.spots
    says = SAYS[name].format(digit=survey.opponent.told)
    sheet = figure(img(tiles(survey), "pictures of the plane"), "pictures of the plane, each in its place")
    shown = drawing(MODELS[name].card.title, survey, spots) + scale(survey)
    return card(name, f"{shown}<p>{says}</p>{closer(spots)}{table(survey, spots)}{sheet}")


def build(app: gr.Blocks, tab: gr.Tab, sessions: Sessions) -> Panel:
    """The panel with its events; drawn when ``tab`` is opened."""
    question(QUESTION)
    gr.HTML(f"<p>{HOW}</p>")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=2, min_width=220):
            source = Source(NAME)
            chosen = gr.HTML("", elem_id=f"{NAME}-chosen")
        with gr.Column(scale=2, min_width=200):
            other = gr.Number(
                OTHER,
                step=1,
                label="other digit",
                info="B: which image of the test set",
                elem_id=f"{NAME}-other",
            )
            within(other, lambda: (0, last()))
            seed = seed_box("Of the sample C", f"{NAME}-seed")
        with gr.Column(scale=3, min_width=240):
            wanted = families(FAMILIES, SHOWN, f"{NAME}-families", "Whose opponents are asked")
            label = gr.Dropdown(
                [AS_FIRST, *DIGITS],
                value=AS_FIRST,
                label="digit",
                info="Conditional GAN alone: what its discriminator is told",
                elem_id=f"{NAME}-label",
            )
        with gr.Column(scale=2, min_width=200):
            x, y = (
                gr.Slider(0, 1, 0.5, step=0.01, label=name, info=info, elem_id=f"{NAME}-{name}")
                for name, info in (("x", "Of the closer look (+): to the right"), ("y", "Upwards"))
            )
    note = gr.HTML("", elem_classes="gl-quiet", elem_id=f"{NAME}-note")
    shown = gr.HTML("", elem_id=f"{NAME}-shown", js_on_load=CLICK)
    gr.HTML(f'<p class="gl-live">{GRADIENTS}</p>')
    numbers: dict[str, Component] = {"other_index": other, "seed": seed, "x": x, "y": y}

    def asked(values: Values) -> dict[str, dict[str, Any]]:
        """By family, what it is asked besides the first digit."""
        names = [check_choice("families", name, FAMILIES) for name in check_list("families", values[wanted])]
        digit = check_choice("digit", values[label], (AS_FIRST, *DIGITS))
        common = read(values, numbers)
        told = {"cgan": {"label": int(digit)}} if digit in DIGITS else {}
        return {name: common | told.get(name, {}) for name in FAMILIES if name in names}

    def calls(values: Values) -> list[Call]:
        first = source.arguments(values)
        return [call(NAME, family=name, **first, **rest) for name, rest in asked(values).items()]

    def find(values: Values, session: Session) -> dict[Any, Any]:
        picture, library = usable(values[source.digit]), session.library
        found = {
            name: api.verdict(name, picture, library=library, **rest) for name, rest in asked(values).items()
        }
        body = side_by_side(lane(name, one) for name, one in found.items())
        return {shown: body, note: credit(session, *found)}

    def look(values: Values, request: gr.Request) -> dict[Any, Any]:
        try:
            return find(values, sessions.get(request.session_hash))
        except Exception as error:
            return {note: html.note(sentence(error))}

    def click(values: Values, event: gr.EventData, request: gr.Request) -> dict[Any, Any]:
        at = event._data if isinstance(event._data, dict) else {}
        there = {x: at.get("x"), y: at.get("y")}
        found = look(values | there, request)
        return found | there if shown in found else found

    inputs: set[Any] = {source.digit, wanted, label, *numbers.values()}
    outputs = [shown, note]
    latest: dict[str, Any] = {**SAMPLING, "trigger_mode": "always_last"}
    turned: list[Any] = [wanted.input, label.input, x.input, y.input]
    gr.on([*turned, other.change, seed.change, chosen.change], look, inputs, outputs, **latest)  # type: ignore[attr-defined]
    shown.click(click, inputs, [*outputs, x, y], **latest)
    tab.select(look, inputs, outputs, **SAMPLING)
    source.listen(app, lambda digit: (preview(digit),), [], [chosen], note)
    fields = {**source.fields, **numbers, "families": wanted, "label": label}
    looks = (source.again, (look, inputs, outputs))
    return Panel(f"gan-lab/{NAME}", fields, calls, {source.digit}, looks=looks)
