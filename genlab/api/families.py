"""What every family can do: describe itself, draw, be measured, be searched for copies."""

import dataclasses
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from torch import Tensor

from genlab import evaluation, sampling
from genlab.api.checks import check_count, check_seed
from genlab.config import TrainConfig
from genlab.data import Dataset, Split, load
from genlab.evaluation import Neighbours, Reference
from genlab.library import Entry, Library
from genlab.models import MODELS
from genlab.sampling import Samples

MAX_IMAGES = sampling.CHUNK
SHIPPED = Library()


@lru_cache(maxsize=4)
def dataset(split: Split = "train", name: str = "mnist") -> Dataset:
    """MNIST's split, loaded once."""
    return load(name, split)


_load_reference = lru_cache(maxsize=2)(evaluation.load_reference)


def reference(library: Library = SHIPPED) -> Reference:
    """Features of real digits as the library's classifier sees them, loaded once."""
    return _load_reference(library.folder / "classifier")


def _knob_schema(config_type: Any) -> dict[str, dict[str, Any]]:
    fields = dataclasses.fields(config_type)
    return {f.name: {"default": f.default, **f.metadata} for f in fields}


def describe(entry: Entry) -> dict[str, Any]:
    """All there is to say of one model, as JSON."""
    model = entry.model
    return {
        "name": entry.name,
        **dataclasses.asdict(model.card),
        "origin": entry.origin,
        "conditional": model.conditional,
        "parameters": model.size,
        "config": dataclasses.asdict(model.config),
        "knobs": {
            "config": _knob_schema(model.Config),
            "sampling": _knob_schema(model.Sampling),
            "training": _knob_schema(TrainConfig),
        },
        "live": dataclasses.asdict(model.live),
        "metrics": entry.metrics,
    }


def models(library: Library = SHIPPED) -> list[dict[str, Any]]:
    """Every family: what it is, its knobs with ranges, and how good the shipped weights are."""
    return [describe(library.get(name)) for name in MODELS]


def sample(
    model: str,
    n: int = 16,
    seed: int = 0,
    label: int | None = None,
    *,
    library: Library = SHIPPED,
    **knobs: Any,
) -> Iterator[Samples]:
    """Draw pictures; they stream as they form, the last item is the result.

    Args:
        model: A family's name, a key of ``MODELS``.
        n: Number of pictures, 1 to 256.
        seed: 0 to 4294967295; the same seed draws the same pictures.
        label: A digit 0-9 for a conditional model, None for a mix.
        knobs: Fields of the family's ``Sampling``; None means the default.
    """
    entry = library.get(model)
    n, seed = check_count(n, 1, MAX_IMAGES), check_seed(seed)
    chosen = sampling.knobs_for(entry.model, knobs)
    return sampling.sample(entry.model, n, seed, label, **chosen)


class Nearest(NamedTuple):
    """Samples, in the size and colours of the training images, beside those closest to them."""

    samples: Samples
    images: Tensor  # uint8 (N, C, H, W)
    neighbours: Neighbours


def nearest(
    model: str,
    n: int = 16,
    seed: int = 0,
    label: int | None = None,
    *,
    library: Library = SHIPPED,
    **knobs: Any,
) -> Nearest:
    """Is it copying? Draw pictures and find the training image nearest to each, by pixel distance.

    The arguments are those of ``sample``.
    """
    *_, samples = sample(model, n, seed, label, library=library, **knobs)
    entry = library.get(model)
    drawn = entry.model.canvas.like(samples.images, entry.data)
    images = dataset("train", entry.data).images
    found = evaluation.nearest(drawn, images)
    return Nearest(dataclasses.replace(samples, images=drawn), images[found.index], found)


def evaluate(
    model: str, n: int = 1000, seed: int = 0, *, library: Library = SHIPPED, **knobs: Any
) -> Iterator[dict[str, Any]]:
    """Measure a model by the project's protocol on n samples; yields progress, last the result.

    Args:
        model: A family's name, a key of ``MODELS``.
        n: Number of samples, 100 to 10000; the published figures use 10000.
        seed: 0 to 4294967295.
        knobs: As for ``sample``.
    """
    entry = library.get(model)
    entry.check_digits()
    n, seed = check_count(n, 100, evaluation.N), check_seed(seed)
    chosen = sampling.knobs_for(entry.model, knobs)
    return evaluation.evaluate(
        entry.model, library.classifier(), reference(library), dataset("train"), n=n, seed=seed, **chosen
    )
