"""The tab Compare: which idea draws the best digit, and what does it cost?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab.api import MAX_IMAGES
from genlab.calls import Call
from genlab.models import FIRST, MODELS
from genlab.ui import card as cards
from genlab.ui import html, hub, quality, rounds, training
from genlab.ui.card import Card, Shared, Updates
from genlab.ui.following import arrive
from genlab.ui.knobs import NOW, SAMPLING, Values, seed_box
from genlab.ui.panels import Looks, Panel
from genlab.ui.places import KEY
from genlab.ui.rounds import Rounds
from genlab.ui.session import Session, Sessions
from genlab.ui.training import TrainFold

PLACE = "compare"
SCRIPT = f"<script>{(Path(__file__).parent / 'compare.js').read_text(encoding='utf-8')}</script>"
IMAGES, SEED = 16, 0  # what the page opens with
FEWEST, MOST = 2, 6  # families side by side
*_SOME, _LAST = (f.card.title for f in MODELS.values() if f.conditional)
ASKABLE = f"{', '.join(_SOME)} and {_LAST}"
DIGITS = ["Any", *map(str, range(10))]


def build(app: gr.Blocks, jobs: dict[str, Component], sessions: Sessions) -> Panel:
    """The whole tab with its events."""
    gr.HTML('<p class="gl-question">Which idea draws the best digit, and what does it cost?</p>')
    with gr.Row(elem_classes="gl-controls", equal_height=True):
        with gr.Column(scale=3, min_width=260):
            families = build_families()
        shared = build_shared()
        with gr.Column(scale=2, min_width=220):
            everything = gr.Button("Sample all", variant="primary", size="lg", elem_id="sample-all")
            with gr.Row():
                train_all = gr.Button("Train all", size="sm", elem_id="train-all", min_width=90)
                stop_all = gr.Button("Stop all", size="sm", variant="stop", elem_id="stop-all", min_width=90)
    said = gr.HTML("", elem_classes="gl-quiet", elem_id="families-note")
    with gr.Row(elem_classes="gl-cards"):
        built = {name: build_card(name, shared, jobs[name], app, sessions) for name in MODELS}
    folds = {name: fold for name, (_, fold, _) in built.items()}
    ended = {name: end for name, (_, _, end) in built.items()}
    choice = Choice(families, said, {name: column for name, (column, *_) in built.items()})
    rounds.listen(Rounds(folds, choice.shown, families, train_all, stop_all), ended, sessions)
    fields = {"families": families, "n": shared.n, "seed": shared.seed, "digit": shared.digit}
    for name, fold in folds.items():
        fields |= {f"{name}.{knob}": part for knob, part in fold.card.sampling.items()}
        fields |= {f"{name}.train.{knob}": part for knob, part in fold.knobs.items()}
    looks = listen(Pictures(folds, choice, fields, gr.State([]), sessions), everything, app)

    def calls(values: Values) -> list[Call]:
        return [folds[name].card.call(values) for name in choice.shown(values)]

    return Panel(PLACE, fields, calls, run="sample-all", looks=looks)


@dataclass(frozen=True)
class Choice:
    """Which families stand side by side."""

    families: Component
    said: Component
    columns: dict[str, Component]

    @property
    def outputs(self) -> list[Component]:
        return [self.said, *self.columns.values()]

    def shown(self, values: Values) -> list[str]:
        """Those that are chosen, in the order in which they stand."""
        chosen = values[self.families] or ()
        return [name for name in MODELS if name in chosen]

    def show(self, names: Sequence[str]) -> Updates:
        """Their columns and no others; too few or too many are refused in a sentence."""
        if not FEWEST <= len(names) <= MOST:
            wrong = (
                f"Choose {FEWEST} to {MOST} families; {len(names)} cannot stand side by side. "
                "Those that are shown stay."
            )
            return {self.said: html.note(wrong)}
        columns = {column: gr.Column(visible=name in names) for name, column in self.columns.items()}
        return {self.said: "", **columns}


def build_families() -> Component:
    """Where they are chosen."""
    return gr.Dropdown(
        [(family.card.title, name) for name, family in MODELS.items()],
        value=list(FIRST),
        multiselect=True,
        max_choices=MOST,
        label="families",
        info=f"{FEWEST} to {MOST} of them, side by side",
        elem_id="families",
    )


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
    with gr.Column(scale=3, min_width=200):
        digit = gr.Dropdown(
            DIGITS,
            value="Any",
            label="digit",
            info=f"Only {ASKABLE} can be asked for a digit; the others draw what comes",
            elem_id="digit",
        )
    return Shared(n, seed, digit)


def build_card(
    name: str, shared: Shared, job: Component, app: gr.Blocks, sessions: Sessions
) -> tuple[Any, TrainFold, gr.events.Dependency]:
    """A column: head, picture, and the folds in the same order for every family; the event that ends
    a training.
    """
    classes = ["gl-card", f"gl-{name}"]
    with gr.Column(
        elem_classes=classes, elem_id=f"card-{name}", min_width=290, visible=name in FIRST
    ) as column:
        head = cards.build_head(name)
        knobs = cards.build_sampling(name)
        python_fold, python = cards.build_python(name)
        card = Card(name, shared, knobs, *head, python, python_fold)
        fold = training.build(card, job, sessions)
        hub.build(card, sessions)
        quality.build(card, sessions)
        with python_fold.render():
            python.render()
        cards.listen(card, app, sessions)
    return column, *fold


def linked(query: Mapping[str, str]) -> Sequence[str]:
    """The families that an address shows; none where it tells none, or what cannot be shown."""
    names = list(dict.fromkeys(query.get("families", "").split(",")))
    return names if set(names) <= MODELS.keys() and FEWEST <= len(names) <= MOST else []


# Waits until the pictures of the chosen families are there: what is sent to one that is being opened is lost.
MOUNTED = """names => new Promise(done => {
    const began = Date.now(), timer = setInterval(() => {
        const there = names.every(name => document.querySelector(`#picture-${name} > *`));
        if (!there && Date.now() - began < 10000) return;
        clearInterval(timer);
        done();
    }, 50);
})"""


@dataclass(frozen=True)
class Pictures:
    """Which families draw what, and when.

    Args:
        folds: All families, in the order in which they stand.
        choice: Which of them are shown.
        fields: What an address may tell.
        drawn: The names of those that have drawn on this page.
        sessions: The visitors.
    """

    folds: dict[str, TrainFold]
    choice: Choice
    fields: dict[str, Component]
    drawn: gr.State
    sessions: Sessions

    @property
    def cards(self) -> list[Card]:
        return [fold.card for fold in self.folds.values()]

    @property
    def outputs(self) -> list[Component]:
        return [part for card in self.cards for part in card.outputs]

    @property
    def inputs(self) -> set[Any]:
        return {self.choice.families}.union(*(card.inputs for card in self.cards))

    def show(self, values: Values) -> Updates:
        return self.choice.show(self.choice.shown(values))

    def show_linked(self, values: Values) -> Updates:
        """A link's families; a training that it has set is seen."""
        opened = {f.fold: gr.Accordion(open=True) for f in self.folds.values() if f.touched(values)}
        drawn = list({*values[self.drawn], *self.choice.shown(values)})
        return self.show(values) | {self.drawn: drawn} | opened

    def draw_all(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        session = self.sessions.get(request.session_hash)
        for name in self.choice.shown(values):
            yield from self.folds[name].card.draw(session, values)

    def draw_new(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """Those draw that have not yet."""
        session, old = self.sessions.get(request.session_hash), values[self.drawn]
        names = [name for name in self.choice.shown(values) if name not in old]
        yield {self.drawn: [*old, *names]}
        for card in self._waiting(session, names):
            first = card.untouched(values)
            yield from self._first_look(session, card) if first else card.draw(session, values)

    def open(self, request: gr.Request) -> Iterator[Updates]:
        """The families of the address are shown, and those of its jobs; the ones that are there draw."""
        session, query = arrive(self.sessions, request)[0], request.query_params
        told = query.get(KEY, PLACE) == PLACE and not self.fields.keys().isdisjoint(query)
        asked = (linked(query) if told else []) or FIRST
        names = [name for name in MODELS if name in asked or name in session.jobs][:MOST]
        ready = [] if told else [name for name in names if name in FIRST]
        others = {} if names == list(FIRST) else self.choice.show(names) | {self.choice.families: names}
        yield {self.drawn: asked if told else ready} | others  # what is told draws by itself, once it is set
        for card in self._waiting(session, ready):
            yield from self._first_look(session, card)

    def _waiting(self, session: Session, names: Sequence[str]) -> list[Card]:
        """Of ``names`` those to be drawn now: what a training has left is drawn when that is shown."""
        ended = {name for name, job in session.jobs.items() if not job.active}
        return [self.folds[name].card for name in names if name not in ended]

    def _first_look(self, session: Session, card: Card) -> Iterator[Updates]:
        """What the page opens with; a family whose weights are broken says so."""
        try:
            yield from card.show(session, self.sessions.first_look(session, card.name, IMAGES, SEED), SEED)
        except Exception as error:
            yield {card.note: html.note(cards.sentence(error)), card.chips: ""}


def listen(pictures: Pictures, everything: gr.Button, app: gr.Blocks) -> Looks:
    """Connect Sample all, the choice of families, and the pictures that the page opens with.

    Returns:
        What shows and draws the chosen families as all is set.
    """
    choice, folds, drawn = pictures.choice, pictures.folds.values(), pictures.drawn
    families: Any = choice.families
    everything.click(pictures.draw_all, pictures.inputs, pictures.outputs, **SAMPLING)
    latest = {"trigger_mode": "always_last"}  # who chooses two at once means both
    chosen = families.input(pictures.show, {families}, choice.outputs, **NOW | latest)
    opened = app.load(pictures.open, None, [families, *choice.outputs, drawn, *pictures.outputs], **SAMPLING)
    for event in (chosen, opened):
        there = event.then(None, families, None, js=MOUNTED, api_visibility="private")
        there.then(
            pictures.draw_new, pictures.inputs | {drawn}, [drawn, *pictures.outputs], **SAMPLING | latest
        )
    knobs = {part for fold in folds for part in fold.knobs.values()}
    shown: list[Any] = [*choice.outputs, drawn, *(fold.fold for fold in folds)]
    return (
        (pictures.show_linked, {families, drawn} | knobs, shown),
        (MOUNTED, families, None),
        (pictures.draw_all, pictures.inputs, pictures.outputs),
        ("() => genlabCompare.mark(false)", None, None),
    )
