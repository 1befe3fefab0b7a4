"""The endpoints of the latent spaces: the map, ways between digits, directions, sums, reconstructions."""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr

from genlab import api, visualize
from genlab.lab.codes import CodeKnobs
from genlab.lab.manifold import axis
from genlab.lab.pictures import Digit
from genlab.lab.reconstruction import End, Progress
from genlab.numbers import jsonable
from genlab.ui.endpoints.values import TOLD_SECONDS, Calls, Json, Outputs, Pictures, given, named, streamed
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add these endpoints to the app in whose context this is called."""
    calls = ExplorerCalls(sessions)
    both = [outputs.gallery, outputs.numbers]
    publish(calls.manifold, [outputs.first, outputs.numbers], "sampling")
    publish(calls.decode, [outputs.first, outputs.numbers], "sampling")
    publish(calls.between, both, "sampling", CodeKnobs)
    publish(calls.directions, both, "sampling")
    publish(calls.arithmetic, both, "sampling")
    publish(calls.reconstruct, both, "sampling", CodeKnobs)


def picked(index: int | None, picture: bytes | None) -> Digit | None:
    """The picture that the caller chose; None where he chose none."""
    wanted = given(index=index, picture=picture)
    return api.digit(**wanted) if wanted else None


def told(progress: Progress) -> Json:
    """How far each family is, without its picture."""
    found = {
        name: {"error": r.error, "seconds": r.seconds, "norm": r.norm, "how": r.how, "done": r.done}
        for name, r in progress.found.items()
    }
    return jsonable({"progress": progress.share, "families": found})


class ExplorerCalls(Calls):
    """The endpoints themselves."""

    def origins(self, request: gr.Request, names: Any) -> Json:
        """Whose models drew."""
        session = self.session(request)
        return {"origins": {name: session.origin(name) for name in names}}

    def manifold(self, request: gr.Request) -> tuple[Any, Json]:
        """The map of a VAE with two latents: one picture of 20 x 20 digits without lines between them, the
        axis (each column's x from the left, each row's y from the bottom), and the codes and digits of 2,000
        test images."""
        found = api.plane(self.library(request))
        numbers = {"axis": axis().tolist(), "codes": found.codes.tolist(), "labels": found.labels.tolist()}
        return visualize.grid(found.images, side=1, gap=0), jsonable(numbers)

    def decode(self, request: gr.Request, x: float, y: float) -> tuple[Any, Json]:
        """The picture at a place of the map; the probability of each digit, by the classifier, in it and in
        it made black and white; how many of the 20 closest test digits are of each digit; the closest one.

        Args:
            x: -4 to 4; 0 is the middle of the map.
            y: -4 to 4, upwards.
        """
        found = api.decode(x, y, library=self.library(request))
        numbers = {key: getattr(found, key).tolist() for key in ("chances", "sharp", "around")}
        numbers["nearest"] = found.nearest
        return visualize.picture(found.image), jsonable(numbers)

    def between(
        self,
        request: gr.Request,
        index: int | None = 0,
        picture: bytes | None = None,
        seed: int | None = None,
        other_index: int | None = 1,
        other_picture: bytes | None = None,
        other_seed: int | None = None,
        n: int | None = 9,
        families: list[str] | None = None,
        paths: list[str] | None = None,
        **knobs: Any,
    ) -> Iterator[tuple[Pictures, Json]]:
        """Pictures between two digits in several latent spaces, and the norm of each code.

        Args:
            index: The first end: which test image, {test}.
            picture: A picture file in its place; empty for none.
            seed: Of each family's own sample in place of both, 0 to 4294967295; empty for none.
            other_index: The last end: which test image, {test}.
            other_picture: A picture file in its place; empty for none.
            other_seed: Of a sample in place of both, 0 to 4294967295; empty for none.
            n: Number of pictures on each way, 2 to 32, both ends among them.
            families: Any of autoencoder, vae, gan, wgan, wgan_gp, ddpm, flow; empty for four of them.
            paths: spherical, linear, or both; empty for both.
        """
        first: End | None = picked(index, picture) if seed is None else seed
        last: End | None = picked(other_index, other_picture) if other_seed is None else other_seed
        wanted = given(first=first, last=last, n=n, families=families, paths=paths, **knobs)
        found = yield from streamed(api.between(library=self.library(request), **wanted))
        pictures = [
            shown
            for name, ways in found.items()
            for path, way in ways.items()
            for shown in named(way.images, f"{name}, {path}, picture")
        ]
        norms = {
            name: {path: way.norms.tolist() for path, way in ways.items()} for name, ways in found.items()
        }
        yield pictures, jsonable({"norms": norms} | self.origins(request, found))

    def directions(
        self,
        request: gr.Request,
        family: str | None = "vae",
        amounts: list[float] | None = None,
        index: int | None = None,
        picture: bytes | None = None,
        n: int | None = 7,
    ) -> tuple[Pictures, Json]:
        """A code moved along the leading principal components; then what each of them does alone.

        Args:
            family: autoencoder or vae.
            amounts: How far along each, in standard deviations, -3 to 3, at most 6 of them; empty for 0.
            index: Which test image is moved, {test}; empty for the mean of all codes.
            picture: A picture file in its place; empty for none.
            n: Pictures along each direction, from -3 to 3 standard deviations, 2 to 32.
        """
        wanted = given(family=family, amounts=amounts, picture=picked(index, picture), n=n)
        found = api.directions(library=self.library(request), **wanted)
        pictures = [(visualize.picture(found.image), "moved")]
        for i, sweep in enumerate(found.sweeps, start=1):
            pictures += named(sweep, f"direction {i}, picture")
        numbers = {"share": found.share.tolist()} | self.origins(request, [family or "vae"])
        return pictures, jsonable(numbers)

    def arithmetic(
        self,
        request: gr.Request,
        family: str | None = "vae",
        plus: int | None = 7,
        minus: int | None = 1,
        start: int | None = None,
        index: int | None = 0,
        picture: bytes | None = None,
        strength: float | None = 1.0,
    ) -> tuple[Pictures, Json]:
        """start + strength * (mean code of one digit - that of another): the start, both, and the sum.

        Args:
            family: autoencoder or vae.
            plus: The digit whose mean code is added, 0 to 9.
            minus: The digit whose mean code is taken away, 0 to 9.
            start: A digit whose mean code it begins with, 0 to 9; empty for a picture.
            index: Which test image it begins with, {test}.
            picture: A picture file in its place; empty for none.
            strength: How much of the difference is added, -2 to 2.
        """
        begin = picked(index, picture) if start is None else start
        wanted = given(family=family, plus=plus, minus=minus, start=begin, strength=strength)
        found = api.arithmetic(library=self.library(request), **wanted)
        pictures = [
            (visualize.picture(getattr(found, name)), name) for name in ("start", "plus", "minus", "result")
        ]
        return pictures, jsonable(self.origins(request, [family or "vae"]))

    def reconstruct(
        self,
        request: gr.Request,
        index: int | None = 0,
        picture: bytes | None = None,
        families: list[str] | None = None,
        **knobs: Any,
    ) -> Iterator[tuple[Pictures, Json]]:
        """A picture through each family's latent space and back: encoder, search, or its own way backwards.
        First the original; while it streams, how far each family is.

        Args:
            index: Which test image, {test}.
            picture: A picture file of any size and mode in its place; empty for none.
            families: Any of autoencoder, vae, gan, wgan, wgan_gp, ddpm, flow; empty for all.
        """
        digit = picked(index, picture) or api.digit()
        wanted = given(picture=digit, families=families, **knobs)
        said = time.monotonic()
        for progress in api.reconstruct(library=self.library(request), **wanted):
            if time.monotonic() - said > TOLD_SECONDS:
                said = time.monotonic()
                yield [], told(progress)
        pictures = [(visualize.picture(digit.image), "original")]
        pictures += [(visualize.picture(r.image), name) for name, r in progress.found.items()]
        numbers = told(progress) | {"notices": list(digit.notices)}
        yield pictures, numbers | self.origins(request, progress.found)
