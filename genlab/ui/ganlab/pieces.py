"""What the panels of the tab GAN lab share: two games side by side, from Play to the end or to Stop."""

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab.events import Step
from genlab.lab.games import has_critic
from genlab.numbers import brief, whole
from genlab.ui import html
from genlab.ui.card import Updates, sentence
from genlab.ui.curves import Line, line_plot
from genlab.ui.knobs import MEASURING, NOW, Values
from genlab.ui.session import Session, Sessions
from genlab.visualize import colour

LOOK_SECONDS = 0.2  # at least, between two moments that are shown
PULLED = {"minimax": "#56B4E9", "non_saturating": "#D55E00", "critic": "#009E73"}


@dataclass
class Course:
    """A game up to now."""

    config: Any  # with ``game`` and ``steps``
    moves: Iterable[Any]  # moments and, between them, steps
    step: int = 0
    began: float = field(default_factory=time.monotonic)
    over: bool = False  # played to its end, or stopped
    now: Any = None  # the latest moment
    covered: list[tuple[float, float]] = field(default_factory=list)  # (step, modes)
    pull: dict[str, list[tuple[float, float]]] = field(default_factory=dict)

    def add(self, move: Any) -> None:
        self.step = move.step
        if isinstance(move, Step):
            return
        self.now = move
        self.covered.append((move.step, move.covered))
        for name, size in move.pull.items():
            self.pull.setdefault(name, []).append((move.step, size))

    @property
    def left(self) -> str:
        """How long the game will still take."""
        if self.over or self.step == self.config.steps:
            return ""
        return html.left(self.step / self.config.steps, time.monotonic() - self.began)

    @property
    def stopped(self) -> bool:
        """Is it over before its time, though it did not break?"""
        return self.step < self.config.steps and not (self.now and self.now.broken)

    @property
    def hue(self) -> str:
        """Of the family whose game it is."""
        return colour(self.config.game if has_critic(self.config.game) else "gan")


def plain(name: str) -> str:
    return name.replace("_", "-")


def pulled(course: Course) -> str:
    """How hard the generator is pulled now."""
    return "pull " + ", ".join(f"{plain(name)} {brief(size)}" for name, size in course.now.pull.items())


def plots(course: Course, side: str, modes: int, title: str) -> str:
    """Modes covered, of ``modes``, and the pull, over the steps."""
    goal = Line(f"all {modes}", [(0, modes), (course.config.steps, modes)], "currentColor", "5 3")
    found = line_plot(title, [Line(side, [*course.covered], course.hue), goal], "step")
    lines = [
        Line(plain(name), points, PULLED.get(name, "currentColor")) for name, points in course.pull.items()
    ]
    return found + line_plot("pull on the generator", lines, "step", log=True)


def meter(counts: tuple[int, ...], n: int, what: str, names: Iterable[str] = ()) -> str:
    """One cell for each mode, as full as it got of its fair share of n samples; its name below, if any."""
    fair = n / len(counts)
    cells = "".join(
        f'<i style="--share:{min(1.0, count / fair):.2f}" title="{count} of {n} {what}"></i>'
        for count in counts
    )
    below = "".join(f"<span>{name}</span>" for name in names)
    said = ", ".join(map(str, counts))
    return (
        f'<div class="gl-meter" style="--cells:{len(counts)}" role="img" '
        f'aria-label="{what} by mode: {said}">{cells}{below}</div>'
    )


def card(side: str, course: Course, broken: str, body: str) -> str:
    """One game as it is now: its name, how far it is, and ``body``."""
    state = broken or f"of {whole(course.config.steps)}" + (f", {course.left}" if course.left else "")
    return (
        f'<div class="gl-card" style="--gl-colour:{course.hue}" data-side="{side}" data-step="{course.step}" '
        f'data-covered="{course.now.covered}">'
        f'<div class="gl-title"><h2>{side}: {plain(course.config.game)}</h2></div>'
        f"{html.bar(course.step / course.config.steps, f'step {whole(course.step)} {state}')}{body}</div>"
    )


Lane = Callable[[str, Course], str]
Begin = Callable[[Values, Session], dict[str, Course]]


def lanes(courses: dict[str, Course], lane: Lane) -> str:
    body = "".join(lane(side, course) for side, course in courses.items() if course.now)
    return f'<div class="gl-duel gl-live">{body}</div>'


class Arena:
    """Play, Stop and, by ``place``, what is seen of both games; made where this is called.

    Args:
        name: Begins the elements' ids, and names the work.
    """

    def __init__(self, name: str, sessions: Sessions) -> None:
        self.name, self.sessions = name, sessions
        self.start = gr.Button("Play both", variant="primary", elem_id=f"{name}-run")
        self.stop = gr.Button("Stop", variant="stop", size="sm", interactive=False, elem_id=f"{name}-stop")

    def place(self, hint: str) -> None:
        """The line that says how it goes, and the games; ``hint`` until there are any."""
        self.note = gr.HTML("", elem_classes="gl-quiet", elem_id=f"{self.name}-note")
        self.shown = gr.HTML(html.note(hint, plain=True), elem_id=f"{self.name}-shown")

    def listen(self, inputs: set[Any], begin: Begin, lane: Lane) -> None:
        """A press of Play begins two games and shows them until they are over, or until Stop is pressed."""

        def play(values: Values, request: gr.Request) -> Iterator[Updates]:
            session = self.sessions.get(request.session_hash)
            begun = {self.note: html.bar(None, "Starting."), self.stop: gr.Button(interactive=True)}
            yield begun | {self.shown: ""}  # the games of before would be taken for these
            said = ""
            try:
                courses = begin(values, session)
                for done in self.games(session, courses, lane):
                    yield {self.shown: done, self.note: ""}
                if any(course.stopped for course in courses.values()):
                    said = html.note("Stopped.", plain=True)
            except Exception as error:
                said = html.note(sentence(error))
            yield {self.note: said, self.stop: gr.Button(interactive=False)}

        def interrupt(request: gr.Request) -> None:
            self.sessions.get(request.session_hash).interrupt(self.name)

        targets: list[Component] = [self.shown, self.note, self.stop]
        self.start.click(play, inputs, targets, **MEASURING)
        self.stop.click(interrupt, None, None, **NOW)

    def games(self, session: Session, courses: dict[str, Course], lane: Lane) -> Iterator[str]:
        """Both games at once, as HTML."""
        turns = (turn for turn in zip_longest(*(course.moves for course in courses.values())))
        shown = 0.0
        for turn in session.work(self.name, turns):  # a generator, which can be closed
            for course, move in zip(courses.values(), turn, strict=True):
                if move is not None:
                    course.add(move)
            if time.monotonic() - shown > LOOK_SECONDS:
                shown = time.monotonic()
                yield lanes(courses, lane)
        for course in courses.values():
            course.over = True
        yield lanes(courses, lane)
