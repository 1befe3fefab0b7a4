"""The yardsticks against closed forms and brute force."""

import json
import math
from typing import Any

import numpy as np
import pytest
import scipy.linalg
import torch
from torch import Tensor

from genlab import evaluation
from genlab.data import Dataset
from genlab.errors import CheckpointError
from genlab.evaluation import evaluate, frechet_distance, kl_to_uniform, nearest, precision_recall
from genlab.library import Library
from genlab.noise import Noise


def cloud(n: int, mean: Tensor, factor: Tensor, seed: int = 0) -> Tensor:
    """n points whose sample mean and covariance are exactly ``mean`` and ``factor factor^T``."""
    x = Noise(seed, n).normal(len(mean)).double()
    x = x - x.mean(0)
    x = torch.linalg.solve_triangular(torch.linalg.cholesky(torch.cov(x.T)), x.T, upper=False).T
    return x @ factor.double().T + mean.double()


def test_frechet_distance_of_two_gaussians() -> None:
    """With commuting covariances: |mu_a - mu_b|^2 + sum (s_a - s_b)^2."""
    mu_a, mu_b = torch.tensor([0.0, 1, 2, 3]), torch.tensor([1.0, 1, 0, 3])
    s_a, s_b = torch.tensor([1.0, 2, 3, 0.5]), torch.tensor([1.0, 1, 5, 2])
    a, b = cloud(300, mu_a, s_a.diag()), cloud(200, mu_b, s_b.diag(), seed=1)
    expected = float(((mu_a - mu_b) ** 2).sum() + ((s_a - s_b) ** 2).sum())
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-6)
    assert frechet_distance(b, a) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("dim", [2, 64])
def test_frechet_distance_against_the_matrix_root(dim: int) -> None:
    mixing = Noise(9, dim).normal(dim)
    a, b = Noise(0, 500).normal(dim), Noise(1, 400).normal(dim) @ mixing + 0.3
    s_a, s_b = np.cov(a.double().numpy().T), np.cov(b.double().numpy().T)
    gap = (a.double().mean(0) - b.double().mean(0)).pow(2).sum().item()
    expected = gap + np.trace(s_a + s_b - 2 * np.real(scipy.linalg.sqrtm(s_a @ s_b)))
    assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-4)


def test_frechet_distance_of_the_same_is_nothing() -> None:
    a = Noise(0, 500).normal(64)
    assert abs(frechet_distance(a, a.clone())) < 1e-6
    assert abs(frechet_distance(a, a.flip(0))) < 1e-6


def brute_force(real: np.ndarray, fake: np.ndarray, k: int = 3) -> tuple[float, float]:
    """Precision and recall by the paper's definition, one pair at a time."""

    def covered(points: np.ndarray, centres: np.ndarray) -> float:
        radii = [sorted(np.linalg.norm(centres - c, axis=1))[k] for c in centres]
        return float(np.mean([any(np.linalg.norm(p - centres, axis=1) <= radii) for p in points]))

    return covered(fake, real), covered(real, fake)


def test_precision_and_recall_against_brute_force() -> None:
    real, fake = Noise(0, 120).normal(3), Noise(1, 90).normal(3) * 0.6 + 0.8
    found = precision_recall(real, fake)
    assert found == pytest.approx(brute_force(real.double().numpy(), fake.double().numpy()))
    assert 0.1 < found[1] < found[0] < 1, "a case in which the two differ"


def test_precision_and_recall_of_extremes() -> None:
    a = Noise(0, 200).normal(64)
    assert precision_recall(a, a.clone()) == (1, 1)
    assert precision_recall(a, a + 100) == (0, 0)
    copies = a[:1].repeat(200, 1)  # always the same, good picture
    precision, recall = precision_recall(a, copies)
    assert precision == 1 and recall < 0.05


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([7] * 10, 0.0),
        ([5] + [0] * 9, math.log(10)),
        ([1] * 5 + [0] * 5, math.log(2)),
        ([3, 1] + [0] * 8, 0.75 * math.log(7.5) + 0.25 * math.log(2.5)),
    ],
)
def test_kl_to_uniform(counts: list[int], expected: float) -> None:
    assert kl_to_uniform(torch.tensor(counts)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("chunk", [1, 7, 500])
def test_nearest_against_brute_force(chunk: int, embedded: dict[str, Dataset]) -> None:
    queries, among = embedded["test"].images[::25], embedded["train"].images[::10]
    found = nearest(queries, among, chunk)
    q, a = (v.flatten(1).double().numpy() / 255 for v in (queries, among))
    distances = np.linalg.norm(q[:, None] - a[None], axis=2)
    assert found.index.tolist() == distances.argmin(1).tolist()
    assert np.allclose(found.distance.numpy(), distances.min(1), atol=1e-5)


def test_the_nearest_to_a_training_image_is_itself(digits: Dataset) -> None:
    chosen = torch.tensor([0, 17, 299])
    found = nearest(digits.images[chosen], digits.images)
    assert found.index.tolist() == chosen.tolist() and found.distance.tolist() == [0, 0, 0]


def test_features_do_not_depend_on_chunks(library: Library, digits: Dataset) -> None:
    judge = library.classifier()
    whole = evaluation.features_of(judge, digits.images[:50])
    assert whole.shape == (50, 64) and whole.std() > 0
    assert torch.allclose(evaluation.features_of(judge, digits.images[:50], chunk=7), whole, atol=1e-4)


def last(library: Library, name: str, train: Dataset, **options: Any) -> dict[str, Any]:
    reference = evaluation.load_reference(library.folder / "classifier")
    *progress, result = evaluate(library.get(name).model, library.classifier(), reference, train, **options)
    assert [p["sampled"] for p in progress][-1] == options["n"]
    return result


@pytest.mark.parametrize(("name", "knobs"), [("gan", {}), ("ddpm", {"steps": 2, "guidance": 2.0})])
def test_the_report(name: str, knobs: dict, library: Library, digits: Dataset) -> None:
    result = last(library, name, digits, n=300, seed=4, **knobs)
    assert json.loads(json.dumps(result)) == result, "plain JSON"
    assert result["n"] == 300 == sum(result["digits"]) and len(result["digits"]) == 10
    assert result["seed"] == 4 and result["knobs"] == knobs
    assert result["evaluations"] == (4 if name == "ddpm" else 1)
    assert (result["label_accuracy"] is None) == (name == "gan")
    assert result["frechet"] > result["frechet_floor"] > 0 and result["seconds_per_1000"] > 0
    assert 0 <= result["precision"] <= 1 and 0 <= result["recall"] <= 1
    assert 0 < result["nearest_train_min"] <= result["nearest_train"]
    again = last(library, name, digits, n=300, seed=4, **knobs)
    for key in result:
        assert "seconds" in key or again[key] == result[key], key


def test_real_digits_measure_as_real(library: Library, digits: Dataset) -> None:
    """The test images themselves have distance 0; the training images lie at the floor."""
    reference, judge = evaluation.load_reference(library.folder / "classifier"), library.classifier()
    same = evaluation.measure_features(reference.test, reference, judge)
    assert abs(same["frechet"]) < 1e-6 and same["precision"] == same["recall"] == 1
    result = last(library, "gan", digits, n=500, seed=0)
    real = evaluation.measure_features(reference.train[:500], reference, judge)
    assert result["real"] == real and result["frechet_floor"] == real["frechet"] > 0


@pytest.mark.parametrize("content", [None, b"", b"junk"])
def test_a_broken_reference_is_named(content: bytes | None, tmp_path: Any) -> None:
    if content is not None:
        (tmp_path / evaluation.REFERENCE).write_bytes(content)
    with pytest.raises(CheckpointError, match=r"reference\.safetensors"):
        evaluation.load_reference(tmp_path)
