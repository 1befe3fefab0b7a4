"""A race at equal compute: which idea makes the most of the same seconds?"""

from typing import Any

from genlab.api.families import SHIPPED, dataset, reference
from genlab.config import make
from genlab.library import Library
from genlab.models import FIRST
from genlab.race import Race, RaceConfig, check_families, prepare


def race(families: Any = FIRST, *, library: Library = SHIPPED, **knobs: Any) -> Race:
    """Prepare a race from scratch; it runs while one goes through its ``events``.

    Args:
        families: Two or more different names of families.
        knobs: Fields of ``RaceConfig``: seconds, frames, samples, seed.
        library: Whose classifier measures the distances.
    """
    families = check_families(families)
    config = make(RaceConfig, knobs)
    return prepare(families, config, dataset("train"), library.classifier(), reference(library))
