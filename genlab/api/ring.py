"""The GANs' game on the plane, move by move."""

from collections.abc import Iterator
from typing import Any

from genlab.config import make
from genlab.lab.games import undisturbed
from genlab.lab.ring import Moment, RingConfig, play


def ring(**knobs: Any) -> Iterator[Moment]:
    """A GAN learns eight Gaussians on a ring: about a hundred moments of it, the last one is its end.

    Args:
        knobs: Fields of ``RingConfig``, unchecked; InvalidInput if one is out of range.
    """
    return undisturbed(play(make(RingConfig, knobs)))
