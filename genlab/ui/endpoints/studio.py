"""The endpoints of the studio: pictures from words, pictures, holes and outlines, by any of its models."""

from collections.abc import Generator, Iterator
from typing import Any

from PIL import Image

from genlab import api
from genlab.numbers import jsonable
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Drawn, Engine
from genlab.studio.request import ControlKnobs, ImageKnobs, InpaintKnobs, Knobs, TextKnobs
from genlab.studio.sheets import Sheet
from genlab.studio.worker import Progress, Stream
from genlab.ui.endpoints.values import Json, Outputs, Pictures, given
from genlab.ui.publishing import Knobs as Parameters
from genlab.ui.publishing import knobs_of, publish

EMPTY = "as /studio_models tells of the model"
MODELS = ", ".join(CATALOG)
MODEL: Parameters = {"model": (str, f"{MODELS}: see /studio_models for what each can do; empty for mini-sd.")}
ONE: Parameters = {
    "prompt": (str, f'What to draw; empty for "{api.PROMPT}", a space for no words.'),
    "negative_prompt": (str, "What to keep away from; works with guidance above 1."),
    "seed": (int, "0 to 4294967295; empty for 0."),
    **MODEL,
}
SEVERAL = ONE | {"n": (int, "Number of pictures, 1 to 8: picture i is of seed + i; empty for 1.")}
SIZED = MODEL | {name: knobs_of(Knobs, EMPTY)[name] for name in ("width", "height")}
Answer = Iterator[tuple[Pictures, Json]]


def expose(engine: Engine, outputs: Outputs) -> None:
    """Add these endpoints to the app in whose context this is called."""
    calls = StudioCalls(engine)
    both = [outputs.gallery, outputs.numbers]
    publish(calls.studio_models, [outputs.numbers], "studio")
    publish(calls.studio_recipe, [outputs.numbers], "studio")
    publish(calls.edges, [outputs.first, outputs.numbers], "studio", shared=SIZED)
    publish(calls.text_to_image, both, "studio", TextKnobs, SEVERAL, EMPTY)
    publish(calls.image_to_image, both, "studio", ImageKnobs, SEVERAL, EMPTY)
    publish(calls.inpaint, both, "studio", InpaintKnobs, SEVERAL, EMPTY)
    publish(calls.control, both, "studio", ControlKnobs, SEVERAL, EMPTY)
    publish(calls.guidance_sweep, both, "studio", TextKnobs, ONE, EMPTY)
    publish(calls.grid, both, "studio", TextKnobs, ONE, EMPTY)


def told(stream: Stream[Any]) -> Generator[tuple[Pictures, Json], None, Any]:
    """How far ``stream`` is, whenever other pictures form; its result."""
    shown: tuple[Image.Image, ...] = ()
    while True:
        try:
            progress: Progress = next(stream)
        except StopIteration as end:
            return end.value
        new = progress.previews is not shown
        shown = progress.previews
        if (new and shown) or progress.share is None:
            previews = [(image, f"preview {i}") for i, image in enumerate(shown)]
            yield previews, {"progress": progress.share, "text": progress.text}


def pictures(stream: Stream[Drawn]) -> Answer:
    """The pictures of ``stream`` with the seed of each, their recipes and what they cost."""
    drawn: Drawn = yield from told(stream)
    found = [
        (image, f"seed {made['seed']}") for image, made in zip(drawn.pictures, drawn.recipes, strict=True)
    ]
    numbers = {"seconds": drawn.seconds, "notices": drawn.notices, "withheld": drawn.withheld}
    yield found, jsonable({"recipes": drawn.recipes, **numbers})


def sheet(stream: Stream[Sheet]) -> Answer:
    """The labelled picture of ``stream``, then its cells, row by row."""
    found: Sheet = yield from told(stream)
    pictures = [cell.pictures[0] for cell in found.cells]
    cells = list(zip(pictures, found.plan.axes.captions(), strict=True))
    numbers = {"seconds": found.seconds, "notices": found.notices, "withheld": found.withheld}
    recipes = [cell.recipes[0] for cell in found.cells]
    yield [(found.image, "the sheet"), *cells], jsonable({"recipes": recipes, **numbers})


class StudioCalls:
    """The endpoints themselves."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def studio_models(self) -> Json:
        """The studio's models: what each can do, its usual knobs, and why one cannot run here."""
        return jsonable({"models": api.studio_models(self.engine)})

    def studio_recipe(self, picture: bytes | None = None) -> Json:
        """The recipe that a picture drawn here carries: all that is needed to draw it again.

        Args:
            picture: A PNG drawn here, or the JSON of its recipe.
        """
        return jsonable(api.studio_recipe(picture or b""))

    def edges(
        self, picture: bytes | None = None, low: int | None = None, high: int | None = None, **wanted: Any
    ) -> tuple[Any, Json]:
        """The Canny edges that /control would go by, white on black.

        Args:
            picture: A picture file of any size and mode; empty for an example.
            low: Threshold 0 to 255: a lower one follows edges further; empty for 100.
            high: Threshold 0 to 255: a lower one finds more edges; empty for 200.
        """
        found = api.edges(**given(picture=picture, low=low, high=high, **wanted))
        return found.image, jsonable({"notices": found.notices})

    def text_to_image(self, **wanted: Any) -> Answer:
        """Pictures for words. Picture i is of seed + i and does not depend on the others."""
        yield from pictures(api.text_to_image(engine=self.engine, **given(**wanted)))

    def image_to_image(self, picture: bytes | None = None, **wanted: Any) -> Answer:
        """A picture drawn anew after words (SDEdit); strength says how much of it goes.

        Args:
            picture: A picture file of any size and mode; empty for an example.
        """
        yield from pictures(api.image_to_image(engine=self.engine, **given(picture=picture, **wanted)))

    def inpaint(self, picture: bytes | None = None, mask: bytes | None = None, **wanted: Any) -> Answer:
        """A part of a picture drawn anew after words.

        Args:
            picture: A picture file of any size and mode; empty for an example.
            mask: A picture of the same size, white where it is drawn anew; empty for the right half.
        """
        found = given(picture=picture, mask=mask, **wanted)
        yield from pictures(api.inpaint(engine=self.engine, **found))

    def control(self, picture: bytes | None = None, outline: bytes | None = None, **wanted: Any) -> Answer:
        """Pictures along an outline (ControlNet).

        Args:
            picture: A picture file whose Canny edges are followed; empty for an example.
            outline: White lines on black, followed as they are, in place of the picture; empty for none.
        """
        found = given(picture=picture, outline=outline, **wanted)
        yield from pictures(api.control(engine=self.engine, **found))

    def guidance_sweep(self, scales: list[float] | None = None, **wanted: Any) -> Answer:
        """One prompt and seed at several guidance scales: a labelled picture, then each alone.

        Args:
            scales: Guidance scales, 1 to 20 each, at most 10 of them; empty for 1, 2, 3, 5, 8.
        """
        yield from sheet(api.guidance_sweep(engine=self.engine, **given(scales=scales, **wanted)))

    def grid(
        self,
        x: str | None = "guidance",
        x_values: list[str | float] | None = None,
        y: str | None = "steps",
        y_values: list[str | float] | None = None,
        **wanted: Any,
    ) -> Answer:
        """Pictures over any two settings: a labelled picture, then each alone, row by row.

        Args:
            x: A setting: prompt, negative_prompt, seed or the name of a knob.
            x_values: Its values, at most 10; empty for 1, 2, 3, 5, 8 of guidance, 2, 5, 25 of steps.
            y: Another setting; "nothing" for a single row.
            y_values: Its values, at most 10 (36 pictures in all); empty as for x.
        """
        found = given(x=x, x_values=x_values, y=y, y_values=y_values, **wanted)
        yield from sheet(api.grid(engine=self.engine, **found))
