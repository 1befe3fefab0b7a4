"""One protocol for every family: n samples against MNIST's 10,000 test images.

Distances live in the 64 features of the shipped digit classifier. Its folder also holds the
features of the test images and of 10,000 training images, so that the protocol runs without MNIST;
the latter against the former give the floor, the distance between two sets of real digits.
"""

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from genlab.checkpoints import MODEL, sha256
from genlab.data import Dataset, to_float
from genlab.errors import CheckpointError
from genlab.models import Classifier, GenerativeModel
from genlab.sampling import Samples, sample_chunks

N = 10_000
NEIGHBOURS = 3  # of precision and recall, as in the paper
COVERAGE_NEIGHBOURS = 5  # of coverage, as in its paper
REFERENCE = "reference.safetensors"


class Reference(NamedTuple):
    """Features (10,000, 64) of real digits."""

    test: Tensor
    train: Tensor


class Neighbours(NamedTuple):
    """For each query the closest image: its index in the set and the pixel distance to it."""

    index: Tensor  # type: ignore[assignment]  # int64 (N,); hides tuple.index
    distance: Tensor  # float (N,), Euclidean over pixels in [0, 1]


def features_of(classifier: Classifier, images: Tensor, chunk: int = 1000) -> Tensor:
    """Features float (N, 64) of pictures uint8 (N, 1, 28, 28)."""
    parts = [classifier.features(to_float(part)) for part in images.split(chunk)]
    return torch.cat(parts)


def frechet_distance(a: Tensor, b: Tensor) -> float:
    """||mu_a - mu_b||^2 + tr(S_a + S_b - 2 (S_a S_b)^(1/2)) of features (N, D).

    Heusel et al., "GANs Trained by a Two Time-Scale Update Rule" (2017), with our classifier's
    features instead of Inception's.
    """
    from torchmetrics.image.fid import FrechetInceptionDistance

    same = nn.Identity()
    same.num_features = a.shape[1]  # type: ignore[assignment]
    metric = FrechetInceptionDistance(feature=same)
    metric.set_dtype(torch.float64)
    metric.update(a.double(), real=True)
    metric.update(b.double(), real=False)
    return float(metric.compute())


def _covered(points: Tensor, centres: Tensor, radii: Tensor) -> float:
    """The share of ``points`` that lie in the ball of at least one centre."""
    inside = [(torch.cdist(part, centres) <= radii).any(1) for part in points.split(1000)]
    return float(torch.cat(inside).float().mean())


def _radii(points: Tensor, neighbours: int) -> Tensor:
    """The distance from each point to its k-th nearest neighbour, itself not counted."""
    k = min(neighbours + 1, len(points))
    return torch.cat([torch.cdist(p, points).kthvalue(k, dim=1).values for p in points.split(1000)])


def precision_recall(real: Tensor, fake: Tensor) -> tuple[float, float]:
    """How many fakes look real, and how many reals the fakes cover (Kynkaanniemi et al., 2019)."""
    return _covered(fake, real, _radii(real, NEIGHBOURS)), _covered(real, fake, _radii(fake, NEIGHBOURS))


def coverage(real: Tensor, fake: Tensor) -> float:
    """The share of reals with a fake no farther than their 5th nearest real (Naeem et al., 2020, eq. 9).

    Unlike recall, a few fakes far out do not cover what lies between them: the balls are the reals'.
    """
    closest = torch.cat([torch.cdist(part, fake).amin(1) for part in real.split(1000)])
    return float((closest <= _radii(real, COVERAGE_NEIGHBOURS)).float().mean())


def nearest(images: Tensor, among: Tensor, chunk: int = 500) -> Neighbours:
    """For each image the closest of ``among``; both uint8 (N, C, H, W)."""
    points = among.flatten(1).float() / 255
    queries = images.flatten(1).float() / 255
    closest = torch.cat([torch.cdist(part, points).argmin(1) for part in queries.split(chunk)])
    # cdist's matrix products are fast but leave 0.005 between equal pictures: measure the found ones anew.
    return Neighbours(closest, (queries - points[closest]).norm(dim=1))


def kl_to_uniform(counts: Tensor) -> float:
    """KL(p || uniform) in nats of a histogram (10,); 0 where every digit is as frequent."""
    p = counts.double() / counts.sum()
    return float((p * (p * len(p)).log()).nansum())


def measure_features(features: Tensor, reference: Reference, classifier: Classifier) -> dict[str, Any]:
    """How features (N, 64) compare with those of the real test digits."""
    precision, recall = precision_recall(reference.test, features)
    digits = torch.bincount(classifier.predict(features), minlength=10)
    return {
        "n": len(features),
        "frechet": frechet_distance(reference.test, features),
        "precision": precision,
        "recall": recall,
        "coverage": coverage(reference.test, features),
        "digits": digits.tolist(),
        "digits_kl": kl_to_uniform(digits),
    }


def evaluate(
    model: GenerativeModel,
    classifier: Classifier,
    reference: Reference,
    train: Dataset,
    *,
    n: int = N,
    seed: int = 0,
    chunks: Iterable[Samples] | None = None,
    **knobs: Any,
) -> Iterator[dict[str, Any]]:
    """Measure ``model`` on n samples of ``seed``: those of ``chunks``, or else drawn here.

    Yields {"sampled": k} while sampling, and last the whole result: ``measure_features`` of the
    samples and, as "real", of as many training digits; label accuracy, pixel distance to the nearest
    training image, and cost.
    """
    features, images, right, seconds = [], [], [], 0.0
    for samples in chunks or sample_chunks(model, n, seed, **knobs):
        seconds += samples.seconds
        images.append(model.canvas.digits(samples.images))
        features.append(features_of(classifier, images[-1]))
        if samples.labels is not None:
            right.append(classifier.predict(features[-1]) == torch.tensor(samples.labels))
        yield {"sampled": sum(map(len, images))}
    began = time.perf_counter()
    result = measure_features(torch.cat(features), reference, classifier)
    real = measure_features(reference.train[:n], reference, classifier)
    copying = nearest(torch.cat(images)[:1000], train.images)
    yield result | {
        "frechet_floor": real["frechet"],
        "real": real,
        "label_accuracy": float(torch.cat(right).float().mean()) if right else None,
        "nearest_train": float(copying.distance.mean()),
        "nearest_train_min": float(copying.distance.min()),
        "seconds_per_1000": seconds / n * 1000,
        "evaluations": model.evaluations(**knobs),
        "seed": seed,
        "knobs": knobs,
        "measuring_seconds": time.perf_counter() - began,
    }


def make_reference(folder: Path, classifier: Classifier, train: Dataset, test: Dataset) -> dict[str, Any]:
    """Write the real digits' features beside the classifier in ``folder``; measure it and the floor."""
    reference = Reference(features_of(classifier, test.images), features_of(classifier, train.images[:N]))
    save_file(reference._asdict(), folder / REFERENCE, metadata={"classifier": sha256(folder / MODEL)})
    accuracy = (classifier.predict(reference.test) == test.labels).float().mean()
    copying = nearest(test.images[:1000], train.images)
    return {
        "test_accuracy": float(accuracy),
        "floor": measure_features(reference.train, reference, classifier)
        | {"nearest_train": float(copying.distance.mean())},
        "sha256": sha256(folder / MODEL),
        "data": train.source,
    }


def load_reference(folder: Path) -> Reference:
    """The features that ``make_reference`` wrote; CheckpointError if they are not there or broken."""
    try:
        return Reference(**load_file(folder / REFERENCE))
    except Exception as error:
        raise CheckpointError(f"{folder.name}/{REFERENCE} is missing or broken.") from error
