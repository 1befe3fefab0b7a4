"""The tab Compare: which idea draws the best digit, and what does it cost?"""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab.api import MAX_IMAGES
from genlab.models import MODELS
from genlab.ui import card as cards
from genlab.ui import html, quality, rounds, training
from genlab.ui.card import Card, Shared, Updates
from genlab.ui.following import arrive
from genlab.ui.knobs import SAMPLING, Values, seed_box
from genlab.ui.session import Session, Sessions
from genlab.ui.training import TrainFold

IMAGES, SEED = 16, 0  # what the page opens with
ASKABLE = " and ".join(f.card.title for f in MODELS.values() if f.conditional)
DIGITS = ["Any", *map(str, range(10))]


def build(app: gr.Blocks, jobs: dict[str, Component], sessions: Sessions) -> None:
    """The whole tab with its events."""
    gr.HTML('<p class="gl-question">Which idea draws the best digit, and what does it cost?</p>')
    with gr.Row(elem_classes="gl-controls", equal_height=True):
        shared = build_shared()
        with gr.Column(scale=2, min_width=220):
            everything = gr.Button("Sample all", variant="primary", size="lg", elem_id="sample-all")
            with gr.Row():
                train_all = gr.Button("Train all", size="sm", elem_id="train-all", min_width=90)
                stop_all = gr.Button("Stop all", size="sm", variant="stop", elem_id="stop-all", min_width=90)
    with gr.Row(elem_classes="gl-cards"):
        folds = [build_card(name, shared, jobs[name], sessions) for name in MODELS]
    rounds.listen(folds, train_all, stop_all, sessions)
    listen([fold.card for fold, _ in folds], everything, app, sessions)


def build_shared() -> Shared:
    """The controls that all cards obey."""
    with gr.Column(scale=3, min_width=220):
        n = gr.Slider(
            1,
            MAX_IMAGES,
            IMAGES,
            step=1,
            label="number of images (n)",
            info="How many digits each family draws",
        )
    with gr.Column(scale=2, min_width=200):
        seed = seed_box("The same seed draws the same pictures", "seed", SEED)
    with gr.Column(scale=2, min_width=200):
        digit = gr.Dropdown(
            DIGITS,
            value="Any",
            label="digit",
            info=f"Only {ASKABLE} can be asked for a digit; the others draw what comes",
            elem_id="digit",
        )
    return Shared(n, seed, digit)


def build_card(
    name: str, shared: Shared, job: Component, sessions: Sessions
) -> tuple[TrainFold, gr.events.Dependency]:
    """A column: head, picture, and the folds in the same order for every family."""
    classes = ["gl-card", f"gl-{name}"]
    with gr.Column(elem_classes=classes, elem_id=f"card-{name}", min_width=290):
        head = cards.build_head(name)
        knobs = cards.build_sampling(name)
        python_fold, python = cards.build_python(name)
        card = Card(name, shared, knobs, *head, python, python_fold)
        fold = training.build(card, job, sessions)
        quality.build(card, sessions)
        with python_fold.render():
            python.render()
        cards.listen(card, sessions)
    return fold


def first_look(panel: list[Card], sessions: Sessions, session: Session) -> Iterator[Updates]:
    """What the page opens with; a family whose weights are broken says so, the others draw.

    One whose training the address brings back is drawn when that is shown.
    """
    for card in panel:
        if (job := session.jobs.get(card.name)) and not job.active:
            continue
        try:
            yield from card.show(session, sessions.first_look(session, card.name, IMAGES, SEED), SEED)
        except Exception as error:
            yield {card.note: html.note(cards.sentence(error)), card.chips: ""}


def listen(panel: list[Card], everything: gr.Button, app: gr.Blocks, sessions: Sessions) -> None:
    """Connect Sample all, and the pictures that the page opens with."""

    def draw_all(values: Values, request: gr.Request) -> Iterator[Updates]:
        session = sessions.get(request.session_hash)
        for card in panel:
            yield from card.draw(session, values)

    def opening(request: gr.Request) -> Iterator[Updates]:
        yield from first_look(panel, sessions, arrive(sessions, request)[0])

    outputs = [part for card in panel for part in card.outputs]
    inputs: set[Any] = set().union(*(card.inputs for card in panel))
    everything.click(draw_all, inputs, outputs, **SAMPLING)
    app.load(opening, None, outputs, **SAMPLING)
