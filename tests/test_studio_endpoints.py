"""The studio through the real gradio_client, drawn by the shipped mini-SD."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from genlab import api
from genlab.studio.catalog import CATALOG
from genlab.walks import finish

SHORT: dict[str, Any] = {"steps": 3, "seed": 5}
TASKS = ("/text_to_image", "/image_to_image", "/inpaint", "/control", "/guidance_sweep", "/grid")


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A half transparent picture, wider than high: red right of blue."""
    pixels = np.zeros((60, 90, 4), np.uint8)
    pixels[:, :45, 2] = pixels[:, 45:, 0] = 255
    pixels[..., 3] = 255
    pixels[:10, :, 3] = 0
    path = tmp_path_factory.mktemp("pictures") / "photo.png"
    Image.fromarray(pixels).save(path)
    return path


def opened(picture: Any) -> Image.Image:
    return Image.open(picture["image"] if isinstance(picture, dict) else picture)


def same(picture: Any, image: Image.Image) -> bool:
    return np.array_equal(np.asarray(opened(picture).convert("RGB")), np.asarray(image))


def test_text_to_image_is_the_call(client: Client) -> None:
    wanted = SHORT | {"prompt": "a green 4 on white", "negative_prompt": "red", "n": 2, "scheduler": "unipc"}
    pictures, numbers = client.predict(api_name="/text_to_image", **wanted)
    expected = finish(api.text_to_image(**wanted))
    assert all(same(p, image) for p, image in zip(pictures, expected.pictures, strict=True))
    assert [p["caption"] for p in pictures] == ["seed 5", "seed 6"]
    assert numbers["recipes"] == expected.recipes and numbers["notices"] == []


def test_a_picture_brings_its_recipe_and_the_recipe_the_picture(client: Client, tmp_path: Path) -> None:
    pictures, numbers = client.predict(prompt="a pink 2", n=2, api_name="/text_to_image", **SHORT)
    recipe = client.predict(picture=handle_file(pictures[1]["image"]), api_name="/studio_recipe")
    assert recipe == numbers["recipes"][1]
    assert recipe["seed"] == 6 and len(recipe["revision"]) == 64 and recipe["versions"]["diffusers"]
    (tmp_path / "recipe.json").write_text(json.dumps(recipe))
    assert client.predict(picture=handle_file(tmp_path / "recipe.json"), api_name="/studio_recipe") == recipe
    names = (
        "prompt",
        "negative_prompt",
        "seed",
        "model",
        "steps",
        "guidance",
        "scheduler",
        "width",
        "height",
    )
    again, _ = client.predict(api_name="/text_to_image", **{name: recipe[name] for name in names})
    difference = np.asarray(opened(again[0]), int) - np.asarray(opened(pictures[1]), int)
    assert abs(difference).max() <= 1, "alone, or second of a batch"


def test_image_to_image_takes_any_picture(client: Client, photo: Path) -> None:
    pictures, numbers = client.predict(
        picture=handle_file(photo), strength=0.4, prompt="a 3", api_name="/image_to_image", **SHORT
    )
    expected = finish(api.image_to_image(picture=photo.read_bytes(), strength=0.4, prompt="a 3", **SHORT))
    assert same(pictures[0], expected.pictures[0])
    assert numbers["notices"] == ["laid on white", "cut to its middle, brought from 90x60 to 32x32"]


def test_inpainting_keeps_what_is_black_in_the_mask(client: Client, tmp_path: Path) -> None:
    example, mask = api.studio_example(), np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 255
    example.save(tmp_path / "digit.png")
    Image.fromarray(mask).save(tmp_path / "mask.png")
    files = {name: handle_file(tmp_path / f"{name}.png") for name in ("digit", "mask")}
    pictures, _ = client.predict(
        picture=files["digit"], mask=files["mask"], prompt="", n=4, steps=10, api_name="/inpaint"
    )
    found = np.stack([np.asarray(opened(p), int) for p in pictures])
    assert (found[:, mask == 0] == np.asarray(example, int)[mask == 0]).all(), (
        "what is not painted over stays"
    )
    assert found.std(0)[mask == 255].mean() > 10, "each seed fills it in its own way"
    with pytest.raises(AppError, match="The mask is 32x32 and the picture 90x60"):
        Image.new("RGB", (90, 60)).save(tmp_path / "wide.png")
        client.predict(picture=handle_file(tmp_path / "wide.png"), mask=files["mask"], api_name="/inpaint")


def test_edges_and_control(client: Client, photo: Path, tmp_path: Path) -> None:
    lines, numbers = client.predict(picture=handle_file(photo), low=50, high=150, api_name="/edges")
    white = np.asarray(opened(lines).convert("L")) > 127
    assert 15 <= np.flatnonzero(white[16:].any(0)).mean() <= 17, "between red and blue"
    assert numbers["notices"][-1] == "cut to its middle, brought from 90x60 to 32x32"
    opened(lines).save(tmp_path / "lines.png")
    wanted = SHORT | {"prompt": "a 1"}
    drawn, _ = client.predict(picture=handle_file(photo), low=50, high=150, api_name="/control", **wanted)
    again, _ = client.predict(outline=handle_file(tmp_path / "lines.png"), api_name="/control", **wanted)
    assert same(drawn[0], opened(again[0]).convert("RGB"))
    for colour, said in (("black", "black all over"), ("red", "black all over")):
        Image.new("RGB", (32, 32), colour).save(tmp_path / "plain.png")
        with pytest.raises(AppError, match=said):
            client.predict(outline=handle_file(tmp_path / "plain.png"), api_name="/control")
    Image.new("RGB", (32, 32), "white").save(tmp_path / "plain.png")
    _, numbers = client.predict(outline=handle_file(tmp_path / "plain.png"), api_name="/control", **wanted)
    assert any("white lines on black" in notice for notice in numbers["notices"])
    free, _ = client.predict(picture=handle_file(photo), control_scale=0, api_name="/control", **wanted)
    alone, _ = client.predict(api_name="/text_to_image", **wanted)
    assert same(free[0], opened(alone[0]).convert("RGB")), "a scale of 0 ignores the outline"


def test_a_sweep_is_its_pictures_in_one(client: Client) -> None:
    pictures, numbers = client.predict(scales=[1, 4], prompt="a 5", api_name="/guidance_sweep", **SHORT)
    assert len(pictures) == 3 and [r["guidance"] for r in numbers["recipes"]] == [1, 4]
    for picture, scale in zip(pictures[1:], (1, 4), strict=True):
        alone, _ = client.predict(guidance=scale, prompt="a 5", api_name="/text_to_image", **SHORT)
        assert same(picture, opened(alone[0]).convert("RGB"))
    assert json.loads(opened(pictures[0]).info["genlab"])["grid"]["x"]["values"] == [1, 4]


def test_a_grid_over_one_setting(client: Client) -> None:
    for x, said in (("prompt", "values of prompt is empty"), ("steps", "Both axes are 'steps'")):
        with pytest.raises(AppError, match=said):
            client.predict(api_name="/grid", x=x)
    wanted = {"x": "prompt", "x_values": ["a 1", "dog " * 100], "y": "nothing", "steps": 2}
    pictures, numbers = client.predict(api_name="/grid", **wanted)
    assert [p["caption"] for p in pictures] == ["the sheet", "a 1", ("dog " * 100)]
    assert [r["steps"] for r in numbers["recipes"]] == [2, 2]
    assert len(numbers["notices"]) == 2 and "tokens are read" in numbers["notices"][0]
    assert numbers["notices"][1] == "prompt: mini-SD does not know dog"
    assert numbers["withheld"] == []


def test_a_grid_runs_over_any_two_settings(client: Client) -> None:
    pictures, numbers = client.predict(
        x="prompt", x_values=["a 1", "a 2"], y="seed", y_values=[3, 4], steps=2, api_name="/grid"
    )
    assert [(r["seed"], r["prompt"]) for r in numbers["recipes"]] == [
        (3, "a 1"), (3, "a 2"), (4, "a 1"), (4, "a 2")
    ]  # fmt: skip
    assert len(pictures) == 5
    for bad, said in (
        ({"x": "colour"}, "axis is 'colour'"),
        ({"y": "guidance", "y_values": [1]}, "they must differ"),
        ({"x_values": [1, 99]}, "guidance is 99"),
        ({"x_values": []}, "values of guidance is"),
        ({"x_values": [1] * 10, "y_values": [2] * 10}, "it may have 36"),
    ):
        with pytest.raises(AppError, match=said):
            client.predict(api_name="/grid", **bad)


def test_work_streams_its_progress_and_previews(client: Client) -> None:
    job = client.submit(prompt="a 9", steps=60, n=2, api_name="/text_to_image")
    job.result()
    outputs = job.outputs()
    shares = [numbers["progress"] for _, numbers in outputs[:-1] if numbers["progress"] is not None]
    assert len(shares) > 2 and shares == sorted(shares) and shares[-1] <= 1
    assert any(len(previews) == 2 for previews, _ in outputs[:-1])


def test_the_models_say_what_they_can_and_why_not(client: Client) -> None:
    models = {m["name"]: m for m in client.predict(api_name="/studio_models")["models"]}
    assert models.keys() == CATALOG.keys()
    assert models["mini-sd"]["unavailable"] is None and len(models["mini-sd"]["tasks"]) == 4
    with pytest.raises(AppError, match=r"SDXL needs a GPU.*mini-SD runs anywhere"):
        client.predict(model="sdxl", width=1024, height=1024, api_name="/text_to_image")


BAD = [
    ({"prompt": 7}, "prompt is 7"),
    ({"prompt": "x" * 10_001}, "prompt has 10,001 characters"),
    ({"negative_prompt": ["red"]}, "negative_prompt is"),
    ({"seed": -1}, "seed is -1"),
    ({"seed": 1.5}, "seed is 1.5"),
    ({"model": "dall-e"}, "model is 'dall-e'"),
    ({"steps": 0}, "steps is 0"),
    ({"steps": "many"}, "steps is 'many'"),
    ({"steps": True}, "steps is True"),
    ({"guidance": 0.5}, "guidance is 0.5"),
    ({"guidance": 1e9}, "guidance is"),
    ({"scheduler": "magic"}, "scheduler is 'magic'"),
    ({"scheduler": "lcm"}, "scheduler is lcm"),
    ({"width": 33}, "width is 33"),
    ({"width": 8}, "width is 8"),
    ({"height": 4096}, "height is 4096"),
]


@pytest.mark.parametrize(("bad", "said"), BAD, ids=lambda v: v if isinstance(v, str) else "")
def test_bad_values_are_refused_in_one_sentence(client: Client, bad: dict[str, Any], said: str) -> None:
    for name in TASKS:
        if (name == "/grid" and bad.keys() & {"guidance", "steps"}) or (
            name == "/guidance_sweep" and "guidance" in bad
        ):
            continue  # which run over these
        with pytest.raises(AppError) as error:
            client.predict(api_name=name, **bad)
        text = str(error.value)
        assert said in text and "Traceback" not in text and "\n" not in text, name
    with pytest.raises(AppError, match="n is 9"):
        client.predict(n=9, api_name="/text_to_image")


def test_files_that_are_no_pictures_are_refused(client: Client, tmp_path: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    for name in ("/image_to_image", "/inpaint", "/control", "/edges", "/studio_recipe"):
        with pytest.raises(AppError, match="picture"):
            client.predict(picture=handle_file(bad), api_name=name)
    plain = io.BytesIO()
    Image.new("RGB", (8, 8)).save(plain, "PNG")
    bad.write_bytes(plain.getvalue())
    with pytest.raises(AppError, match="carries no recipe"):
        client.predict(picture=handle_file(bad), api_name="/studio_recipe")
    assert client.predict(steps=1, api_name="/text_to_image")[0], "the next request is answered"
