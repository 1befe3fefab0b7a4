"""The endpoints that go from noise to noise, back from a picture, and around a picture."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from genlab import api, visualize
from genlab.lab.latents import RepaintKnobs, VaryKnobs
from genlab.lab.pictures import read_mask
from genlab.models.denoising import Denoising, Guided
from genlab.numbers import jsonable
from genlab.ui.endpoints.values import Calls, Json, Outputs, Pictures, given, named, shown, streamed
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add these endpoints to the app in whose context this is called."""
    calls = LatentCalls(sessions)
    both = [outputs.gallery, outputs.numbers]
    publish(calls.interpolate, both, "sampling", Guided)
    publish(calls.invert, both, "sampling", Denoising)
    publish(calls.repaint, both, "sampling", RepaintKnobs)
    publish(calls.vary, both, "sampling", VaryKnobs)


class LatentCalls(Calls):
    """The endpoints themselves."""

    def interpolate(
        self,
        request: gr.Request,
        label: int | None = 3,
        n: int | None = 9,
        seed: int | None = 0,
        other_seed: int | None = 1,
        path: str | None = "spherical",
        **knobs: Any,
    ) -> Iterator[tuple[Pictures, Json]]:
        """Pictures by DDIM from starts between the noise of two seeds, and the norm of each start.

        Args:
            label: Digit 0 to 9; empty for 3.
            n: Number of pictures, 2 to 32, both ends among them.
            seed: Of the first start, 0 to 4294967295.
            other_seed: Of the last start, 0 to 4294967295.
            path: spherical, or linear, whose middle is too weak a noise.
        """
        wanted = given(label=label, n=n, seed=seed, other_seed=other_seed, path=path, **knobs)
        found = yield from streamed(api.interpolate(library=self.library(request), **wanted))
        yield (
            named(found.images, "picture"),
            jsonable({"norms": found.norms.tolist()} | self.drawn_by(request)),
        )

    def invert(
        self,
        request: gr.Request,
        label: int | None = None,
        index: int | None = 0,
        picture: bytes | None = None,
        **knobs: Any,
    ) -> Iterator[tuple[Pictures, Json]]:
        """DDIM inversion: the digit, the noise it comes from, and what is drawn from that noise.

        Args:
            label: What the digit is, 0 to 9; empty for the model without a condition.
            index: Which test image, {test}.
            picture: A picture file of any size and mode in place of the test image; empty for none.
        """
        digit = api.digit(**given(index=index, picture=picture))
        found = yield from streamed(
            api.invert(library=self.library(request), **given(label=label, **knobs), picture=digit)
        )
        pictures = [
            (visualize.picture(digit.image), "digit"),
            shown(found.x_T, "noise"),
            (visualize.picture(found.image), "drawn again"),
        ]
        numbers = {"error": found.error, "norm": float(found.x_T.norm()), "notices": digit.notices}
        yield pictures, jsonable(numbers | self.drawn_by(request))

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
    ) -> Iterator[tuple[Pictures, Json]]:
        """Inpainting: a part of a digit is drawn anew so that it fits the rest. The first is the original.

        Args:
            label: What the digit should be, 0 to 9; empty for the model without a condition.
            n: Number of pictures, 1 to 32.
            seed: 0 to 4294967295.
            index: Which test image, {test}.
            picture: A picture file of any size and mode in place of the test image; empty for none.
            region: right half, left half, upper half, lower half or middle.
            mask: A picture file in place of the region: white is drawn anew, black kept; empty for none.
        """
        digit = api.digit(**given(index=index, picture=picture))
        wanted = given(label=label, n=n, seed=seed, region=region, **knobs)
        painted = None if mask is None else read_mask(mask)
        found = yield from streamed(
            api.repaint(library=self.library(request), picture=digit, mask=painted, **wanted)
        )
        pictures = [*named(digit.image[None], "original"), *named(found, "picture")]
        yield pictures, jsonable({"notices": digit.notices} | self.drawn_by(request))

    def vary(
        self,
        request: gr.Request,
        label: int | None = None,
        n: int | None = 8,
        seed: int | None = 0,
        index: int | None = 0,
        picture: bytes | None = None,
        **knobs: Any,
    ) -> Iterator[tuple[Pictures, Json]]:
        """Image to image (SDEdit): noise is added to a digit and taken out again. First the original.

        Args:
            label: What it should become, 0 to 9; empty for the model without a condition.
            n: Number of pictures, 1 to 32.
            seed: 0 to 4294967295.
            index: Which test image, {test}.
            picture: A picture file of any size and mode in place of the test image; empty for none.
        """
        digit = api.digit(**given(index=index, picture=picture))
        wanted = given(label=label, n=n, seed=seed, **knobs)
        found = yield from streamed(api.vary(library=self.library(request), picture=digit, **wanted))
        pictures = [*named(digit.image[None], "original"), *named(found, "picture")]
        yield pictures, jsonable({"notices": digit.notices} | self.drawn_by(request))
