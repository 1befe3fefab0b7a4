"""What the panels of the tab Diffusion share: controls, pictures, and how a press of Run is answered."""

import dataclasses
import time
from collections.abc import Callable, Generator, Iterator
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image
from torch import Tensor

from genlab import api, visualize
from genlab.config import Config, check_choice
from genlab.data import to_uint8
from genlab.library import SHIPPED_ORIGIN
from genlab.models import MODELS
from genlab.ui import html
from genlab.ui.card import Updates, sentence
from genlab.ui.knobs import NOW, SAMPLING, Values, components, read, seed_box
from genlab.ui.session import Session, Sessions

DIGITS = tuple(map(str, range(10)))
NOISE_RANGE = 3.0  # standard deviations from grey to white, where noise is shown
Work = Callable[[Values, Session], Generator[Any, None, Updates]]  # on the way it yields how far it is
LOOK_SECONDS = 0.25  # at least, between two looks at how far some work is


def question(text: str) -> None:
    """The one question that a panel answers."""
    gr.HTML(f'<p class="gl-question">{escape(text)}</p>')


def small(x: Tensor, said: str) -> str:
    """One picture, (C, H, W) in [-1, 1], as an <img>; values beyond are shown black and white."""
    return img(visualize.picture(to_uint8(x[None])[0]), said)


def img(picture: Image.Image, said: str) -> str:
    said = escape(said)
    return f'<img src="{visualize.data_uri(picture)}" alt="{said}" title="{said}">'


def figure(picture: str, caption: str) -> str:
    """An <img> with its caption (HTML)."""
    return f"<figure>{picture}<figcaption>{caption}</figcaption></figure>"


def sheet(images: Tensor, said: str, columns: int = 8) -> str:
    """A grid of pictures uint8 (N, C, H, W) as one <img>."""
    return img(visualize.grid(images, columns=min(columns, len(images)), side=480), said)


class Controls:
    """A panel's inputs in the same order everywhere: digit, number, seed, then the knobs of a config.

    Args:
        panel: Begins the elements' ids.
        knobs: Each field is an input.
        digit: Shown at first; "none" (or what ``nobody`` says) asks for no digit.
        digit_help: What choosing a digit does.
        number: Shown at first, of at most ``api.MAX_PICTURES``; None where the panel draws one picture.
        fewest: Pictures that make sense.
        seed_help: What another seed changes; None where nothing is drawn at random.
        folded: Knobs that few will turn.
    """

    def __init__(
        self,
        panel: str,
        knobs: type[Config],
        *,
        digit: str = "3",
        nobody: str = "none",
        digit_help: str = "none: the model without a condition",
        number: int | None = None,
        fewest: int = 1,
        seed_help: str | None = "Another seed, other noise",
        folded: tuple[str, ...] = (),
    ) -> None:
        self.digits = (nobody, *DIGITS)
        self.shared: dict[str, Component] = {}
        with gr.Column(scale=2, min_width=200):
            self.digit = gr.Dropdown(
                list(self.digits), value=digit, label="digit", info=digit_help, elem_id=f"{panel}-digit"
            )
            if number:
                self.shared["n"] = gr.Slider(
                    fewest,
                    api.MAX_PICTURES,
                    number,
                    step=1,
                    label="number of images (n)",
                    info="How many are drawn",
                    elem_id=f"{panel}-n",
                )
            if seed_help:
                self.shared["seed"] = seed_box(seed_help, f"{panel}-seed")
        plain = [f.name for f in dataclasses.fields(knobs) if f.name not in folded]
        self.knobs: dict[str, Component] = {}
        if not plain:
            return
        with gr.Column(scale=3, min_width=220, elem_id=f"{panel}-knobs"):
            self.knobs = components(knobs, names=plain)
            if folded:
                with gr.Accordion("More", open=False, elem_id=f"{panel}-more"):
                    self.knobs |= components(knobs, names=folded)

    @property
    def inputs(self) -> set[Any]:
        return {self.digit, *self.shared.values(), *self.knobs.values()}

    @property
    def fields(self) -> dict[str, Component]:
        """The inputs by the names of the call's parameters."""
        return {"label": self.digit, **self.shared, **self.knobs}

    def label(self, values: Values) -> int | None:
        """The digit asked for; None for none."""
        chosen = check_choice("digit", values[self.digit], self.digits)
        return int(chosen) if chosen in DIGITS else None

    def read(self, values: Values) -> dict[str, Any]:
        """The arguments of the call: label, n, seed and the knobs."""
        return {"label": self.label(values)} | read(values, self.shared) | read(values, self.knobs)


def credit(session: Session, *names: str) -> str:
    """Whose models draw, where they are the visitor's own."""
    own = {name: session.origin(name) for name in names or ("ddpm",)}
    told = [f"{MODELS[name].card.title}, {o}" for name, o in own.items() if o != SHIPPED_ORIGIN]
    return html.note(f"Drawn by your own {'; '.join(told)}.", plain=True) if told else ""


class Runner:
    """Run and Stop of a panel, and the line that says how it goes; made where this is called.

    Args:
        panel: Begins the elements' ids, and names the work.
        sessions: Whose visitor's work is run.
        text: On the button.
    """

    def __init__(self, panel: str, sessions: Sessions, text: str = "Run") -> None:
        self.panel, self.sessions = panel, sessions
        self.run = gr.Button(text, variant="primary", elem_id=f"{panel}-run")
        self.stop = gr.Button("Stop", variant="stop", size="sm", interactive=False, elem_id=f"{panel}-stop")
        self.note = gr.HTML("", elem_classes="gl-quiet", elem_id=f"{panel}-note", render=False)

        def interrupt(request: gr.Request) -> None:
            sessions.get(request.session_hash).interrupt(panel)

        self.stop.click(interrupt, None, None, **NOW)

    def told(self, done: Any, passed: float) -> str:
        """The line while the work has ``done`` its share in ``passed`` seconds."""
        return html.bar(done, html.left(done, passed))

    def meanwhile(self, done: Any) -> Updates:
        """What else is shown while the work has ``done`` its share."""
        return {}

    def ended(self, session: Session) -> str:
        """The line under a result."""
        return credit(session)

    def listen(
        self,
        work: Work,
        inputs: set[Any],
        outputs: list[Component],
        button: Component | None = None,
        **options: Any,
    ) -> None:
        """A press of Run (or of ``button``) does ``work`` under a progress bar, until Stop is pressed.

        Errors are said in one sentence; what is shown already stays.
        """

        def answered(values: Values, request: gr.Request) -> Iterator[Updates]:
            yield {self.note: html.bar(None, "Starting."), self.stop: gr.Button(interactive=True)}
            session, began, shown = self.sessions.get(request.session_hash), time.monotonic(), 0.0
            results: list[Updates] = []

            def to_the_end() -> Generator[Any, None, None]:
                results.append((yield from work(values, session)))

            try:
                for done in session.work(self.panel, to_the_end()):
                    passed = time.monotonic() - began
                    if passed - shown > LOOK_SECONDS:
                        shown = passed
                        yield {self.note: self.told(done, passed), **self.meanwhile(done)}
                said = self.ended(session) if results else html.note("Stopped.", plain=True)
            except Exception as error:
                said = html.note(sentence(error))
            updates = results[0] if results else {}
            yield {self.note: said, self.stop: gr.Button(interactive=False), **updates}

        targets = [*outputs, self.note, self.stop]
        (button or self.run).click(answered, inputs, targets, **{**SAMPLING, **options})  # type: ignore[attr-defined]
