"""What the panels of the tab Latent space share."""

from collections.abc import Callable, Iterable
from typing import Any

import gradio as gr
from gradio.components import Component
from torch import Tensor

from genlab import visualize
from genlab.models import MODELS
from genlab.ui import html
from genlab.ui.card import Updates, sentence
from genlab.ui.diffusion.pieces import credit, figure, img
from genlab.ui.knobs import NOW, Values
from genlab.ui.session import Session, Sessions

Look = tuple[Callable[[Values, gr.Request], Updates], set[Any], list[Component]]


def titles(names: Iterable[str]) -> list[tuple[str, str]]:
    """Families as the choices of a component."""
    return [(MODELS[name].card.title, name) for name in names]


def families(
    names: Iterable[str],
    chosen: Iterable[str],
    elem_id: str,
    info: str = "Whose latent spaces are used: more take longer",
) -> gr.CheckboxGroup:
    return gr.CheckboxGroup(
        titles(names),
        value=[*chosen],
        label="families",
        info=info,
        elem_id=elem_id,
    )


def card(name: str, body: str) -> str:
    """A family's part of a panel, in its colour."""
    title = MODELS[name].card.title
    return f'<div class="gl-card gl-{name}"><div class="gl-title"><h2>{title}</h2></div>{body}</div>'


def one(image: Tensor, caption: str) -> str:
    """A picture uint8 (1, 28, 28), and what it is."""
    return figure(img(visualize.picture(image), caption), caption)


def row(images: Tensor, said: str) -> str:
    """Pictures uint8 (N, 1, 28, 28) beside each other as one <img>."""
    return img(visualize.grid(images, columns=len(images)), said)


def side_by_side(cards: Iterable[str], *, wide: bool = False) -> str:
    kind = " gl-wide" if wide else ""
    return f'<div class="gl-duel{kind}">{"".join(cards)}</div>'


def follows(
    changes: list[Any],
    show: Callable[[Values, Session], Updates],
    inputs: set[Any],
    outputs: list[Component],
    note: Component,
    sessions: Sessions,
    drawn_by: tuple[str, ...] = (),
) -> Look:
    """A panel without a Run: each of ``changes`` shows what the inputs ask for by then.

    Errors are said in ``note`` in one sentence; what is shown already stays. Of a result the note says whose
    models drew it, where they are the visitor's own.

    Args:
        changes: Events of the inputs.
        show: From the values of ``inputs`` to those of ``outputs``.
        drawn_by: The families that draw, if a visitor's own can.

    Returns:
        The event's (fn, inputs, outputs), for other events, and for ``Panel.looks``.
    """

    def look(values: Values, request: gr.Request) -> Updates:
        try:
            session = sessions.get(request.session_hash)
            return {**show(values, session), note: credit(session, *drawn_by) if drawn_by else ""}
        except Exception as error:
            return {note: html.note(sentence(error))}

    gr.on(changes, look, inputs, [*outputs, note], trigger_mode="always_last", **NOW)
    return look, inputs, [*outputs, note]
