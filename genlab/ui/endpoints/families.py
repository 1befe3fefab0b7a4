"""The endpoints of the families: describe, draw, search for copies, measure."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from genlab import api, visualize
from genlab.errors import GenlabError
from genlab.models import MODELS
from genlab.numbers import brief, jsonable
from genlab.ui.endpoints.values import Calls, Json, Outputs, Pictures, given
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add these endpoints to the app in whose context this is called."""
    calls = FamilyCalls(sessions)
    publish(calls.models, [outputs.numbers], "sampling")
    publish(calls.sample, [outputs.gallery, outputs.numbers], "sampling")
    publish(calls.nearest, [outputs.gallery, outputs.numbers], "measuring")
    publish(calls.evaluate, [outputs.numbers], "measuring")


class FamilyCalls(Calls):
    """The endpoints themselves."""

    def models(self, request: gr.Request) -> list[Json]:
        """Every family: card, knobs with ranges, parameters and the measurements of its weights."""
        session = self.session(request)
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
        session = self.session(request)
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
        session = self.session(request)
        knobs = given(**knobs)
        found = api.nearest(model, library=session.library, **given(n=n, seed=seed, label=label), **knobs)
        index, distance = found.neighbours.index.tolist(), found.neighbours.distance.tolist()
        pictures: Pictures = []
        for i, (x, image) in enumerate(zip(found.samples.images, found.images, strict=True)):
            pictures.append((visualize.picture(x), f"sample {i}"))
            nearest = f"training image {index[i]}, distance {brief(distance[i])}"
            pictures.append((visualize.picture(image), nearest))
        return pictures, jsonable({"model": model, "indices": index, "distances": distance})

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
        session = self.session(request)
        knobs = given(**knobs)
        for found in api.evaluate(model, library=session.library, **given(n=n, seed=seed), **knobs):
            yield jsonable({"model": model, **found})
