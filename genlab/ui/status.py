"""The thin line on top: device, data in use, trainings on this server."""

from collections.abc import Iterator
from functools import lru_cache
from html import escape

import gradio as gr
import torch

from genlab import api
from genlab.host import zero_gpu
from genlab.jobs import JobStore
from genlab.numbers import count
from genlab.ui import account, html, translations
from genlab.ui.card import sentence
from genlab.ui.knobs import NOW, PRIVATE
from genlab.ui.session import Sessions

EVERY = 5.0  # seconds between two looks at the trainings


@lru_cache(maxsize=1)
def device() -> str:
    if torch.cuda.is_available() and not zero_gpu():
        return torch.cuda.get_device_name()
    lent = "; ZeroGPU for the studio" if zero_gpu() else ""
    return f"CPU, {count(torch.get_num_threads(), 'thread')}{lent}"


def data() -> str:
    """Which images serve; loads them the first time."""
    try:
        found = api.dataset("train")
    except Exception as error:
        return sentence(error)
    notice = "" if found.complete else " – full MNIST could not be had, so trainings see fewer digits"
    return found.source + notice


def trainings(store: JobStore) -> str:
    """none; 1; 1, and 2 waiting."""
    running, waiting = store.counts()
    return f"{running or 'none'}{f', and {waiting} waiting' if waiting else ''}"


def line(data: str, store: JobStore) -> str:
    parts = {"Device": device(), "Data": data, "Jobs on this server": trainings(store)}
    body = "".join(f"<span><b>{k}</b> {escape(v)}</span>" for k, v in parts.items())
    trouble = store.troubled()
    banner = (
        html.note(f"This server cannot save results: {trouble} Trainings go on in memory.") if trouble else ""
    )
    return f'<div class="gl-status" role="status">{body}</div>{banner}'


def build(app: gr.Blocks, sessions: Sessions, sign_in: gr.LoginButton | None) -> None:
    """The line, filled when the page has loaded and kept up to date; beside it the way to sign in."""
    gr.HTML(translations.SWITCH, elem_id="language")  # apart from the line, which changes under a finger
    with gr.Row(elem_classes="gl-top"):
        shown = gr.HTML(line("loading", sessions.store), elem_id="status")
        if sign_in:
            sign_in.render()
            account.listen(app, sign_in)
    source = gr.State("loading")
    timer = gr.Timer(EVERY)

    def load() -> Iterator[tuple[str, str]]:
        yield line("loading", sessions.store), "loading"
        found = data()
        yield line(found, sessions.store), found

    def tick(found: str) -> str:
        return line(found, sessions.store)

    app.load(load, None, [shown, source], concurrency_limit=4, **PRIVATE)
    timer.tick(tick, source, shown, **NOW)
