"""What goes into an endpoint and what comes out of it."""

import time
from collections.abc import Generator
from typing import Any, NamedTuple, TypeVar

import gradio as gr
from gradio.components import Component
from torch import Tensor

from genlab import visualize
from genlab.data import to_uint8
from genlab.library import Library
from genlab.ui.agents import session_key
from genlab.ui.session import Session, Sessions
from genlab.walks import Walk

R = TypeVar("R")
TOLD_SECONDS = 0.5  # between two messages about how far a call is
Json = dict[str, Any]
Pictures = list[tuple[Any, str]]  # with their captions


class Outputs(NamedTuple):
    """Hidden components that results come back through; all endpoints share them."""

    numbers: Component
    gallery: Component
    first: Component
    second: Component
    files: Component


def make_outputs() -> Outputs:
    """The components, in the app in whose context this is called."""
    return Outputs(
        gr.JSON(visible=False, label="numbers"),
        gr.Gallery(visible=False, format="png", label="pictures"),
        gr.Image(visible=False, format="png", label="picture"),
        gr.Image(visible=False, format="png", label="x_t"),
        gr.File(visible=False, file_count="multiple", label="checkpoint"),
    )


def given(**values: Any) -> Json:
    """What the caller gave; None and "" mean the default."""
    return {k: v for k, v in values.items() if v is not None and v != ""}


def named(images: Tensor, name: str) -> Pictures:
    """Pictures uint8 (N, C, H, W), captioned "name 0", "name 1", ..."""
    return [(visualize.picture(x), f"{name} {i}") for i, x in enumerate(images)]


def shown(x: Tensor, name: str) -> tuple[Any, str]:
    """One picture (C, H, W) in [-1, 1]; what is beyond is black or white."""
    return visualize.picture(to_uint8(x[None])[0]), name


def streamed(walk: Walk[R]) -> Generator[tuple[Pictures, Json], None, R]:
    """Tell the caller how far ``walk`` is, now and then; its result."""
    told = time.monotonic()
    while True:
        try:
            share = next(walk)
        except StopIteration as end:
            return end.value
        if time.monotonic() - told > TOLD_SECONDS:
            told = time.monotonic()
            yield [], {"progress": share}


class Calls:
    """Base of the endpoints: a client's session keeps the models it trained."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def session(self, request: gr.Request) -> Session:
        return self.sessions.get(session_key(request))

    def library(self, request: gr.Request) -> Library:
        return self.session(request).library

    def drawn_by(self, request: gr.Request) -> Json:
        """Which ddpm drew: the shipped one, or this session's own."""
        session = self.session(request)
        return {"origin": session.origin("ddpm"), "weights_sha256": session.digest("ddpm")}
