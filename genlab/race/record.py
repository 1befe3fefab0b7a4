"""What a viewer sees of a race, while it runs and when it is opened again."""

import copy
import dataclasses
from collections.abc import Iterable
from typing import Any, Literal

from torch import Tensor

from genlab.config import make
from genlab.curves import Curves
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

State = Literal["running", "finished", "diverged", "stopped"]
Point = tuple[float, float]  # (compute seconds, value)


@dataclasses.dataclass(frozen=True)
class Standing:
    """Where a family stands."""

    state: State = "running"
    step: int = 0
    images_seen: int = 0
    seconds: float = 0.0  # of compute
    loss: float | None = None
    message: str = ""  # why it left the race
    frames: tuple[Frame, ...] = ()

    @property
    def distances(self) -> list[Point]:
        """Frechet distance over compute seconds."""
        return [(frame.seconds, frame.frechet) for frame in self.frames]


class RaceRecord:
    """Folds the events of a race; its size is bounded by families times looks.

    For one thread at a time: who reads while another one calls ``take`` needs a lock.

    Args:
        names: The families.
        config: Of the race.
    """

    def __init__(self, names: Iterable[str], config: RaceConfig) -> None:
        self.config = config
        self.families: dict[str, Standing] = {name: Standing() for name in names}
        self.floor: float | None = None  # known as soon as the race has started
        self.data = ""  # where the training digits come from
        self.looking: str | None = None  # the family that is being looked at
        self.looking_seconds: float | None = None  # what all looks cost, once the race is done
        self._curves = {name: Curves() for name in self.families}

    def take(self, event: RaceEvent) -> None:
        """Fold one event."""
        match event:
            case RaceStarted():
                self.floor, self.data = event.floor, event.data
            case Advanced():
                self._curves[event.name].add(event.step, {"seconds": event.seconds, "loss": event.loss})
                self._set(
                    event.name,
                    step=event.step,
                    images_seen=event.images_seen,
                    seconds=event.seconds,
                    loss=event.loss,
                )
            case Looking():
                self.looking = event.name
            case Looked(frame):
                self.looking = None
                self._set(frame.name, frames=(*self.families[frame.name].frames, frame))
            case Dropped():
                self._set(event.name, state="diverged", message=event.reason)
            case Finished():
                self._set(event.name, state="finished")
            case RaceDone():
                self.looking_seconds = event.looking_seconds

    def snapshot(self) -> "RaceRecord":
        """The record as it is now, for a thread that only looks."""
        twin = copy.copy(self)
        twin.families = dict(self.families)
        twin._curves = copy.deepcopy(self._curves)
        return twin

    def stop(self) -> None:
        """The race was given up: whoever was still running has stopped."""
        self.looking = None
        for name, standing in self.families.items():
            if standing.state == "running":
                self._set(name, state="stopped")

    def _set(self, name: str, **changes: Any) -> None:
        self.families[name] = dataclasses.replace(self.families[name], **changes)

    def _rows(self, name: str) -> list[list[float]]:
        """Step, compute seconds and loss of at most 400 steps."""
        curves = self._curves[name].snapshot()
        both = zip(curves.get("seconds", []), curves.get("loss", []), strict=True)
        return [[step, seconds, loss] for (step, seconds), (_, loss) in both]

    def loss_curve(self, name: str) -> list[Point]:
        """The family's own loss over compute seconds, thinned to at most 400 points."""
        return [(seconds, loss) for _, seconds, loss in self._rows(name)]

    @property
    def moments(self) -> int:
        """The latest moment that anybody has been looked at, from 0; -1 before the first look."""
        return max((f.moment for s in self.families.values() for f in s.frames), default=-1)

    def at(self, moment: int) -> dict[str, Frame]:
        """Of each family the last look up to ``moment``: what a replay shows then."""
        seen = {name: [f for f in s.frames if f.moment <= moment] for name, s in self.families.items()}
        return {name: frames[-1] for name, frames in seen.items() if frames}

    @property
    def nearest(self) -> tuple[str, float] | None:
        """Who came nearest to real digits, and at which distance, by the last look at each."""
        last = {name: s.frames[-1].frechet for name, s in self.families.items() if s.frames}
        return min(last.items(), key=lambda pair: pair[1]) if last else None

    def to_json(self) -> dict[str, Any]:
        """Everything but the pictures."""
        return {
            "config": dataclasses.asdict(self.config),
            "data": self.data,
            "floor": self.floor,
            "looking_seconds": self.looking_seconds,
            "families": {name: self._family(name) for name in self.families},
        }

    @classmethod
    def from_json(cls, found: dict[str, Any], images: dict[str, list[Tensor]]) -> "RaceRecord":
        """What ``to_json`` told, with the pictures of every frame by family."""
        record = cls(found["families"], make(RaceConfig, found["config"]))
        record.data, record.floor = found["data"], found["floor"]
        record.looking_seconds = found["looking_seconds"]
        for name, facts in found["families"].items():
            family = dict(facts)
            pairs = zip(family.pop("frames"), images[name], strict=True)
            frames = tuple(Frame(name=name, images=pictures, **look) for look, pictures in pairs)
            for step, seconds, loss in family.pop("curve"):
                record._curves[name].add(step, {"seconds": seconds, "loss": loss})
            record.families[name] = Standing(**family, frames=frames)
        return record

    def _family(self, name: str) -> dict[str, Any]:
        standing = self.families[name]
        frames = [{k: v for k, v in vars(f).items() if k not in ("name", "images")} for f in standing.frames]
        return vars(standing) | {"frames": frames, "curve": self._rows(name)}
