"""Where a job is started, shown and stopped: the same for a training and for a race.

The browser walks the whole page for each output of each message it gets, so the event that streams has
one output or two, and everything else is done by short events before and after it.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab.jobs import Job, Look
from genlab.ui import html, progress
from genlab.ui.card import Updates, sentence
from genlab.ui.following import follow
from genlab.ui.knobs import NOW, NOW_TOO, WATCHING
from genlab.ui.session import Session, Sessions

Render = Callable[[Look], str]


@dataclass(frozen=True)
class JobView:
    """The components around one job of a visitor.

    Args:
        name: Under which the visitor's session knows the job.
        job: Where its id stands, hidden: a new value there is followed.
        start: Is off while the job is at work or in line.
        stop: Is there then.
        live: Shows it.
        resume: Is there for a job that can go on.
        files: What it has left, to download.
    """

    name: str
    job: Component
    start: gr.Button
    stop: gr.Button
    live: Component
    resume: gr.Button
    files: Component

    @property
    def begun(self) -> list[Component]:
        """What a press of a button changes at once."""
        return [self.job, self.live]

    @property
    def controls(self) -> list[Component]:
        """What depends on whether the job is at work."""
        return [self.start, self.stop, self.resume, self.files]

    def begin(self, submit: Callable[[], Job]) -> Updates:
        """Begin what ``submit`` begins; errors are said in a sentence."""
        try:
            job = submit()
        except Exception as error:
            said = f'<div class="gl-live" data-state="refused">{html.note(sentence(error))}</div>'
            return {self.live: gr.HTML(said, visible=True)}
        waiting = f'<div class="gl-live">{html.bar(None, "Preparing data and network.")}</div>'
        return {self.live: gr.HTML(waiting, visible=True), self.job: entry(job)}

    def look(self, session: Session) -> Updates:
        """What can be pressed now, and downloaded."""
        job = session.jobs.get(self.name)
        look = job.look() if job else None
        at_work = look is not None and not look.ended
        files = list(look.files) if look else []
        return {
            self.start: gr.Button(interactive=not at_work),
            self.stop: gr.Button(visible=at_work),
            self.resume: gr.Button(visible=look is not None and look.resumable),
            self.files: gr.File(files or None, visible=bool(files)),
        }

    async def show(self, session: Session, render: Render) -> AsyncIterator[tuple[Look, str]]:
        """The job and its HTML until it has ended or another has taken its place."""
        job = session.jobs.get(self.name)
        if job is None:
            return
        async for look in follow(job):
            if session.jobs.get(self.name) is not job:
                return
            shown = await asyncio.to_thread(render, look)
            if look.ended and look.notice and not look.files:
                shown += await asyncio.to_thread(lambda: progress.downloads(job.work.packed()))
            yield look, shown

    def listen(
        self, sessions: Sessions, render: Render, others: Callable[[Look], Updates], more: list[Component]
    ) -> gr.events.Dependency:
        """Follow what stands in ``job``, and connect Stop; returns what more can be done at the end.

        Args:
            sessions: The visitors.
            render: A look as HTML.
            others: What else a look changes while the job is at work: few components, ``more``.
            more: Those.
        """

        def enter(request: gr.Request) -> Updates:
            return self.look(sessions.get(request.session_hash))

        async def watch(request: gr.Request) -> AsyncIterator[Updates]:
            yield {self.live: gr.skip()}  # a generator without a value would empty its outputs
            async for look, shown in self.show(sessions.get(request.session_hash), render):
                yield {self.live: gr.HTML(shown, visible=True), **others(look)}

        def stop(request: gr.Request) -> None:
            sessions.get(request.session_hash).stop(self.name)

        self.stop.click(stop, None, None, **NOW)
        changed = self.job.change  # type: ignore[attr-defined]
        entered = changed(enter, None, self.controls, **NOW_TOO)
        watched = entered.then(watch, None, [self.live, *more], **WATCHING)
        return watched.then(enter, None, self.controls, **NOW_TOO)


def entry(job: Job) -> str:
    """What stands in the hidden box for ``job``: its id, and a mark that makes it new each time it begins."""
    return f"{job.id} {time.monotonic_ns()}"


def small_button(text: str, elem_id: str, **options: Any) -> gr.Button:
    return gr.Button(text, size="sm", elem_id=elem_id, min_width=80, **options)
