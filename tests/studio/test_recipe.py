"""A picture carries how it was made, and what comes back draws it again."""

import io
import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from genlab.errors import InvalidInput
from genlab.studio import recipe
from genlab.studio.engine import Drawn, Engine
from tests.studio.helpers import arrays, ask, draw


@pytest.fixture(scope="module")
def request_() -> Any:
    return ask(
        "text_to_image",
        prompt='a "red" seven 🦄',
        negative_prompt="blue",
        seed=41,
        n=2,
        guidance=4.5,
        steps=5,
    )


@pytest.fixture(scope="module")
def drawn(shared: Engine, request_: Any) -> Drawn:
    return draw(shared, request_)


def saved_again(data: bytes) -> bytes:
    """As a web page's picture component does: opened by Pillow, saved with the text it came with."""
    image = Image.open(io.BytesIO(data))
    image.load()
    text = PngInfo()
    for key, value in image.info.items():
        if isinstance(key, str) and isinstance(value, str):
            text.add_text(key, value)
    file = io.BytesIO()
    image.save(file, "PNG", pnginfo=text)
    return file.getvalue()


def test_a_picture_brings_its_request_back(drawn: Drawn, request_: Any, shared: Engine) -> None:
    data = recipe.png(drawn.pictures[0])
    for file in (data, saved_again(data), json.dumps(drawn.recipes[0], indent=2).encode()):
        found = recipe.read(file, shared.catalog)
        assert found == drawn.recipes[0]
        assert recipe.settings(found, shared.catalog) == request_.change(n=1)


def test_a_restored_request_draws_the_same_pixels(shared: Engine, picture: Any, mask: Any) -> None:
    for task in ("text_to_image", "inpaint", "control"):
        first = draw(shared, ask(task, images={"picture": picture, "mask": mask}, seed=6, scheduler="unipc"))
        found = recipe.read(recipe.png(first.pictures[0]), shared.catalog)
        restored = recipe.settings(found, shared.catalog)
        if "picture_sha256" in found:
            assert found["picture_sha256"] == recipe.pixels_sha256(picture)
            restored = restored.change(picture=picture)
        if "mask_sha256" in found:
            restored = restored.change(mask=mask)
        again = draw(shared, restored)
        assert np.array_equal(arrays(again.pictures), arrays(first.pictures))
        assert again.recipes == first.recipes


def test_each_picture_has_its_own_seed_and_source(drawn: Drawn) -> None:
    assert [one["seed"] for one in drawn.recipes] == [41, 42]
    assert drawn.recipes[0]["repository"] == "sd" and len(drawn.recipes[0]["revision"]) == 64


ALTERED: dict[str, Any] = {
    "task": "paint",
    "model": "dall-e",
    "prompt": 5,
    "negative_prompt": None,
    "seed": -1,
    "steps": float("nan"),
    "guidance": float("inf"),
    "scheduler": ["ddim"],
    "width": 33,
    "height": "64",
    "few_steps": "on",
    "refiner": True,
}


@pytest.mark.parametrize("name", ALTERED)
def test_an_altered_recipe_is_refused(name: str, drawn: Drawn, shared: Engine) -> None:
    data = json.dumps(drawn.recipes[0] | {name: ALTERED[name]}).encode()
    with pytest.raises(InvalidInput, match=f"^{name} is .*\\.$"):
        recipe.read(data, shared.catalog)


HOSTILE = {
    "no JSON": b"{steps: 20}",
    "empty": b"{}",
    "deep": b'{"a":' * 8_000 + b"1" + b"}" * 8_000,
    "deep list": b'{"a":' + b"[" * 40_000 + b"}",
    "huge": b'{"prompt": "' + b"a" * 60_000 + b'"}',
    "huge number": b'{"task": "text_to_image", "model": "sd", "seed": ' + b"9" * 20_000 + b"}",
    "not UTF-8": b'{"task": "\xff"}',
    "neither": b"hello",
    "nothing": b"",
    "foreign": b'{"sampler": "Euler a", "cfg": 7}',
}


@pytest.mark.parametrize("data", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_recipe_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^[^\n]{1,200}\.$"):
        recipe.read(data)


def test_a_picture_from_elsewhere_has_none(picture: Image.Image) -> None:
    file = io.BytesIO()
    picture.save(file, "PNG")
    with pytest.raises(InvalidInput, match="no recipe"):
        recipe.read(file.getvalue())
    damaged = recipe.png(recipe.attach(picture.copy(), {"task": "text_to_image"}))
    with pytest.raises(InvalidInput, match=r"damaged|kinds"):
        recipe.read(damaged[: len(damaged) // 2])
    text = PngInfo()
    text.add_text(recipe.KEY, "[1, 2]")
    picture.save(file := io.BytesIO(), "PNG", pnginfo=text)
    with pytest.raises(InvalidInput, match="recipe is"):
        recipe.read(file.getvalue())


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from([*ALTERED, "versions", "x"]), JSON))
@settings(max_examples=200, deadline=None)
def test_anything_is_a_request_or_refused(values: dict[str, Any]) -> None:
    whole = {"task": "text_to_image", "model": "mini-sd"} | values
    try:
        recipe.parse(json.dumps(whole).encode())
    except InvalidInput as error:
        assert "\n" not in str(error)
