"""The weights that come with the repository."""

import json
from pathlib import Path

import pytest
import torch

from genlab import checkpoints, evaluation, leaderboard
from genlab.checkpoints import CONFIG, MODEL, WEIGHTS
from genlab.library import PLANE, Library
from genlab.models import MODELS, TRAINABLE, Classifier
from genlab.sampling import sample_chunks

MB = 1e6
SHIPPED = [*sorted(MODELS), "classifier"]


def metrics(name: str) -> dict:
    return json.loads((WEIGHTS / name / "metrics.json").read_text())


@pytest.mark.parametrize("name", SHIPPED)
def test_they_load_and_are_those_of_the_config(name: str) -> None:
    config = json.loads((WEIGHTS / name / CONFIG).read_text())
    assert config["model"] == name and config["sha256"] == checkpoints.sha256(WEIGHTS / name / MODEL)
    assert type(checkpoints.load(WEIGHTS / name)) is TRAINABLE[name]
    recipe = TRAINABLE[name].recipe
    training, steps = config["training"], 0
    while training:
        assert "60,000" in training["data"] and training["command"].startswith("python -m genlab train")
        steps += training["steps"]
        training = training.get("from")  # what it went on from
    assert steps == recipe.steps


@pytest.mark.parametrize("name", SHIPPED)
def test_the_measurements_are_of_these_weights(name: str) -> None:
    assert metrics(name)["sha256"] == checkpoints.sha256(WEIGHTS / name / MODEL)


def test_the_plane_is_small_and_trained_on_everything() -> None:
    folder = WEIGHTS / PLANE
    config = json.loads((folder / CONFIG).read_text())
    assert config["sha256"] == checkpoints.sha256(folder / MODEL) == metrics(PLANE)["sha256"]
    assert "60,000" in config["training"]["data"] and "--latent 2" in config["training"]["command"]
    assert Library().plane().config.latent == 2 and (folder / MODEL).stat().st_size < 3 * MB
    card = (folder / "README.md").read_text()
    assert "VAE with two latents" in card and config["training"]["command"] in card


def test_the_files_are_small() -> None:
    sizes = {p: p.stat().st_size for p in WEIGHTS.rglob("*") if p.is_file()}
    assert max(sizes.values()) < 10 * MB and sum(sizes.values()) < 60 * MB
    assert {p.suffix for p in sizes} <= {".safetensors", ".json", ".md", ".txt"}


def test_the_judge_is_good_enough_to_judge() -> None:
    assert metrics("classifier")["test_accuracy"] >= 0.994
    reference = evaluation.load_reference(WEIGHTS / "classifier")
    assert reference.test.shape == reference.train.shape == (10_000, 64)


# Times the floor. What clipping costs, and what a prior fitted afterwards, is what these two families show.
FARTHEST = {
    "flow": 3,
    "ddpm": 3,
    "gan": 8,
    "wgan_gp": 8,
    "vae": 10,
    "conv_vae": 13,
    "cgan": 4,
    "dit": 4,
    "dcgan": 8,
}
FARTHEST |= {"autoencoder": 40, "wgan": 100}
UNEVEN = {
    "autoencoder": 0.03,
    "wgan": 0.1,
}  # KL of the digits to uniform, at most; 0.02 for the others


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_family_is_as_good_as_promised(name: str) -> None:
    found = metrics(name)
    assert found["n"] == 10_000
    assert found["frechet_floor"] < found["frechet"] < FARTHEST[name] * found["frechet_floor"]
    assert found["digits_kl"] < UNEVEN.get(name, 0.02) and min(found["digits"]) > 300
    assert found["nearest_train_min"] > 0.5, "no picture of the training set"


def test_a_penalty_is_better_than_clipping() -> None:
    assert metrics("wgan_gp")["frechet"] < metrics("wgan")["frechet"] / 4


def test_the_mixture_repairs_the_autoencoder() -> None:
    model, judge = Library().shipped("autoencoder").model, Library().classifier()
    reference = evaluation.load_reference(WEIGHTS / "classifier")
    distance = {}
    for prior in ("normal", "mixture"):
        images = torch.cat([s.images for s in sample_chunks(model, 2000, seed=1, prior=prior)])
        distance[prior] = evaluation.frechet_distance(reference.test, evaluation.features_of(judge, images))
    assert distance["mixture"] < distance["normal"] / 4


def test_the_vae_is_four_times_as_close_as_the_textbook_recipe() -> None:
    board = leaderboard.read()
    textbook = next(line for line in board["models"] if line["name"] == "textbook_vae")
    assert board["n"] == 10_000 and metrics("vae")["frechet"] <= textbook["mean"]["frechet"] / 4


@pytest.mark.parametrize(
    "name", ["autoencoder", "vae", "conv_vae", "gan", "cgan", "dcgan", "wgan", "wgan_gp"]
)
def test_a_fresh_measurement_agrees_with_the_published_one(name: str) -> None:
    model = Library().shipped(name).model
    images = torch.cat([s.images for s in sample_chunks(model, 3000, seed=1)])
    judge: Classifier = Library().classifier()
    reference = evaluation.load_reference(WEIGHTS / "classifier")
    images = model.canvas.digits(images)
    distance = evaluation.frechet_distance(reference.test, evaluation.features_of(judge, images))
    # 3,000 samples overestimate the distance by a few units of the features' covariance.
    assert 0.8 * metrics(name)["frechet"] < distance < 1.3 * metrics(name)["frechet"] + 10


@pytest.mark.parametrize("name", [n for n in MODELS if MODELS[n].conditional])
def test_labels_are_obeyed(name: str) -> None:  # the goal is 0.98
    assert metrics(name)["label_accuracy"] >= 0.95


@pytest.mark.parametrize("name", SHIPPED)
def test_every_model_has_its_card(name: str) -> None:
    assert (Path(WEIGHTS) / name / "README.md").stat().st_size > 200
