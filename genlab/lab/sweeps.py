"""Quality against a knob: the protocol's figures at every setting, always from the same noise."""

from collections.abc import Generator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.evaluation import Reference, features_of, frechet_distance, measure_features
from genlab.models import Classifier
from genlab.models.base import CLASSES
from genlab.models.ddpm import DDPM
from genlab.sampling import CHUNK, sample

STEPS = (2, 5, 10, 20, 50, 100, 250, 1000)
SCALES = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0)  # of guidance

FLOORS = 5  # sets of real digits; 5 of 2,000 fit the 10,000 that ship
MEASURED = ("ddim", "ddpm", "heun", "dpmpp")  # a further sampler waits for somebody's hours
SETTINGS = {
    "steps": [{"sampler": sampler, "steps": steps} for steps in STEPS for sampler in MEASURED],
    "guidance": [{"sampler": "ddim", "steps": 25, "guidance": w} for w in SCALES],
}  # of the curves that ship

Point = dict[str, Any]  # the knobs of one setting, and the figures measured there


class Progress(NamedTuple):
    """A sweep so far."""

    share: float  # of all network evaluations, 0 to 1
    points: list[Point]
    real: Point  # the same figures of as many real digits


def spread(features: Tensor, labels: Tensor) -> float:
    """Mean distance between two features (N, D) of the same label (N,), each label weighing the same.

    NaN where no label occurs twice.
    """
    within = [torch.pdist(features[labels == k].double()) for k in range(CLASSES)]
    return float(torch.stack([d.mean() for d in within if len(d)] or [torch.tensor(torch.nan)]).mean())


def real_point(classifier: Classifier, reference: Reference, n: int) -> Point:
    """What n real training digits reach: the floor of every point.

    Distance and spread are means over up to ``FLOORS`` sets of n digits, ``frechet_std`` says how far
    the distances differ: by chance alone.
    """
    sets = [s for s in reference.train.split(n)[:FLOORS] if len(s) == n]
    distances = torch.tensor([frechet_distance(reference.test, s) for s in sets])
    spreads = torch.tensor([spread(s, classifier.predict(s)) for s in sets])
    return _figures(sets[0], reference, classifier) | {
        "frechet": float(distances.mean()),
        "frechet_std": float(distances.std()),
        "spread": float(spreads.mean()),
    }


def _figures(features: Tensor, reference: Reference, classifier: Classifier) -> Point:
    found = measure_features(features, reference, classifier)
    return {key: found[key] for key in ("frechet", "precision", "recall")}


def sweep(
    model: DDPM,
    classifier: Classifier,
    reference: Reference,
    settings: Sequence[dict[str, Any]],
    *,
    n: int,
    seed: int = 0,
) -> Generator[Progress]:
    """Measure ``model`` at every setting on n samples of all digits mixed; tells every sampler step.

    A point has Frechet distance, precision and recall (as ``evaluation``), label accuracy, diversity
    (the spread of the samples of one digit in the classifier's features, over that of as many real
    digits), and the network evaluations of one picture.

    Args:
        settings: Sampling knobs of each point, checked by the caller.
        n: Number of samples, the first n of ``seed`` for every point.
    """
    real = real_point(classifier, reference, n)
    total = n * sum(model.evaluations(**knobs) for knobs in settings)
    points: list[Point] = []
    spent = 0  # evaluations of the finished chunks
    for knobs in settings:
        cost, features, labels = model.evaluations(**knobs), [], []
        for first in range(0, n, CHUNK):
            size = min(CHUNK, n - first)
            for samples in sample(model, size, seed, first=first, **knobs):
                yield Progress((spent + size * cost * samples.step / knobs["steps"]) / total, points, real)
            spent += size * cost
            features.append(features_of(classifier, samples.images))
            labels += samples.labels or []
        drawn, asked = torch.cat(features), torch.tensor(labels)
        points = [
            *points,
            {
                **knobs,
                "evaluations": cost,
                **_figures(drawn, reference, classifier),
                "label_accuracy": float((classifier.predict(drawn) == asked).float().mean()),
                "diversity": spread(drawn, asked) / real["spread"],
            },
        ]
        yield Progress(spent / total, points, real)
