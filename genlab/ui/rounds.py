"""Train all and Stop all: one family after the other, led by the page."""

from collections.abc import Callable
from itertools import pairwise

import gradio as gr

from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.knobs import NOW, NOW_TOO, Values
from genlab.ui.session import Session, Sessions
from genlab.ui.training import TrainFold

AFTER = "Trains when those before it have ended. Keep this page open: it begins each of them."


def listen(
    folds: list[tuple[TrainFold, gr.events.Dependency]], start: gr.Button, stop: gr.Button, sessions: Sessions
) -> None:
    """Connect Train all, which trains in turn, and its Stop all.

    Args:
        folds: In their order, each with the event that ends a training of it.
        start, stop: The buttons.
        sessions: The visitors.
    """
    first, by_name = folds[0][0], {fold.card.name: fold for fold, _ in folds}
    lives = [fold.view.live for fold, _ in folds]

    def turn(fold: TrainFold, values: Values, session: Session) -> Updates:
        """Train the next of a round; where none is left, the round is over."""
        found, later = fold.begin_training(values, session), (session.round or [])[1:]
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
        session = sessions.get(request.session_hash)
        session.begin_round(list(by_name))
        return line(list(by_name)[1:], AFTER) | turn(first, values, session)

    def goes_on(name: str, after: TrainFold) -> Callable[[Values, gr.Request], Updates]:
        def go_on(values: Values, request: gr.Request) -> Updates:
            session = sessions.get(request.session_hash)
            if session.at_work(name) or not session.next_in_round(name):  # or cured, and at work again
                return rounds(session)
            return turn(after, values, session)

        return go_on

    def stop_all(request: gr.Request) -> Updates:
        session = sessions.get(request.session_hash)
        later = (session.round or [])[1:]
        session.end_round()
        for name in by_name:
            session.stop(name)
        return line(later, "") | rounds(session)

    start.click(begin, first.inputs, [first.view.job, *lives, start], **NOW)
    stop.click(stop_all, None, [*lives, start], **NOW)
    for (fold, ended), (after, _) in pairwise([*folds, folds[0]]):
        ended.then(
            goes_on(fold.card.name, after),
            after.inputs,
            [after.view.job, *lives, start],
            **NOW_TOO,
        )
