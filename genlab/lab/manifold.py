"""A plane of pictures: what a VAE with two latents draws of every place, and where it puts the test digits.

The figure of Kingma & Welling, "Auto-Encoding Variational Bayes" (2014), appendix A: the grid's lines are at
quantiles of the normal distribution, so that each picture stands for as many draws as any other.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from genlab.data import to_float, to_uint8
from genlab.models import VAE, Classifier
from genlab.models.base import CLASSES

SIDE = 20  # pictures along an edge
EDGE = 1e-3  # share of the map that is not clicked: its very edge is infinitely far out
AROUND = 20  # test digits around a place that are counted
FARTHEST = 4.0  # from the middle, along either axis, that can be asked for


def axis(side: int = SIDE) -> Tensor:
    """The middles of ``side`` parts of N(0, 1) that are equally likely, ascending, (side,)."""
    return torch.special.ndtri((torch.arange(side) + 0.5) / side)


def plane(side: int = SIDE) -> Tensor:
    """The codes of the map, (side^2, 2), row by row from the top: x to the right, y upwards."""
    y, x = torch.meshgrid(-axis(side), axis(side), indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def place(across: float, down: float) -> tuple[float, float]:
    """The code (x, y) at a share of the map's width, from the left, and of its height, from the top."""
    share = torch.tensor([across, 1 - down], dtype=torch.float64).clamp(EDGE, 1 - EDGE)
    x, y = torch.special.ndtri(share).tolist()
    return x, y


def share(x: float, y: float) -> tuple[float, float]:
    """Where on the map a code lies: the inverse of ``place``."""
    across, up = torch.special.ndtr(torch.tensor([x, y], dtype=torch.float64)).tolist()
    return across, 1 - up


class Map(NamedTuple):
    """The plane, and the test digits on it."""

    images: Tensor  # uint8 (side^2, 1, 28, 28), row by row from the top
    codes: Tensor  # (N, 2) of the test digits
    labels: Tensor  # int64 (N,)


@torch.no_grad()
def chart(model: VAE, images: Tensor, labels: Tensor, side: int = SIDE) -> Map:
    """The map of ``model``, which has two latents, with digits uint8 (N, 1, 28, 28) put on it."""
    drawn = model.decode(plane(side).to(model.device))
    codes = model.code(to_float(images).to(model.device))
    return Map(to_uint8(drawn).cpu(), codes.cpu(), labels)


class Place(NamedTuple):
    """One place of the plane."""

    image: Tensor  # uint8 (1, 28, 28)
    chances: Tensor  # (10,) of each digit, as the classifier sees the picture
    sharp: Tensor  # (10,) the same with every pixel made black or white: it was never shown blurred digits
    nearest: int  # of the test digits on the map, the index of the closest
    around: Tensor  # int64 (10,): how many of the ``AROUND`` closest test digits are of each digit


@torch.no_grad()
def look(model: VAE, classifier: Classifier, on_map: Map, x: float, y: float) -> Place:
    """What is drawn of the code (x, y), and what it shows."""
    z = torch.tensor([[x, y]], dtype=torch.float32)
    drawn = model.decode(z.to(model.device)).cpu()
    chances, sharp = classifier.probabilities(classifier.features(torch.cat([drawn, drawn.sign()])))
    closest = torch.cdist(z, on_map.codes)[0].argsort()[:AROUND]
    around = torch.bincount(on_map.labels[closest], minlength=CLASSES)
    return Place(to_uint8(drawn)[0], chances, sharp, int(closest[0]), around)
