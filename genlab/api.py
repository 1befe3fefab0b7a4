"""Every capability of genlab as one plain typed function. The page, the endpoints and the command
line only call these; they know nothing of gradio.
"""

import dataclasses
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab import evaluation, sampling
from genlab.config import MAX_SEED, TrainConfig, check_choice, check_number, check_options, make
from genlab.data import Dataset, Split, load_mnist, to_float, to_uint8
from genlab.diffusion.schedules import SCHEDULES
from genlab.evaluation import Neighbours, Reference
from genlab.jobs import TrainingJob
from genlab.lab.duel import Duel, Outcomes, duel
from genlab.lab.duel import outcomes as run_outcomes
from genlab.lab.noising import jump
from genlab.lab.reverse import Moment, record
from genlab.library import Entry, Library
from genlab.models import MODELS
from genlab.models.ddpm import DDPM, T
from genlab.sampling import Samples

MAX_IMAGES = sampling.CHUNK
STARTS = ("scratch", "shipped")
SHIPPED = Library()


@lru_cache(maxsize=2)
def dataset(split: Split = "train") -> Dataset:
    """MNIST's split, loaded once."""
    return load_mnist(split)


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
        "parameters": sampling_parameters(model),
        "config": dataclasses.asdict(model.config),
        "knobs": {
            "config": _knob_schema(model.Config),
            "sampling": _knob_schema(model.Sampling),
            "training": _knob_schema(TrainConfig),
        },
        "live": dataclasses.asdict(model.live),
        "metrics": entry.metrics,
    }


def sampling_parameters(model: torch.nn.Module) -> int:
    """Trained numbers of a model, its running average not counted twice."""
    return sum(p.numel() for p in model.parameters() if p.requires_grad)


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
        model: vae, gan, wgan_gp or ddpm.
        n: Number of pictures, 1 to 256.
        seed: 0 to 4294967295; the same seed draws the same pictures.
        label: A digit 0-9 for a conditional model, None for a mix.
        knobs: steps, sampler, eta, guidance (ddpm), prior (vae); None means the default.
    """
    entry = library.get(model)
    n = int(check_number("n", n, 1, MAX_IMAGES, whole=True))
    seed = int(check_number("seed", seed, 0, MAX_SEED, whole=True))
    chosen = sampling.knobs_for(entry.model, knobs)
    return sampling.sample(entry.model, n, seed, label, **chosen)


def train(
    model: str,
    training: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    start: str = "scratch",
    *,
    library: Library = SHIPPED,
) -> TrainingJob:
    """Prepare a training; ``start()`` it, ``follow()`` it, ``stop()`` it.

    Args:
        model: vae, gan, wgan_gp or ddpm.
        training: steps, batch_size, decay, seed, preview_every; the rest as the family's live default.
        config: The family's own knobs; the rest as its default (from scratch) or as shipped.
        start: "scratch", or "shipped" to go on from the shipped weights.
    """
    check_choice("model", model, tuple(MODELS))
    check_choice("start", start, STARTS)
    family = MODELS[model]
    plan = make(TrainConfig, training, family.live)
    base = library.shipped(model).model if start == "shipped" else None
    torch.manual_seed(plan.seed)
    network = family.build(config, base)
    return TrainingJob(model, network, dataset("train"), plan)


class NoisedDigit(NamedTuple):
    """A test digit at time t: x_t = alpha x_0 + sigma eps."""

    x_0: Tensor  # uint8 (1, 28, 28)
    x_t: Tensor  # uint8 (1, 28, 28)
    digit: int
    alpha: float
    sigma: float
    snr: float


def noise(t: int, index: int = 0, seed: int = 0, schedule: str = "cosine") -> NoisedDigit:
    """Add the noise of time t to a test digit (forward diffusion).

    Args:
        t: 0 (almost clean) to 999 (pure noise).
        index: Which test image, 0 to the number of test images - 1.
        seed: Of the noise, 0 to 4294967295.
        schedule: linear, cosine or sigmoid.
    """
    data = dataset("test")
    t = int(check_number("t", t, 0, T - 1, whole=True))
    index = int(check_number("index", index, 0, len(data) - 1, whole=True))
    seed = int(check_number("seed", seed, 0, MAX_SEED, whole=True))
    table = SCHEDULES[check_choice("schedule", schedule, tuple(SCHEDULES))](T)
    x_0 = to_float(data.images[index : index + 1])
    found = jump(table, x_0, t, seed)
    return NoisedDigit(
        data.images[index],
        to_uint8(found.x_t)[0],
        int(data.labels[index]),
        found.alpha,
        found.sigma,
        found.snr,
    )


def _diffusion(library: Library) -> DDPM:
    model = library.get("ddpm").model
    assert isinstance(model, DDPM), "the library checks the family"
    return model


def reverse(
    label: int | None = None, seed: int = 0, *, library: Library = SHIPPED, **knobs: Any
) -> list[Moment]:
    """Every step from noise to one picture: what the network sees and what it believes.

    Args:
        label: Digit 0 to 9; None asks for none (the model without a condition).
        seed: 0 to 4294967295.
        knobs: Sampling knobs of ddpm: sampler, steps, guidance, eta.
    """
    model, seed = _diffusion(library), int(check_number("seed", seed, 0, MAX_SEED, whole=True))
    if label is not None:
        label = int(check_number("label", label, 0, 9, whole=True))
    return list(record(model, label, seed, **sampling.knobs_for(model, knobs)))


MAX_DUEL = 32


def compare_samplers(
    n: int = 8,
    seed: int = 0,
    label: int | None = None,
    first: dict[str, Any] | None = None,
    second: dict[str, Any] | None = None,
    *,
    library: Library = SHIPPED,
) -> Duel:
    """Two samplers of ddpm on the same noise: pictures, cost, and how far apart they are.

    Args:
        n: Number of pictures, 1 to 32.
        seed: 0 to 4294967295.
        label: Digit 0 to 9; None for a mix.
        first: Sampling knobs of one side, such as {"sampler": "ddim", "steps": 20}.
        second: The same of the other side.
    """
    model = _diffusion(library)
    n = int(check_number("n", n, 1, MAX_DUEL, whole=True))
    seed = int(check_number("seed", seed, 0, MAX_SEED, whole=True))
    sides = check_options("first", first), check_options("second", second)
    return duel(model, n, seed, label, *sides)


def outcomes(
    n: int = 8, seed: int = 0, label: int | None = None, *, library: Library = SHIPPED, **knobs: Any
) -> Outcomes:
    """n runs of ddpm from one and the same noise: how much of a picture is the sampler's chance.

    Args:
        n: Number of runs, 1 to 32.
        seed: Of the start, 0 to 4294967295.
        label: Digit 0 to 9; None for a 3.
        knobs: Sampling knobs of ddpm.
    """
    n = int(check_number("n", n, 1, MAX_DUEL, whole=True))
    seed = int(check_number("seed", seed, 0, MAX_SEED, whole=True))
    label = int(check_number("label", 3 if label is None else label, 0, 9, whole=True))
    return run_outcomes(_diffusion(library), n, seed, label, **knobs)


class Nearest(NamedTuple):
    """Samples beside the training images closest to them."""

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
    images = dataset("train").images
    found = evaluation.nearest(samples.images, images)
    return Nearest(samples, images[found.index], found)


def evaluate(
    model: str, n: int = 1000, seed: int = 0, *, library: Library = SHIPPED, **knobs: Any
) -> Iterator[dict[str, Any]]:
    """Measure a model by the project's protocol on n samples; yields progress, last the result.

    Args:
        model: vae, gan, wgan_gp or ddpm.
        n: Number of samples, 100 to 10000; the published figures use 10000.
        seed: 0 to 4294967295.
        knobs: As for ``sample``.
    """
    entry = library.get(model)
    n = int(check_number("n", n, 100, evaluation.N, whole=True))
    seed = int(check_number("seed", seed, 0, MAX_SEED, whole=True))
    chosen = sampling.knobs_for(entry.model, knobs)
    return evaluation.evaluate(
        entry.model, library.classifier(), reference(library), dataset("train"), n=n, seed=seed, **chosen
    )
