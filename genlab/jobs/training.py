"""A training as the work of a job."""

import dataclasses
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from genlab import checkpoints
from genlab.config import TrainConfig, check_number, make
from genlab.curves import Curve, Curves
from genlab.doctor import Diagnosis, Doctor
from genlab.errors import CheckpointError, InvalidInput
from genlab.events import Done, Event, Preview, Started, Step
from genlab.flags import flag
from genlab.jobs.work import Outcome, Why, Work, Workshop, said
from genlab.library import Library
from genlab.memory import training_bytes
from genlab.models import MODELS, Classifier, GenerativeModel
from genlab.settings import Limits
from genlab.training import finish, train

STARTS = ("scratch", "shipped")


@dataclasses.dataclass(frozen=True)
class TrainingPlan:
    """What to train and how; every value is checked."""

    name: str
    start: str  # "scratch", or "shipped" to go on from the shipped weights
    config: dict[str, Any]  # the family's own knobs, all of them
    training: TrainConfig

    def build(self, library: Library) -> GenerativeModel:
        """The network as it is before the first step."""
        torch.manual_seed(self.training.seed)
        return self._network(library)

    def _network(self, library: Library) -> GenerativeModel:
        base = library.shipped(self.name).model if self.start == "shipped" else None
        return MODELS[self.name].build(self.config, base)

    def check(self, library: Library, limits: Limits) -> None:
        """InvalidInput if a knob does not fit the weights to go on from, or is beyond the server's limits."""
        check_number("steps", self.training.steps, 1, limits.steps, whole=True)
        with torch.device("meta"), warnings.catch_warnings():  # shapes alone: no memory, no random numbers
            warnings.simplefilter("ignore")
            self._network(library).canvas.check(self.training.data)

    def command(self) -> str:
        """The command that trains by this plan."""
        knobs = vars(self.training) | self.config
        flags = "".join(f" {flag(name)} {value}" for name, value in knobs.items())
        start = f" --from weights/{self.name}" if self.start == "shipped" else ""
        return f"python -m genlab train {self.name}{flags}{start}"

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> "TrainingPlan":
        return cls(kept["name"], kept["start"], kept["config"], make(TrainConfig, kept["training"]))


@dataclasses.dataclass(frozen=True, eq=False)
class Training:
    """What a viewer sees of a training."""

    plan: TrainingPlan
    step: int
    seconds: float  # in training, over all its runs
    images_per_second: float
    metrics: dict[str, float]
    curves: dict[str, Curve]
    preview: Tensor | None  # uint8 (N, C, H, W)
    preview_step: int
    diagnoses: tuple[Diagnosis, ...]  # what the doctor says now

    @property
    def total_steps(self) -> int:
        return self.plan.training.steps

    @property
    def seconds_left(self) -> float | None:
        """At the present speed; None before the first step."""
        if not self.images_per_second:
            return None
        return (self.total_steps - self.step) * self.plan.training.batch_size / self.images_per_second


class TrainingWork(Work):
    """Trains a family by a plan."""

    kind = "training"

    def __init__(self, plan: TrainingPlan, shop: Workshop) -> None:
        self.plan, self.shop, self.name = plan, shop, plan.name
        self.source = ""  # of the data
        self._model: GenerativeModel | None = None  # until it is on the disk
        self._doctor: Doctor | None = None
        self._done: Done | None = None
        self._curves = Curves()
        self._spent = 0.0  # seconds of earlier runs
        self._view = Training(plan, 0, 0.0, 0.0, {}, {}, None, 0, ())

    def events(self, folder: Path) -> Iterator[Event]:
        data, limits = self.shop.data(self.plan.training.data), self.shop.limits
        model = self._model = self.plan.build(self.shop.library)
        batch = self.plan.training.batch_size
        needed = training_bytes(model, batch) >> 20
        if needed > limits.megabytes:
            raise InvalidInput(
                f"batch_size is {batch}; with this network a training would need about {needed:,} MB of "
                f"memory, and on this server it may take {limits.megabytes:,} MB."
            )
        self._doctor = Doctor(model, self._classifier(), digits=self.plan.training.data == "mnist")
        self.source, self._done, self._spent = data.source, None, self._view.seconds
        state = folder / checkpoints.STATE
        yield from train(model, data, self.plan.training, state=state, save_seconds=limits.save_seconds)

    def _classifier(self) -> Classifier | None:
        try:
            return self.shop.library.classifier()
        except CheckpointError:  # then the doctor does without
            return None

    def take(self, event: Event) -> None:
        assert self._doctor, "events come from a training"
        self._doctor.take(event)
        match event:
            case Started():
                self._curves.cut(event.first_step)
                self._change(step=event.first_step)
            case Step():
                self._curves.add(event.step, event.metrics)
                self._change(
                    step=event.step,
                    seconds=self._spent + event.seconds,
                    images_per_second=event.images_per_second,
                    metrics=event.metrics,
                )
            case Preview():
                self._change(preview=event.images, preview_step=event.step)
            case Done():
                self._done = event

    def _change(self, **changes: Any) -> None:
        self._view = dataclasses.replace(self._view, **changes)

    def end(self, why: Why | None) -> Outcome:
        if self._done:
            return Outcome(self._done.reason, self._done.message)
        assert why, "a training that nobody ended says Done"
        ending = f" after step {self._view.step:,}{said(why, self.shop.limits)}; "
        if why == "restart":  # there is no time for more: the state that was saved says all
            self._release()
            return Outcome("interrupted", f"Interrupted{ending}it can go on from there.")
        assert self._model is not None
        finish(self._model, self.shop.data(self.plan.training.data))
        kept = "what was learned is kept" if self._view.step else "nothing was learned yet"
        return Outcome("stopped", f"Stopped{ending}{kept}.")

    def save(self, folder: Path) -> None:
        if self._model is None or not self._view.step:
            return
        checkpoints.save(self.name, self._model, folder, self.made())
        self._release()  # from now on it is loaded from there

    def tidy(self, folder: Path) -> None:
        if self._done:
            (folder / checkpoints.STATE).unlink(missing_ok=True)

    def trained(self, folder: Path) -> GenerativeModel:
        """The trained model, in evaluation mode; CheckpointError if there is none."""
        return self._model.eval() if self._model is not None else checkpoints.load(folder)  # type: ignore

    def packed(self) -> dict[str, bytes]:
        """The result's files while they are in memory alone; empty once they are on the disk."""
        model = self._model
        return (
            {} if model is None or not self._view.step else checkpoints.packed(self.name, model, self.made())
        )

    def made(self) -> dict[str, Any]:
        """How the weights were made, as the command line tells it."""
        made = {
            "command": self.plan.command(),
            "data": self.source,
            "train": vars(self.plan.training),
            "steps": self._view.step,
            "seconds": round(self._view.seconds),
        }
        if self.plan.start == "shipped":
            made["from"] = checkpoints.read_training(self.shop.library.folder / self.name)
        return made

    def view(self) -> Training:
        doctor = self._doctor
        said = doctor.diagnoses if doctor else self._view.diagnoses
        return dataclasses.replace(self._view, curves=self._curves.snapshot(), diagnoses=said)

    def _release(self) -> None:
        """Let go of the network, which the doctor holds as well."""
        if self._doctor:
            self._change(diagnoses=self._doctor.diagnoses)
        self._model = self._doctor = None

    def record(self) -> dict[str, Any]:
        seen = {k: getattr(self._view, k) for k in ("step", "seconds", "images_per_second", "metrics")}
        return {"plan": self.plan.to_json(), "seen": seen, "curves": self._curves.to_json()}

    @classmethod
    def reopen(cls, record: dict[str, Any], folder: Path, shop: Workshop) -> "TrainingWork":
        work = cls(TrainingPlan.from_json(record["plan"]), shop)
        work._curves = Curves.from_json(record["curves"])
        work._change(**record["seen"])
        if not any((folder / name).is_file() for name in (checkpoints.STATE, checkpoints.MODEL)):
            work._curves.cut(0)  # killed before its first state was on the disk: it is at its start
            work._change(step=0, seconds=0.0, metrics={})
        return work

    def files(self, folder: Path) -> list[Path]:
        return [path for name in (checkpoints.MODEL, checkpoints.CONFIG) if (path := folder / name).is_file()]

    def resumable(self, folder: Path) -> bool:
        begun = self._view.step > 0
        return not begun or (folder / checkpoints.STATE).is_file()

    def seconds_left(self, pace: Mapping[str, float]) -> float | None:
        if (left := self._view.seconds_left) is not None:
            return left
        each = pace.get(self.name)
        images = (self.plan.training.steps - self._view.step) * self.plan.training.batch_size
        return each * images if each is not None else None

    def pace(self) -> dict[str, float]:
        speed = self._view.images_per_second
        return {self.name: 1 / speed} if speed else {}
