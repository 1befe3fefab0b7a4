"""The endpoint of the GANs' opponents: their verdict over a plane of pictures, and its gradient."""

import gradio as gr

from genlab import api
from genlab.lab.verdict import Spot
from genlab.numbers import jsonable
from genlab.ui.endpoints.explorer import picked
from genlab.ui.endpoints.values import Calls, Json, Outputs, Pictures, given, shown
from genlab.ui.ganlab.plane import heat, slopes, tiles
from genlab.ui.publishing import publish
from genlab.ui.session import Sessions


def expose(sessions: Sessions, outputs: Outputs) -> None:
    """Add this endpoint to the app in whose context this is called."""
    publish(VerdictCalls(sessions).verdict, [outputs.gallery, outputs.numbers], "sampling", shared={})


def told(spot: Spot) -> Json:
    """One marked picture, without its pixels."""
    names = ("at", "verdict", "size", "within", "pull")
    return {name: getattr(spot, name) for name in names}


class VerdictCalls(Calls):
    """The endpoint itself."""

    def verdict(
        self,
        request: gr.Request,
        family: str | None = "gan",
        index: int | None = 0,
        picture: bytes | None = None,
        other_index: int | None = 1,
        seed: int | None = 0,
        label: int | None = None,
        x: float | None = 0.5,
        y: float | None = 0.5,
    ) -> tuple[Pictures, Json]:
        """What a GAN's discriminator says (D(x), 1 for real), or its critic (a value; 0 lies half-way between
        its means of real and of generated digits), over the plane through a test digit, another one and the
        family's sample. Pictures: the surface, pictures of the plane and, of these three and of one more
        place, the picture and the gradient of the verdict. As JSON: the surface by rows from the top; of each
        place where it lies in the window (shares from the left, from below), the verdict, the length of its
        gradient, that of the gradient's part within the plane, and the pull on a generator that drew it.

        Args:
            family: gan, cgan, wgan or wgan_gp.
            index: The first digit: which test image, {test}.
            picture: A picture file in its place; empty for none.
            other_index: The second digit: which test image, {test}.
            seed: Of the family's sample, 0 to 4294967295.
            label: cgan only: the digit that its discriminator is told, 0 to 9; empty for the first digit's.
            x: The place to look closer at, 0 (left) to 1.
            y: The same, 0 (below) to 1.
        """
        wanted = given(family=family, other_index=other_index, seed=seed, label=label, x=x, y=y)
        found = api.verdict(picture=picked(index, picture), library=self.library(request), **wanted)
        survey = found.survey
        pictures: Pictures = [(heat(survey), "surface"), (tiles(survey), "plane")]
        pictures += [shown(spot.picture, name) for name, spot in found.spots.items()]
        pictures += [(slopes(spot), f"gradient, {name}") for name, spot in found.spots.items()]
        numbers = {
            "probability": survey.probability,
            "label": survey.opponent.told,
            "edge": survey.plane.edge,
            "surface": survey.surface.tolist(),
            "spots": {name: told(spot) for name, spot in found.spots.items()},
            "origin": self.session(request).origin(family or "gan"),
        }
        return pictures, jsonable(numbers)
