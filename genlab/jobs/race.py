"""A race as the work of a job."""

import contextlib
import dataclasses
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from genlab.config import make
from genlab.errors import CheckpointError, NotSaved
from genlab.evaluation import load_reference
from genlab.events import Saved, Unsaved
from genlab.jobs.work import Outcome, Why, Work, Workshop, said
from genlab.race import Looked, RaceConfig, RaceEvent, RaceRecord, files, film, prepare

FILM = "race.gif"


class RaceWork(Work):
    """Races families against each other; what was seen is kept after every look."""

    kind = name = "race"

    def __init__(self, names: tuple[str, ...], config: RaceConfig, shop: Workshop) -> None:
        self.shop, self.seen = shop, RaceRecord(names, config)
        self._began = time.monotonic()

    def events(self, folder: Path) -> Iterator[RaceEvent | Saved | Unsaved]:
        library, names, config = self.shop.library, tuple(self.seen.families), self.seen.config
        judge = library.classifier()
        reference = load_reference(library.folder / "classifier")
        self.seen = RaceRecord(names, config)  # of a race that was stopped before its first look
        running = prepare(names, config, self.shop.data("mnist"), judge, reference)
        self._began = time.monotonic()
        with contextlib.closing(running.events):  # type: ignore[type-var]  # a generator
            for event in running.events:
                yield event
                if isinstance(event, Looked):
                    yield self._kept(folder, event.frame.step)

    def _kept(self, folder: Path, step: int) -> Saved | Unsaved:
        try:
            files.save(self.seen, folder)
        except NotSaved as error:
            return Unsaved(step, str(error))
        return Saved(step, str(folder))

    def take(self, event: RaceEvent | Saved | Unsaved) -> None:
        if not isinstance(event, Saved | Unsaved):
            self.seen.take(event)

    def end(self, why: Why | None) -> Outcome:
        if why is None:
            looking = self.seen.looking_seconds or 0.0
            extra = f"Drawing and measuring took {looking:.0f} s more, which count for nobody."
            return Outcome("finished", f"The race is over. {extra}")
        self.seen.stop()
        if why == "restart":
            return Outcome("interrupted", "The race was interrupted by a restart of the server.")
        return Outcome("stopped", f"The race was stopped{said(why, self.shop.limits)}.")

    def save(self, folder: Path) -> None:
        if self.seen.moments >= 0:
            files.save(self.seen, folder)
            film.write_gif(self.seen, folder / FILM)

    def packed(self) -> dict[str, bytes]:
        return {FILM: film.gif(self.seen)} if self.seen.moments >= 0 else {}

    def view(self) -> RaceRecord:
        return self.seen.snapshot()

    def record(self) -> dict[str, Any]:
        return {"names": list(self.seen.families), "config": dataclasses.asdict(self.seen.config)}

    @classmethod
    def reopen(cls, record: dict[str, Any], folder: Path, shop: Workshop) -> "RaceWork":
        work = cls(tuple(record["names"]), make(RaceConfig, record["config"]), shop)
        with contextlib.suppress(CheckpointError):  # nobody had been looked at yet
            work.seen = files.load(folder)
            work.seen.stop()
        return work

    def files(self, folder: Path) -> list[Path]:
        return [path for name in (FILM, files.RACE) if (path := folder / name).is_file()]

    def resumable(self, folder: Path) -> bool:
        return self.seen.moments < 0

    def seconds_left(self, pace: Mapping[str, float]) -> float | None:
        """Compute and looks, these at the pace so far; before it starts, as long as the compute."""
        families, config = self.seen.families.values(), self.seen.config
        used = sum(min(s.seconds, config.seconds) for s in families)
        left = sum(max(0.0, config.seconds - s.seconds) for s in families if s.state == "running")
        looks, total = sum(len(s.frames) for s in families), len(families) * (config.frames + 1)
        if not looks:
            return 2 * left
        looking = max(0.0, time.monotonic() - self._began - used)
        return left + looking / looks * (total - looks)
