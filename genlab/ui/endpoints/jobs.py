"""The endpoints of jobs: submit, look, follow, stop, go on, fetch what came out. Who has the id may."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict
from typing import Any, NamedTuple

import gradio as gr

from genlab import api, visualize
from genlab.config import TrainConfig, check_options
from genlab.errors import InvalidInput, JobFailed
from genlab.jobs import Job, Look, RaceWork, Training, TrainingPlan, TrainingWork
from genlab.models import FIRST
from genlab.numbers import jsonable
from genlab.race import RaceConfig, RaceRecord, film
from genlab.ui.endpoints.values import Calls, Json, Outputs, given
from genlab.ui.following import follow
from genlab.ui.publishing import publish
from genlab.ui.session import Session, Sessions, trained_digest


class Kind(NamedTuple):
    """What is said of one kind of job."""

    state: Callable[[Look], Json]
    curves: Callable[[Look], Json]
    picture: Callable[[Look], Any]  # PIL; None before there is one


def training_state(look: Look) -> Json:
    seen: Training = look.view
    return {
        "model": look.name,
        "step": seen.step,
        "total_steps": seen.total_steps,
        "seconds_left": 0.0 if look.ended else seen.seconds_left,
        "images_per_second": seen.images_per_second,
        "metrics": seen.metrics,
        "diagnoses": [asdict(found) for found in seen.diagnoses],  # what the doctor says now
        "weights_sha256": trained_digest(look),  # of the checkpoint that /checkpoint gives
    }


def training_picture(look: Look) -> Any:
    """The latest samples, as a grid."""
    return visualize.grid(look.view.preview) if look.view.preview is not None else None


def race_state(look: Look) -> Json:
    """Distances are of ``samples`` samples, as the floor is."""
    seen: RaceRecord = look.view
    families = {}
    for name, standing in seen.families.items():
        told = {k: v for k, v in vars(standing).items() if k != "frames"}
        if standing.state == "running":  # as far as the race itself is
            told["state"] = look.state
        families[name] = told | {"frechet": standing.distances[-1][1] if standing.frames else None}
    return {"config": asdict(seen.config), "floor": seen.floor, "families": families}


def race_curves(look: Look) -> Json:
    """For each family [compute seconds, value] of its distance and of its own loss."""
    return {
        name: {"frechet": standing.distances, "loss": look.view.loss_curve(name)}
        for name, standing in look.view.families.items()
    }


def race_picture(look: Look) -> Any:
    """The last moment."""
    return film.still(look.view, look.view.moments) if look.view.moments >= 0 else None


KINDS = {
    TrainingWork.kind: Kind(training_state, lambda look: look.view.curves, training_picture),
    RaceWork.kind: Kind(race_state, race_curves, race_picture),
}


def state_of(look: Look, *, curves: bool = False) -> Json:
    """A job as JSON."""
    place, kind = look.place, KINDS[look.kind]
    found = {
        "job": look.id,
        "kind": look.kind,
        "state": look.state,
        "message": look.message,
        "notice": look.notice,  # why the result is in memory alone, if it is
        # how many wait before it, and for how long it will wait
        "line": {"before": place.before, "seconds": place.seconds} if place else None,
        "seconds": look.seconds,
        "resumable": look.resumable,
    }
    return jsonable(found | kind.state(look) | ({"curves": kind.curves(look)} if curves else {}))


def picture_of(look: Look) -> Any:
    return KINDS[look.kind].picture(look)


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add these endpoints to the app in whose context this is called."""
    calls = JobCalls(sessions)
    usual = "for the family's live default"
    publish(
        calls.train, [outputs.numbers, outputs.files, outputs.first], "training", TrainConfig, empty=usual
    )
    publish(calls.submit, [outputs.numbers], "jobs", TrainConfig, empty=usual)
    publish(calls.race, [outputs.numbers], "jobs", RaceConfig)
    publish(calls.job, [outputs.numbers], "jobs")
    publish(calls.follow, [outputs.numbers, outputs.first], "following")
    publish(calls.stop, [outputs.numbers], "jobs")
    publish(calls.resume, [outputs.numbers], "jobs")
    publish(calls.checkpoint, [outputs.files, outputs.numbers], "jobs")


class JobCalls(Calls):
    """The endpoints themselves."""

    def _plan(
        self, session: Session, model: str, start: str | None, options: Any, **knobs: Any
    ) -> TrainingPlan:
        found = check_options("options", options)
        return api.training_plan(model, given(**knobs), found, start or "scratch", shop=session.store.shop)

    def _job(self, request: gr.Request, id: str) -> Job:
        return self.sessions.store.get(id)

    async def train(
        self,
        request: gr.Request,
        model: str,
        start: str | None = "scratch",
        options: dict | None = None,
        **knobs: Any,
    ) -> AsyncIterator[tuple[Any, ...]]:
        """Train a family; streams progress, at the end checkpoint and preview. Cancelling stops it.

        A training that fails is an error that says why. After any other, this session's calls use its model.

        Args:
            model: {models}.
            start: scratch, or shipped to go on from the shipped weights.
            options: The family's own knobs, such as {"lr": 0.001, "width": 32}; see /models for all.
            knobs: How long it lasts, and on which pictures; empty means the family's live default.
        """
        session = self.session(request)
        plan = await asyncio.to_thread(self._plan, session, model, start, options, **knobs)
        job = await asyncio.to_thread(session.submit, plan)
        try:
            async for look in follow(job):
                if look.state == "failed":
                    raise JobFailed(look.message)
                if look.ended:
                    await asyncio.to_thread(session.settle, job)
                picture = picture_of(look) if look.ended else None
                # /sample draws from the trained model now, but not from one that diverged
                now = {"sampling_from": session.origin(model)}
                yield state_of(look) | now, list(look.files) or None, picture
        finally:
            if job.active:
                session.store.stop(job.id)

    def submit(
        self,
        request: gr.Request,
        model: str,
        start: str | None = "scratch",
        options: dict | None = None,
        **knobs: Any,
    ) -> Json:
        """Train a family in the background. Returns its state at once, with "job": the id to ask by.

        It goes on when this client is gone, until nobody has asked for it for some minutes. Each client
        may have one job at work and one waiting.

        Args:
            model: {models}.
            start: scratch, or shipped to go on from the shipped weights.
            options: The family's own knobs, such as {"lr": 0.001, "width": 32}; see /models for all.
            knobs: How long it lasts, and on which pictures; empty means the family's live default.
        """
        session = self.session(request)
        plan = self._plan(session, model, start, options, **knobs)
        return state_of(session.submit(plan).look())

    def race(self, request: gr.Request, families: list[str] | None = None, **knobs: Any) -> Json:
        """Race families at equal compute, in the background: at any time the one that has used the least
        is advanced. Returns its state at once, with "job": the id to ask by; see /follow and /checkpoint.

        Args:
            families: Two or more different names out of {models}; empty for {first}.
            knobs: The fields of the race; empty means the default.
        """
        session = self.session(request)
        names = list(FIRST) if families is None else families
        return state_of(session.submit_race(names, **given(**knobs)).look())

    def job(self, request: gr.Request, job: str) -> Json:
        """How a job is now.

        Args:
            job: The id that /submit or /race gave, or that stands in the page's address after "job=".
        """
        return state_of(self._job(request, job).look())

    async def follow(self, request: gr.Request, job: str) -> AsyncIterator[tuple[Json, Any]]:
        """How a job goes, until it has ended: its state with the whole curves; at the end its samples.

        Afterwards this session's other calls use the trained model.

        Args:
            job: The id that /submit or /race gave, or that stands in the page's address after "job=".
        """
        session = self.session(request)
        found = self._job(request, job)
        async for look in follow(found):
            # One picture a call: a second one of the same samples would overwrite a file still being sent.
            picture = picture_of(look) if look.ended else None
            yield state_of(look, curves=True), picture
        await asyncio.to_thread(session.settle, found)

    def stop(self, request: gr.Request, job: str) -> Json:
        """End a job within one step; what it learned is kept. One that waits leaves the line.

        Args:
            job: The id that /submit or /race gave, or that stands in the page's address after "job=".
        """
        return state_of(self.session(request).store.stop(job).look())

    def resume(self, request: gr.Request, job: str) -> Json:
        """Go on with a training that was stopped, or interrupted by a restart of the server.

        Args:
            job: The id that /submit gave, or that stands in the page's address after "job=".
        """
        session = self.session(request)
        return state_of(session.store.resume(job, session.key or None).look())

    def checkpoint(self, request: gr.Request, job: str) -> tuple[list[str], Json]:
        """The files that an ended job has left: weights and their config; of a race, picture and record.

        Args:
            job: The id that /submit or /race gave, or that stands in the page's address after "job=".
        """
        found = self._job(request, job)
        found.save_again()
        look = found.look()
        if not look.files:
            why = look.notice or ("it has not ended." if not look.ended else "it has left no files.")
            raise InvalidInput(f"job is {look.id!r}; {why}")
        return list(look.files), state_of(look)
