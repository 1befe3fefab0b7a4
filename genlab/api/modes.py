"""The GANs' game on real digits, step by step."""

from collections.abc import Iterator
from typing import Any

from genlab.api.families import SHIPPED, dataset
from genlab.config import make
from genlab.events import Step
from genlab.lab.games import undisturbed
from genlab.lab.modes import ModesConfig, Moment, play
from genlab.library import Library


def modes(*, library: Library = SHIPPED, **knobs: Any) -> Iterator[Moment | Step]:
    """A GAN learns MNIST from scratch: every step of it, and about twenty moments, the last is its end.

    Args:
        library: Whose classifier reads the samples.
        knobs: Fields of ``ModesConfig``, unchecked; InvalidInput if one is out of range.
    """
    return undisturbed(play(make(ModesConfig, knobs), dataset("train"), library.classifier()))
