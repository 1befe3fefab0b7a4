"""What the GAN lab's games have in common, on the plane and on digits."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import torch
from torch import Tensor

from genlab.config import choice
from genlab.draws import OwnDraws
from genlab.models.gan import LOSSES, AdversarialModel, OriginalGAN

M = TypeVar("M")

SHARE = 0.25  # of its fair share, from which a mode counts as covered


def choose_game(default: str) -> Any:
    """The field of a config that says what is played."""
    return choice(
        default,
        (*LOSSES, "wgan", "wgan_gp"),
        "What the two play: GAN by either loss of the generator, WGAN with clipping, WGAN with a penalty",
    )


def has_critic(game: str) -> bool:
    """Is the opponent a critic, which gives a value, or a discriminator, which gives a probability?"""
    return game not in LOSSES


def covered(counts: tuple[int, ...], n: int) -> int:
    """How many modes got at least a quarter of their fair share of n samples."""
    return sum(count >= SHARE * n / len(counts) for count in counts)


def undisturbed(moves: Iterator[M]) -> Iterator[M]:
    """The ``moves`` of a game, which draw random numbers of its own.

    So the same seed plays the same game, whoever else plays or trains meanwhile, and disturbs no training.
    """
    own = OwnDraws()
    while True:
        with own:  # a move may be made in another thread than the one before
            try:
                move = next(moves)
            except StopIteration:
                return
        yield move


def pulls(model: AdversarialModel, x: Tensor) -> dict[str, float]:
    """Mean length of the gradient, with respect to a generated sample, of what the generator minimises.

    Of the original game by every loss: where the opponent is sure, minimax hardly pulls.

    Args:
        model: The opponent is taken as it is: whether it drops out units is its mode's business.
        x: Generated samples (N, ...).
    """
    x = x.detach().requires_grad_()
    value = model.judge(x, torch.zeros(len(x), device=x.device))
    losses: dict[str, Callable[[Tensor], Tensor]] = {"critic": model.generator_loss}
    if isinstance(model, OriginalGAN):
        losses = {name: loss.generator for name, loss in LOSSES.items()}
    found = {}
    for name, loss in losses.items():
        (slope,) = torch.autograd.grad(loss(value).sum(), x, retain_graph=True)
        found[name] = float(slope.flatten(1).norm(dim=1).mean())
    return found
