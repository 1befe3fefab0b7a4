"""The weights that come with the repository."""

import json
from pathlib import Path

import pytest

from genlab import checkpoints, evaluation
from genlab.checkpoints import CONFIG, MODEL, WEIGHTS
from genlab.models import MODELS, TRAINABLE

MB = 1e6


def metrics(name: str) -> dict:
    return json.loads((WEIGHTS / name / "metrics.json").read_text())


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_they_load_and_are_those_of_the_config(name: str) -> None:
    config = json.loads((WEIGHTS / name / CONFIG).read_text())
    assert config["model"] == name and config["sha256"] == checkpoints.sha256(WEIGHTS / name / MODEL)
    assert type(checkpoints.load(WEIGHTS / name)) is TRAINABLE[name]
    recipe = TRAINABLE[name].recipe
    assert config["training"]["steps"] == recipe.steps and "60,000" in config["training"]["data"]


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_the_measurements_are_of_these_weights(name: str) -> None:
    assert metrics(name)["sha256"] == checkpoints.sha256(WEIGHTS / name / MODEL)


def test_the_files_are_small() -> None:
    sizes = {p: p.stat().st_size for p in WEIGHTS.rglob("*") if p.is_file()}
    assert max(sizes.values()) < 10 * MB and sum(sizes.values()) < 60 * MB
    assert {p.suffix for p in sizes} <= {".safetensors", ".json", ".md"}


def test_the_judge_is_good_enough_to_judge() -> None:
    assert metrics("classifier")["test_accuracy"] >= 0.994
    reference = evaluation.load_reference(WEIGHTS / "classifier")
    assert reference.test.shape == reference.train.shape == (10_000, 64)


@pytest.mark.parametrize("name", sorted(MODELS))
def test_every_family_draws_all_digits_and_does_not_copy(name: str) -> None:
    found = metrics(name)
    assert found["n"] == 10_000 and min(found["digits"]) > 300
    assert found["frechet_floor"] < found["frechet"] < 100 * found["frechet_floor"]
    assert found["precision"] > 0.5 and found["recall"] > 0.5
    assert found["nearest_train_min"] > 0.5, "no picture of the training set"


@pytest.mark.parametrize("name", [n for n in MODELS if MODELS[n].conditional])
def test_labels_are_obeyed(name: str) -> None:
    assert metrics(name)["label_accuracy"] > 0.95


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_every_model_has_its_card(name: str) -> None:
    assert (Path(WEIGHTS) / name / "README.md").stat().st_size > 200
