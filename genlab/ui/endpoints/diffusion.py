"""The endpoints that look inside ddpm: noising, the way back, samplers, guidance."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from genlab import api, visualize
from genlab.lab.guidance import GuidanceKnobs
from genlab.models.denoising import DiffusionSampling
from genlab.numbers import jsonable
from genlab.ui.endpoints.values import Calls, Json, Outputs, Pictures, given, named, shown, streamed
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add these endpoints to the app in whose context this is called."""
    calls = DiffusionCalls(sessions)
    both = [outputs.gallery, outputs.numbers]
    publish(calls.noise, [outputs.first, outputs.second, outputs.numbers], "sampling")
    publish(calls.reverse, both, "sampling", DiffusionSampling)
    publish(calls.compare_samplers, both, "sampling")
    publish(calls.guidance, both, "sampling", GuidanceKnobs)


class DiffusionCalls(Calls):
    """The endpoints themselves."""

    def noise(
        self,
        t: int,
        index: int | None = 0,
        seed: int | None = 0,
        schedule: str | None = "cosine",
        picture: bytes | None = None,
    ) -> tuple[Any, Any, Json]:
        """Forward diffusion: a digit x_0, the same at time t, and alpha, sigma, SNR.

        Args:
            t: 0 (almost clean) to 999 (pure noise).
            index: Which test image, {test}.
            seed: Of the noise, 0 to 4294967295.
            schedule: linear, cosine or sigmoid.
            picture: A picture file of any size and mode in place of the test image; empty for none.
        """
        found = api.noise(t, **given(index=index, seed=seed, schedule=schedule, picture=picture))
        numbers = {key: getattr(found, key) for key in ("digit", "notices", "alpha", "sigma", "snr")}
        return visualize.picture(found.x_0), visualize.picture(found.x_t), jsonable(numbers)

    def reverse(
        self, request: gr.Request, label: int | None = None, seed: int | None = 0, **knobs: Any
    ) -> Iterator[tuple[Pictures, Json]]:
        """Diffusion step by step: x_t and predicted x_0 of every step, last the picture (t = -1); norms.

        Args:
            label: Digit 0 to 9; empty for the model without a condition.
            seed: 0 to 4294967295.
        """
        moments = yield from streamed(
            api.reverse(library=self.library(request), **given(label=label, seed=seed, **knobs))
        )
        pictures = [
            shown(x, f"{name}, t = {m.t}") for m in moments for name, x in (("x_t", m.x_t), ("x_0", m.x_0))
        ]
        norms = {
            "x_t": [float(m.x_t.norm()) for m in moments],
            "x_0": [float(m.x_0.norm()) for m in moments],
            "eps": [float(m.eps.norm()) for m in moments if m.eps is not None],
            "score": [float(m.score.norm()) for m in moments if m.score is not None],
        }
        yield pictures, jsonable({"t": [m.t for m in moments], "norms": norms} | self.drawn_by(request))

    def compare_samplers(
        self,
        request: gr.Request,
        n: int | None = 8,
        seed: int | None = 0,
        label: int | None = None,
        first: dict | None = None,
        second: dict | None = None,
    ) -> Iterator[tuple[Pictures, Json]]:
        """Two samplers of ddpm on the same noise: pictures of both in turn, cost and distances.

        Args:
            n: Number of pictures, 1 to 32.
            seed: 0 to 4294967295.
            label: Digit 0 to 9; empty for a mix.
            first: Knobs of one side, such as {"sampler": "ddim", "steps": 20}; see /models for all.
            second: The same of the other side; empty for {"sampler": "ddpm"}.
        """
        wanted = given(n=n, seed=seed, label=label, first=first, second=second)
        found = yield from streamed(api.compare_samplers(library=self.library(request), **wanted))
        sides = (("first", found.first), ("second", found.second))
        pictures = [
            (visualize.picture(side.images[i]), f"{name} {i}")
            for i in range(len(found.distance))
            for name, side in sides
        ]
        numbers: Json = {"labels": found.first.labels, "distances": found.distance.tolist()}
        numbers |= {name: {"seconds": s.seconds, "evaluations": s.evaluations} for name, s in sides}
        yield pictures, jsonable(numbers | self.drawn_by(request))

    def guidance(
        self,
        request: gr.Request,
        label: int | None = 3,
        n: int | None = 6,
        seed: int | None = 0,
        scales: list[float] | None = None,
        **knobs: Any,
    ) -> Iterator[tuple[Pictures, Json]]:
        """Guidance taken apart: the same starts at several scales, and one run with both predictions.

        Args:
            label: Digit 0 to 9; empty for 3.
            n: Number of starts, 1 to 32.
            seed: 0 to 4294967295.
            scales: The w of every row, 0 to 10 each, at most 10 of them.
        """
        wanted = given(label=label, n=n, seed=seed, scales=scales, **knobs)
        found = yield from streamed(api.guidance(library=self.library(request), **wanted))
        pictures = [
            picture
            for w, row in zip(found.scales, found.images, strict=True)
            for picture in named(row, f"w = {w:g}, start")
        ]
        norms = {
            name: [float(getattr(step, name).norm()) for step in found.dissected]
            for name in ("cond", "uncond", "difference")
        }
        numbers = {
            "scales": found.scales,
            "read_as": found.read_as.tolist(),
            "t": [step.t for step in found.dissected],
            "norms": norms,
        }
        yield pictures, jsonable(numbers | self.drawn_by(request))
