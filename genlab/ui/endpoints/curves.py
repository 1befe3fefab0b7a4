"""The endpoints that measure quality against a knob of ddpm."""

from collections.abc import Callable, Iterator

import gradio as gr

from genlab import api
from genlab.lab.sweeps import Progress
from genlab.numbers import jsonable
from genlab.ui.endpoints.values import Calls, Json, Outputs, given
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add these endpoints to the app in whose context this is called."""
    calls = CurveCalls(sessions)
    publish(calls.steps_curve, [outputs.numbers], "measuring")
    publish(calls.guidance_curve, [outputs.numbers], "measuring")


class CurveCalls(Calls):
    """The endpoints themselves."""

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
        wanted = given(n=n, seed=seed, samplers=samplers, steps=steps, guidance=guidance)
        return self._curve("steps", api.steps_curve, request, wanted)

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
        wanted = given(n=n, seed=seed, scales=scales, steps=steps, sampler=sampler)
        return self._curve("guidance", api.guidance_curve, request, wanted)

    def _curve(
        self, name: str, measure: Callable[..., Iterator[Progress]], request: gr.Request, wanted: Json
    ) -> Iterator[Json]:
        """The shipped curve ``name``, or what ``measure`` finds as ``wanted``, as it is found."""
        library = self.library(request)
        if not wanted:
            yield api.shipped_curve(name, library=library)
            return
        for progress in measure(library=library, **wanted):
            yield jsonable(progress._asdict())
