"""What a training tells its viewers: small frozen facts, in order."""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor

Metrics = dict[str, float]


@dataclass(frozen=True)
class Started:
    """Training begins (or goes on) with step ``first_step`` of ``total_steps``."""

    first_step: int
    total_steps: int
    parameters: int
    images: int  # size of the training set
    device: str


@dataclass(frozen=True)
class Step:
    """One optimisation step is done; ``images_per_second`` counts since the start of this run."""

    step: int
    total_steps: int
    metrics: Metrics
    seconds: float
    images_per_second: float


@dataclass(frozen=True)
class Preview:
    """Samples from the same noise as every other preview of this run: uint8 (N, C, H, W)."""

    step: int
    images: Tensor


@dataclass(frozen=True)
class Saving:
    """The state of ``step`` is about to be written: who keeps a record of the steps writes it before."""

    step: int


@dataclass(frozen=True)
class Saved:
    """The state of ``step`` is on disk and a later run can resume from it."""

    step: int
    path: str


@dataclass(frozen=True)
class Unsaved:
    """The state of ``step`` could not be written; the training goes on in memory."""

    step: int
    reason: str


@dataclass(frozen=True)
class Done:
    """The model holds its last good state. ``diverged``: a metric was not finite."""

    step: int
    seconds: float
    reason: Literal["finished", "diverged"]
    message: str


Event = Started | Step | Preview | Saving | Saved | Unsaved | Done
