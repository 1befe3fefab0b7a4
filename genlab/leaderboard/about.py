"""What some weights are, apart from the pictures they draw: size, bill of the training, held-out loss."""

import contextlib
from typing import Any, NamedTuple

import torch
from torch.utils.flop_counter import FlopCounterMode

from genlab.config import TrainConfig, make
from genlab.data import Dataset
from genlab.leaderboard.entries import Entry
from genlab.models import Trainable
from genlab.models.base import CLASSES
from genlab.training import mix

CHUNK = 500  # pictures of the held-out loss at once


class Compute(NamedTuple):
    """The bill of a training, with that of the weights it went on from."""

    steps: int
    images: int  # real images shown, an image that was shown twice counting twice
    flops: float  # of matrix products and convolutions, forward and backward


class Whole(contextlib.AbstractContextManager[None]):
    """Counts for the network as a whole. By modules, which is the default, a gradient penalty fails."""

    parents = {"Global"}

    def __exit__(self, *_: object) -> None:
        return None


def update_flops(model: Trainable, batch_size: int) -> int:
    """Floating-point operations of one ``update`` on ``batch_size`` pictures: of its matrix products,
    convolutions and attention, forward and backward; a multiplication and an addition are two.

    Counts on a copy of the network with fresh weights, for an update changes them.
    """
    copy = type(model)(model.config).train()
    x, y = torch.zeros(batch_size, *model.canvas.shape), torch.arange(batch_size) % CLASSES
    optimizers = copy.optimizers()
    counter = FlopCounterMode(display=False)
    counter.mod_tracker = Whole()  # type: ignore[assignment]
    with counter:
        copy.update(x, y, optimizers)
    return counter.get_total_flops()


def training_compute(model: Trainable, training: dict[str, Any]) -> Compute:
    """The bill of the training that a config tells of, summed over all it went on from.

    Trainings that it went on from count as if of the same network, as they must be.
    """
    plan = make(TrainConfig, training["train"])
    steps = training["steps"]
    flops = float(steps * update_flops(model, plan.batch_size))
    own = Compute(steps, steps * plan.batch_size, flops)
    if "from" not in training:
        return own
    before = training_compute(model, training["from"])
    return Compute(own.steps + before.steps, own.images + before.images, own.flops + before.flops)


@torch.no_grad()
def held_out(model: Trainable, test: Dataset) -> dict[str, float]:
    """What the family plots while it trains, on the test images instead; nothing for one that plays a game.

    Random draws, such as times and noise, are the same at every call.
    """
    if type(model).update is not Trainable.update and type(model).loss is Trainable.loss:
        return {}
    sums: dict[str, float] = {}
    for i, start in enumerate(range(0, len(test), CHUNK)):
        x, y = test.batch(torch.arange(start, min(start + CHUNK, len(test))))
        torch.manual_seed(mix(0, i))
        for name, value in model.loss(model.canvas.lay(x), y)[1].items():
            sums[name] = sums.get(name, 0.0) + float(value) * len(x)
    return {name: total / len(test) for name, total in sums.items()}


def bound(losses: dict[str, float]) -> float | None:
    """Nats that a picture costs at most, the negative of a VAE's ELBO; None for other families.

    Pixels count as Bernoulli probabilities, and the KL term in full whatever ``beta`` was trained with.
    """
    return losses["bce"] + losses["kl"] if {"bce", "kl"} <= losses.keys() else None


def about(entry: Entry, test: Dataset) -> dict[str, Any]:
    """All of this, as JSON; without a loss where the weights are not here."""
    model = entry.model()
    losses = held_out(model, test) if entry.present else {}
    return {
        "sha256": entry.sha256,
        "parameters": model.size,
        "training": training_compute(model, entry.training())._asdict(),
        "held_out": losses,
        "bound": bound(losses),
    }
