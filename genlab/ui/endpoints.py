"""The public endpoints: what ``gradio_client`` and other programs call. Their names are a contract.

Inputs are plain JSON values that reach ``genlab.api`` as they are, so that its sentence about a bad
one is what the caller reads; pictures and files come back through hidden components.
"""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from genlab import api, visualize
from genlab.config import check_options
from genlab.data import to_uint8
from genlab.errors import GenlabError
from genlab.jobs import Progress
from genlab.models import MODELS
from genlab.ui.numbers import brief, jsonable
from genlab.ui.publishing import publish
from genlab.ui.session import Session, Sessions, TrainRequest, trained_digest

Json = dict[str, Any]
Pictures = list[tuple[Any, str]]


def given(**values: Any) -> Json:
    """What the caller gave; None and "" mean the default."""
    return {k: v for k, v in values.items() if v is not None and v != ""}


def state_of(progress: Progress, session: Session, name: str) -> Json:
    """A training as JSON."""
    return jsonable(
        {
            "model": name,
            "state": progress.state,
            "step": progress.step,
            "total_steps": progress.total_steps,
            "seconds": progress.seconds,
            "seconds_left": progress.seconds_left,
            "images_per_second": progress.images_per_second,
            "metrics": progress.metrics,
            "message": progress.message,
            "weights_sha256": trained_digest(progress),  # of the checkpoint that comes with this
            "sampling_from": session.origin(name),  # what /sample uses now: not a diverged training
        }
    )


def expose(sessions: Sessions) -> None:
    """Add all endpoints to the app in whose context this is called."""
    numbers = gr.JSON(visible=False, label="numbers")
    gallery = gr.Gallery(visible=False, format="png", label="pictures")
    first = gr.Image(visible=False, format="png", label="x_0")
    second = gr.Image(visible=False, format="png", label="x_t")
    preview = gr.Image(visible=False, format="png", label="preview")
    files = gr.File(visible=False, file_count="multiple", label="checkpoint")
    calls = Calls(sessions)
    publish(calls.models, [numbers], "sampling")
    publish(calls.sample, [gallery, numbers], "sampling")
    publish(calls.nearest, [gallery, numbers], "measuring")
    publish(calls.noise, [first, second, numbers], "sampling")
    publish(calls.reverse, [gallery, numbers], "sampling")
    publish(calls.compare_samplers, [gallery, numbers], "sampling")
    publish(calls.evaluate, [numbers], "measuring")
    publish(calls.train, [numbers, files, preview], "training")


class Calls:
    """The endpoints themselves; a client's session keeps the models it trained."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def models(self, request: gr.Request) -> list[Json]:
        """Every family: card, knobs with ranges, parameters and the measurements of its weights."""
        session = self.sessions.get(request.session_hash)
        found = []
        for name in MODELS:
            try:
                found.append(jsonable(api.describe(session.entry(name))))
            except GenlabError as error:  # broken weights: said here, the other families are listed
                found.append({"name": name, "error": str(error)})
        return found

    def sample(
        self,
        request: gr.Request,
        model: str,
        n: int | None = 16,
        seed: int | None = 0,
        label: int | None = None,
        **knobs: Any,
    ) -> tuple[Pictures, Json]:
        """Draw digits. Returns lossless PNG files and the numbers: cost, labels, weights.

        Args:
            model: {models}.
            n: Number of pictures, 1 to 256.
            seed: 0 to 4294967295; the same seed draws the same pictures.
            label: Digit 0 to 9 ({conditional} only); empty for a mix.
            knobs: The sampling knobs of the families; empty means the default.
        """
        session = self.sessions.get(request.session_hash)
        knobs = given(**knobs)
        wanted = given(n=n, seed=seed, label=label)
        *_, samples = api.sample(model, library=session.library, **wanted, **knobs)
        numbers = {"model": model, "n": len(samples.images), "seed": wanted.get("seed", 0), "knobs": knobs}
        numbers |= {
            "labels": samples.labels,
            "seconds": samples.seconds,
            "evaluations": samples.evaluations,
            "images_per_second": samples.images_per_second,
            "weights_sha256": session.digest(model),
            "origin": session.entry(model).origin,
        }
        captions = samples.labels or range(len(samples.images))
        pictures = [
            (visualize.picture(x), f"digit {c}" if samples.labels else f"picture {c}")
            for x, c in zip(samples.images, captions, strict=True)
        ]
        return pictures, jsonable(numbers)

    def nearest(
        self,
        request: gr.Request,
        model: str,
        n: int | None = 16,
        seed: int | None = 0,
        label: int | None = None,
        **knobs: Any,
    ) -> tuple[Pictures, Json]:
        """Is it copying? Returns samples, each followed by the training image nearest to it.

        Args:
            model: {models}.
            n: Number of samples, 1 to 256.
            seed: 0 to 4294967295.
            label: Digit 0 to 9 ({conditional} only); empty for a mix.
            knobs: The sampling knobs of the families; empty means the default.
        """
        session = self.sessions.get(request.session_hash)
        knobs = given(**knobs)
        found = api.nearest(model, library=session.library, **given(n=n, seed=seed, label=label), **knobs)
        index, distance = found.neighbours.index.tolist(), found.neighbours.distance.tolist()
        pictures: Pictures = []
        for i, (x, image) in enumerate(zip(found.samples.images, found.images, strict=True)):
            pictures.append((visualize.picture(x), f"sample {i}"))
            nearest = f"training image {index[i]}, distance {brief(distance[i])}"
            pictures.append((visualize.picture(image), nearest))
        return pictures, jsonable({"model": model, "indices": index, "distances": distance})

    def noise(
        self,
        t: int,
        index: int | None = 0,
        seed: int | None = 0,
        schedule: str | None = "cosine",
    ) -> tuple[Any, Any, Json]:
        """Forward diffusion: a test digit x_0, the same at time t, and alpha, sigma, SNR.

        Args:
            t: 0 (almost clean) to 999 (pure noise).
            index: Which test image, from 0.
            seed: Of the noise, 0 to 4294967295.
            schedule: linear, cosine or sigmoid.
        """
        found = api.noise(t, **given(index=index, seed=seed, schedule=schedule))
        numbers = {key: getattr(found, key) for key in ("digit", "alpha", "sigma", "snr")}
        return visualize.picture(found.x_0), visualize.picture(found.x_t), jsonable(numbers)

    def reverse(
        self,
        request: gr.Request,
        label: int | None = None,
        seed: int | None = 0,
        sampler: str | None = None,
        steps: int | None = None,
        guidance: float | None = None,
        eta: float | None = None,
    ) -> tuple[Pictures, Json]:
        """Diffusion step by step: x_t and the predicted x_0 of every step, and the norms on the way.

        Args:
            label: Digit 0 to 9; empty for the model without a condition.
            seed: 0 to 4294967295.
            sampler: ddim, ddpm, heun or dpmpp; empty for ddim.
            steps: 1 to 1000; empty for 50.
            guidance: 0 to 10; empty for 1.
            eta: 0 to 1; empty for 0.
        """
        library = self.sessions.get(request.session_hash).library
        knobs = given(sampler=sampler, steps=steps, guidance=guidance, eta=eta)
        moments = api.reverse(library=library, **given(label=label, seed=seed), **knobs)
        pictures = [
            (visualize.picture(to_uint8(x[None])[0]), f"{name}, t = {m.t}")
            for m in moments
            for name, x in (("x_t", m.x_t), ("x_0", m.x_0))
        ]
        norms = {
            "x_t": [float(m.x_t.norm()) for m in moments],
            "x_0": [float(m.x_0.norm()) for m in moments],
            "eps": [float(m.eps.norm()) for m in moments if m.eps is not None],
            "score": [float(m.score.norm()) for m in moments if m.score is not None],
        }
        return pictures, jsonable({"t": [m.t for m in moments], "norms": norms})

    def compare_samplers(
        self,
        request: gr.Request,
        n: int | None = 8,
        seed: int | None = 0,
        label: int | None = None,
        first: dict | None = None,
        second: dict | None = None,
    ) -> tuple[Pictures, Json]:
        """Two samplers of ddpm on the same noise: pictures of both in turn, cost and distances.

        Args:
            n: Number of pictures, 1 to 32.
            seed: 0 to 4294967295.
            label: Digit 0 to 9; empty for a mix.
            first: Knobs of one side, such as {"sampler": "ddim", "steps": 20}; see /models for all.
            second: The same of the other side.
        """
        library = self.sessions.get(request.session_hash).library
        wanted = given(n=n, seed=seed, label=label, first=first, second=second)
        found = api.compare_samplers(library=library, **wanted)
        sides = (("first", found.first), ("second", found.second))
        pictures = [
            (visualize.picture(side.images[i]), f"{name} {i}")
            for i in range(len(found.distance))
            for name, side in sides
        ]
        numbers: Json = {"labels": found.first.labels, "distances": found.distance.tolist()}
        numbers |= {name: {"seconds": s.seconds, "evaluations": s.evaluations} for name, s in sides}
        return pictures, jsonable(numbers)

    def evaluate(
        self,
        request: gr.Request,
        model: str,
        n: int | None = 1000,
        seed: int | None = 0,
        **knobs: Any,
    ) -> Iterator[Json]:
        """Measure a model by the project's protocol; streams progress, the last item is the result.

        Args:
            model: {models}.
            n: Number of samples, 100 to 10000.
            seed: 0 to 4294967295.
            knobs: The sampling knobs of the families; empty means the default.
        """
        session = self.sessions.get(request.session_hash)
        knobs = given(**knobs)
        for found in api.evaluate(model, library=session.library, **given(n=n, seed=seed), **knobs):
            yield jsonable({"model": model, **found})

    def train(
        self,
        request: gr.Request,
        model: str,
        start: str | None = "scratch",
        steps: int | None = None,
        batch_size: int | None = None,
        seed: int | None = None,
        preview_every: int | None = None,
        decay: str | None = None,
        options: dict | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Train a family; streams progress, at the end checkpoint and preview. Cancelling stops it.

        Afterwards this session's other calls use the trained model.

        Args:
            model: {models}.
            start: scratch, or shipped to go on from the shipped weights.
            steps: Optimisation steps, 1 to 1000000; empty for the family's live default.
            batch_size: Images in one step, 2 to 4096; empty for the family's live default.
            seed: 0 to 4294967295; the same seed trains the same model.
            preview_every: Steps between two looks at the samples, 1 to 1000000.
            decay: cosine or none: does the learning rate fade?
            options: The family's own knobs, such as {"lr": 0.001, "width": 32}; see /models for all.
        """
        session = self.sessions.get(request.session_hash)
        training = given(
            steps=steps, batch_size=batch_size, seed=seed, preview_every=preview_every, decay=decay
        )
        wanted = TrainRequest(model, training, check_options("options", options), start or "scratch")
        for progress in session.train(wanted):
            done = progress.state != "running"
            shown = visualize.grid(progress.preview) if done and progress.preview is not None else None
            yield state_of(progress, session, model), list(progress.files) or None, shown
