"""What a race is asked for, and what it tells its viewers: small frozen facts, in order."""

from dataclasses import dataclass

from torch import Tensor

from genlab.config import MAX_SEED, Config, knob

GRID_IMAGES = 16  # pictures of a frame


@dataclass(frozen=True)
class RaceConfig(Config):
    """How long the families race and how often they are looked at, which is not taken from the budget.

    A look of 100 samples cost about 7 s for ddpm (20 network evaluations a sample) and 0.3 s for the
    others, on one busy CPU core: all looks of ``race vae gan wgan_gp ddpm --seconds 20 --seed 0`` took
    68 s beside 82 s of compute.
    """

    seconds: float = knob(
        30.0, 0.05, 3600.0, "Seconds of compute for each family: more let the slow ones catch up", log=True
    )
    frames: int = knob(
        8, 1, 48, "Looks at each family on the way: more show more of it, and make you wait longer"
    )
    samples: int = knob(
        100, 100, 1000, "Samples behind each distance: more steady it, and make you wait longer", log=True
    )
    seed: int = knob(
        0, 0, MAX_SEED, "The same seed starts from the same networks and draws from the same noise"
    )


@dataclass(frozen=True)
class Frame:
    """A look at a family: its pictures from the same noise as at every other look, and their distance."""

    name: str
    moment: int  # which look it is: 0 before the start, RaceConfig.frames at the end of the budget
    step: int
    images_seen: int
    seconds: float  # of compute so far
    loss: float | None  # the family's own, None before the first step; no family's compares with another's
    frechet: float  # distance of RaceConfig.samples samples to the real test digits
    images: Tensor  # uint8 (16, C, H, W), the first of those samples


@dataclass(frozen=True)
class RaceStarted:
    """All families are in place. ``floor``: the distance of as many real training digits."""

    names: tuple[str, ...]
    config: RaceConfig
    floor: float
    data: str  # where the training digits come from
    images: int  # how many


@dataclass(frozen=True)
class Advanced:
    """A family has done a step; ``seconds`` is all the compute it has used."""

    name: str
    step: int
    images_seen: int
    seconds: float
    loss: float


@dataclass(frozen=True)
class Looking:
    """A family is being looked at: drawing the samples takes a while, the clock of its budget stands."""

    name: str
    moment: int


@dataclass(frozen=True)
class Looked:
    """A look is done."""

    frame: Frame


@dataclass(frozen=True)
class Dropped:
    """A family has diverged and leaves the race with its last good weights; the others go on."""

    name: str
    step: int
    seconds: float
    reason: str


@dataclass(frozen=True)
class Finished:
    """A family has used its budget (or taken the most steps a training can); it is ready to sample."""

    name: str
    step: int
    seconds: float


@dataclass(frozen=True)
class RaceDone:
    """No family is running any more. ``looking_seconds``: what all looks cost, outside of every budget."""

    looking_seconds: float


RaceEvent = RaceStarted | Advanced | Looking | Looked | Dropped | Finished | RaceDone
