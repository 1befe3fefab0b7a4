"""Sums of codes: what a seven has and a one has not, added to another digit."""

from typing import Any

import gradio as gr

from genlab import api
from genlab.calls import Call, call
from genlab.config import check_choice
from genlab.data import to_float
from genlab.lab.directions import Sum
from genlab.library import Library
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import DIGITS, question
from genlab.ui.diffusion.source import Source, preview, usable
from genlab.ui.explorer.pieces import card, follows, one, side_by_side
from genlab.ui.knobs import SAMPLING, Values
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions

HOW = (
    "The mean code of a digit stands for what its pictures have in common; the difference of two means is a "
    "direction from one digit to the other, which can be added to any code."
)
PICTURE = "a picture"
A_ONE = 57  # of MNIST's test digits, and of the embedded ones
MEANS = {f"mean of all {d}s": d for d in range(10)}


def equation(found: Sum, plus: int, minus: int, strength: float, library: Library) -> str:
    """The sum with its pictures in place of its letters."""
    judge = library.classifier()
    read = int(judge.predict(judge.features(to_float(found.result[None]))))
    parts = [
        one(found.start, "start"),
        f"<b>+ {strength:g} × (</b>",
        one(found.plus, f"mean of {plus}s"),
        "<b>−</b>",
        one(found.minus, f"mean of {minus}s"),
        "<b>) =</b>",
        one(found.result, f"read as a {read}"),
    ]
    return f'<div class="gl-sum">{"".join(parts)}</div>'


def build(app: gr.Blocks, tab: gr.Tab, sessions: Sessions) -> Panel:
    """The panel with its events; drawn when ``tab`` is opened."""
    question("Can one calculate with digits? Take what makes a 7 out of a 1, and add it to another one.")
    gr.HTML(f"<p>{HOW}</p>")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=2, min_width=220):
            start = gr.Dropdown(
                [PICTURE, *MEANS],
                value=PICTURE,
                label="start",
                info="What the difference is added to",
                elem_id="arithmetic-start",
            )
            source = Source("arithmetic", A_ONE)
            chosen = gr.HTML("", elem_id="arithmetic-chosen")
        with gr.Column(scale=3, min_width=240):
            plus, minus = (
                gr.Dropdown(list(DIGITS), value=d, label=name, info=info, elem_id=f"arithmetic-{name}")
                for name, d, info in (
                    ("plus", "7", "Its mean code is added"),
                    ("minus", "1", "Its mean code is taken away"),
                )
            )
            strength = gr.Slider(
                -2,
                2,
                1,
                step=0.1,
                label="strength",
                info="How much of the difference is added; below 0 it goes the other way",
                elem_id="arithmetic-strength",
            )
    note = gr.HTML("", elem_classes="gl-quiet", elem_id="arithmetic-note")
    shown = gr.HTML("", elem_id="arithmetic-shown")

    def digits(values: Values) -> tuple[int, int]:
        return int(check_choice("plus", values[plus], DIGITS)), int(
            check_choice("minus", values[minus], DIGITS)
        )

    def calls(values: Values) -> list[Call]:
        a, b = digits(values)
        kind = check_choice("start", values[start], (PICTURE, *MEANS))
        begin = source.arguments(values) if kind == PICTURE else {"start": MEANS[kind]}
        wanted = {"plus": a, "minus": b, **begin, "strength": values[strength]}
        return [call("arithmetic", family=name, **wanted) for name in api.ENCODERS]

    def add(values: Values, session: Session) -> Updates:
        a, b = digits(values)
        kind = check_choice("start", values[start], (PICTURE, *MEANS))
        base = usable(values[source.digit]) if kind == PICTURE else MEANS[kind]
        cards = []
        for name in api.ENCODERS:
            found = api.arithmetic(name, a, b, base, values[strength], library=session.library)
            cards.append(card(name, equation(found, a, b, values[strength], session.library)))
        return {shown: side_by_side(cards)}

    inputs: set[Any] = {start, source.digit, plus, minus, strength}
    changes = [start.input, plus.input, minus.input, strength.input, chosen.change]
    look = follows(changes, add, inputs, [shown], note, sessions, api.ENCODERS)
    tab.select(*look, **SAMPLING)
    source.listen(app, lambda digit: (preview(digit),), [], [chosen], note)
    fields = {"start": start, "plus": plus, "minus": minus, "strength": strength} | source.fields
    return Panel("latent-space/arithmetic", fields, calls, {source.digit}, looks=(source.again, look))
