"""The endpoint that plays the GANs' game on the plane."""

from collections.abc import Iterator
from typing import Any

import gradio as gr

from genlab import api
from genlab.lab.ring import Moment, RingConfig
from genlab.numbers import jsonable
from genlab.ui.endpoints.values import Calls, Json, Outputs, given
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add this endpoint to the app in whose context this is called."""
    publish(RingCalls(sessions).ring, [outputs.numbers], "measuring", knobs=RingConfig)


def told(now: Moment) -> Json:
    """One moment as JSON, the points as [x, y] and the surface by rows from the top."""
    found = now._asdict() | {"points": now.points.tolist(), "surface": now.surface.tolist()}
    return jsonable(found | {"covered": now.covered, "good": now.good})


class RingCalls(Calls):
    """The endpoint itself."""

    def ring(self, request: gr.Request, **knobs: Any) -> Iterator[Json]:
        """A GAN learns eight Gaussians on a ring, move by move: how many modes it covers, the share of good
        points, how hard the generator is pulled, its points, and the opponent's surface.

        Args:
            knobs: The fields of the game; empty means the default.
        """
        yield from map(told, api.ring(**given(**knobs)))
