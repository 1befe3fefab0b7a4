"""Race at equal compute: several families train side by side, each as long as every other."""

from genlab.race.entry import Race, check_families, prepare
from genlab.race.events import (
    Advanced,
    Dropped,
    Finished,
    Frame,
    Looked,
    Looking,
    RaceConfig,
    RaceDone,
    RaceEvent,
    RaceStarted,
)
from genlab.race.record import RaceRecord, Standing
from genlab.race.run import race

__all__ = [
    "Advanced",
    "Dropped",
    "Finished",
    "Frame",
    "Looked",
    "Looking",
    "Race",
    "RaceConfig",
    "RaceDone",
    "RaceEvent",
    "RaceRecord",
    "RaceStarted",
    "Standing",
    "check_families",
    "prepare",
    "race",
]
