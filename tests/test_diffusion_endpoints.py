"""The diffusion laboratory through the real gradio_client."""

import json
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from genlab import api
from genlab.lab.sweeps import SETTINGS
from genlab.ui import build_app
from genlab.walks import finish
from tests.helpers import bomb


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dark one on white paper, in colour."""
    sheet = np.full((200, 300, 3), 255, np.uint8)
    sheet[20:180, 140:160] = (20, 30, 90)
    path = tmp_path_factory.mktemp("pictures") / "one.jpg"
    Image.fromarray(sheet).save(path)
    return path


def pixels(picture: Any) -> np.ndarray:
    return np.asarray(Image.open(picture["image"] if isinstance(picture, dict) else picture).convert("L"))


def same(pictures: list[Any], images: Any) -> bool:
    return len(pictures) == len(images) and all(
        np.array_equal(pixels(p), x[0].numpy()) for p, x in zip(pictures, images, strict=True)
    )


def test_noise_of_a_picture(client: Client, photo: Path) -> None:
    x_0, x_t, numbers = client.predict(t=10, seed=3, picture=handle_file(photo), api_name="/noise")
    expected = api.noise(10, 0, 3, picture=photo.read_bytes())
    assert np.array_equal(pixels(x_0), expected.x_0[0].numpy())
    assert np.array_equal(pixels(x_t), expected.x_t[0].numpy())
    assert numbers["digit"] is None and "inverted to white on black" in numbers["notices"]
    assert pixels(x_0)[:, 13:15].mean() > 3 * pixels(x_0).mean(), "a bar in the middle"


def test_the_shipped_curves(client: Client) -> None:
    for name in SETTINGS:
        found = client.predict(api_name=f"/{name}_curve")
        assert found == json.loads(json.dumps(api.shipped_curve(name)))


def test_a_curve_is_measured_and_streams(client: Client) -> None:
    job = client.submit(n=50, samplers=["ddim", "ddpm"], steps=[1, 2], api_name="/steps_curve")
    found = job.result()
    assert [(p["sampler"], p["steps"]) for p in found["points"]] == [
        ("ddim", 1), ("ddpm", 1), ("ddim", 2), ("ddpm", 2)
    ]  # fmt: skip
    assert found["share"] == pytest.approx(1) and found["real"]["frechet"] > 0
    shares = [o["share"] for o in job.outputs()]
    assert len(shares) > 4 and shares == sorted(shares)
    found = client.predict(n=50, scales=[0, 2], steps=1, api_name="/guidance_curve")
    assert [(p["guidance"], p["evaluations"]) for p in found["points"]] == [(0, 1), (2, 2)]


def test_guidance(client: Client) -> None:
    wanted: dict[str, Any] = {"label": 4, "n": 2, "seed": 1, "steps": 3, "away_from": "9", "t_to": 700}
    pictures, numbers = client.predict(scales=[0, 1, 5], api_name="/guidance", **wanted)
    expected = finish(api.guidance(scales=[0, 1, 5], **wanted))
    assert same(pictures, expected.images.flatten(0, 1))
    assert pictures[4]["caption"] == "w = 5, start 0" and numbers["read_as"] == expected.read_as.tolist()
    assert numbers["t"] == [999, 666, 332]
    assert numbers["origin"] == "shipped" and len(numbers["weights_sha256"]) == 64
    assert numbers["norms"]["difference"][0] == pytest.approx(
        float(expected.dissected[0].difference.norm()), rel=1e-2
    )


def test_interpolate(client: Client) -> None:
    for path in ("spherical", "linear"):
        pictures, numbers = client.predict(
            label=2, n=3, seed=4, other_seed=9, path=path, steps=3, api_name="/interpolate"
        )
        expected = finish(api.interpolate(2, 3, 4, 9, path, steps=3))
        assert same(pictures, expected.images) and len(numbers["norms"]) == 3


def test_invert(client: Client, photo: Path) -> None:
    pictures, numbers = client.predict(label=1, picture=handle_file(photo), steps=20, api_name="/invert")
    digit = api.digit(picture=photo.read_bytes())
    expected = finish(api.invert(1, digit, steps=20))
    assert [p["caption"] for p in pictures] == ["digit", "noise", "drawn again"]
    assert same([pictures[0], pictures[2]], [digit.image, expected.image])
    assert numbers["error"] == pytest.approx(expected.error, rel=1e-3) and numbers["error"] < 0.1
    assert numbers["notices"] == list(digit.notices)


def test_repaint(client: Client, tmp_path: Path) -> None:
    pictures, _ = client.predict(label=7, n=2, region="left half", steps=4, api_name="/repaint")
    original = api.digit(0).image[0].numpy()
    assert np.array_equal(pixels(pictures[0]), original) and len(pictures) == 3
    assert all(np.array_equal(pixels(p)[:, 14:], original[:, 14:]) for p in pictures[1:])
    mask = np.zeros((56, 56), np.uint8)
    mask[:20] = 255
    Image.fromarray(mask).save(tmp_path / "mask.png")
    painted, _ = client.predict(n=1, mask=handle_file(tmp_path / "mask.png"), steps=4, api_name="/repaint")
    assert np.array_equal(pixels(painted[1])[10:], original[10:])
    assert not np.array_equal(pixels(painted[1])[:10], original[:10])


def test_vary(client: Client) -> None:
    wanted: dict[str, Any] = {"label": 7, "n": 2, "seed": 5, "strength": 0.4, "steps": 10, "sampler": "dpmpp"}
    pictures, _ = client.predict(index=3, api_name="/vary", **wanted)
    expected = finish(api.vary(picture=api.digit(3), **wanted))
    assert same(pictures, [api.digit(3).image, *expected])


BAD = [
    ("/noise", {"t": 5, "index": -1}, "index is -1"),
    ("/guidance", {"scales": "1, 2"}, "scales is"),
    ("/guidance", {"scales": [20]}, "scales is 20"),
    ("/guidance", {"away_from": "x"}, "away_from is"),
    ("/steps_curve", {"n": 10}, "n is 10"),
    ("/steps_curve", {"n": 50, "steps": [0]}, "steps is 0"),
    ("/interpolate", {"n": 1}, "n is 1"),
    ("/invert", {"steps": 1.5}, "steps is 1.5"),
    ("/repaint", {"region": "corner"}, "region is"),
    ("/vary", {"strength": 2}, "strength is 2"),
]


@pytest.mark.parametrize(("endpoint", "values", "said"), BAD, ids=str)
def test_bad_input_is_one_sentence(client: Client, endpoint: str, values: dict, said: str) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(api_name=endpoint, **values)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["/noise", "/invert", "/repaint", "/vary"])
def test_a_file_that_is_no_digit_is_refused(client: Client, endpoint: str, tmp_path: Path) -> None:
    needed = {"t": 5} if endpoint == "/noise" else {}
    for name, data, said in (("a.png", b"hello", "no picture"), ("bomb.png", bomb(13_000), "4096")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(AppError, match=said):
            client.predict(picture=handle_file(tmp_path / name), api_name=endpoint, **needed)


def test_a_file_of_the_server_cannot_be_asked_for(client: Client, photo: Path) -> None:
    asked = {"path": str(photo), "meta": {"_type": "gradio.FileData"}}  # not uploaded, as a client would
    call = f"{client.src.rstrip('/')}/gradio_api/call/noise"
    answer = httpx.post(call, json={"data": [5, 0, 0, "cosine", asked]})
    assert answer.status_code == 400 and "must be uploaded" in answer.json()["detail"]


def test_a_huge_drawing_is_refused_before_it_is_decoded(tmp_path: Path, monkeypatch: Any) -> None:
    from gradio.components.image_editor import EditorData
    from gradio.data_classes import FileData

    path = tmp_path / "drawing.png"
    path.write_bytes(bomb(13_000))
    pad = next(b for b in build_app().blocks.values() if getattr(b, "elem_id", None) == "noise-pad")
    monkeypatch.setattr("PIL.PngImagePlugin.PngImageFile.load", lambda *_: pytest.fail("decoded"))
    drawing = EditorData(background=None, layers=[FileData(path=str(path))], composite=None)
    with pytest.raises(Image.DecompressionBombError):
        pad.preprocess(drawing)
