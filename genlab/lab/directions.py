"""Directions in a latent space: along which the codes differ most, and from one digit to another."""

from typing import NamedTuple

import torch
from torch import Tensor

from genlab.data import to_float, to_uint8
from genlab.models.latent import LatentModel

MOST = 6  # directions that are told
FARTHEST = 3.0  # standard deviations, each way


class Coded(NamedTuple):
    """Digits as a model's encoder sees them."""

    codes: Tensor  # (N, latent)
    labels: Tensor  # int64 (N,)


@torch.no_grad()
def encode(model: LatentModel, images: Tensor, labels: Tensor) -> Coded:
    """The codes of pictures uint8 (N, 1, 28, 28)."""
    return Coded(model.code(to_float(images).to(model.device)).cpu(), labels)


@torch.no_grad()
def draw(model: LatentModel, codes: Tensor) -> Tensor:
    """Pictures uint8 (N, 1, 28, 28) of codes (N, latent)."""
    return to_uint8(model.decode(codes.to(model.device))).cpu()


class Axes(NamedTuple):
    """The leading principal components of some codes."""

    mean: Tensor  # (latent,)
    directions: Tensor  # (k, latent), unit length
    deviation: Tensor  # (k,) of the codes along each
    share: Tensor  # (k,) of all their variance


def principal(codes: Tensor, k: int = MOST) -> Axes:
    """Principal component analysis of codes (N, latent): at most k directions, the widest first.

    A direction and its opposite are the same: its largest number is positive.
    """
    mean = codes.mean(0)
    _, s, directions = torch.linalg.svd((codes - mean).double(), full_matrices=False)
    variance, directions = s.square() / (len(codes) - 1), directions[:k]
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    deviation = variance[:k].sqrt()
    share = variance[:k] / variance.sum()
    return Axes(mean, (directions * largest.sign()).float(), deviation.float(), share.float())


def moved(axes: Axes, base: Tensor, amounts: Tensor) -> Tensor:
    """The code ``base`` (latent,) moved along each of the first directions by so many deviations (j,)."""
    j = len(amounts)
    return base + (amounts * axes.deviation[:j]) @ axes.directions[:j]


def sweep(axes: Axes, base: Tensor, n: int) -> Tensor:
    """Along each direction alone, n codes from -3 to 3 deviations: (k, n, latent)."""
    k, far = len(axes.deviation), torch.linspace(-FARTHEST, FARTHEST, n)
    return torch.stack([torch.stack([moved(axes, base, u * torch.eye(k)[i]) for u in far]) for i in range(k)])


def typical(coded: Coded, digit: int) -> Tensor:
    """The mean code of a digit, (latent,)."""
    return coded.codes[coded.labels == digit].mean(0)


class Sum(NamedTuple):
    """start + strength * (plus - minus), in codes; each as the picture that is drawn of it."""

    plus: Tensor  # uint8 (1, 28, 28)
    minus: Tensor
    start: Tensor
    result: Tensor


def add(model: LatentModel, coded: Coded, plus: int, minus: int, start: Tensor, strength: float) -> Sum:
    """The difference between two digits' mean codes, added to the code ``start`` (latent,)."""
    a, b = typical(coded, plus), typical(coded, minus)
    return Sum(*draw(model, torch.stack([a, b, start, start + strength * (a - b)])))
