"""What a job does, as the job sees it: a training, a race."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, NamedTuple

from genlab.data import Dataset
from genlab.library import Library
from genlab.settings import Limits

End = Literal["finished", "stopped", "interrupted", "diverged"]
Why = Literal["asked", "unwatched", "time", "restart"]  # a job is ended before its end


class Workshop(NamedTuple):
    """What all jobs of a server work with."""

    library: Library  # shipped weights to go on from, and the classifier
    data: Callable[[str], Dataset]  # the training set of that name, loaded when the first job needs it
    limits: Limits


class Outcome(NamedTuple):
    """How some work has ended."""

    state: End
    message: str


class Work:
    """Events, what is seen of them, and what they leave. The job's thread alone calls ``events``,
    ``take``, ``end`` and ``save``; ``view`` and ``record`` are called between two of its events.
    """

    kind: ClassVar[str]
    name: str  # of the family, or of the race's place on the page

    def events(self, folder: Path) -> Iterator[Any]:
        """Begin, or go on from what is in ``folder``; closing it ends the work within one step."""
        raise NotImplementedError

    def take(self, event: Any) -> None:
        """Note what an event tells."""
        raise NotImplementedError

    def end(self, why: Why | None) -> Outcome:
        """The events are over, or were closed for the reason ``why``."""
        raise NotImplementedError

    def save(self, folder: Path) -> None:
        """Write the result, if there is one; NotSaved if the disk does not take it."""
        raise NotImplementedError

    def tidy(self, folder: Path) -> None:
        """The end is on the disk: remove what only going on would have needed."""

    def view(self) -> Any:
        """What a viewer sees now: immutable."""
        raise NotImplementedError

    def record(self) -> dict[str, Any]:
        """As JSON, what ``reopen`` needs besides the files."""
        raise NotImplementedError

    def files(self, folder: Path) -> list[Path]:
        """The result's files."""
        raise NotImplementedError

    def packed(self) -> dict[str, bytes]:
        """The same by name, while they are in memory alone."""
        raise NotImplementedError

    def resumable(self, folder: Path) -> bool:
        """Can it go on from what is in ``folder``, or is there nothing yet to go on from?"""
        raise NotImplementedError

    @classmethod
    def reopen(cls, record: dict[str, Any], folder: Path, shop: Workshop) -> "Work":
        """The work of an earlier life of the server, from its record and what is in its folder."""
        raise NotImplementedError

    def seconds_left(self, pace: Mapping[str, float]) -> float | None:
        """The time it will take from now on, None where nobody knows; ``pace``: as ``pace`` tells it."""
        return None

    def pace(self) -> dict[str, float]:
        """The pace that was measured, seconds for a picture in training, by family."""
        return {}


def said(why: Why, limits: Limits) -> str:
    """The reason as the end of a sentence."""
    return {
        "asked": "",
        "unwatched": f", as nobody had watched for {spell(limits.unwatched_seconds)}",
        "time": f", after the {spell(limits.seconds)} that a job may take on this server",
        "restart": " by a restart of the server",
    }[why]


def spell(seconds: float) -> str:
    """10 minutes, 15 seconds."""
    for size, unit in ((3600, "hour"), (60, "minute")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}{'' if seconds == size else 's'}"
    return f"{seconds:g} second{'' if seconds == 1 else 's'}"
