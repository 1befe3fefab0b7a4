"""The tab GAN lab: why does a GAN forget some of what it is shown, and what helps?"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image
from torch import Tensor

from genlab import api, visualize
from genlab.lab.ring import (
    EXTENT,
    GENERATOR_LOSSES,
    MODES,
    NEAR,
    POINTS,
    PRESETS,
    Moment,
    RingConfig,
    centres,
)
from genlab.ui import html
from genlab.ui.card import Updates, sentence
from genlab.ui.curves import Line, line_plot
from genlab.ui.knobs import MEASURING, NOW, Values, components, read
from genlab.ui.numbers import brief, whole
from genlab.ui.session import Session, Sessions
from genlab.visualize import colour

NAME = "ring"
QUESTION = "Why does a GAN forget some of what it is shown, and what helps?"
HOW = (
    "The generator is to place its points (colour) on all eight circles; the background is what its opponent "
    "says there, light for real. A mode counts as covered from a quarter of its fair share on. The pull is "
    "the length of the gradient by which a point is told where to go: where it is near 0, nothing is learned."
)
SIDES = {"A": "collapse: the generator runs ahead", "B": "cure: WGAN-GP"}
LOOK_SECONDS = 0.2  # at least, between two moments that are shown
PULLED = {"minimax": "#56B4E9", "non_saturating": "#D55E00", "critic": "#009E73"}


@dataclass
class Course:
    """A game up to now."""

    config: RingConfig
    now: Moment | None = None
    covered: list[tuple[float, float]] = field(default_factory=list)  # (step, modes)
    pull: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, now: Moment) -> None:
        self.now = now
        self.covered.append((now.step, now.covered))
        for name, size in now.pull.items():
            self.pull.setdefault(name, []).append((now.step, size))


def hue(config: RingConfig) -> str:
    """Of the family whose game it is."""
    return colour("gan" if config.game in GENERATOR_LOSSES else config.game)


def plain(name: str) -> str:
    return name.replace("_", "-")


def surface(values: Tensor) -> str:
    """What the opponent says of each place, from its lowest value (dark) to its highest."""
    lo, hi = values.min(), values.max()
    grey = ((values - lo) / (hi - lo).clamp(min=1e-9) * 190 + 40).round().byte()
    return visualize.data_uri(Image.fromarray(grey.numpy()))


def plane(course: Course) -> str:
    """The ring from above, as SVG."""
    now, scale = course.now, 300 / (2 * EXTENT)
    assert now is not None

    def at(x: float, y: float) -> str:
        return f'cx="{150 + scale * x:.1f}" cy="{150 - scale * y:.1f}"'

    rings = "".join(
        f'<circle {at(x, y)} r="{scale * NEAR:.1f}" class="gl-mode"/>' for x, y in centres().tolist()
    )
    dots = "".join(f'<circle {at(x, y)} r="2"/>' for x, y in now.points.tolist())
    said = f"{now.covered} of {MODES} modes covered, {now.good:.0%} of {POINTS} points on a mode"
    return (
        f'<svg class="gl-plane" viewBox="0 0 300 300" role="img" aria-label="{said}">'
        f'<image href="{surface(now.surface)}" width="300" height="300" preserveAspectRatio="none"/>'
        f'{rings}<g fill="{hue(course.config)}">{dots}</g></svg>'
    )


def meter(now: Moment) -> str:
    """One cell for each mode, as full as it got of its fair share."""
    cells = "".join(
        f'<i style="--share:{min(1.0, n / (POINTS / MODES)):.2f}" title="{n} of {POINTS} points"></i>'
        for n in now.counts
    )
    return f'<div class="gl-meter" role="img" aria-label="Points by mode">{cells}</div>'


def lane(side: str, course: Course) -> str:
    """One game as it is now."""
    now, config = course.now, course.config
    if now is None:
        return ""
    state = "a number was not finite: the game is over" if now.broken else f"of {whole(config.steps)}"
    pulled = ", ".join(f"{plain(name)} {brief(size)}" for name, size in now.pull.items())
    goal = Line(f"all {MODES}", [(0, MODES), (config.steps, MODES)], "currentColor", "5 3")
    plots = line_plot("modes covered", [Line(side, [*course.covered], hue(config)), goal], "step")
    pull = [Line(plain(name), points, PULLED[name]) for name, points in course.pull.items()]
    plots += line_plot("pull on the generator", pull, "step", log=True)
    return (
        f'<div class="gl-card" style="--gl-colour:{hue(config)}" data-side="{side}" data-step="{now.step}" '
        f'data-covered="{now.covered}">'
        f'<div class="gl-title"><h2>{side}: {plain(config.game)}</h2></div>'
        f"{html.bar(now.step / config.steps, f'step {whole(now.step)} {state}')}{plane(course)}{meter(now)}"
        f"<p><b>{now.covered} of {MODES} modes covered</b>, {now.good:.0%} of {POINTS} points on a "
        f"mode; pull {pulled}</p>{plots}</div>"
    )


def lanes(courses: dict[str, Course]) -> str:
    body = "".join(lane(side, course) for side, course in courses.items())
    return f'<div class="gl-duel gl-live">{body}</div>'


def build(sessions: Sessions) -> None:
    """The whole tab with its events."""
    gr.HTML(f'<p class="gl-question">{QUESTION}</p><p>{HOW}</p>')
    knobs: dict[str, dict[str, Component]] = {}
    with gr.Row(elem_classes="gl-controls"):
        for side, preset in SIDES.items():
            with gr.Column(scale=3, min_width=260):
                knobs[side] = build_side(side, preset)
        with gr.Column(scale=1, min_width=160):
            start = gr.Button("Play both", variant="primary", elem_id="ring-run")
            stop = gr.Button("Stop", variant="stop", size="sm", interactive=False, elem_id="ring-stop")
    note = gr.HTML("", elem_classes="gl-quiet", elem_id="ring-note")
    hint = "Press Play both: two games from the same seed, side by side, in about a minute."
    shown = gr.HTML(html.note(hint, plain=True), elem_id="ring-shown")

    def play(values: Values, request: gr.Request) -> Iterator[Updates]:
        session = sessions.get(request.session_hash)
        yield {note: html.bar(None, "Starting."), stop: gr.Button(interactive=True)}
        said = ""
        try:
            wanted = {side: read(values, found) for side, found in knobs.items()}
            for done in games(session, wanted):
                yield {shown: done, note: ""}
        except Exception as error:
            said = html.note(sentence(error))
        yield {note: said, stop: gr.Button(interactive=False)}

    def interrupt(request: gr.Request) -> None:
        sessions.get(request.session_hash).interrupt(NAME)

    start.click(
        play, {c for found in knobs.values() for c in found.values()}, [shown, note, stop], **MEASURING
    )
    stop.click(interrupt, None, None, **NOW)


def build_side(side: str, preset: str) -> dict[str, Component]:
    """A preset to choose, and the knobs that it turns."""
    chosen = gr.Dropdown([*PRESETS], value=preset, label=side, elem_id=f"ring-{side}-preset")
    says = gr.HTML(html.note(PRESETS[preset].says, plain=True), elem_id=f"ring-{side}-says")
    with gr.Accordion("Knobs", open=False, elem_id=f"ring-{side}-knobs"):
        knobs = components(RingConfig, PRESETS[preset].knobs)

    def turn(name: str) -> list[Any]:
        found = PRESETS[name]
        config = RingConfig(**found.knobs)
        return [html.note(found.says, plain=True), *(getattr(config, knob) for knob in knobs)]

    chosen.input(turn, chosen, [says, *knobs.values()], **NOW)
    return knobs


def games(session: Session, wanted: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Both games at once, as HTML, until they are over or somebody stops them."""
    courses = {side: Course(RingConfig(**knobs)) for side, knobs in wanted.items()}
    streams = [api.ring(**vars(course.config)) for course in courses.values()]
    moves = (move for move in zip_longest(*streams))  # a generator, which can be closed
    shown = 0.0
    for move in session.work(NAME, moves):
        for course, now in zip(courses.values(), move, strict=True):
            if now is not None:
                course.add(now)
        if time.monotonic() - shown > LOOK_SECONDS:
            shown = time.monotonic()
            yield lanes(courses)
    yield lanes(courses)
