"""The fold in which a family is trained while one looks on."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab.api import STARTS
from genlab.config import TrainConfig
from genlab.jobs import Progress
from genlab.library import SHIPPED_ORIGIN
from genlab.models import MODELS
from genlab.ui import html
from genlab.ui.card import Card, Updates, sentence
from genlab.ui.knobs import NOW, TRAINING, Values, components, read
from genlab.ui.session import Session, Sessions, TrainRequest
from genlab.ui.theme import colour

FIRST = ("steps", "batch_size", "lr")  # the other knobs are folded


@dataclass(frozen=True)
class TrainFold:
    """The components of one family's training."""

    card: Card
    start: Component
    training: dict[str, Component]
    config: dict[str, Component]
    train: gr.Button
    stop: gr.Button
    live: Component
    files: Component

    @property
    def inputs(self) -> set[Any]:
        return {self.start, *self.training.values(), *self.config.values()} | self.card.inputs

    @property
    def outputs(self) -> list[Component]:
        return [self.live, self.files, self.train, self.stop, self.card.back, *self.card.outputs]

    def request(self, values: Values) -> TrainRequest:
        """What to train. Going on from the shipped weights, untouched knobs stay as shipped."""
        start, config = values[self.start], read(values, self.config)
        if start == "shipped":
            usual = asdict(MODELS[self.card.name].Config())
            config = {name: value for name, value in config.items() if value != usual[name]}
        return TrainRequest(self.card.name, read(values, self.training), config, start)

    def begin(self) -> Updates:
        """What is seen at once, before the data are there."""
        waiting = f'<div class="gl-live">{html.bar(None, "Preparing data and network.")}</div>'
        return {
            self.live: gr.HTML(waiting, visible=True),
            self.files: gr.File(visible=False),
            self.train: gr.Button(interactive=False),
            self.stop: gr.Button(interactive=True),
        }

    def look(self, progress: Progress) -> Updates:
        """A training as it is now."""
        return {self.live: html.training(progress, colour(self.card.name))}

    def end(self, session: Session, values: Values, progress: Progress | None) -> Iterator[Updates]:
        """The buttons as before; what was learned to download and, if it is in place, drawn."""
        own = session.origin(self.card.name) != SHIPPED_ORIGIN
        last: Updates = {
            self.train: gr.Button(interactive=True),
            self.stop: gr.Button(interactive=False),
            self.card.back: gr.Button(visible=own),
        }
        if progress and progress.files:
            last[self.files] = gr.File(list(progress.files), visible=True)
        yield last
        if own and progress and progress.state in ("finished", "stopped"):
            yield from self.card.draw(session, values)

    def follow(self, session: Session, values: Values) -> Iterator[Updates]:
        """Train from beginning to end, whatever the end is."""
        yield self.begin()
        progress = None
        try:
            for progress in session.train(self.request(values)):
                yield self.look(progress)
        except Exception as error:
            yield {self.live: f'<div class="gl-live" data-state="refused">{html.note(sentence(error))}</div>'}
        yield from self.end(session, values, progress)


def build(card: Card, sessions: Sessions) -> TrainFold:
    """The fold in the card; what runs is shown below it, so that a closed fold hides nothing."""
    family = MODELS[card.name]
    with gr.Accordion("Train", open=False, elem_id=f"train-{card.name}"):
        start = gr.Radio(
            list(STARTS),
            value="scratch",
            label="start",
            info="scratch begins with random weights; shipped goes on from the weights in this page",
        )
        training, config, later = {}, {}, []  # type: ignore[var-annotated]
        for group, parts in (
            (training, components(TrainConfig, asdict(family.live))),
            (config, components(family.Config)),
        ):
            for name, part in parts.items():
                group[name] = part
                if name not in FIRST:
                    part.unrender()
                    later.append(part)
        with gr.Accordion("More knobs", open=False):
            for part in later:
                part.render()
        with gr.Row():
            train = gr.Button(
                "Train", variant="primary", size="sm", elem_id=f"start-{card.name}", min_width=80
            )
            stop = gr.Button(
                "Stop",
                variant="stop",
                size="sm",
                interactive=False,
                elem_id=f"stop-{card.name}",
                min_width=80,
            )
    live = gr.HTML("", visible=False, elem_id=f"live-{card.name}")
    files = gr.File(
        file_count="multiple",
        visible=False,
        interactive=False,
        label="Trained weights and their config",
        elem_id=f"files-{card.name}",
    )
    fold = TrainFold(card, start, training, config, train, stop, live, files)
    listen(fold, sessions)
    return fold


def listen(fold: TrainFold, sessions: Sessions) -> None:
    """Connect Train and Stop. Stop only raises a flag: the follower sees the end and tells it."""

    def follow(values: Values, request: gr.Request) -> Iterator[Updates]:
        yield from fold.follow(sessions.get(request.session_hash), values)

    def stop(request: gr.Request) -> None:
        sessions.get(request.session_hash).stop(fold.card.name)

    fold.train.click(follow, fold.inputs, fold.outputs, **TRAINING)
    fold.stop.click(stop, None, None, **NOW)


def listen_all(folds: list[TrainFold], start: gr.Button, stop: gr.Button, sessions: Sessions) -> None:
    """Connect Train all, which trains in turn, and its Stop all."""

    def follow_all(values: Values, request: gr.Request) -> Iterator[Updates]:
        session = sessions.get(request.session_hash)
        stopped = session.new_round()
        yield {start: gr.Button(interactive=False), stop: gr.Button(interactive=True)}
        for fold in folds:
            if stopped.is_set() or session.closed:
                break
            yield from fold.follow(session, values)
        yield {start: gr.Button(interactive=True), stop: gr.Button(interactive=False)}

    def stop_all(request: gr.Request) -> None:
        sessions.get(request.session_hash).stop()

    inputs: set[Any] = set().union(*(fold.inputs for fold in folds))
    outputs = [part for fold in folds for part in fold.outputs]
    start.click(follow_all, inputs, [start, stop, *outputs], **TRAINING)
    stop.click(stop_all, None, None, **NOW)
