"""The models a visitor sees: the shipped ones, and in their place those he trained himself."""

import dataclasses
import json
from functools import lru_cache
from pathlib import Path
from typing import Any

from genlab import checkpoints
from genlab.checkpoints import WEIGHTS
from genlab.config import check_choice
from genlab.data import PUBLISHED
from genlab.errors import CheckpointError, InvalidInput
from genlab.models import MODELS, TRAINABLE, VAE, Classifier, GenerativeModel

SHIPPED_ORIGIN = "shipped"
PLANE = "vae2d"


@dataclasses.dataclass(frozen=True)
class Entry:
    """A model ready to sample, and what is known of it."""

    name: str
    model: GenerativeModel
    origin: str  # "shipped", or what made it
    metrics: dict[str, Any]  # empty while nobody has measured it
    data: str = "mnist"  # what it has learned to draw

    def check_digits(self) -> None:
        """InvalidInput if it does not draw digits, which alone can be measured."""
        if self.data != "mnist":
            raise InvalidInput(
                f"This model draws {PUBLISHED[self.data].title}; only digits can be measured: the judge is "
                "a classifier of digits."
            )


@lru_cache(maxsize=16)
def _load(folder: Path) -> Any:
    return checkpoints.load(folder)


def load_family(name: str, folder: Path) -> Any:
    """The model in ``folder``; InvalidInput if it is not of the family ``name``, a key of ``TRAINABLE``."""
    model = checkpoints.load(folder)
    if not isinstance(model, TRAINABLE[name]):
        raise InvalidInput(f"weights is {folder.name!r}; it must be a folder with a {name}.")
    return model


def read_json(path: Path) -> dict[str, Any]:
    """What is kept in ``path``; empty where there is nothing to read."""
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


def read_metrics(folder: Path) -> dict[str, Any]:
    """The measurements beside some weights; empty where there are none."""
    return read_json(folder / "metrics.json")


class Library:
    """Looks models up by name.

    Args:
        folder: Where the shipped weights lie, a folder for each model.
    """

    def __init__(self, folder: Path = WEIGHTS) -> None:
        self.folder = folder
        self.own: dict[str, Entry] = {}

    def shipped(self, name: str) -> Entry:
        """The shipped model ``name``; InvalidInput names the known ones, CheckpointError the file."""
        check_choice("model", name, tuple(MODELS))
        model = _load(self.folder / name)
        if not isinstance(model, MODELS[name]):
            raise CheckpointError(f"{name}/{checkpoints.MODEL} holds another model.")
        return Entry(name, model, SHIPPED_ORIGIN, read_metrics(self.folder / name))

    def get(self, name: str) -> Entry:
        """The visitor's own model ``name`` if he trained one, else the shipped one."""
        check_choice("model", name, tuple(MODELS))
        return self.own.get(name) or self.shipped(name)

    def put(self, name: str, model: GenerativeModel, origin: str, data: str = "mnist") -> None:
        """From now on ``name`` means this model, which was trained on ``data``."""
        self.own[name] = Entry(name, model, origin, {}, data)

    def measured(self, entry: Entry, metrics: dict[str, Any]) -> None:
        """Keep what was measured of a visitor's own model, unless he has replaced it meanwhile."""
        if self.own.get(entry.name) is entry:
            self.own[entry.name] = dataclasses.replace(entry, metrics=metrics)

    def classifier(self) -> Classifier:
        """The judge of the evaluation."""
        return _load(self.folder / "classifier")

    def plane(self) -> VAE:
        """The VAE with two latents, whose codes are places of a plane; CheckpointError if it is broken."""
        model = _load(self.folder / PLANE)
        if not isinstance(model, VAE) or model.config.latent != 2:
            raise CheckpointError(f"{PLANE}/{checkpoints.MODEL} holds another model.")
        return model
