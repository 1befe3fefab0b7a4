"""The latent spaces through the real gradio_client."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image

from genlab import api
from genlab.walks import finish
from tests.helpers import bomb
from tests.test_diffusion_endpoints import pixels, same

QUICK = {"steps": 4, "search": 4, "starts": 2}


@pytest.fixture(scope="module")
def seven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A test digit as a file of its own size, which is taken as it is."""
    path = tmp_path_factory.mktemp("pictures") / "digit.png"
    Image.fromarray(api.digit(17).image[0].numpy()).save(path)
    return path


def test_the_map(client: Client) -> None:
    picture, numbers = client.predict(api_name="/manifold")
    found, side = api.plane(), len(numbers["axis"])
    sheet = pixels(picture)
    assert side == 20 and sheet.shape == (20 * 28, 20 * 28)
    cells = sheet.reshape(side, 28, side, 28).transpose(0, 2, 1, 3).reshape(-1, 28, 28)
    assert np.array_equal(cells, found.images[:, 0].numpy())
    assert numbers["labels"] == found.labels.tolist()
    assert np.allclose(numbers["codes"], found.codes.numpy(), atol=1e-5)
    drawn, read = client.predict(x=numbers["axis"][4], y=numbers["axis"][15], api_name="/decode")
    assert np.abs(pixels(drawn).astype(int) - cells[4 * 20 + 4]).max() <= 1, "the fifth row from the top"
    assert sum(read["chances"]) == pytest.approx(1, abs=1e-4) and sum(read["around"]) == 20


def test_between(client: Client, seven: Path) -> None:
    wanted: dict[str, Any] = {"n": 3, "families": ["gan", "vae"], "paths": ["linear"], **QUICK}
    pictures, numbers = client.predict(
        picture=handle_file(seven), other_seed=4, api_name="/between", **wanted
    )
    expected = finish(api.between(api.digit(17), 4, **wanted))
    assert [p["caption"] for p in pictures[2:4]] == ["vae, linear, picture 2", "gan, linear, picture 0"]
    assert same(pictures, [*expected["vae"]["linear"].images, *expected["gan"]["linear"].images])
    assert numbers["norms"]["gan"]["linear"] == pytest.approx(
        expected["gan"]["linear"].norms.tolist(), rel=1e-4
    )
    assert numbers["origins"] == {"vae": "shipped", "gan": "shipped"}


def test_empty_is_four_families_on_both_paths(client: Client) -> None:
    pictures, numbers = client.predict(seed=0, other_seed=1, n=2, steps=1, api_name="/between")
    assert len(pictures) == 4 * 2 * 2 and [*numbers["norms"]] == [*api.SIDE_BY_SIDE]


def test_directions_and_sums(client: Client, seven: Path) -> None:
    pictures, numbers = client.predict(family="autoencoder", amounts=[1, -2.5], n=3, api_name="/directions")
    expected = api.directions("autoencoder", [1, -2.5], n=3)
    assert same(pictures, [expected.image, *expected.sweeps.flatten(0, 1)])
    assert numbers["share"] == pytest.approx(expected.share.tolist(), rel=1e-4)
    pictures, _ = client.predict(
        plus=3, minus=5, picture=handle_file(seven), strength=0.5, api_name="/arithmetic"
    )
    total = api.arithmetic("vae", 3, 5, api.digit(17), 0.5)
    assert same(pictures, [total.start, total.plus, total.minus, total.result])
    pictures, _ = client.predict(plus=8, minus=8, start=2, api_name="/arithmetic")
    assert np.array_equal(pixels(pictures[0]), pixels(pictures[3]))


def test_reconstruct_streams(client: Client, seven: Path) -> None:
    job = client.submit(
        picture=handle_file(seven), families=["flow", "autoencoder"], steps=20, api_name="/reconstruct"
    )
    pictures, numbers = job.result()
    assert [p["caption"] for p in pictures] == ["original", "autoencoder", "flow"]
    assert numbers["progress"] == 1 and all(f["done"] for f in numbers["families"].values())
    for i, name in enumerate(("autoencoder", "flow"), start=1):
        apart = (pixels(pictures[i]) / 255.0 - pixels(pictures[0]) / 255.0) ** 2
        assert numbers["families"][name]["error"] == pytest.approx(apart.mean() ** 0.5, abs=2e-3)
    shares = [told["progress"] for _, told in job.outputs()]
    assert shares == sorted(shares) and shares[-1] == 1


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("/decode", {"x": 9, "y": 0}, "x is 9"),
    ("/between", {"families": ["cgan"]}, "families is"),
    ("/between", {"seed": -1}, "first is -1"),
    ("/between", {"other_index": 10**6}, "index is"),
    ("/directions", {"amounts": [4]}, "amounts is 4"),
    ("/arithmetic", {"plus": 11}, "plus is 11"),
    ("/reconstruct", {"search": 0}, "search is 0"),
]


@pytest.mark.parametrize(("endpoint", "values", "said"), BAD, ids=str)
def test_bad_input_is_one_sentence(client: Client, endpoint: str, values: dict[str, Any], said: str) -> None:
    with pytest.raises(AppError) as caught:
        client.predict(api_name=endpoint, **values)
    assert str(caught.value).startswith(said) and "\n" not in str(caught.value)


@pytest.mark.parametrize("endpoint", ["/between", "/directions", "/arithmetic", "/reconstruct"])
def test_a_file_that_is_no_digit_is_refused(client: Client, endpoint: str, tmp_path: Path) -> None:
    for name, data, said in (("a.png", b"hello", "no picture"), ("bomb.png", bomb(13_000), "4096")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(AppError, match=said):
            client.predict(picture=handle_file(tmp_path / name), api_name=endpoint)
