"""A slider for each direction along which the codes differ most."""

from typing import Any

import gradio as gr

from genlab import api
from genlab.calls import Call, call
from genlab.config import check_choice
from genlab.lab.directions import FARTHEST, MOST
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import question
from genlab.ui.diffusion.source import Source, preview, usable
from genlab.ui.explorer.pieces import card, follows, one, row, side_by_side
from genlab.ui.knobs import NOW, SAMPLING, Values
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions

HOW = (
    "The directions are the principal components of the codes of test digits (2,000 of the full set), the "
    "widest first: nobody told the model what they should mean. The rows below move along each alone, from "
    "−3 to 3 deviations."
)
MEAN, PICTURE = "mean of all codes", "a picture"


def pictures(found: dict[str, api.Moved]) -> str:
    """What each family draws at the sliders' place."""
    cards = (card(name, one(moved.image, "as the sliders are")) for name, moved in found.items())
    return f'<div class="gl-two">{"".join(cards)}</div>'


def rows(found: dict[str, api.Moved]) -> str:
    """What each direction alone does."""

    def line(name: str, i: int, moved: api.Moved) -> str:
        said = f"direction {i + 1} of {name}, from -3 to 3 standard deviations"
        picture = f"{row(moved.sweeps[i], said)}<small>{moved.share[i]:.0%} of the variance</small>"
        return f'<div class="gl-row"><b>{i + 1}</b><div>{picture}</div></div>'

    return side_by_side(
        card(name, "".join(line(name, i, moved) for i in range(len(moved.sweeps))))
        for name, moved in found.items()
    )


def build(app: gr.Blocks, tab: gr.Tab, sessions: Sessions) -> Panel:
    """The panel with its events; drawn when ``tab`` is opened."""
    question("What do the numbers of a code mean? Move a digit along the directions in which digits differ.")
    gr.HTML(f"<p>{HOW}</p>")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=2, min_width=220):
            base = gr.Radio(
                [MEAN, PICTURE], value=MEAN, label="start", info="What is moved", elem_id="directions-start"
            )
            source = Source("directions")
            chosen = gr.HTML("", elem_id="directions-chosen")
        with gr.Column(scale=3, min_width=240, elem_id="directions-sliders"):
            sliders = [
                gr.Slider(
                    -FARTHEST,
                    FARTHEST,
                    0,
                    step=0.1,
                    label=f"direction {i + 1}",
                    info="In standard deviations" if i == 0 else None,
                    elem_id=f"directions-{i + 1}",
                )
                for i in range(MOST)
            ]
            reset = gr.Button("All back to 0", size="sm", elem_id="directions-reset")
        with gr.Column(scale=4, min_width=300):
            now = gr.HTML("", elem_id="directions-now")
    note = gr.HTML("", elem_classes="gl-quiet", elem_id="directions-note")
    shown = gr.HTML("", elem_id="directions-shown")

    def find(values: Values, session: Session) -> dict[str, api.Moved]:
        kind = check_choice("start", values[base], (MEAN, PICTURE))
        picture = usable(values[source.digit]) if kind == PICTURE else None
        found, library = {}, session.library
        for name in api.ENCODERS:
            known = len(api.space(name, library).axes.deviation)  # a visitor's own model may have fewer
            amounts = [values[slider] for slider in sliders[:known]]
            found[name] = api.directions(name, amounts, picture, library=library)
        return found

    def calls(values: Values) -> list[Call]:
        kind = check_choice("start", values[base], (MEAN, PICTURE))
        wanted = source.arguments(values) if kind == PICTURE else {}
        amounts = [values[slider] for slider in sliders]
        return [call("directions", family=name, amounts=amounts, **wanted) for name in api.ENCODERS]

    def draw(values: Values, session: Session) -> Updates:
        found = find(values, session)
        return {now: pictures(found), shown: rows(found)}

    def move(values: Values, session: Session) -> Updates:
        return {now: pictures(find(values, session))}  # the rows stay as they are

    inputs: set[Any] = {base, source.digit, *sliders}
    turned = [slider.input for slider in sliders]
    moved = follows(turned, move, inputs, [now], note, sessions, api.ENCODERS)
    reset.click(lambda: [0] * MOST, None, sliders, **NOW).then(*moved, **NOW)
    changes = [base.input, chosen.change]
    look = follows(changes, draw, inputs, [now, shown], note, sessions, api.ENCODERS)
    tab.select(*look, **SAMPLING)
    source.listen(app, lambda digit: (preview(digit),), [], [chosen], note)
    fields = {"start": base, **source.fields, **{f"d{i + 1}": slider for i, slider in enumerate(sliders)}}
    return Panel("latent-space/directions", fields, calls, {source.digit}, looks=(source.again, look))
