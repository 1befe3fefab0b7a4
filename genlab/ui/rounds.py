"""Train all and Stop all: one family after the other, led by the page."""

from collections.abc import Callable
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.knobs import NOW, NOW_TOO, Values
from genlab.ui.session import Session, Sessions
from genlab.ui.training import TrainFold

AFTER = "Trains when those before it have ended. Keep this page open: it begins each of them."


def listen(
    folds: list[tuple[TrainFold, gr.events.Dependency]],
    shown: Callable[[Values], list[str]],
    families: Component,
    start: gr.Button,
    stop: gr.Button,
    sessions: Sessions,
) -> None:
    """Connect Train all, which trains in turn, and its Stop all.

    Args:
        folds: In their order, each with the event that ends a training of it.
        shown: The families that are side by side, as ``families`` says.
        families: What says so.
        start, stop: The buttons.
        sessions: The visitors.
    """
    by_name = {fold.card.name: fold for fold, _ in folds}
    lives = [fold.view.live for fold, _ in folds]
    inputs: set[Any] = set().union({families}, *(fold.inputs for fold, _ in folds))
    outputs = [*(fold.view.job for fold, _ in folds), *lives, start]

    def turn(values: Values, session: Session) -> Updates:
        """Train the next of a round; where it cannot begin, the round is over."""
        name, *later = session.round or []
        fold = by_name[name]
        found = fold.begin_training(values, session)
        if fold.view.job not in found:
            session.end_round()
            found = line(later, "") | found
        return found | rounds(session)

    def rounds(session: Session) -> Updates:
        return {start: gr.Button(interactive=session.round is None)}

    def line(names: list[str], said: str) -> Updates:
        """What the cards say that wait for their turn."""
        body = f'<div class="gl-live">{html.note(said, plain=True)}</div>' if said else ""
        return {by_name[name].view.live: gr.HTML(body, visible=bool(said)) for name in names}

    def begin(values: Values, request: gr.Request) -> Updates:
        session, names = sessions.get(request.session_hash), shown(values)
        if not names:
            return {}
        session.begin_round(names)
        return line(names[1:], AFTER) | turn(values, session)

    def goes_on(name: str) -> Callable[[Values, gr.Request], Updates]:
        def go_on(values: Values, request: gr.Request) -> Updates:
            session = sessions.get(request.session_hash)
            if session.at_work(name) or not session.next_in_round(name):  # or cured, and at work again
                return rounds(session)
            return turn(values, session)

        return go_on

    def stop_all(request: gr.Request) -> Updates:
        session = sessions.get(request.session_hash)
        later = (session.round or [])[1:]
        session.end_round()
        for name in by_name:
            session.stop(name)
        return line(later, "") | rounds(session)

    start.click(begin, inputs, outputs, **NOW)
    stop.click(stop_all, None, [*lives, start], **NOW)
    for fold, ended in folds:
        ended.then(goes_on(fold.card.name), inputs, outputs, **NOW_TOO)
