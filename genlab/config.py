"""Knobs: a value's default, range and one line of help, written once.

The UI's sliders, the flags of the command line, the schema of the API and the checks at its edge
are all generated from the fields declared here.
"""

import dataclasses
from typing import Any, TypeVar

from genlab.errors import InvalidInput

MAX_SEED = 2**32 - 1
MAX_LIST = 10
DATASETS = ("mnist", "fashion_mnist", "kmnist", "cifar10")
_REPR_LIMIT = 40  # a bad value is quoted in the message, but not a megabyte of it

C = TypeVar("C", bound="Config")


def knob(default: float, lo: float, hi: float, help: str, *, log: bool = False, step: int = 1) -> Any:
    """A number in [lo, hi]; an int default makes it a whole number, and a multiple of ``step``.

    ``log``: its values differ by orders of magnitude.
    """
    meta = {"lo": lo, "hi": hi, "help": help, "log": log}
    if isinstance(default, int):
        meta["step"] = step
    return dataclasses.field(default=default, metadata=meta)


def choice(default: str, options: tuple[str, ...], help: str) -> Any:
    """One of a few named options."""
    return dataclasses.field(default=default, metadata={"options": options, "help": help})


def quote(value: Any) -> str:
    """The value as it should appear in an error message: short, whatever it is."""
    if value is None:
        return "empty"
    try:
        text = repr(value)
    except ValueError:  # Python prints no whole number of more than 4,300 digits
        text = "an enormous number"
    return text if len(text) <= _REPR_LIMIT else text[: _REPR_LIMIT - 3] + "..."


def span(lo: float, hi: float) -> str:
    """A range in words; whole numbers in full."""
    return " to ".join(f"{end:g}" if isinstance(end, float) else str(end) for end in (lo, hi))


def check_number(name: str, value: Any, lo: float, hi: float, *, whole: bool, step: int = 1) -> float | int:
    """Return ``value`` as a float or (``whole``) a multiple of ``step`` in [lo, hi], or raise InvalidInput.

    5.0 is taken as the whole number 5, as a slider may send it; True, "5", NaN and None are not.
    """
    allowed = f"a {'whole ' if whole else ''}number from {span(lo, hi)}"
    if step != 1:
        allowed += f" in steps of {step}"
    fits = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and lo <= value <= hi  # false for NaN
        and not (whole and value % step)
    )
    if not fits:
        raise InvalidInput(f"{name} is {quote(value)}; it must be {allowed}.")
    return int(value) if whole else float(value)


def check_choice(name: str, value: Any, options: tuple[str, ...]) -> str:
    """Return ``value`` if it is one of ``options``, or raise InvalidInput naming them all."""
    if not isinstance(value, str) or value not in options:
        raise InvalidInput(f"{name} is {quote(value)}; it must be one of {', '.join(options)}.")
    return value


def check_options(name: str, value: Any) -> dict[str, Any]:
    """Return ``value`` if it is a dictionary, {} for None, or raise InvalidInput."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidInput(f'{name} is {quote(value)}; it must give values by name, like {{"steps": 20}}.')
    return value


def check_list(name: str, value: Any) -> list[Any]:
    """Return ``value`` if it is a list (or tuple) of 1 to MAX_LIST values, or raise InvalidInput."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_LIST:
        raise InvalidInput(f"{name} is {quote(value)}; it must be a list of 1 to {MAX_LIST} values.")
    return list(value)


def check_field(field: dataclasses.Field, value: Any) -> Any:
    """Check one value against the knob or choice that declares its field."""
    meta = field.metadata
    if "options" in meta:
        return check_choice(field.name, value, meta["options"])
    whole = isinstance(field.default, int)
    return check_number(field.name, value, meta["lo"], meta["hi"], whole=whole, step=meta.get("step", 1))


@dataclasses.dataclass(frozen=True)
class Config:
    """Base of every configuration: each field is a knob or a choice, checked when it is made."""

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, check_field(field, getattr(self, field.name)))


def make(config_type: type[C], values: Any, defaults: C | None = None) -> C:
    """Build a config from untrusted ``values``, the rest as in ``defaults``.

    InvalidInput if a name is unknown, a value is out of range or ``values`` is no dictionary or None.
    """
    values = check_options("options", values)
    for name in values:
        check_choice("option", name, tuple(f.name for f in dataclasses.fields(config_type)))
    return dataclasses.replace(defaults, **values) if defaults is not None else config_type(**values)


@dataclasses.dataclass(frozen=True)
class Portions(Config):
    """How long a training lasts, and in what portions; what is learned is in the family's own Config."""

    steps: int = knob(1000, 1, 1_000_000, "Optimisation steps: more are better up to a point", log=True)
    batch_size: int = knob(128, 2, 4096, "Images in one step: more are steadier and slower", log=True)
    decay: str = choice("cosine", ("cosine", "none"), "cosine lets the learning rate fade to zero at the end")
    seed: int = knob(0, 0, MAX_SEED, "The same seed trains the same model")
    preview_every: int = knob(100, 1, 1_000_000, "Steps between two looks at the samples", log=True)


@dataclasses.dataclass(frozen=True)
class TrainConfig(Portions):
    """How a family is trained, and on which pictures."""

    data: str = choice(
        "mnist", DATASETS, "What it learns to draw; all but mnist need a download, cifar10 a family in colour"
    )
