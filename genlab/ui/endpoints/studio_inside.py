"""The endpoint that looks inside the studio's pipelines."""

from typing import Any

from genlab.api.studio_inside import inside
from genlab.numbers import jsonable
from genlab.studio.engine import Engine
from genlab.studio.lens import Inside
from genlab.studio.request import TextKnobs
from genlab.ui.endpoints.studio import EMPTY, ONE, Answer, told
from genlab.ui.endpoints.values import Json, Outputs, Pictures, given
from genlab.ui.publishing import publish
from genlab.ui.studio.maps import overlay


def expose(engine: Engine, outputs: Outputs) -> None:
    """Add this endpoint to the app in whose context this is called."""
    publish(InsideCalls(engine).inside, [outputs.gallery, outputs.numbers], "studio", TextKnobs, ONE, EMPTY)


class InsideCalls:
    """The endpoint itself."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def inside(self, **wanted: Any) -> Answer:
        """Stable Diffusion step by step: each x_0, the picture, a heat map a word; norms, attention."""
        found: Inside = yield from told(inside(engine=self.engine, **given(**wanted)))
        yield pictures(found), jsonable(numbers(found))


def pictures(found: Inside) -> Pictures:
    """x_0 of every step, the finished picture, and it under the mean attention to each word."""
    drawn, maps = found.drawn.pictures[0], found.attention()
    return [
        *((step.picture, f"x_0, t = {step.t:g}") for step in found.steps),
        (drawn, "picture"),
        *((overlay(drawn, one), name) for one, name in zip(maps, found.names(), strict=True)),
    ]


def numbers(found: Inside) -> Json:
    """What is not a picture; attention as the mean share over all places and steps."""
    attention = zip(found.names(), found.attention().mean((1, 2)).tolist(), strict=True)
    return {
        "t": [step.t for step in found.steps],
        "norms": found.norms(),
        "attention": [{"word": name, "share": share} for name, share in attention],
        "pixels": found.compression.pixels,
        "latents": found.compression.latents,
        "ratio": found.compression.ratio,
        "round_trip_psnr": found.round_trip.psnr,
        "recipe": found.drawn.recipes[0],
        "notices": found.drawn.notices,
    }
