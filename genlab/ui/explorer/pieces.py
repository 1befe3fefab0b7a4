"""What the panels of the tab Latent space share."""

from collections.abc import Iterable

import gradio as gr
from torch import Tensor

from genlab import visualize
from genlab.models import MODELS
from genlab.ui.diffusion.pieces import figure, img


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
