"""How a picture was made, carried in the picture itself: JSON in the PNG's text."""

import dataclasses
import hashlib
import json
from importlib.metadata import version
from io import BytesIO
from typing import Any

from PIL import Image

from genlab.config import check_choice, check_options
from genlab.errors import InvalidInput
from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.request import TASKS, Request
from genlab.uploads import decoding, open_picture

KEY = "genlab"  # of the PNG's text
LIBRARIES = ("torch", "diffusers", "transformers")
MAX_RECIPE = 50_000  # characters


def pixels_sha256(image: Image.Image) -> str:
    """Of the pixels, whatever file they came in."""
    return hashlib.sha256(image.tobytes()).hexdigest()


def make(request: Request, seed: int, source: dict[str, Any]) -> dict[str, Any]:
    """The recipe of the one picture of ``seed``; ``source`` tells repositories and revisions."""
    recipe = {
        "task": request.task,
        "model": request.model,
        **source,
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "seed": seed,
        **dataclasses.asdict(request.knobs),
        "versions": {name: version(name) for name in LIBRARIES},
    }
    for name in ("picture", "mask"):
        image = getattr(request, name)
        if image is not None:
            recipe[f"{name}_sha256"] = pixels_sha256(image)
    return recipe


def attach(image: Image.Image, recipe: dict[str, Any]) -> Image.Image:
    """``image`` with ``recipe`` in the text that its PNG will carry."""
    image.info[KEY] = json.dumps(recipe, ensure_ascii=True)
    return image


def png(image: Image.Image) -> bytes:
    """The file of a picture with its recipe."""
    from PIL.PngImagePlugin import PngInfo

    text = PngInfo()
    if KEY in image.info:
        text.add_text(KEY, image.info[KEY])
    file = BytesIO()
    image.save(file, "PNG", pnginfo=text)
    return file.getvalue()


def read(data: bytes, catalog: dict[str, ModelCard] = CATALOG) -> dict[str, Any]:
    """The recipe in a PNG or a JSON file; InvalidInput if there is none of ours."""
    if data.lstrip()[:1] == b"{":
        return parse(data, catalog)
    with decoding():
        image = open_picture(data)
        image.load()  # the text may stand behind the pixels
    text = image.info.get(KEY)
    if not isinstance(text, str):
        raise InvalidInput(
            "The picture carries no recipe: it was not drawn here, or was saved by another program."
        )
    return parse(text.encode(), catalog)


def parse(data: bytes, catalog: dict[str, ModelCard] = CATALOG) -> dict[str, Any]:
    """A recipe out of its JSON, its names and values checked as a request's are."""
    if len(data) > MAX_RECIPE:
        raise InvalidInput(f"The recipe has {len(data):,} characters; it must have at most {MAX_RECIPE:,}.")
    try:
        recipe = check_options("recipe", json.loads(data))
    except (ValueError, RecursionError):
        raise InvalidInput("The recipe is damaged: it cannot be read.") from None
    settings(recipe, catalog)
    return recipe


def settings(recipe: dict[str, Any], catalog: dict[str, ModelCard] = CATALOG) -> Request:
    """The request that ``recipe`` came from, without its pictures; InvalidInput if it is none."""
    task = check_choice("task", recipe.get("task"), tuple(TASKS))
    model = check_choice("model", recipe.get("model"), tuple(catalog))
    known = {f.name for f in dataclasses.fields(TASKS[task])}
    knobs = TASKS[task](**{name: recipe[name] for name in known if name in recipe})
    return Request(
        task,
        model,
        recipe.get("prompt", ""),
        knobs,
        negative_prompt=recipe.get("negative_prompt", ""),
        seed=recipe.get("seed", 0),
    )
