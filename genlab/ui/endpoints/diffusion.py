"""The endpoints of the diffusion laboratory; all use this session's ddpm."""

from collections.abc import Iterator
from typing import Any

import gradio as gr
from torch import Tensor

from genlab import api, visualize
from genlab.data import to_uint8
from genlab.lab.guidance import GuidanceKnobs
from genlab.lab.latents import RepaintKnobs, VaryKnobs
from genlab.lab.pictures import read_mask
from genlab.library import Library
from genlab.models.ddpm import DDPMSampling, Denoising, Guided
from genlab.ui.endpoints.values import Json, Outputs, Pictures, given
from genlab.ui.numbers import jsonable
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add these endpoints to the app in whose context this is called."""
    calls = Calls(sessions)
    both = [outputs.gallery, outputs.numbers]
    publish(calls.noise, [outputs.first, outputs.second, outputs.numbers], "sampling")
    publish(calls.reverse, both, "sampling", DDPMSampling)
    publish(calls.compare_samplers, both, "sampling")
    publish(calls.steps_curve, [outputs.numbers], "measuring")
    publish(calls.guidance, both, "sampling", GuidanceKnobs)
    publish(calls.guidance_curve, [outputs.numbers], "measuring")
    publish(calls.interpolate, both, "sampling", Guided)
    publish(calls.invert, both, "sampling", Denoising)
    publish(calls.repaint, both, "sampling", RepaintKnobs)
    publish(calls.vary, both, "sampling", VaryKnobs)


def named(images: Tensor, name: str) -> Pictures:
    """Pictures uint8 (N, C, H, W), captioned "name 0", "name 1", ..."""
    return [(visualize.picture(x), f"{name} {i}") for i, x in enumerate(images)]


def shown(x: Tensor, name: str) -> tuple[Any, str]:
    """One picture (C, H, W) in [-1, 1]; what is beyond is black or white."""
    return visualize.picture(to_uint8(x[None])[0]), name


class Calls:
    """The endpoints themselves; a client's session keeps the model it trained."""

    def __init__(self, sessions: Sessions) -> None:
        self.sessions = sessions

    def _library(self, request: gr.Request) -> Library:
        return self.sessions.get(request.session_hash).library

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
            index: Which test image, from 0.
            seed: Of the noise, 0 to 4294967295.
            schedule: linear, cosine or sigmoid.
            picture: A picture file of any size and mode in place of the test image; empty for none.
        """
        found = api.noise(t, **given(index=index, seed=seed, schedule=schedule, picture=picture))
        numbers = {key: getattr(found, key) for key in ("digit", "notices", "alpha", "sigma", "snr")}
        return visualize.picture(found.x_0), visualize.picture(found.x_t), jsonable(numbers)

    def reverse(
        self, request: gr.Request, label: int | None = None, seed: int | None = 0, **knobs: Any
    ) -> tuple[Pictures, Json]:
        """Diffusion step by step: x_t and the predicted x_0 of every step, and the norms on the way.

        Args:
            label: Digit 0 to 9; empty for the model without a condition.
            seed: 0 to 4294967295.
        """
        moments = api.reverse(library=self._library(request), **given(label=label, seed=seed, **knobs))
        pictures = [
            shown(x, f"{name}, t = {m.t}") for m in moments for name, x in (("x_t", m.x_t), ("x_0", m.x_0))
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
        wanted = given(n=n, seed=seed, label=label, first=first, second=second)
        found = api.compare_samplers(library=self._library(request), **wanted)
        sides = (("first", found.first), ("second", found.second))
        pictures = [
            (visualize.picture(side.images[i]), f"{name} {i}")
            for i in range(len(found.distance))
            for name, side in sides
        ]
        numbers: Json = {"labels": found.first.labels, "distances": found.distance.tolist()}
        numbers |= {name: {"seconds": s.seconds, "evaluations": s.evaluations} for name, s in sides}
        return pictures, jsonable(numbers)

    def steps_curve(
        self,
        request: gr.Request,
        n: int | None = None,
        seed: int | None = None,
        samplers: list[str] | None = None,
        steps: list[int] | None = None,
        guidance: float | None = None,
    ) -> Iterator[Json]:
        """Quality against steps: all empty for the shipped measurement, else measured now, streaming.

        Args:
            n: Samples for each point, 50 to 2000.
            seed: 0 to 4294967295.
            samplers: Any of ddim, ddpm, heun, dpmpp.
            steps: 1 to 1000 each, at most 10 of them.
            guidance: 0 to 10.
        """
        library = self._library(request)
        wanted = given(n=n, seed=seed, samplers=samplers, steps=steps, guidance=guidance)
        if not wanted:
            yield api.shipped_curve("steps", library=library)
            return
        for progress in api.steps_curve(library=library, **wanted):
            yield jsonable(progress._asdict())

    def guidance(
        self,
        request: gr.Request,
        label: int | None = 3,
        n: int | None = 6,
        seed: int | None = 0,
        scales: list[float] | None = None,
        **knobs: Any,
    ) -> tuple[Pictures, Json]:
        """Guidance taken apart: the same starts at several scales, and one run with both predictions.

        Args:
            label: Digit 0 to 9.
            n: Number of starts, 1 to 32.
            seed: 0 to 4294967295.
            scales: The w of every row, 0 to 10 each, at most 10 of them.
        """
        wanted = given(label=label, n=n, seed=seed, scales=scales, **knobs)
        found = api.guidance(library=self._library(request), **wanted)
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
        return pictures, jsonable(numbers)

    def guidance_curve(
        self,
        request: gr.Request,
        n: int | None = None,
        seed: int | None = None,
        scales: list[float] | None = None,
        steps: int | None = None,
        sampler: str | None = None,
    ) -> Iterator[Json]:
        """Accuracy and diversity against guidance: all empty for the shipped measurement, else now.

        Args:
            n: Samples for each point, 50 to 2000.
            seed: 0 to 4294967295.
            scales: 0 to 10 each, at most 10 of them.
            steps: 1 to 1000.
            sampler: ddim, ddpm, heun or dpmpp.
        """
        library = self._library(request)
        wanted = given(n=n, seed=seed, scales=scales, steps=steps, sampler=sampler)
        if not wanted:
            yield api.shipped_curve("guidance", library=library)
            return
        for progress in api.guidance_curve(library=library, **wanted):
            yield jsonable(progress._asdict())

    def interpolate(
        self,
        request: gr.Request,
        label: int | None = 3,
        n: int | None = 9,
        seed: int | None = 0,
        other_seed: int | None = 1,
        path: str | None = "spherical",
        **knobs: Any,
    ) -> tuple[Pictures, Json]:
        """Pictures by DDIM from starts between the noise of two seeds, and the norm of each start.

        Args:
            label: Digit 0 to 9.
            n: Number of pictures, 2 to 32, both ends among them.
            seed: Of the first start, 0 to 4294967295.
            other_seed: Of the last start.
            path: spherical, or linear, whose middle is too weak a noise.
        """
        wanted = given(label=label, n=n, seed=seed, other_seed=other_seed, path=path, **knobs)
        found = api.interpolate(library=self._library(request), **wanted)
        return named(found.images, "picture"), jsonable({"norms": found.norms.tolist()})

    def invert(
        self,
        request: gr.Request,
        label: int | None = None,
        index: int | None = 0,
        picture: bytes | None = None,
        **knobs: Any,
    ) -> tuple[Pictures, Json]:
        """DDIM inversion: the digit, the noise it comes from, and what is drawn from that noise.

        Args:
            label: What the digit is, 0 to 9; empty for the model without a condition.
            index: Which test image, from 0.
            picture: A picture file of any size and mode in place of the test image; empty for none.
        """
        digit = api.digit(**given(index=index, picture=picture))
        found = api.invert(library=self._library(request), **given(label=label, **knobs), picture=digit)
        pictures = [
            (visualize.picture(digit.image), "digit"),
            shown(found.x_T, "noise"),
            (visualize.picture(found.image), "drawn again"),
        ]
        numbers = {"error": found.error, "norm": float(found.x_T.norm()), "notices": digit.notices}
        return pictures, jsonable(numbers)

    def repaint(
        self,
        request: gr.Request,
        label: int | None = None,
        n: int | None = 8,
        seed: int | None = 0,
        index: int | None = 0,
        picture: bytes | None = None,
        region: str | None = "right half",
        mask: bytes | None = None,
        **knobs: Any,
    ) -> tuple[Pictures, Json]:
        """Inpainting: a part of a digit is drawn anew so that it fits the rest. The first is the original.

        Args:
            label: What the digit should be, 0 to 9; empty for the model without a condition.
            n: Number of pictures, 1 to 32.
            seed: 0 to 4294967295.
            index: Which test image, from 0.
            picture: A picture file of any size and mode in place of the test image; empty for none.
            region: right half, left half, upper half, lower half or middle.
            mask: A picture file in place of the region: white is drawn anew, black kept; empty for none.
        """
        digit = api.digit(**given(index=index, picture=picture))
        wanted = given(label=label, n=n, seed=seed, region=region, **knobs)
        painted = None if mask is None else read_mask(mask)
        found = api.repaint(library=self._library(request), picture=digit, mask=painted, **wanted)
        pictures = [*named(found.original[None], "original"), *named(found.images, "picture")]
        return pictures, jsonable({"notices": digit.notices})

    def vary(
        self,
        request: gr.Request,
        label: int | None = None,
        n: int | None = 8,
        seed: int | None = 0,
        index: int | None = 0,
        picture: bytes | None = None,
        **knobs: Any,
    ) -> tuple[Pictures, Json]:
        """Image to image (SDEdit): noise is added to a digit and taken out again. First the original.

        Args:
            label: What it should become, 0 to 9; empty for the model without a condition.
            n: Number of pictures, 1 to 32.
            seed: 0 to 4294967295.
            index: Which test image, from 0.
            picture: A picture file of any size and mode in place of the test image; empty for none.
        """
        digit = api.digit(**given(index=index, picture=picture))
        wanted = given(label=label, n=n, seed=seed, **knobs)
        found = api.vary(library=self._library(request), picture=digit, **wanted)
        pictures = [*named(found.original[None], "original"), *named(found.images, "picture")]
        return pictures, jsonable({"notices": digit.notices})
