"""The scheduler of a race: always advance the family that has used the least compute time."""

import copy
import time
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.evaluation import Reference, features_of, frechet_distance
from genlab.events import Done, Event, Step
from genlab.models import Classifier, GenerativeModel
from genlab.race.events import (
    GRID_IMAGES,
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
from genlab.sampling import sample_forming
from genlab.training import finish, train, warmup_steps

MAX_STEPS = 1_000_000  # the most that TrainConfig allows

Clock = Callable[[], float]


def race(
    models: dict[str, GenerativeModel],
    data: Dataset,
    config: RaceConfig,
    classifier: Classifier,
    reference: Reference,
    *,
    clock: Clock = time.perf_counter,
) -> Iterator[RaceEvent]:
    """Train ``models`` in place, each for ``config.seconds`` of compute, and tell how it goes.

    At any time the compute used by two running families differs by at most one step of the slowest, so
    that whatever else burdens the machine burdens all alike; each ends within a step of its budget.
    Compute is the time from asking ``train`` for a step to having it. Setting up, looking and the fit
    after the training are not in it, nor is what the first step of a process costs once: each family
    takes its first step twice, at first on a copy that is thrown away.

    Close the iterator to stop within one step of training or of drawing: the models are then in
    evaluation mode with their last good weights; call ``training.finish`` to make them ready to sample.

    Args:
        models: The families by name. The batch and the warm-up of the learning rate are those of a
            family's ``live`` recipe; the rate does not decay, because nobody knows how many steps the
            budget holds.
        data: The training set.
        config: Budget, looks, samples, seed.
        classifier: Whose features the distances are measured in.
        reference: Features of real digits.
        clock: Seconds from any zero; on a GPU a step ends when its loss has reached the host.
    """
    judge = _Judge(classifier, reference, config, clock)
    lanes = [_Lane(name, model, data, config.seed, clock) for name, model in models.items()]
    try:
        yield RaceStarted(tuple(models), config, judge.floor(), data.source, len(data))
        for lane in lanes:
            yield from judge.look(lane, 0)
        running = list(lanes)
        while running:
            lane = min(running, key=lambda lane: lane.seconds)
            told = lane.advance()
            yield told
            if isinstance(told, Dropped):
                running.remove(lane)
            elif lane.seconds >= config.seconds or lane.step == MAX_STEPS:
                running.remove(lane)
                lane.close()
                finish(lane.model, data)
                yield from judge.look(lane, config.frames)
                yield Finished(lane.name, lane.step, lane.seconds)
            else:
                yield from judge.look_if_due(lane)
        yield RaceDone(judge.seconds)
    finally:
        for lane in lanes:
            lane.close()


class _Lane:
    """One family in training, and the compute it has used."""

    def __init__(self, name: str, model: GenerativeModel, data: Dataset, seed: int, clock: Clock) -> None:
        self.name, self.model, self.clock = name, model, clock
        self.plan = replace(model.live, steps=MAX_STEPS, decay="none", seed=seed, preview_every=MAX_STEPS)
        self.step, self.moment, self.seconds = 0, 0, 0.0
        self.loss: float | None = None
        _begin(copy.deepcopy(model), data, self.plan, steps=1).close()
        self.events = _begin(model, data, self.plan)

    @property
    def images_seen(self) -> int:
        return self.step * self.plan.batch_size

    def advance(self) -> Advanced | Dropped:
        """One step on the clock."""
        began = self.clock()
        event = next(self.events)
        seconds = self.clock() - began
        if isinstance(event, Done):
            self.close()
            return Dropped(self.name, self.step, self.seconds, event.message)
        assert isinstance(event, Step), "nothing is saved or drawn between two steps"
        self.step, self.loss = event.step, event.metrics["loss"]
        self.seconds += seconds
        return Advanced(self.name, self.step, self.images_seen, self.seconds, self.loss)

    def close(self) -> None:
        """Stop the training: the model falls back to its last good weights, in evaluation mode."""
        self.events.close()


def _begin(
    model: GenerativeModel, data: Dataset, plan: TrainConfig, steps: int = 0
) -> Generator[Event, None, None]:
    """A training that is set up and has done ``steps`` steps."""
    events = train(model, data, plan, warmup=warmup_steps(model.live))
    for _ in range(1 + steps):  # the first event says that it starts
        next(events)
    return events  # type: ignore[return-value]  # train is a generator


class _Judge:
    """Looks at families, all by the same protocol, and keeps the bill."""

    def __init__(
        self, classifier: Classifier, reference: Reference, config: RaceConfig, clock: Clock
    ) -> None:
        self.classifier, self.reference, self.config, self.clock = classifier, reference, config, clock
        self.seconds = 0.0

    def floor(self) -> float:
        """The distance of as many real training digits as there are samples in a look."""
        return frechet_distance(self.reference.test, self.reference.train[: self.config.samples])

    def look_if_due(self, lane: _Lane) -> Iterator[RaceEvent]:
        """Look at a running family if its compute has reached the next of the planned moments.

        A step that passes several of them gets one look, the one at the end of the budget apart.
        """
        passed = int(lane.seconds / self.config.seconds * self.config.frames)
        moment = min(passed, self.config.frames - 1)
        if moment > lane.moment:
            yield from self.look(lane, moment)

    def look(self, lane: _Lane, moment: int) -> Iterator[RaceEvent]:
        """Draw and measure samples; Looking comes again and again until Looked."""
        model, config = lane.model, self.config
        lane.moment = moment
        running = model.training
        model.eval()
        began = self.clock()
        images: list[Tensor] = []
        for samples in sample_forming(model, config.samples, config.seed, **model.preview_knobs):
            if samples.final:
                images.append(samples.images)
            yield Looking(lane.name, moment)
        drawn = torch.cat(images)
        frechet = frechet_distance(
            self.reference.test, features_of(self.classifier, model.canvas.digits(drawn))
        )
        self.seconds += self.clock() - began
        model.train(running)
        yield Looked(
            Frame(
                lane.name,
                moment,
                lane.step,
                lane.images_seen,
                lane.seconds,
                lane.loss,
                frechet,
                drawn[:GRID_IMAGES].clone(),  # the rest need not be kept
            )
        )
