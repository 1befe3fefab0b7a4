"""Any picture a visitor brings, as a digit the models know: 28x28, white on black, centred."""

from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from genlab.errors import InvalidInput
from genlab.uploads import decoding, deep, open_picture, transparent, upright

FAINT = 0.05  # of full white: nothing brighter, nothing drawn
EMPTY = "The picture is empty (one colour all over); draw or choose a digit first."
INK = 0.1  # of the brightest pixel: below this a pixel is background
BOX, SIDE = 20, 28  # MNIST's digits fit a box of 20 pixels, centred by mass in 28 (LeCun et al., 1998)


class Digit(NamedTuple):
    """A picture as the models see it, and what had to be done to it."""

    image: Tensor  # uint8 (1, 28, 28)
    notices: tuple[str, ...]
    label: int | None = None  # which digit it is, where that is known


def pixel_error(a: Tensor, b: Tensor) -> Tensor:
    """How far pictures (..., 1, 28, 28) in [-1, 1] are apart: root mean square over pixels from 0 to 1."""
    return ((a - b) / 2).pow(2).mean((-3, -2, -1)).sqrt()


def _grey(image: Image.Image, notices: list[str]) -> np.ndarray:
    """Brightness as float (H, W) in [0, 1]: one frame, upright, transparency over its own contrast."""
    image = upright(image, notices)
    if deep(image):
        notices.append("reduced to 8 bits")
        levels = np.asarray(image, dtype=np.float64)
        return levels / max(levels.max(), 1.0)
    if image.mode != "L":
        notices.append("turned grey")
    if transparent(image):
        image = image.convert("RGBA")
        bright = np.asarray(image.convert("RGB").convert("L"), np.float64)[np.asarray(image)[..., 3] > 127]
        paper = 255 if bright.size and bright.mean() < 128 else 0  # dark ink on white, light ink on black
        sheet = Image.new("RGBA", image.size, (paper, paper, paper, 255))
        image = Image.alpha_composite(sheet, image)
    return np.asarray(image.convert("RGB").convert("L"), np.float64) / 255


def _centre(ink: np.ndarray) -> np.ndarray:
    """Scale the inked part to MNIST's box and put its centre of mass in the middle: (28, 28)."""
    rows, columns = (np.flatnonzero((ink > INK).any(axis=axis)) for axis in (1, 0))
    part = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = BOX / max(part.shape)
    height, width = (max(1, round(n * scale)) for n in part.shape)
    small = Image.fromarray((part * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BOX)
    part = np.asarray(small, np.float64) / 255
    mass = part.sum()
    y = (part.sum(axis=1) * np.arange(height)).sum() / mass
    x = (part.sum(axis=0) * np.arange(width)).sum() / mass
    top = int(np.clip(round(SIDE / 2 - 0.5 - y), 0, SIDE - height))
    left = int(np.clip(round(SIDE / 2 - 0.5 - x), 0, SIDE - width))
    sheet = np.zeros((SIDE, SIDE))
    sheet[top : top + height, left : left + width] = part / part.max()
    return sheet


def read_digit(data: bytes) -> Digit:
    """An uploaded picture of any size and mode as a digit of MNIST's kind.

    InvalidInput, in one sentence, if it cannot be read, is too large or shows nothing.
    """
    return to_digit(open_picture(data))


def to_digit(image: Image.Image) -> Digit:
    """The same of a picture that is open already, such as a drawing."""
    notices: list[str] = []
    with decoding():
        grey = _grey(image, notices)
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    if border.mean() > 0.5:
        notices.append("inverted to white on black")
        grey = 1 - grey
    if grey.shape == (SIDE, SIDE) and not notices:  # as the models draw them: taken as it is
        if grey.max() < FAINT:
            raise InvalidInput(EMPTY)
        return Digit(torch.from_numpy((grey * 255).round().astype(np.uint8))[None], ())
    grey = grey - min(float(np.median(border if border.mean() <= 0.5 else 1 - border)), grey.max())
    ink = grey.clip(0) / max(grey.max(), 1e-9)
    if grey.max() < FAINT:
        raise InvalidInput(EMPTY)
    if grey.shape != (SIDE, SIDE):
        notices.append(f"brought from {grey.shape[1]}x{grey.shape[0]} to 28x28")
    return Digit(torch.from_numpy((_centre(ink) * 255).round().astype(np.uint8))[None], tuple(notices))


def read_mask(data: bytes) -> torch.Tensor:
    """A picture as a mask (1, 28, 28): 1 where it is white (paint anew), 0 where it is black (keep)."""
    with decoding():
        grey = _grey(open_picture(data), [])
    return to_mask(grey)


def to_mask(grey: np.ndarray) -> torch.Tensor:
    """The same of brightness (H, W) in [0, 1]; InvalidInput where nothing is white."""
    sheet = Image.fromarray((grey * 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BOX)
    mask = torch.from_numpy((np.asarray(sheet) > 127).astype(np.float32))[None]
    if not mask.any():
        raise InvalidInput("The mask is empty; paint over the part that should be drawn anew.")
    return mask
