"""Any picture a visitor brings, as a digit the models know: 28x28, white on black, centred."""

import io
import warnings
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from genlab.errors import InvalidInput

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")
MAX_SIDE = 4096  # pixels; read from the header, before anything is decoded
MAX_BYTES = 20_000_000
FAINT = 0.05  # of full white: nothing brighter, nothing drawn
EMPTY = "The picture is empty (one colour all over); draw or choose a digit first."
INK = 0.1  # of the brightest pixel: below this a pixel is background
BOX, SIDE = 20, 28  # MNIST's digits fit a box of 20 pixels, centred by mass in 28 (LeCun et al., 1998)


class Digit(NamedTuple):
    """A picture as the models see it, and what had to be done to it."""

    image: Tensor  # uint8 (1, 28, 28)
    notices: tuple[str, ...]
    label: int | None = None  # which digit it is, where that is known


def open_picture(data: bytes) -> Image.Image:
    """The picture in ``data``, nothing decoded yet; InvalidInput if it is none of ours or too large."""
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"The picture has {len(data) / 1e6:.0f} MB; it must have at most 20 MB.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # the size is checked below
            image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError:
        raise InvalidInput(f"The file is no picture of these kinds: {', '.join(FORMATS)}.") from None
    except Image.DecompressionBombError:
        raise InvalidInput(f"The picture must have at most {MAX_SIDE} pixels on each side.") from None
    if max(image.size) > MAX_SIDE:
        across, down = image.size
        raise InvalidInput(f"The picture is {across}x{down}; it must have at most {MAX_SIDE} on each side.")
    return image


def _grey(image: Image.Image, notices: list[str]) -> np.ndarray:
    """Brightness as float (H, W) in [0, 1]: one frame, upright, transparency over its own contrast."""
    if getattr(image, "n_frames", 1) > 1:
        notices.append("first frame of an animation")
        image.seek(0)
    if image.getexif().get(0x0112, 1) != 1:
        notices.append("turned upright")
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I") or image.mode == "F":  # 16 bits and more
        notices.append("reduced to 8 bits")
        deep = np.asarray(image, dtype=np.float64)
        return deep / max(deep.max(), 1.0)
    if image.mode != "L":
        notices.append("turned grey")
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        bright = np.asarray(image.convert("RGB").convert("L"), np.float64)[np.asarray(image)[..., 3] > 127]
        paper = 255 if bright.size and bright.mean() < 128 else 0  # dark ink on white, light ink on black
        sheet = Image.new("RGBA", image.size, (paper, paper, paper, 255))
        image = Image.alpha_composite(sheet, image)
    return np.asarray(image.convert("RGB").convert("L"), np.float64) / 255


def _decoded(image: Image.Image, notices: list[str]) -> np.ndarray:
    """The same, or InvalidInput where the file is broken."""
    try:
        return _grey(image, notices)
    except (OSError, ValueError, SyntaxError, EOFError) as error:
        raise InvalidInput("The picture is damaged: it cannot be decoded.") from error


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
    grey = _decoded(image, notices)
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
    return to_mask(_decoded(open_picture(data), []))


def to_mask(grey: np.ndarray) -> torch.Tensor:
    """The same of brightness (H, W) in [0, 1]; InvalidInput where nothing is white."""
    sheet = Image.fromarray((grey * 255).astype(np.uint8)).resize((SIDE, SIDE), Image.Resampling.BOX)
    mask = torch.from_numpy((np.asarray(sheet) > 127).astype(np.float32))[None]
    if not mask.any():
        raise InvalidInput("The mask is empty; paint over the part that should be drawn anew.")
    return mask
