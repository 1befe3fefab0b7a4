"""Training as a generator of events: closing it stops it within one step.

Runs on accelerate: on a GPU where there is one, and under ``accelerate launch`` on several
processes, each with its own part of every batch.
"""

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR

from genlab import checkpoints, draws
from genlab.config import TrainConfig
from genlab.data import Dataset, to_float, to_uint8
from genlab.errors import NotSaved
from genlab.events import Done, Event, Metrics, Preview, Saved, Saving, Started, Step, Unsaved
from genlab.host import zero_gpu
from genlab.models import GenerativeModel, Trainable
from genlab.models.base import Optimizers
from genlab.noise import Noise

PREVIEW_IMAGES = 16
FINISH_IMAGES = 10_000
SNAPSHOT_EVERY = 50  # steps between two copies of the weights, to fall back to


def warmup_steps(config: TrainConfig) -> int:
    """2% of the steps, 100 at most."""
    return min(100, max(1, config.steps // 50))


def learning_rate_factor(step: int, config: TrainConfig, warmup: int | None = None) -> float:
    """Warm-up over the first steps (``warmup_steps`` unless given), then constant or a half cosine to 0."""
    warmup = warmup or warmup_steps(config)
    fade = 0.5 * (1 + math.cos(math.pi * step / config.steps)) if config.decay == "cosine" else 1.0
    return min(1.0, (step + 1) / warmup) * fade


def mix(*parts: int) -> int:
    """One 63-bit seed out of several numbers, so that neighbouring numbers share nothing."""
    return int(np.random.SeedSequence(parts).generate_state(1, np.uint64)[0] >> np.uint64(1))


class Batches:
    """Which images make the batch of a step: fresh permutations that depend on the seed alone."""

    def __init__(self, n: int, config: TrainConfig) -> None:
        self.n, self.config = n, config
        self._epoch, self._order = -1, torch.empty(0)

    def _permutation(self, epoch: int) -> Tensor:
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(mix(self.config.seed, epoch))
            self._epoch, self._order = epoch, torch.randperm(self.n, generator=generator)
        return self._order

    def index(self, step: int) -> Tensor:
        """int64 (batch_size,); a batch may end one epoch and begin the next."""
        epoch, offset = divmod(step * self.config.batch_size, self.n)
        taken = self._permutation(epoch)[offset : offset + self.config.batch_size]
        while len(taken) < self.config.batch_size:
            epoch += 1
            taken = torch.cat([taken, self._permutation(epoch)[: self.config.batch_size - len(taken)]])
        return taken


def share_gradients(optimizers: Optimizers, accelerator: Accelerator) -> None:
    """Before each step of an optimizer, average its gradients over the processes.

    A hook, so that a family's ``update`` stays plain PyTorch however many losses it steps through.
    All gradients go in one message: one for each would cost a CPU as long as computing them.
    """

    def average(optimizer: Any, *_: Any) -> None:
        parameters = [p for group in optimizer.param_groups for p in group["params"]]
        grads = [p.grad for p in parameters if p.grad is not None]
        mean = accelerator.reduce(torch.cat([g.flatten() for g in grads]), reduction="mean")
        for grad, part in zip(grads, mean.split([g.numel() for g in grads]), strict=True):
            grad.copy_(part.view_as(grad))

    for optimizer in optimizers.values():
        optimizer.register_step_pre_hook(average)


def finish(model: Trainable, data: Dataset) -> None:
    """Fit what a family fits after training, and leave the model ready to sample."""
    model.eval()
    draws.seed(0)  # the fit depends on the weights and the data alone
    model.finish(model.canvas.lay(to_float(data.images[:FINISH_IMAGES].to(model.device))))


def preview(model: GenerativeModel, seed: int = 0) -> Tensor:
    """Samples from the same noise at every call: uint8 (16, C, H, W)."""
    labels = model.preview_labels(PREVIEW_IMAGES)
    model.eval()
    *_, images = model.sample(Noise(seed, PREVIEW_IMAGES), labels=labels, **model.preview_knobs)
    model.train()
    return to_uint8(images).cpu()


def _snapshot(model: Trainable) -> dict[str, Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items()}


def finite(model: Trainable) -> bool:
    """Is every weight a finite number?"""
    return all(bool(v.isfinite().all()) for v in model.state_dict().values())


def train(
    model: Trainable,
    data: Dataset,
    config: TrainConfig,
    *,
    state: Path | None = None,
    save_seconds: float = 60.0,
    warmup: int | None = None,
) -> Iterator[Event]:
    """Train ``model`` in place and tell how it goes.

    Close the iterator to stop: the model, and the state on disk, then hold the last complete step; call
    ``finish`` to make the model ready to sample. If a metric or a weight stops being finite, the last
    good weights come back. A disk that cannot be written to does not end the training: ``Unsaved`` says so.

    Args:
        model: The family to train; it is moved to the best device, on ZeroGPU the processor.
        data: The training set.
        config: Length, batch size, seed.
        state: Where to keep a resumable state, if anywhere; an existing one is resumed from.
        save_seconds: Time between two saves of that state.
        warmup: Steps over which the learning rate rises; None for ``warmup_steps(config)``, which suits
            a training whose length is known.
    """
    accelerator = Accelerator(cpu=zero_gpu())
    run = _Run(
        model.to(accelerator.device),
        data.to(accelerator.device),
        config,
        accelerator,
        state,
        save_seconds,
        warmup,
    )
    model.train()
    try:
        yield from run.events()
    finally:
        run.leave()
        model.eval()


class _Run:
    """One training in progress."""

    def __init__(
        self,
        model: Trainable,
        data: Dataset,
        config: TrainConfig,
        accelerator: Accelerator,
        state: Path | None,
        save_seconds: float,
        warmup: int | None,
    ) -> None:
        self.model, self.data, self.config, self.accelerator = model, data, config, accelerator
        self.save_seconds = save_seconds
        self.state = state if accelerator.is_main_process else None
        self.batches = Batches(len(data), config)
        self.optimizers = model.optimizers()
        self.began = self.saved = time.monotonic()
        self.first, self.spent = 0, 0.0  # steps and seconds of earlier runs
        self.done = self.kept = 0  # steps taken, and of them those whose state is on disk
        if state is not None and state.exists():
            progress = checkpoints.load_state(state, model, self.optimizers)
            self.first, self.spent = progress["step"], progress["seconds"]
            self.done = self.kept = self.first
        if accelerator.num_processes > 1:
            share_gradients(self.optimizers, accelerator)
        broadcast(model.state_dict())  # in place: every process starts from the first one's weights
        self.good = _snapshot(model)
        self.schedulers = [
            LambdaLR(o, lambda step: learning_rate_factor(self.first + step, config, warmup))
            for o in self.optimizers.values()
        ]

    def step(self, step: int) -> Metrics:
        """One update on this process's part of the batch, the same whether resumed or not."""
        process, processes = self.accelerator.process_index, self.accelerator.num_processes
        draws.seed(mix(self.config.seed, step, process))
        x, y = self.data.batch(self.batches.index(step)[process::processes])
        with self.accelerator.autocast():
            metrics = self.model.update(self.model.canvas.lay(x), y, self.optimizers)
        for scheduler in self.schedulers:
            scheduler.step()
        # Averaged, so that all processes see a metric break at the same step and stop together.
        values = self.accelerator.reduce(torch.stack([v.detach().float() for v in metrics.values()]), "mean")
        return dict(zip(metrics, values.tolist(), strict=True))

    def leave(self) -> None:
        """Keep the last complete step, or go back to the last good weights if it is not finite."""
        if not finite(self.model):
            self.model.load_state_dict(self.good)
        elif self.state and self.done > self.kept:
            self.keep()

    def keep(self) -> Saved | Unsaved:
        """Write the state that a later run can go on from."""
        assert self.state is not None
        progress = {"step": self.done, "seconds": self.spent + time.monotonic() - self.began}
        self.saved = time.monotonic()  # a disk that fails is not asked again at every step
        try:
            checkpoints.save_state(self.state, self.model, self.optimizers, progress)
        except NotSaved as error:
            return Unsaved(self.done, str(error))
        self.kept = self.done
        return Saved(self.done, str(self.state))

    def finish(self) -> None:
        """Leave the model ready to sample and, batch statistics included, the same in all processes."""
        finish(self.model, self.data)
        broadcast(self.model.state_dict())

    def events(self) -> Iterator[Event]:
        config, model, total = self.config, self.model, self.config.steps
        device = str(self.accelerator.device)
        yield Started(self.first, total, model.size, len(self.data), device)
        self.began = self.saved = began = time.monotonic()
        candidate = self.good
        for step in range(self.first, total):
            if step % SNAPSHOT_EVERY == 0:
                candidate = _snapshot(model)
            metrics = self.step(step)
            seconds = time.monotonic() - began
            done = step + 1
            if not all(map(math.isfinite, metrics.values())) or (done == total and not finite(model)):
                model.load_state_dict(self.good)
                self.finish()
                yield Done(step, self.spent + seconds, "diverged", _diverged(metrics, step))
                return
            self.done, self.good = done, candidate  # the weights it holds have just given finite metrics
            speed = (done - self.first) * config.batch_size / seconds
            yield Step(done, total, metrics, seconds, speed)
            due = done == total or time.monotonic() - self.saved > self.save_seconds
            if self.state and due and finite(model):
                yield Saving(done)
                yield self.keep()
            if isinstance(model, GenerativeModel) and (done % config.preview_every == 0 or done == total):
                yield Preview(done, preview(model))
        self.finish()
        yield Done(total, self.spent + time.monotonic() - began, "finished", f"Trained {total:,} steps.")


def _diverged(metrics: dict[str, float], step: int) -> str:
    broken = ", ".join(k for k, v in metrics.items() if not math.isfinite(v)) or "a weight"
    return (
        f"Training stopped at step {step + 1:,}: {broken} no longer finite. "
        "The last good state is kept; try a lower learning rate."
    )
