"""One family's card: what it is, its pictures and their bill, its sampling knobs, how to call it."""

import logging
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import calls, visualize
from genlab.calls import Call, call
from genlab.errors import GenlabError
from genlab.library import SHIPPED_ORIGIN
from genlab.models import MODELS
from genlab.sampling import Samples
from genlab.ui import html
from genlab.ui.knobs import NOW, SAMPLING, Values, components, read
from genlab.ui.session import Session, Sessions

log = logging.getLogger(__name__)

Updates = dict[Component, Any]
FRAME_SECONDS = 0.15  # at least, between two pictures that are still forming
OWN_MODEL = """\
# Your training lives in this page: a new client draws from the shipped weights
# until it has trained a model of its own with /train.
"""
LATEX: list[dict[str, str | bool]] = [{"left": "$$", "right": "$$", "display": True}]
EARLIER = "Drawn with earlier settings. Sample draws with the present ones."
FAILED = "That failed for a reason of ours; the server's log says why. The rest of the page works on."


def sentence(error: Exception) -> str:
    """What a visitor reads about an error."""
    if isinstance(error, GenlabError):
        return str(error)
    log.error("an event of the page failed", exc_info=error)
    return FAILED


@dataclass(frozen=True)
class Shared:
    """The controls that all cards obey."""

    n: Component
    seed: Component
    digit: Component

    def parts(self) -> set[Any]:
        return {self.n, self.seed, self.digit}

    def label(self, values: Values, name: str) -> int | None:
        """The digit asked for, None for any; only conditional families can be asked."""
        digit = values[self.digit]
        if digit in (None, "", "Any") or not MODELS[name].conditional:
            return None
        return int(digit) if str(digit).isdigit() else digit


@dataclass(frozen=True)
class Card:
    """The components of one family's card, and what is done with them."""

    name: str
    shared: Shared
    sampling: dict[str, Component]
    image: Component
    chips: Component
    distance: Component
    note: Component
    sample: gr.Button
    back: gr.Button
    python: Component  # the snippet
    python_fold: gr.Accordion

    @property
    def inputs(self) -> set[Any]:
        return self.shared.parts() | set(self.sampling.values())

    @property
    def outputs(self) -> list[Component]:
        return [self.image, self.chips, self.distance, self.note]

    def untouched(self, values: Values) -> bool:
        """Is every input as at first?"""
        return all(values[part] == part.value for part in self.inputs)

    def draw(self, session: Session, values: Values) -> Iterator[Updates]:
        """Sample with the present values; errors are said in this card."""
        shared = self.shared
        label = shared.label(values, self.name)
        knobs = read(values, self.sampling)
        try:
            found = session.sample(self.name, values[shared.n], values[shared.seed], label, knobs)
            yield from self.show(session, found, values[shared.seed])
        except Exception as error:
            yield {self.note: html.note(sentence(error))}

    def show(self, session: Session, stream: Iterator[Samples], seed: Any) -> Iterator[Updates]:
        """Pictures as they form, and at the end the bill."""
        shown = 0.0
        for samples in stream:
            if not samples.final and time.monotonic() - shown < FRAME_SECONDS:
                continue
            shown = time.monotonic()
            title, n = MODELS[self.name].card.title, len(samples.images)
            said = f"{n} digit{'s' if n > 1 else ''} drawn by {title}, seed {seed}"
            updates: Updates = {
                self.image: gr.Image(visualize.grid(samples.images), alt_text=said),
                self.chips: html.drawing(samples.step),
                self.note: "",
            }
            if samples.final:
                entry = session.entry(self.name)
                updates |= {
                    self.chips: html.chips(samples, entry),
                    self.distance: html.distance(entry.metrics),
                }
            yield updates

    def call(self, values: Values) -> Call:
        """The call that draws what the card would draw now."""
        shared = self.shared
        given = {"n": values[shared.n], "seed": values[shared.seed]}
        given["label"] = shared.label(values, self.name)
        return call("sample", model=self.name, **given, **read(values, self.sampling))


def before(session: Session, names: Iterable[str]) -> tuple[str, list[Call]]:
    """What a program has to be told, and to call first, to draw with the visitor's own models ``names``."""
    loaded = [found for name in names if (found := session.loaded.get(name))]
    own = any(session.origin(name) != SHIPPED_ORIGIN and name not in session.loaded for name in names)
    first = [call("load_from_hub", repository=found.repository, revision=found.commit) for found in loaded]
    return OWN_MODEL if own else "", first


def returned_by(app: gr.Blocks) -> dict[str, tuple[str, ...]]:
    """What each endpoint returns, by the names of its outputs."""
    return {
        fn.api_name: tuple(str(part.label) for part in fn.outputs)  # type: ignore[union-attr]
        for fn in app.fns.values()
        if isinstance(fn.api_name, str) and fn.api_visibility == "public"
    }


def build_head(name: str) -> tuple[Component, Component, Component, Component, gr.Button, gr.Button]:
    """What the family is, its picture, and the buttons below."""
    family = MODELS[name].card
    gr.HTML(html.heading(family))
    gr.Markdown(f"$${family.equation}$$", latex_delimiters=LATEX, elem_classes="gl-equation")
    gr.HTML(html.paper(family))
    image = gr.Image(
        format="png",
        show_label=False,
        label=family.title,
        interactive=False,
        buttons=["download", "fullscreen"],
        alt_text=f"Digits drawn by {family.title}",
        elem_classes="gl-picture",
        elem_id=f"picture-{name}",
    )
    note = gr.HTML("", elem_id=f"note-{name}", elem_classes="gl-quiet")
    chips = gr.HTML(html.drawing(), elem_id=f"chips-{name}")
    gr.HTML(EARLIER, elem_id=f"earlier-{name}", elem_classes="gl-earlier")
    distance = gr.HTML("", elem_id=f"distance-{name}")
    with gr.Row():
        sample = gr.Button("Sample", size="sm", elem_id=f"sample-{name}", min_width=80)
        back = gr.Button("Back to shipped", size="sm", visible=False, elem_id=f"back-{name}", min_width=80)
    return image, chips, distance, note, sample, back


def build_sampling(name: str) -> dict[str, Component]:
    """The fold with the family's own sampling knobs."""
    with gr.Accordion("Sampling", open=False):
        knobs = components(MODELS[name].Sampling)
        if not knobs:
            gr.Markdown("Nothing to turn: noise goes through the generator once.")
    return knobs


def build_python(name: str) -> tuple[gr.Accordion, Component]:
    """The fold with the call from Python, made here and rendered where the card ends."""
    fold = gr.Accordion("Use from Python", open=False, elem_id=f"python-{name}", render=False)
    code = gr.Code("", language="python", interactive=False, label="Python", wrap_lines=True, render=False)
    return fold, code


def origin(request: gr.Request) -> str:
    """The page's own address, as the visitor's browser knows it."""
    headers = request.headers
    scheme = headers.get("x-forwarded-proto", "http").split(",")[0]
    return f"{scheme}://{headers.get('x-forwarded-host') or headers.get('host', '127.0.0.1:7860')}/"


def listen(card: Card, app: gr.Blocks, sessions: Sessions) -> None:
    """Connect the card's own events; its snippet calls the endpoints of ``app``."""

    def draw(values: Values, request: gr.Request) -> Iterator[Updates]:
        yield from card.draw(sessions.get(request.session_hash), values)

    def back(values: Values, request: gr.Request) -> Iterator[Updates]:
        session = sessions.get(request.session_hash)
        session.back_to_shipped(card.name)
        yield {card.back: gr.Button(visible=False)}
        yield from card.draw(session, values)

    def snippet(values: Values, request: gr.Request) -> str:
        session = sessions.get(request.session_hash)
        warning, first = before(session, [card.name])
        return warning + calls.snippet([*first, card.call(values)], returned_by(app), origin(request))

    card.sample.click(draw, card.inputs, card.outputs, **SAMPLING)
    card.back.click(back, card.inputs, [*card.outputs, card.back], **SAMPLING)
    changes = [part.change for part in card.inputs]
    gr.on(
        [card.python_fold.expand, *changes],
        snippet,
        card.inputs,
        card.python,
        trigger_mode="always_last",
        **NOW,
    )
