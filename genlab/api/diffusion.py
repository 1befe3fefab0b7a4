"""What a diffusion model can show of itself: noising, the way back, samplers, guidance.

All run on the library's ``ddpm``: the shipped one, or the one that a visitor trained.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor

from genlab.api.checks import check_count, check_digit, check_seed
from genlab.api.families import SHIPPED, dataset
from genlab.config import check_choice, check_list, check_number, check_options, make
from genlab.data import to_float, to_uint8
from genlab.diffusion.schedules import SCHEDULES
from genlab.errors import InvalidInput
from genlab.lab import duel, noising
from genlab.lab.guidance import NOTHING, GuidanceKnobs, GuidanceStudy, study
from genlab.lab.pictures import Digit, read_digit
from genlab.lab.reverse import Moment, record
from genlab.library import Library
from genlab.models.ddpm import DDPM
from genlab.models.denoising import DiffusionSampling, T
from genlab.sampling import knobs_for
from genlab.walks import Walk, collect

MAX_PICTURES = 32  # of one call


def diffusion_model(library: Library = SHIPPED) -> DDPM:
    """The library's ddpm."""
    model = library.get("ddpm").model
    assert isinstance(model, DDPM), "the library checks the family"
    return model


def digit(index: int = 0, picture: bytes | None = None) -> Digit:
    """A picture to begin with, as the models see it.

    Args:
        index: Which test image, 0 to the number of test images - 1.
        picture: The bytes of a picture file of any size and mode, in place of the test image.
    """
    if picture is not None:
        return read_digit(picture)
    data = dataset("test")
    index = int(check_number("index", index, 0, len(data) - 1, whole=True))
    return Digit(data.images[index], (), int(data.labels[index]))


class NoisedDigit(NamedTuple):
    """A digit at time t: x_t = alpha x_0 + sigma eps."""

    x_0: Tensor  # uint8 (1, 28, 28)
    x_t: Tensor  # uint8 (1, 28, 28)
    digit: int | None  # None for a picture of the caller's
    notices: tuple[str, ...]  # what had to be done to the caller's picture
    alpha: float
    sigma: float
    snr: float


def noise(
    t: int, index: int = 0, seed: int = 0, schedule: str = "cosine", picture: bytes | None = None
) -> NoisedDigit:
    """Add the noise of time t to a digit (forward diffusion).

    Args:
        t: 0 (almost clean) to 999 (pure noise).
        index, picture: As for ``digit``.
        seed: Of the noise, 0 to 4294967295.
        schedule: linear, cosine or sigmoid.
    """
    t, seed = int(check_number("t", t, 0, T - 1, whole=True)), check_seed(seed)
    table = SCHEDULES[check_choice("schedule", schedule, tuple(SCHEDULES))](T)
    chosen = digit(index, picture)
    found = noising.jump(table, to_float(chosen.image[None]), t, seed)
    x_t = to_uint8(found.x_t)[0]
    return NoisedDigit(chosen.image, x_t, chosen.label, chosen.notices, found.alpha, found.sigma, found.snr)


def reverse(
    label: int | None = None, seed: int = 0, *, library: Library = SHIPPED, **knobs: Any
) -> Walk[list[Moment]]:
    """Every step from noise to one picture: what the network sees and what it believes.

    Args:
        label: Digit 0 to 9; None asks for none (the model without a condition).
        seed: 0 to 4294967295.
        knobs: Fields of ``DiffusionSampling``.
    """
    model, seed, label = diffusion_model(library), check_seed(seed), check_digit(label)
    chosen = knobs_for(model, knobs, DiffusionSampling)
    return collect(record(model, label, seed, **chosen), chosen["steps"] + 1)


def compare_samplers(
    n: int = 8,
    seed: int = 0,
    label: int | None = None,
    first: dict[str, Any] | None = None,
    second: dict[str, Any] | None = None,
    *,
    library: Library = SHIPPED,
) -> Walk[duel.Duel]:
    """Two samplers of ddpm on the same noise: pictures, cost, and how far apart they are.

    Args:
        n: Number of pictures, 1 to 32.
        seed: 0 to 4294967295.
        label: Digit 0 to 9; None for a mix.
        first: Sampling knobs of one side, such as {"sampler": "ddim", "steps": 20}.
        second: The same of the other side; None for {"sampler": "ddpm"}.
    """
    second = {"sampler": "ddpm"} if second is None else second
    n, seed = check_count(n, 1, MAX_PICTURES), check_seed(seed)
    sides = check_options("first", first), check_options("second", second)
    return duel.duel(diffusion_model(library), n, seed, label, *sides)


def outcomes(
    n: int = 8, seed: int = 0, label: int | None = None, *, library: Library = SHIPPED, **knobs: Any
) -> Walk[duel.Outcomes]:
    """n runs of ddpm from one and the same noise: how much of a picture is the sampler's chance.

    Args:
        n: Number of runs, 1 to 32.
        seed: Of the start, 0 to 4294967295.
        label: Digit 0 to 9; None for a 3.
        knobs: Sampling knobs of ddpm.
    """
    n, seed = check_count(n, 1, MAX_PICTURES), check_seed(seed)
    label = check_digit(3 if label is None else label)
    assert label is not None
    return duel.outcomes(diffusion_model(library), n, seed, label, **knobs)


def guidance(
    label: int | None = 3,
    n: int = 6,
    seed: int = 0,
    scales: Sequence[float] = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0),
    *,
    library: Library = SHIPPED,
    **knobs: Any,
) -> Walk[GuidanceStudy]:
    """What guidance does to a picture: a sweep over its scale, and one run taken apart.

    Args:
        label: Digit 0 to 9; None for none.
        n: Number of starts, 1 to 32.
        seed: 0 to 4294967295.
        scales: The w of every row, 0 to 10 each, at most 10 of them.
        knobs: Fields of ``GuidanceKnobs``; ``guidance`` is the scale of the run that is taken apart.
    """
    label, n, seed = check_digit(label), check_count(n, 1, MAX_PICTURES), check_seed(seed)
    chosen = make(GuidanceKnobs, knobs)
    if label is None and chosen.away_from == NOTHING:
        raise InvalidInput("label is None and away_from is nothing; choose a digit to guide to or away from.")
    if chosen.t_from > chosen.t_to:
        raise InvalidInput(f"t_from is {chosen.t_from}; it must be at most t_to, which is {chosen.t_to}.")
    found = [check_number("scales", w, 0, 10, whole=False) for w in check_list("scales", scales)]
    return study(diffusion_model(library), library.classifier(), label, n, seed, found, chosen)
