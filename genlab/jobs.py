"""A training in the background: one thread does the work, any number of viewers look at it."""

import dataclasses
import logging
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from torch import Tensor

from genlab import checkpoints
from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.errors import GenlabError
from genlab.events import Done, Event, Preview, Started, Step
from genlab.models import GenerativeModel
from genlab.training import finish, train

log = logging.getLogger(__name__)

State = Literal["running", "finished", "stopped", "diverged", "failed"]
Curve = list[tuple[int, float]]  # (step, value)
CURVE_POINTS = 400
HEARTBEAT = 0.2  # seconds between two looks of a follower


@dataclasses.dataclass(frozen=True)
class Progress:
    """What a viewer sees of a training at one moment."""

    state: State
    step: int
    total_steps: int
    seconds: float
    images_per_second: float
    metrics: dict[str, float]
    curves: dict[str, Curve]
    preview: Tensor | None  # uint8 (N, C, H, W)
    preview_step: int
    message: str
    files: tuple[str, ...] = ()  # model.safetensors and config.json, once it has ended

    @property
    def seconds_left(self) -> float | None:
        """At the speed so far; None before the first step, 0 once it has ended."""
        if self.state != "running":
            return 0.0
        if not self.step:
            return None
        return self.seconds / self.step * (self.total_steps - self.step)


class Curves:
    """Every metric over the steps, thinned to a bounded number of points, never cut."""

    def __init__(self) -> None:
        self._stride, self._points = 1, {}  # type: tuple[int, dict[str, Curve]]

    def add(self, step: int, metrics: dict[str, float]) -> None:
        if step % self._stride:
            return
        for name, value in metrics.items():
            self._points.setdefault(name, []).append((step, value))
        if any(len(points) > CURVE_POINTS for points in self._points.values()):
            self._stride *= 2
            self._points = {
                name: [p for p in points if p[0] % self._stride == 0] for name, points in self._points.items()
            }

    def snapshot(self) -> dict[str, Curve]:
        return {name: list(points) for name, points in self._points.items()}


class TrainingJob:
    """Trains ``model`` in a thread; ``stop`` ends it within one step and keeps what was learned.

    Args:
        name: The family's name.
        model: The model to train, owned by this job until it has ended.
        data: The training set.
        config: Length, batch size, seed.
    """

    def __init__(self, name: str, model: GenerativeModel, data: Dataset, config: TrainConfig) -> None:
        self.name, self.model, self.data, self.config = name, model, data, config
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._curves = Curves()
        self._progress = Progress("running", 0, config.steps, 0.0, 0.0, {}, {}, None, 0, "Starting.")
        self._folder = tempfile.TemporaryDirectory(prefix="genlab-")  # gone with the job
        self._thread = threading.Thread(target=self._run, name=f"train {name}", daemon=True)

    def start(self) -> "TrainingJob":
        self._thread.start()
        return self

    def stop(self) -> None:
        """Ask for the end; returns at once."""
        self._stop.set()

    def join(self, timeout: float | None = None) -> None:
        self._thread.join(timeout)

    @property
    def progress(self) -> Progress:
        with self._lock:
            return dataclasses.replace(self._progress, curves=self._curves.snapshot())

    def follow(self) -> Iterator[Progress]:
        """The progress, at least every quarter second, until the job has ended (that one last)."""
        while True:
            progress = self.progress
            yield progress
            if progress.state != "running":
                return
            self._thread.join(HEARTBEAT)

    def _set(self, **changes: object) -> None:
        with self._lock:
            self._progress = dataclasses.replace(self._progress, **changes)  # type: ignore[arg-type]

    def _run(self) -> None:
        try:
            self._train()
        except GenlabError as error:
            self._set(state="failed", message=str(error))
        except Exception:
            log.exception("training %s failed", self.name)
            self._set(state="failed", message="Training failed; the server's log says why.")

    def _train(self) -> None:
        began = time.monotonic()
        events = train(self.model, self.data, self.config)
        state: State = "stopped"
        for event in events:
            self._take(event)
            if isinstance(event, Done):
                state = event.reason
            elif self._stop.is_set():
                events.close()  # type: ignore[attr-defined]
                finish(self.model, self.data)
                self._set(message=f"Stopped after step {self.progress.step:,}; what was learned is kept.")
        files = self._save()
        self._set(state=state, files=files, seconds=time.monotonic() - began)

    def _take(self, event: Event) -> None:
        match event:
            case Started():
                self._set(message=f"Training on {event.images:,} images.")
            case Step():
                with self._lock:
                    self._curves.add(event.step, event.metrics)
                self._set(
                    step=event.step,
                    seconds=event.seconds,
                    images_per_second=event.images_per_second,
                    metrics=event.metrics,
                )
            case Preview():
                self._set(preview=event.images, preview_step=event.step)
            case Done():
                self._set(message=event.message, seconds=event.seconds)

    def _save(self) -> tuple[str, ...]:
        folder = Path(self._folder.name) / self.name
        training = dataclasses.asdict(self.config) | {"data": self.data.source, "steps": self.progress.step}
        checkpoints.save(self.name, self.model, folder, training)
        return str(folder / checkpoints.MODEL), str(folder / checkpoints.CONFIG)
