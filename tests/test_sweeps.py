"""Curves of quality against a knob: their figures, and how an interrupted measurement goes on."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from genlab import api, evaluation
from genlab.checkpoints import WEIGHTS
from genlab.data import Dataset
from genlab.evaluation import load_reference
from genlab.lab import curves, sweeps
from genlab.lab.sweeps import real_point, spread, sweep
from genlab.library import Library

SETTINGS = [
    {"steps": 1, "guidance": 1.0, "sampler": "ddim"},
    {"steps": 2, "guidance": 2.0, "sampler": "ddpm"},
    {"steps": 3, "guidance": 1.0, "sampler": "heun"},
]


def test_spread_is_the_mean_distance_within_a_label() -> None:
    features = torch.tensor([[0.0, 0], [3, 4], [0, 0], [0, 1], [0, 2], [9, 9]])
    labels = torch.tensor([1, 1, 2, 2, 2, 7])  # 5; (1 + 2 + 1) / 3; a single one says nothing
    assert spread(features, labels) == pytest.approx((5 + 4 / 3) / 2)


def test_real_digits_are_as_far_as_the_protocol_says() -> None:
    reference, judge = load_reference(WEIGHTS / "classifier"), Library().classifier()
    found = real_point(judge, reference, 2000)
    floors = [
        evaluation.frechet_distance(reference.test, reference.train[i : i + 2000])
        for i in range(0, 10_000, 2000)
    ]
    assert found["frechet"] == pytest.approx(sum(floors) / 5, rel=1e-6)
    assert found["frechet_std"] == pytest.approx(float(torch.tensor(floors).std()), rel=1e-5)
    recall = evaluation.measure_features(reference.train[:2000], reference, judge)["recall"]
    assert found["recall"] == recall


def test_a_point_is_what_the_protocol_measures(library: Library, embedded: dict[str, Dataset]) -> None:
    model: Any = library.shipped("ddpm").model
    judge, reference = library.classifier(), load_reference(library.folder / "classifier")
    *_, last = steps = list(sweep(model, judge, reference, SETTINGS, n=60, seed=3))
    shares = [s.share for s in steps]
    assert shares == sorted(shares) and shares[-1] == pytest.approx(1) and len(last.points) == 3
    assert [p["evaluations"] for p in last.points] == [1, 4, model.evaluations(**SETTINGS[2])]
    for point, knobs in zip(last.points, SETTINGS, strict=True):
        *_, expected = evaluation.evaluate(model, judge, reference, embedded["train"], n=60, seed=3, **knobs)
        for key in ("frechet", "precision", "recall", "label_accuracy"):
            assert point[key] == pytest.approx(expected[key], rel=1e-6), key
        assert point["diversity"] > 0


@pytest.fixture
def shelf(library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the tiny ddpm's folder, and a short curve to measure on it."""
    monkeypatch.setattr(sweeps, "SETTINGS", {"steps": SETTINGS})
    monkeypatch.setattr(curves, "SETTINGS", {"steps": SETTINGS})
    return Path(shutil.copytree(library.folder / "ddpm", tmp_path / "ddpm"))


def test_an_interrupted_measurement_goes_on(shelf: Path, library: Library) -> None:
    model: Any = library.shipped("ddpm").model
    judge, reference = library.classifier(), load_reference(library.folder / "classifier")

    def measure(n: int = 50) -> Any:
        return curves.measure(
            "steps", shelf, model, judge, reference, n=n, seed=0, command="python -m genlab curve steps"
        )

    interrupted = measure()
    next(progress for progress in interrupted if len(progress.points) == 1)
    interrupted.close()
    kept = curves.read(shelf, "steps")
    assert len(kept["points"]) == 1 and kept["n"] == 50
    resumed = list(measure())
    assert [len(p.points) for p in resumed][-1] == 2, "what is kept is not measured again"
    whole = curves.read(shelf, "steps")
    assert whole["points"][0] == kept["points"][0]
    assert [p["steps"] for p in whole["points"]] == [1, 2, 3]
    (shelf / "steps_curve.json").unlink()
    list(measure())
    assert curves.read(shelf, "steps") == whole, "as if never interrupted"
    assert list(measure()) == [], "nothing is left to do"
    list(measure(60))
    assert curves.read(shelf, "steps")["n"] == 60 and len(curves.read(shelf, "steps")["points"]) == 3


def test_points_of_other_weights_are_not_kept(shelf: Path, library: Library) -> None:
    path = shelf / "steps_curve.json"
    model: Any = library.shipped("ddpm").model
    judge, reference = library.classifier(), load_reference(library.folder / "classifier")
    common: dict[str, Any] = {"n": 50, "seed": 0, "command": "x"}
    list(curves.measure("steps", shelf, model, judge, reference, **common))
    found = json.loads(path.read_text())
    path.write_text(json.dumps(found | {"sha256": "another"}))
    first = next(iter(curves.measure("steps", shelf, model, judge, reference, **common)))
    assert first.points == [] and curves.read(shelf, "steps")["points"] == []


@pytest.mark.parametrize("name", ["steps", "guidance"])
def test_what_ships_is_whole_and_of_these_weights(name: str) -> None:
    found = api.shipped_curve(name)
    config = json.loads((WEIGHTS / "ddpm" / "config.json").read_text())
    assert found["sha256"] == config["sha256"] and found["command"].startswith(
        f"python -m genlab curve {name}"
    )
    for setting in sweeps.SETTINGS[name]:
        assert sum(setting.items() <= p.items() for p in found["points"]) == 1, setting
    assert len(found["points"]) == len(sweeps.SETTINGS[name]) and found["n"] >= 300


def test_a_point_that_ships_can_be_measured_again() -> None:
    found = api.shipped_curve("steps")
    wanted = {"sampler": "ddim", "steps": 2}
    *_, again = api.steps_curve(found["n"], found["seed"], ["ddim"], [2])
    shipped = next(p for p in found["points"] if wanted.items() <= p.items())
    for key in ("frechet", "precision", "recall", "label_accuracy", "diversity"):
        assert again.points[0][key] == pytest.approx(shipped[key], rel=0.02, abs=0.01), key


def test_guidance_buys_accuracy_with_diversity() -> None:
    points = {p["guidance"]: p for p in api.shipped_curve("guidance")["points"]}
    assert points[0.0]["label_accuracy"] < 0.2 < 0.9 < points[1.0]["label_accuracy"]
    assert points[4.0]["label_accuracy"] > 0.99
    assert points[4.0]["diversity"] < points[1.0]["diversity"] - 0.1
