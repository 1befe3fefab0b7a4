"""The contract of a family: everything the UI, the CLI, the API and the evaluation rely on."""

import dataclasses
from collections.abc import Iterator
from typing import Any, ClassVar, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.canvas import Canvas
from genlab.config import Config as Knobs
from genlab.config import TrainConfig, make
from genlab.errors import InvalidInput
from genlab.models.failures import Failure
from genlab.noise import Noise

PIXELS = 28 * 28
CLASSES = 10  # digits, which are the labels of pictures
Metrics = dict[str, Tensor]
Optimizers = dict[str, Optimizer]


@dataclasses.dataclass(frozen=True)
class Card:
    """What a visitor reads about a family."""

    title: str
    year: int
    idea: str  # one line
    equation: str  # LaTeX, without dollar signs
    paper: str  # authors, title
    url: str


class Trainable(nn.Module):
    """A network with its loss and its optimizers.

    Images are float tensors (N, C, H, W) in [-1, 1], of the shape of ``canvas``, labels int64 (N,).
    """

    Config: ClassVar[type[Knobs]] = Knobs
    averages: ClassVar[str | None] = None  # the sub-network that ``self.average`` follows
    recipe: ClassVar[TrainConfig]  # what made the shipped weights
    canvas: Canvas = Canvas()  # what it draws on

    def __init__(self, config: Knobs) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def build(cls, given: dict[str, Any] | None, base: "Trainable | None" = None) -> Self:
        """A fresh network, or one that goes on from the weights of ``base``.

        ``given`` are knobs of ``Config``, unchecked; the rest are the defaults, or those of ``base``.
        InvalidInput if a knob is out of range, or makes a network of another shape than ``base``.
        """
        model = cls(make(cls.Config, given, base.config if base else None))
        if base:
            try:
                model.load_state_dict(base.state_dict())
            except RuntimeError as error:
                raise InvalidInput(
                    "These knobs give the network another shape than the weights to go on from; "
                    "start from scratch."
                ) from error
        return model

    @property
    def device(self) -> Any:
        return next(self.parameters()).device

    @property
    def size(self) -> int:
        """Its trained numbers, the running average not counted."""
        return sum(p.numel() for p in self.parameters() if p.requires_grad)

    def optimizers(self) -> Optimizers:
        """Fresh optimizers, by a name for each."""
        raise NotImplementedError

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        """The scalar to minimise on one batch, and what to plot (always with "loss")."""
        raise NotImplementedError

    def update(self, x: Tensor, y: Tensor, optimizers: Optimizers) -> Metrics:
        """One training step; adversarial families override it."""
        loss, metrics = self.loss(x, y)
        for optimizer in optimizers.values():
            optimizer.zero_grad()
        loss.backward()
        for optimizer in optimizers.values():
            optimizer.step()
        return metrics

    def finish(self, x: Tensor) -> None:
        """Fit what is fitted after training, on up to 10,000 training images (default: nothing)."""


class GenerativeModel(Trainable):
    """A family that draws pictures."""

    Sampling: ClassVar[type[Knobs]] = Knobs  # the knobs of ``sample``
    card: ClassVar[Card]
    conditional: ClassVar[bool] = False  # does it draw a given digit?
    live: ClassVar[TrainConfig]  # minutes on two cores: the default in the page
    preview_knobs: ClassVar[dict[str, Any]] = {}  # for the quick looks while training
    failures: ClassVar[tuple[Failure, ...]] = ()  # what is known to go wrong while training

    def sample(self, noise: Noise, *, labels: Tensor | None = None, **knobs: Any) -> Iterator[Tensor]:
        """Yield pictures (len(noise), C, H, W) as they form; the last one is the result.

        ``labels``: int64 (n,), conditional families only. ``knobs``: the fields of ``Sampling``.
        """
        raise NotImplementedError

    def preview_labels(self, n: int) -> Tensor | None:
        """The digits that a preview of n pictures asks for, int64 (n,); None where none can be."""
        return torch.arange(n) % 10 if self.conditional else None

    def evaluations(self, **knobs: Any) -> int:
        """How many times ``sample`` runs the network for one picture."""
        return 1
