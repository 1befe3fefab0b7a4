"""The fold in which a family is trained, and what is seen of it: before, during, after, after a reload."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.config import TrainConfig
from genlab.jobs import Look, TrainingPlan
from genlab.jobs.training import STARTS
from genlab.library import SHIPPED_ORIGIN
from genlab.models import MODELS
from genlab.ui import html, progress
from genlab.ui.card import Card, Updates, sentence
from genlab.ui.following import KEY
from genlab.ui.job_view import JobView, small_button
from genlab.ui.knobs import NOW, SAMPLING, Values, components, read
from genlab.ui.session import Session, Sessions
from genlab.visualize import colour

FIRST = ("steps", "batch_size", "lr", "data")  # the other knobs are folded


@dataclass(frozen=True)
class TrainFold:
    """The components of one family's training."""

    card: Card
    view: JobView
    fold: gr.Accordion
    begin: Component  # scratch or shipped
    training: dict[str, Component]
    config: dict[str, Component]
    cure: gr.Button

    @property
    def knobs(self) -> dict[str, Component]:
        """What decides a training, by the names that it has in a link."""
        return {"start": self.begin, **self.training, **self.config}

    @property
    def inputs(self) -> set[Any]:
        return {*self.knobs.values()} | self.card.inputs

    def touched(self, values: Values) -> bool:
        """Is a knob not as at first?"""
        return any(values[part] != part.value for part in self.knobs.values())

    def plan(self, values: Values, session: Session) -> TrainingPlan:
        """What to train. Going on from the shipped weights, untouched knobs stay as shipped."""
        start, config = values[self.begin], read(values, self.config)
        if start == "shipped":
            usual = asdict(MODELS[self.card.name].Config())
            config = {name: value for name, value in config.items() if value != usual[name]}
        training = read(values, self.training)
        return api.training_plan(self.card.name, training, config, start, shop=session.store.shop)

    def render(self, look: Look) -> str:
        return progress.training(look, colour(self.card.name))

    def others(self, look: Look) -> Updates:
        """The button that does what the doctor says."""
        change = progress.cure(look.view)
        return {self.cure: gr.Button(progress.cure_text(change), visible=bool(change))}

    def begin_training(self, values: Values, session: Session) -> Updates:
        """Train as the knobs say."""
        return self.view.begin(lambda: session.submit(self.plan(values, session)))

    def settle(self, values: Values, session: Session) -> Iterator[Updates]:
        """Put what an ended training has learned in place, and draw it."""
        yield {self.card.note: ""}
        job = session.jobs.get(self.card.name)
        if job is None or job.active:
            return
        try:
            session.settle(job)
        except Exception as error:
            yield {self.card.note: html.note(sentence(error))}
            return
        if session.origin(self.card.name) != SHIPPED_ORIGIN:
            yield {self.card.back: gr.Button(visible=True)}
            if job.state in progress.WELL:
                yield from self.card.draw(session, values)


def build(card: Card, job: Component, sessions: Sessions) -> tuple[TrainFold, gr.events.Dependency]:
    """The fold in the card, and the event that ends a training.

    What runs is shown below the fold, so that a closed one hides nothing.
    """
    family = MODELS[card.name]
    with gr.Accordion("Train", open=False, elem_id=f"train-{card.name}") as accordion:
        begin = gr.Radio(
            list(STARTS),
            value="scratch",
            label="start",
            info="scratch begins with random weights; shipped goes on from the weights in this page",
        )
        training, config, later = {}, {}, []  # type: ignore[var-annotated]
        for group, parts in (
            (training, components(TrainConfig, asdict(family.live))),
            (config, components(family.Config)),
        ):
            for name, part in parts.items():
                group[name] = part
                if name not in FIRST:
                    part.unrender()
                    later.append(part)
        with gr.Accordion("More knobs", open=False):
            for part in later:
                part.render()
        start = small_button("Train", f"start-{card.name}", variant="primary")
    with gr.Row():
        stop = small_button("Stop", f"stop-{card.name}", variant="stop", visible=False)
        resume = small_button("Go on", f"resume-{card.name}", visible=False)
        cure = small_button("", f"cure-{card.name}", visible=False, variant="primary")
    live = gr.HTML("", visible=False, elem_id=f"live-{card.name}")
    files = gr.File(
        file_count="multiple",
        visible=False,
        interactive=False,
        label="Trained weights and their config",
        elem_id=f"files-{card.name}",
    )
    view = JobView(card.name, job, start, stop, live, resume, files)
    fold = TrainFold(card, view, accordion, begin, training, config, cure)
    return fold, listen(fold, sessions)


def listen(fold: TrainFold, sessions: Sessions) -> gr.events.Dependency:
    """Connect the buttons. Stop only raises a flag: whoever follows sees the end and tells it."""
    name, view = fold.card.name, fold.view

    def start(values: Values, request: gr.Request) -> Updates:
        return fold.begin_training(values, sessions.get(request.session_hash))

    def resume(request: gr.Request) -> Updates:
        session = sessions.get(request.session_hash)
        return view.begin(lambda: session.resume(name))

    def cure(values: Values, request: gr.Request) -> Updates:
        session = sessions.get(request.session_hash)
        change = progress.cure(session.jobs[name].look().view) if name in session.jobs else {}
        turned = {fold.config[knob]: value for knob, value in change.items()}
        return turned | view.begin(lambda: session.cure(name, change))

    def settle(values: Values, request: gr.Request) -> Iterator[Updates]:
        yield from fold.settle(values, sessions.get(request.session_hash))

    def leave(entry: str) -> Updates:
        """Out of the address; what was trained can be opened again."""
        if not entry:  # it came from the hub
            return {view.live: gr.skip()}
        address = f'<a href="?{KEY}={escape(entry.partition(" ")[0])}">Your training</a>'
        told = html.note_of(f"The shipped weights draw again. {address} is kept for a while.")
        return {view.job: "", view.live: gr.HTML(told, visible=True)}

    view.start.click(start, fold.inputs, view.begun, **NOW)
    view.resume.click(resume, None, view.begun, **NOW)
    fold.cure.click(cure, fold.inputs, [*view.begun, *fold.config.values()], **NOW)
    fold.card.back.click(leave, view.job, view.begun, **NOW)
    ended = view.listen(sessions, fold.render, fold.others, [fold.cure])
    drawn = [*fold.card.outputs, fold.card.back]
    return ended.then(settle, fold.card.inputs, drawn, **{**SAMPLING, "trigger_mode": "multiple"})
