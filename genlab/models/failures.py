"""How a training goes wrong: what a failure is recognised by, and those that families share.

A family lists its own in ``failures``; ``genlab.doctor`` watches for them.
"""

import dataclasses
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Any

WINDOW = 50  # steps over which a metric is judged, by its median: single spikes are nobody's failure
ENOUGH = 20  # steps before which nothing is judged
PATIENCE = 100  # steps that a failure must be seen before it is named: the first steps are no disease
LOOKS = 200  # previews that are remembered
EXPLODED = 3.0  # times the lowest loss before; healthy runs stay below 1.4, lr = 0.1 and 1 give 4.5 and more
# Look.apart of 16 real digits: in 1,000 draws of MNIST's test images 7.9 +- 0.5, at least 5.8.
REAL_APART = 7.9
# Look.contrast below which pictures are a blur, as all are at first and alike too: healthy runs in which they
# were closer than ALIKE had at most 0.64, collapsed ones 0.9 to 1; 16 real digits at least 0.82.
SHARP = 0.75
ALIKE = 0.45  # of REAL_APART
SAME_DIGIT = 13 / 16  # of a preview; in 1,000 draws of real digits at most 8 of 16 were the same


@dataclass(frozen=True)
class Look:
    """What the pictures of one preview show."""

    step: int
    loss: float  # typical at that time
    n: int  # pictures
    digits: tuple[int, ...]  # how many of them the classifier reads as 0, 1 ... 9; empty without one
    right: int  # how many of them it reads as the digit that was asked for; 0 where none was
    apart: float  # distance from a picture to the one most like it, over pixels in [0, 1]; mean
    contrast: float  # mean of x^2 over mean of x: 1 for black and white, small for a grey blur


@dataclass
class Course:
    """A training up to now, as far as it takes to see a failure."""

    config: Any  # of the model
    recent: dict[str, deque[float]] = field(default_factory=dict)  # each metric, the last WINDOW steps
    best: float = math.inf  # the lowest mean loss over ENOUGH steps (less at first), before the latest ENOUGH
    broken: str = ""  # what says that a number was not finite
    looks: deque[Look] = field(default_factory=lambda: deque(maxlen=LOOKS))

    def add(self, metrics: dict[str, float]) -> None:
        """Take the metrics of one more step."""
        for name, value in metrics.items():
            self.recent.setdefault(name, deque(maxlen=WINDOW)).append(value)
        if earlier := [*self.recent["loss"]][:-ENOUGH]:
            self.best = min(self.best, fmean(earlier[-ENOUGH:]))

    def typical(self, metric: str) -> float:
        """Its median over the last WINDOW steps; NaN, of which no comparison holds, before ENOUGH."""
        values = self.recent.get(metric, ())
        return median(values) if len(values) >= ENOUGH else math.nan


Evidence = Callable[[Course], str]


@dataclass(frozen=True)
class Failure:
    """Something known to happen while a family trains, and how to see it."""

    name: str
    explanation: str  # what happens and why, in one or two sentences
    evidence: Evidence  # what shows it at this moment, with numbers; "" while nothing does
    cure: Callable[[Any], dict[str, Any]]  # from the config in use: the knobs to change
    patience: int = PATIENCE
    in_samples: bool = False  # seen in the previews, not in the metrics of each step
    healthy: bool = False  # no failure, but a remark that reassures
    of_digits: bool = False  # what shows it was measured on MNIST, and says nothing of other pictures


def restore(
    config: Any, *, high: tuple[str, ...] = (), low: tuple[str, ...] = (), tenth: str = ""
) -> dict[str, Any]:
    """The defaults of those knobs that are above (``high``) or below (``low``) them.

    Knobs that the family lacks are passed over. If none is, a tenth of the knob ``tenth``, as far as its range allows.
    """
    default, change = type(config)(), {}
    for name in filter(vars(config).__contains__, (*high, *low)):
        value, usual = getattr(config, name), getattr(default, name)
        if (name in high and value > usual) or (name in low and value < usual):
            change[name] = usual
    if not change and tenth:
        (lowest,) = (f.metadata["lo"] for f in dataclasses.fields(config) if f.name == tenth)
        value = max(lowest, float(f"{getattr(config, tenth) / 10:.3g}"))
        change = {tenth: value} if value < getattr(config, tenth) else {}
    return change


def times_its_best(course: Course) -> str:
    """The loss is far above what it was at best. Its mean, not its median: a spike that lifts it counts."""
    mean = fmean([*course.recent["loss"]][-ENOUGH:])
    if not mean > EXPLODED * course.best:
        return ""
    return (
        f"The loss was {mean:.3g} on average over the last {ENOUGH} steps; it was {course.best:.3g} before."
    )


def divergence(cure: Callable[[Any], dict[str, Any]], exploded: Evidence = times_its_best) -> Failure:
    """The loss explodes, at last to a number that is not finite. ``exploded``: what shows it before."""
    return Failure(
        "divergence",
        "The loss runs away: each step overshoots and leaves the network worse than before. "
        "The learning rate is too high.",
        lambda course: course.broken or (exploded(course) if course.recent else ""),
        cure,
        patience=0,  # it does not get better
    )


def no_progress(evidence: Evidence, unlearned: str) -> Failure:
    """The loss stays where it begins; ``unlearned``: what even a poor network has learned by then."""
    return Failure(
        "no progress",
        f"The network has not even learned {unlearned}. The learning rate is too low, or so high that each "
        "step undoes the one before.",
        evidence,
        lambda config: restore(config, high=("lr",), low=("lr",)),
        of_digits=True,
    )


COMMON = "what all digits have in common"


def _alike(course: Course) -> str:
    look = course.looks[-1]
    most = max(look.digits, default=0)
    same = most >= SAME_DIGIT * look.n
    if look.contrast < SHARP or not (same or look.apart < ALIKE * REAL_APART):
        return ""
    digits = f" {most} of the {look.n} read as the digit {look.digits.index(most)}." if same else ""
    return (
        f"A picture is {look.apart:.2g} away from the one most like it; "
        f"among {look.n} real digits that is {REAL_APART}.{digits}"
    )


def mode_collapse(cure: Callable[[Any], dict[str, Any]]) -> Failure:
    """The grid of one and the same noise shows one and the same picture."""
    return Failure(
        "mode collapse",
        "The generator draws nearly the same picture whatever the noise. It moves faster than its opponent "
        "can follow, from one picture that fools it to the next.",
        _alike,
        cure,
        in_samples=True,
        of_digits=True,
    )
