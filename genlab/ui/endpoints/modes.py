"""The endpoint that plays the GANs' game on real digits."""

import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

from genlab import api, visualize
from genlab.events import Step
from genlab.lab.modes import ModesConfig, Moment
from genlab.numbers import jsonable
from genlab.ui.endpoints.values import TOLD_SECONDS, Calls, Json, Outputs, given
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions

COLUMNS = 20  # of the picture of all samples


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add this endpoint to the app in whose context this is called."""
    publish(ModesCalls(sessions).modes, [outputs.first, outputs.numbers], "measuring", knobs=ModesConfig)


def told(now: Moment) -> Json:
    """One moment as JSON, without its pictures."""
    found = {name: value for name, value in now._asdict().items() if name != "images"}
    histograms = {name: value._asdict() for name in ("scores", "weights", "slopes") if (value := found[name])}
    doctor = {"diagnoses": [vars(diagnosis) for diagnosis in now.diagnoses]}
    return jsonable(found | histograms | doctor | {"covered": now.covered, "clear": now.clear})


class ModesCalls(Calls):
    """The endpoint itself."""

    def modes(self, request: gr.Request, **knobs: Any) -> Iterator[tuple[Image.Image | None, Json]]:
        """A GAN learns MNIST from scratch: its samples and, as JSON, how many digits they cover, how hard the
        generator is pulled, histograms of the opponent's scores and of a critic's weights and slopes (log10),
        what the doctor says. On the way to such a moment: only the step and its metrics.

        Args:
            knobs: The fields of the game; empty means the default.
        """
        shown = time.monotonic()
        for move in api.modes(library=self.library(request), **given(**knobs)):
            if isinstance(move, Moment):
                yield visualize.grid(move.images, columns=COLUMNS), told(move)
            elif time.monotonic() - shown > TOLD_SECONDS:
                shown = time.monotonic()
                yield None, on_the_way(move)


def on_the_way(move: Step) -> Json:
    return jsonable({"step": move.step, "metrics": move.metrics})
