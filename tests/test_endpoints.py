"""The public endpoints through the real gradio_client."""

import json

import numpy as np
import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from genlab import api, checkpoints, sampling
from genlab.checkpoints import WEIGHTS
from genlab.models import MODELS
from genlab.models.gan import LOSSES
from genlab.walks import finish
from tests.standin_hub import Repository, standing_in

KNOBS = ("steps", "sampler", "eta", "guidance", "prior")


def pixels(path: str) -> np.ndarray:
    return np.asarray(Image.open(path).convert("L"))


def test_endpoints_are_the_contract(client):
    named = client.view_api(return_format="dict")["named_endpoints"]
    contract = {"/models", "/sample", "/train", "/evaluate", "/noise", "/nearest"}
    diffusion = {"/reverse", "/compare_samplers", "/steps_curve", "/guidance", "/guidance_curve"}
    latents = {"/interpolate", "/invert", "/repaint", "/vary"}
    spaces = {"/manifold", "/decode", "/between", "/directions", "/arithmetic", "/reconstruct"}
    tasks = {"/text_to_image", "/image_to_image", "/inpaint", "/control", "/guidance_sweep", "/grid"}
    studio = {"/edges", "/inside", "/studio_models", "/studio_recipe"}
    jobs = {"/submit", "/race", "/job", "/follow", "/stop", "/resume", "/checkpoint"}
    others = {"/ring", "/modes", "/verdict", "/leaderboard", "/load_from_hub"}
    assert set(named) == contract | jobs | diffusion | latents | spaces | tasks | studio | others
    for endpoint in named.values():
        assert endpoint["description"]
        for parameter in endpoint["parameters"]:
            assert parameter["python_type"]["type"] and parameter["python_type"]["description"], parameter


def test_models(client):
    found = client.predict(api_name="/models")
    assert [m["name"] for m in found] == list(MODELS)
    assert all({"lo", "hi", "help"} <= set(m["knobs"]["training"]["steps"]) for m in found)
    json.dumps(found, allow_nan=False)


@pytest.mark.parametrize("model", list(MODELS))
def test_sample_is_lossless(client, model):
    few = {"steps": 3} if model == "ddpm" else {}
    pictures, numbers = client.predict(model, n=5, seed=3, api_name="/sample", **few)
    *_, expected = api.sample(model, 5, 3, **few)
    assert len(pictures) == 5
    for picture, image in zip(pictures, expected.images, strict=True):
        assert picture["image"].endswith(".png")
        shown = np.asarray(Image.open(picture["image"]))  # grey, or in colour
        assert np.array_equal(shown, image.permute(1, 2, 0).numpy().squeeze())
    assert numbers["evaluations"] == expected.evaluations
    assert numbers["labels"] == expected.labels
    assert numbers["origin"] == "shipped" and len(numbers["weights_sha256"]) == 64
    assert numbers["seed"] == 3 and numbers["knobs"] == few and numbers["seconds"] > 0


def test_empty_means_the_default(client):
    empty = dict.fromkeys(KNOBS, "") | {"label": None, "n": None, "seed": None}
    pictures, numbers = client.predict("vae", api_name="/sample", **empty)
    assert len(pictures) == numbers["n"] == 16 and numbers["seed"] == 0


def test_noise(client):
    x_0, x_t, numbers = client.predict(500, 4, 1, "linear", api_name="/noise")
    expected = api.noise(500, 4, 1, "linear")
    assert np.array_equal(pixels(x_0), expected.x_0[0].numpy())
    assert np.array_equal(pixels(x_t), expected.x_t[0].numpy())
    assert numbers["digit"] == expected.digit
    assert numbers["alpha"] ** 2 + numbers["sigma"] ** 2 == pytest.approx(1)
    assert numbers["snr"] == pytest.approx((numbers["alpha"] / numbers["sigma"]) ** 2)


def test_nearest(client):
    pictures, numbers = client.predict("vae", n=3, api_name="/nearest")
    assert len(pictures) == 6 and len(numbers["indices"]) == len(numbers["distances"]) == 3
    images = api.dataset("train").images
    for i in range(3):
        sample, image = (pixels(pictures[2 * i + k]["image"]).astype(float) / 255 for k in (0, 1))
        assert np.array_equal(image * 255, images[numbers["indices"][i], 0].numpy())
        assert numbers["distances"][i] == pytest.approx(np.linalg.norm(sample - image), rel=1e-3, abs=1e-3)


def test_evaluate_streams(client):
    job = client.submit("vae", n=100, api_name="/evaluate")
    result = job.result()
    assert result["n"] == 100 and sum(result["digits"]) == 100 and result["frechet_floor"] > 0
    assert any("sampled" in o for o in job.outputs())


def test_train_streams_serves_and_stays_in_its_session(client, url):
    other = client
    client = Client(url, verbose=False, analytics_enabled=False)
    job = client.submit("vae", steps=6, options={"network": "mlp", "latent": 4}, api_name="/train")
    progress, files, preview = job.result()
    assert progress["state"] == "finished" and progress["step"] == 6
    assert progress["sampling_from"].startswith("trained here")
    assert {f.rsplit("/", 1)[1] for f in files} == {"model.safetensors", "config.json"}
    assert pixels(preview).std() > 0
    _, numbers = client.predict("vae", n=1, api_name="/sample")
    assert numbers["origin"].startswith("trained here")
    assert numbers["weights_sha256"] == progress["weights_sha256"]
    assert other.predict("vae", n=1, api_name="/sample")[1]["origin"] == "shipped"
    client.close()


SAMPLE_ERRORS = [
    ("model", "pixelcnn"), ("model", 7), ("model", None), ("model", ["vae"]),
    ("n", 0), ("n", -1), ("n", 1.5), ("n", "abc"), ("n", 10**9), ("n", True), ("n", [1]), ("n", 10**400),
    ("seed", -1), ("seed", 0.5), ("seed", 2**32), ("seed", "abc"),
    ("label", 10), ("label", -1), ("label", "seven"), ("steps", 0), ("steps", 1001), ("steps", 1.5),
    ("steps", "abc"), ("sampler", "euler"), ("eta", -0.1), ("eta", "abc"), ("guidance", 11),
    ("guidance", {"w": 1}), ("prior", "mixture"),
]  # fmt: skip


@pytest.mark.parametrize("field, value", SAMPLE_ERRORS, ids=str)
def test_bad_sample_input_is_one_sentence(client, field, value):
    values = {"model": "ddpm", "n": 1, "steps": 1} | {field: value}
    with pytest.raises(AppError) as caught:
        client.predict(api_name="/sample", **values)
    assert_sentence(str(caught.value), field)


OTHER_ERRORS = [
    ("/noise", {"t": -1}, "t"), ("/noise", {"t": 1000}, "t"), ("/noise", {"t": "x"}, "t"),
    ("/noise", {"t": 5, "index": 10**9}, "index"), ("/noise", {"t": 5, "schedule": "sqrt"}, "schedule"),
    ("/nearest", {"model": "vae", "n": 0}, "n"), ("/nearest", {"model": "x"}, "model"),
    ("/evaluate", {"model": "vae", "n": 99}, "n"), ("/evaluate", {"model": "vae", "n": 10**9}, "n"),
    ("/evaluate", {"model": "vae", "steps": 5}, "steps"),
    ("/train", {"model": "x"}, "model"), ("/train", {"model": "vae", "steps": 0}, "steps"),
    ("/train", {"model": ["vae"]}, "model"), ("/train", {"model": "vae", "start": "x"}, "start"),
    ("/train", {"model": "vae", "batch_size": 1}, "batch_size"),
    ("/train", {"model": "vae", "decay": "x"}, "decay"), ("/train", {"model": "vae", "data": "x"}, "data"),
    ("/train", {"model": "vae", "data": "cifar10"}, "data"),
    ("/train", {"model": "vae", "options": {"lr": "abc"}}, "lr"),
    ("/train", {"model": "vae", "options": {"speed": 1}}, "option"),
    ("/train", {"model": "vae", "options": "lr=1"}, "options"),
    ("/train", {"model": "vae", "options": [1]}, "options"),
]  # fmt: skip


@pytest.mark.parametrize("endpoint, values, field", OTHER_ERRORS, ids=str)
def test_bad_input_is_one_sentence(client, endpoint, values, field):
    with pytest.raises(AppError) as caught:
        client.predict(api_name=endpoint, **values)
    assert_sentence(str(caught.value), field)


def assert_sentence(said: str, field: str) -> None:
    assert said.startswith(f"{field} is "), said
    assert "Traceback" not in said and "\n" not in said and len(said) < 300


def test_reverse_tells_every_step(client):
    pictures, numbers = client.predict(label=3, seed=2, steps=4, api_name="/reverse")
    moments = finish(api.reverse(3, 2, steps=4))
    assert numbers["t"] == [m.t for m in moments] and numbers["t"][-1] == -1
    assert len(pictures) == 10 and [len(v) for v in numbers["norms"].values()] == [5, 5, 4, 4]
    assert numbers["norms"]["x_t"][0] == pytest.approx(float(moments[0].x_t.norm()), rel=1e-3)
    *_, samples = api.sample("ddpm", 1, 2, 3, steps=4, sampler="ddim")
    np.testing.assert_array_equal(pixels(pictures[-1]["image"]), samples.images[0, 0].numpy())
    for bad, said in (({"label": 10}, "label is 10"), ({"steps": 0}, "steps is 0"), ({"eta": "x"}, "eta is")):
        with pytest.raises(AppError, match=said):
            client.predict(**bad, api_name="/reverse")


def test_compare_samplers_tells_cost_and_distance(client):
    sides = {"first": {"steps": 3}, "second": {"steps": 3, "sampler": "ddpm"}}
    pictures, numbers = client.predict(n=2, seed=1, label=5, **sides, api_name="/compare_samplers")
    assert [p["caption"] for p in pictures] == ["first 0", "second 0", "first 1", "second 1"]
    assert numbers["labels"] == [5, 5] and numbers["first"]["evaluations"] == 3
    a, b = (pixels(p["image"]).astype(float) / 255 for p in pictures[:2])
    assert numbers["distances"][0] == pytest.approx(np.linalg.norm(a - b), rel=0.01)
    for bad, said in (
        ({"n": 33}, "n is 33"),
        ({"first": {"stepz": 3}}, "stepz"),
        ({"first": 3}, "first is 3"),
    ):
        with pytest.raises(AppError, match=said):
            client.predict(**bad, api_name="/compare_samplers")


def test_the_game_on_the_plane_streams(client):
    job = client.submit(game="minimax", steps=6, width=8, api_name="/ring")
    job.result()
    told = job.outputs()
    assert [now["step"] for now in told] == list(range(7))
    end = told[-1]
    assert np.shape(end["points"]) == (512, 2) and np.shape(end["surface"]) == (40, 40)
    assert sum(end["counts"]) / 512 == end["good"] and 0 <= end["covered"] <= 8
    assert end["pull"].keys() == LOSSES.keys() and not end["broken"]


def test_the_game_on_digits_streams(client):
    job = client.submit(game="wgan", steps=3, batch_size=4, n_critic=2, api_name="/modes")
    job.result()
    told = [(picture, now) for picture, now in job.outputs() if "counts" in now]
    assert [now["step"] for _, now in told] == [0, 1, 2, 3]
    picture, end = told[-1]
    assert pixels(picture).shape == (291, 581)  # 10 rows of 20, lines between them
    assert (
        len(end["counts"]) == 10 and sum(end["counts"]) == end["clear"] and end["pull"].keys() == {"critic"}
    )
    assert end["scores"]["shares"].keys() == {"real", "generated"} and not end["broken"]
    assert (end["weights"]["lo"], end["weights"]["hi"]) == (-0.01, 0.01) and end["metrics"]["clipped"] > 0
    assert sum(end["slopes"]["shares"]["slopes"]) == pytest.approx(1)


@pytest.mark.parametrize("game", ["/ring", "/modes"])
@pytest.mark.parametrize(
    ("bad", "said"),
    [({"game": "chess"}, "game is 'chess'"), ({"steps": 1e9}, "steps is"), ({"lr": -1}, "lr is")],
)
def test_a_bad_game_is_refused(client, game, bad, said):
    with pytest.raises(AppError, match=said):
        client.predict(**bad, api_name=game)


def test_the_leaderboard_is_the_file_that_ships(client):
    found = client.predict(api_name="/leaderboard")
    assert found == json.loads((WEIGHTS / "leaderboard.json").read_text())
    assert {line["name"] for line in found["models"]} >= set(MODELS)


def test_load_from_hub(client, monkeypatch):
    """By its id; it is the session's alone, and a wrong id leaves what was there."""
    drawn = [client.predict("vae", n=2, api_name="/sample")[1]["origin"]]
    with standing_in() as hub:
        monkeypatch.setattr(api.HUB, "endpoint", hub.url)
        files = {
            name: (WEIGHTS / "vae2d" / name).read_bytes() for name in ("config.json", "model.safetensors")
        }
        hub.repositories["ada/plane"] = Repository(files)
        numbers = client.predict("ada/plane", api_name="/load_from_hub")
        with pytest.raises(AppError, match="ada/none: it is not on the hub, or it is private"):
            client.predict("ada/none", "main", api_name="/load_from_hub")
        again = client.predict("ada/plane", numbers["commit"], api_name="/load_from_hub")
    assert again == numbers and numbers["model"] == "vae" and numbers["config"]["latent"] == 2
    pictures, after = client.predict("vae", n=2, api_name="/sample")
    assert after["origin"] == numbers["origin"] == f"from ada/plane at {numbers['commit'][:7]}"
    assert after["weights_sha256"] == numbers["weights_sha256"]
    *_, expected = sampling.sample(checkpoints.load(WEIGHTS / "vae2d"), 2, 0)
    assert np.array_equal(pixels(pictures[0]["image"]), expected.images[0, 0].numpy())
    other = Client(client.src, verbose=False, analytics_enabled=False)
    assert other.predict("vae", n=2, api_name="/sample")[1]["origin"] == drawn[0] == "shipped"
    other.close()
