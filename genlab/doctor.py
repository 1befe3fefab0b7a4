"""The failure doctor: watches a training's events and names what goes wrong, with evidence and a cure."""

import dataclasses
import math
from typing import Any

import torch
from torch import Tensor

from genlab.data import to_float
from genlab.events import Done, Event, Preview, Step
from genlab.models import Classifier, GenerativeModel
from genlab.models.failures import Course, Failure, Look

FORGET = 100  # steps after which a named failure that is no longer seen is withdrawn


@dataclasses.dataclass(frozen=True)
class Diagnosis:
    """One thing that holds now."""

    name: str
    explanation: str
    evidence: str  # with the measured numbers
    change: dict[str, Any]  # knobs of the family's Config that cure it; {} where nothing should change
    since: int  # the step at which it was first seen
    healthy: bool  # it reassures; False: it is a failure


@dataclasses.dataclass
class _Case:
    """A failure, and for how long it has been seen."""

    failure: Failure
    since: int = 0
    last: int = 0
    evidence: str = ""  # the latest; "" while there is no case
    named: bool = False

    def take(self, step: int, evidence: str) -> None:
        """What one more examination has shown."""
        if evidence:
            self.since = self.since if self.evidence else step
            self.last, self.evidence = step, evidence
            self.named = self.named or step - self.since >= self.failure.patience
        elif not self.named or step - self.last >= FORGET:
            self.evidence, self.named = "", False


class Doctor:
    """Takes the events of one training as they come; ``diagnoses`` may be read by other threads.

    Args:
        model: In training.
        classifier: Reads the digits of the previews; without it they are not read.
        digits: Are MNIST's digits what is learned? Of other pictures less can be told.
    """

    def __init__(
        self, model: GenerativeModel, classifier: Classifier | None = None, *, digits: bool = True
    ) -> None:
        self._model, self._classifier = model, classifier if digits else None
        self._course = Course(model.config)
        self._cases = [_Case(failure) for failure in model.failures if digits or not failure.of_digits]
        self._diagnoses: tuple[Diagnosis, ...] = ()

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """What holds now, failures first."""
        return self._diagnoses

    def take(self, event: Event) -> None:
        """Learn of one more event."""
        match event:
            case Step():
                self._step(event.step, event.metrics)
            case Preview():
                self._course.looks.append(self._look(event))
                self._examine(event.step, in_samples=True)
            case Done(reason="diverged"):
                self._break(event.step)

    def _step(self, step: int, metrics: dict[str, float]) -> None:
        if all(map(math.isfinite, metrics.values())):
            self._course.add(metrics)
            self._examine(step, in_samples=False)
        else:
            self._break(step)

    def _break(self, step: int) -> None:
        """A number was not finite, in this step or in the one that could not be done after it."""
        loss = self._course.recent.get("loss")
        last = f"; the last loss was {loss[-1]:.3g}" if loss else ""
        self._course.broken = f"A number stopped being finite after step {step:,}{last}."
        self._examine(step, in_samples=False)
        self._course.broken = ""

    def _examine(self, step: int, *, in_samples: bool) -> None:
        """Look for what shows in the metrics, or in the samples."""
        for case in self._cases:
            if case.failure.in_samples == in_samples:
                case.take(step, case.failure.evidence(self._course))
        named = [case for case in self._cases if case.named]
        self._diagnoses = tuple(self._diagnosis(c) for c in sorted(named, key=lambda c: c.failure.healthy))

    def _diagnosis(self, case: _Case) -> Diagnosis:
        f = case.failure
        return Diagnosis(
            f.name, f.explanation, case.evidence, f.cure(self._model.config), case.since, healthy=f.healthy
        )

    def _look(self, event: Preview) -> Look:
        """What a preview's pictures show."""
        images = self._model.canvas.digits(event.images)
        pixels = images.flatten(1).float() / 255  # (N, 784)
        n = len(pixels)
        distance = (pixels[:, None] - pixels).norm(dim=2)  # (N, N)
        distance.fill_diagonal_(math.inf)
        digits, right = self._read(images)
        return Look(
            step=event.step,
            loss=self._course.typical("loss"),
            n=n,
            digits=digits,
            right=right,
            apart=float(distance.min(1).values.mean()),
            contrast=float(pixels.square().mean() / pixels.mean()) if pixels.any() else 0.0,
        )

    def _read(self, images: Tensor) -> tuple[tuple[int, ...], int]:
        """How many pictures the classifier reads as each digit, and how many as the one asked for."""
        if self._classifier is None:
            return (), 0
        read = self._classifier.predict(self._classifier.features(to_float(images)))
        asked = self._model.preview_labels(len(images))
        right = int((read == asked).sum()) if asked is not None else 0
        return tuple(torch.bincount(read, minlength=10).tolist()), right
