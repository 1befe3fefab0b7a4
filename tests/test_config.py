"""Every knob refuses what it cannot use, in one sentence."""

import dataclasses
import math
import re

import pytest

from genlab.config import MAX_SEED, Config, TrainConfig, check_number, make
from genlab.errors import InvalidInput
from genlab.models import MODELS, TRAINABLE
from genlab.models.ddpm import DDPMConfig
from genlab.models.denoising import DiffusionSampling
from genlab.models.latent import LatentSampling
from genlab.models.vae import VAEConfig

CONFIGS = {TrainConfig, *(m.Config for m in TRAINABLE.values()), *(m.Sampling for m in MODELS.values())}
FIELDS = [
    pytest.param(config, field, id=f"{config.__name__}.{field.name}")
    for config in sorted(CONFIGS, key=lambda c: c.__name__)
    for field in dataclasses.fields(config)
]
VALUES = [
    0, -1, 1.5, 5, 5.0, math.nan, math.inf, -math.inf, None, True, False, "5", "abc", "",
    10**9, 10**400, 10**5000, 1e308, "x" * 1_000_000, [], {}, (1,), 1 + 0j, b"5",
]  # fmt: skip


def belongs(field: dataclasses.Field, value: object) -> bool:
    """Whether ``value`` is one this field takes, by its declaration."""
    if "options" in field.metadata:
        return value in field.metadata["options"]
    if type(value) not in (int, float) or not field.metadata["lo"] <= value <= field.metadata["hi"]:
        return False
    return type(field.default) is float or math.remainder(value, field.metadata["step"]) == 0


@pytest.mark.parametrize(("config", "field"), FIELDS)
def test_every_knob_takes_what_is_in_range_and_names_what_is_wrong(
    config: type[Config], field: dataclasses.Field
) -> None:
    for value in VALUES:
        if belongs(field, value):
            kept = getattr(config(**{field.name: value}), field.name)
            assert kept == value and type(kept) is type(field.default)
            continue
        with pytest.raises(InvalidInput) as caught:
            config(**{field.name: value})
        message = str(caught.value)
        assert message.startswith(f"{field.name} is ") and len(message) < 300
        if type(value) is not int or value < 10**9:
            assert ("empty" if value is None else repr(value)[:30]) in message
        if "options" in field.metadata:
            assert all(option in message for option in field.metadata["options"])
        else:
            lo, hi = re.search(r"from (\S+) to (\S+?)(?: in steps of \d+)?\.$", message).groups()  # type: ignore
            assert (float(lo), float(hi)) == (field.metadata["lo"], field.metadata["hi"])


@pytest.mark.parametrize(
    ("config", "bad"),
    [
        (TrainConfig, {"steps": 0}),
        (TrainConfig, {"steps": 1.5}),
        (TrainConfig, {"steps": "5"}),
        (TrainConfig, {"batch_size": 1}),
        (TrainConfig, {"batch_size": 10**9}),
        (TrainConfig, {"seed": -1}),
        (TrainConfig, {"seed": MAX_SEED + 1}),
        (TrainConfig, {"decay": "linear"}),
        (VAEConfig, {"lr": 0}),
        (VAEConfig, {"lr": math.nan}),
        (VAEConfig, {"beta": -0.1}),
        (VAEConfig, {"latent": True}),
        (LatentSampling, {"prior": None}),
        (DDPMConfig, {"width": 17}),
        (DDPMConfig, {"width": 56}),
        (DiffusionSampling, {"steps": 1001}),
        (DiffusionSampling, {"guidance": math.inf}),
    ],
)
def test_known_bad_values(config: type[Config], bad: dict) -> None:
    with pytest.raises(InvalidInput, match=next(iter(bad))):
        make(config, bad)


def test_a_whole_float_is_a_whole_number() -> None:
    made = make(TrainConfig, {"steps": 5.0})
    assert made.steps == 5 and type(made.steps) is int


def test_an_unknown_option_is_answered_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput) as caught:
        make(TrainConfig, {"epochs": 3})
    assert "epochs" in str(caught.value)
    assert all(f.name in str(caught.value) for f in dataclasses.fields(TrainConfig))


@pytest.mark.parametrize("values", ["steps", 5, ["steps"], [("steps", 5)], True, 0, ""])
def test_options_come_by_name(values: object) -> None:
    with pytest.raises(InvalidInput, match="options"):
        make(TrainConfig, values)


def test_make_fills_in_defaults() -> None:
    assert make(TrainConfig, None) == TrainConfig()
    live = TrainConfig(steps=7, batch_size=9)
    assert make(TrainConfig, {"batch_size": 11}, live) == TrainConfig(steps=7, batch_size=11)
    with pytest.raises(InvalidInput, match="batch_size"):
        make(TrainConfig, {"batch_size": 0}, live)


def test_ranges_read_as_people_write_them() -> None:
    with pytest.raises(InvalidInput, match=r"^n is 0; it must be a whole number from 1 to 1000000\.$"):
        check_number("n", 0, 1, 1_000_000, whole=True)
