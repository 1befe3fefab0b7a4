"""Stable Diffusion in all sizes: words to pictures, pictures to pictures, holes and outlines."""

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from PIL import Image

from genlab.api.families import dataset
from genlab.config import check_choice, make
from genlab.data import to_uint8
from genlab.errors import InvalidInput
from genlab.studio import recipe
from genlab.studio.axes import Plan, plan
from genlab.studio.catalog import CATALOG
from genlab.studio.edges import HIGH, LOW, canny
from genlab.studio.engine import Drawn, Engine
from genlab.studio.mini.pictures import COLOURS, blend
from genlab.studio.pictures import PAINTED, Upload, fit, fit_mask, read_mask, read_picture
from genlab.studio.request import DRAWN, EDGES, SOURCES, TASKS, Knobs, Request
from genlab.studio.schedulers import SCHEDULERS
from genlab.studio.sheets import Sheet, draw_sheet
from genlab.studio.worker import Stream
from genlab.visualize import picture as to_image

STUDIO = Engine()
PROMPT = "a thick red seven on a blue background"
SCALES = (1.0, 2.0, 3.0, 5.0, 8.0)
USUAL: dict[Any, Any] = {"guidance": SCALES, "steps": (2, 5, 25)}  # values of a grid's axis

Given = bytes | Image.Image


def studio_models(engine: Engine = STUDIO) -> list[dict[str, Any]]:
    """What is known of every model, and why one cannot run here."""
    return [
        {
            "name": card.name,
            "title": card.title,
            "year": card.year,
            "idea": card.idea,
            "tasks": list(card.tasks),
            "unavailable": engine.unavailable(card),
            "defaults": vars(card.knobs),
            "schedulers": {name: SCHEDULERS[name].idea for name in card.schedulers()},
            "edges": list(card.edges),
            "parameters": round(card.parameters * 1e6),
            "repositories": list(card.repositories("base")),
        }
        for card in engine.catalog.values()
    ]


def studio_knobs(task: str, model: str = "mini-sd", **knobs: Any) -> Knobs:
    """Checked knobs of ``task``; what is not given is as the model's card says."""
    check_choice("model", model, tuple(CATALOG))
    return make(TASKS[task], knobs, TASKS[task](**vars(CATALOG[model].knobs)))


def studio_request(
    task: str,
    *,
    model: str = "mini-sd",
    prompt: str = PROMPT,
    negative_prompt: str = "",
    n: int = 1,
    seed: int = 0,
    picture: Upload | None = None,
    mask: Image.Image | None = None,
    **knobs: Any,
) -> Request:
    """A checked request, its picture and mask brought to the size that is drawn."""
    chosen = studio_knobs(task, model, **knobs)
    size = chosen.width, chosen.height
    given: dict[str, Any] = {}
    if picture is not None:
        given["picture"], given["notices"] = fit(picture, *size)
    if mask is not None:
        given["mask"] = fit_mask(mask, *size)
    return Request(task, model, prompt, chosen, negative_prompt, n, seed, **given)


def text_to_image(*, engine: Engine = STUDIO, **wanted: Any) -> Stream[Drawn]:
    """Pictures for words; ``wanted`` as for ``studio_request``."""
    return engine.draw(studio_request("text_to_image", **wanted))


def image_to_image(*, picture: Given | None = None, engine: Engine = STUDIO, **wanted: Any) -> Stream[Drawn]:
    """A picture drawn anew after words; ``strength`` says how much of it goes. None: an example."""
    return engine.draw(studio_request("image_to_image", picture=studio_picture(picture), **wanted))


def inpaint(
    *, picture: Given | None = None, mask: Given | None = None, engine: Engine = STUDIO, **wanted: Any
) -> Stream[Drawn]:
    """The part of a picture where ``mask`` is white, drawn anew; None: an example, its right half."""
    upload = studio_picture(picture)
    hidden = right_half(upload.image) if mask is None else read_mask(mask, upload.image)
    return engine.draw(studio_request("inpaint", picture=upload, mask=hidden, **wanted))


def control(
    *,
    picture: Given | None = None,
    outline: Given | None = None,
    source: str = EDGES,
    low: int = LOW,
    high: int = HIGH,
    model: str = "mini-sd",
    engine: Engine = STUDIO,
    **wanted: Any,
) -> Stream[Drawn]:
    """A picture along the edges of ``picture`` (None: an example), or along an outline: ``outline``, or
    ``picture`` where ``source`` says so."""
    if outline is not None:
        source = DRAWN
    if check_choice("source", source, SOURCES) == EDGES:
        sizes = {name: wanted[name] for name in ("width", "height") if name in wanted}
        followed = edges(picture=picture, low=low, high=high, model=model, **sizes)
    else:
        followed = read_outline(studio_picture(picture) if outline is None else outline)
    told: dict[str, Any] = {"source": source, "low": low, "high": high}
    return engine.draw(studio_request("control", model=model, picture=followed, **told, **wanted))


def edges(
    *, picture: Given | None = None, low: int = LOW, high: int = HIGH, model: str = "mini-sd", **sizes: Any
) -> Upload:
    """What ``control`` would go by: white edges on black, RGB, of the size drawn."""
    knobs = studio_knobs("control", model, **sizes)
    upload = fit(studio_picture(picture), knobs.width, knobs.height)
    found = canny(np.asarray(upload.image), low, high)
    return Upload(Image.fromarray(found).convert("RGB"), upload.notices)


def sweep_plan(*, scales: Any = SCALES, guidance: Any = None, **wanted: Any) -> Plan:
    """One prompt and seed at several guidance scales; ``wanted`` as for ``studio_request``."""
    if guidance is not None:
        raise InvalidInput("guidance is what the sweep runs over; give scales.")
    return plan(studio_request("text_to_image", **wanted), ("guidance", scales))


def grid_plan(
    *,
    x: str = "guidance",
    x_values: Any = None,
    y: str | None = "steps",
    y_values: Any = None,
    **wanted: Any,
) -> Plan:
    """One prompt over any two settings, or over one: ``y`` is None then; guidance and steps have usual
    values."""
    axes = [
        (name, USUAL.get(name) if given is None and isinstance(name, str) else given)
        for name, given in ((x, x_values), (y, y_values))
    ]
    return plan(studio_request("text_to_image", **wanted), *axes)


def guidance_sweep(*, engine: Engine = STUDIO, **wanted: Any) -> Stream[Sheet]:
    """The pictures of ``sweep_plan`` in one labelled picture."""
    return draw_sheet(engine, sweep_plan(**wanted))


def grid(*, engine: Engine = STUDIO, **wanted: Any) -> Stream[Sheet]:
    """The pictures of ``grid_plan`` in one labelled picture."""
    return draw_sheet(engine, grid_plan(**wanted))


def studio_recipe(data: bytes) -> dict[str, Any]:
    """The recipe in a picture drawn here (PNG) or in its JSON."""
    if not data:
        raise InvalidInput("No file was given; give a picture drawn here, or the JSON of its recipe.")
    return recipe.read(data)


# Pictures


@lru_cache(maxsize=1)
def studio_example() -> Image.Image:
    """The first test digit in red on yellow, 32x32."""
    ink, background = (torch.tensor([COLOURS.index(name)]) for name in ("red", "yellow"))
    return to_image(to_uint8(blend(dataset("test").images[:1], ink, background))[0])


def studio_picture(picture: Given | None) -> Upload:
    """A visitor's picture as RGB; the example for None."""
    return Upload(studio_example(), ()) if picture is None else read_picture(picture)


def read_outline(outline: Given | Upload) -> Upload:
    """An outline as it is; InvalidInput where nothing is white."""
    upload = outline if isinstance(outline, Upload) else read_picture(outline)
    white = np.asarray(upload.image.convert("L")) > PAINTED
    if not white.any():
        raise InvalidInput("The outline is black all over; it must be white lines on black.")
    if white.mean() > 0.5:
        return Upload(upload.image, (*upload.notices, "mostly white: an outline is white lines on black"))
    return upload


def right_half(image: Image.Image) -> Image.Image:
    """The mask of a picture's right half."""
    across, down = image.size
    mask = Image.new("L", image.size)
    mask.paste(255, (across // 2, 0, across, down))
    return mask
