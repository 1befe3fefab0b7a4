"""Train all and Stop all: one family after the other, led by the page."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.knobs import NOW, NOW_TOO, Values
from genlab.ui.session import Session, Sessions
from genlab.ui.training import TrainFold

AFTER = "Trains when those before it have ended. Keep this page open: it begins each of them."


@dataclass(frozen=True)
class Rounds:
    """The components of Train all, and what is done with them.

    Args:
        folds: By family, in their order.
        shown: The families that are side by side, as ``families`` says.
        families: What says so.
        start, stop: The buttons.
    """

    folds: dict[str, TrainFold]
    shown: Callable[[Values], list[str]]
    families: Component
    start: gr.Button
    stop: gr.Button

    @property
    def inputs(self) -> set[Any]:
        return set().union({self.families}, *(fold.inputs for fold in self.folds.values()))

    @property
    def lives(self) -> list[Component]:
        return [fold.view.live for fold in self.folds.values()]

    @property
    def outputs(self) -> list[Component]:
        return [*(fold.view.job for fold in self.folds.values()), *self.lives, self.start]

    def line(self, names: list[str], said: str) -> Updates:
        """What the cards say that wait for their turn."""
        body = f'<div class="gl-live">{html.note(said, plain=True)}</div>' if said else ""
        return {self.folds[name].view.live: gr.HTML(body, visible=bool(said)) for name in names}

    def pressable(self, session: Session) -> Updates:
        return {self.start: gr.Button(interactive=session.round is None)}

    def turn(self, values: Values, session: Session) -> Updates:
        """Train the next of a round; where it cannot begin, the round is over."""
        name, *later = session.round or []
        fold = self.folds[name]
        found = fold.begin_training(values, session)
        if fold.view.job not in found:
            session.end_round()
            found = self.line(later, "") | found
        return found | self.pressable(session)

    def begin(self, values: Values, session: Session) -> Updates:
        names = self.shown(values)
        if not names:
            return self.pressable(session)
        session.begin_round(names)
        return self.line(names[1:], AFTER) | self.turn(values, session)

    def go_on(self, name: str, values: Values, session: Session) -> Updates:
        """The training of ``name`` has ended."""
        if session.at_work(name) or not session.next_in_round(name):  # or cured, and at work again
            return self.pressable(session)
        return self.turn(values, session)

    def end(self, session: Session) -> Updates:
        """Stop all, those not shown as well."""
        later = (session.round or [])[1:]
        session.end_round()
        for name in self.folds:
            session.stop(name)
        return self.line(later, "") | self.pressable(session)


def listen(rounds: Rounds, ended: dict[str, gr.events.Dependency], sessions: Sessions) -> None:
    """Connect Train all, which trains in turn, and its Stop all; ``ended``: what ends a family's training."""

    def begin(values: Values, request: gr.Request) -> Updates:
        return rounds.begin(values, sessions.get(request.session_hash))

    def stop_all(request: gr.Request) -> Updates:
        return rounds.end(sessions.get(request.session_hash))

    def after(name: str) -> Callable[[Values, gr.Request], Updates]:
        def go_on(values: Values, request: gr.Request) -> Updates:  # gradio goes by the hint of ``request``
            return rounds.go_on(name, values, sessions.get(request.session_hash))

        return go_on

    inputs, outputs = rounds.inputs, rounds.outputs
    rounds.start.click(begin, inputs, outputs, **NOW)
    rounds.stop.click(stop_all, None, [*rounds.lives, rounds.start], **NOW)
    for name, end in ended.items():
        end.then(after(name), inputs, outputs, **NOW_TOO)
