"""Who races: the checks at the edge, and the networks at the start."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from genlab.config import quote
from genlab.data import Dataset
from genlab.draws import OwnDraws
from genlab.errors import InvalidInput
from genlab.evaluation import Reference
from genlab.models import MODELS, Classifier, GenerativeModel
from genlab.race.events import RaceConfig, RaceEvent
from genlab.race.run import race


class Race(NamedTuple):
    """A race that is ready to start: ``models`` train while one goes through ``events``."""

    models: dict[str, GenerativeModel]
    config: RaceConfig
    events: Iterator[RaceEvent]


def check_families(names: Any) -> tuple[str, ...]:
    """Return ``names`` if they are two or more different families, or raise InvalidInput."""
    known = tuple(MODELS)
    fits = (
        isinstance(names, list | tuple)
        and 2 <= len(names) <= len(known)
        and all(isinstance(name, str) and name in MODELS for name in names)
        and len(set(names)) == len(names)
    )
    if not fits:
        raise InvalidInput(
            f"families is {quote(names)}; it must be a list of 2 to {len(known)} different names "
            f"out of {', '.join(known)}."
        )
    return tuple(names)


def prepare(
    families: Any, config: RaceConfig, data: Dataset, classifier: Classifier, reference: Reference
) -> Race:
    """Check the names and build the networks; a family's first weights depend on the seed alone."""
    models = {}
    for name in check_families(families):
        with OwnDraws(config.seed):  # a training may be drawing in its thread
            models[name] = MODELS[name].build({})
    return Race(models, config, race(models, data, config, classifier, reference))
