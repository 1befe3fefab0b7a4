"""Pictures for people: crisp grids and single images as PIL images (no gradio here)."""

import base64
import io
import math

import numpy as np
from PIL import Image
from torch import Tensor

SIDE = 896  # pixels a grid is enlarged to, at most: sharp on a dense screen, small as PNG
PAPER = 28  # grey of the lines between pictures and of empty cells

# Okabe & Ito's colours, safe for colour-blind eyes; olive and brown are not theirs, for of their eight these
# stand out on white and on black. The first four families are seen together most.
COLOURS = {
    "vae": "#0072B2",
    "gan": "#D55E00",
    "wgan_gp": "#009E73",
    "ddpm": "#CC79A7",
    "autoencoder": "#56B4E9",
    "wgan": "#8A8A2B",
    "flow": "#8C6D46",
    "conv_vae": "#6A7FDB",
    "cgan": "#C48A00",
    "dcgan": "#B5533C",
    "dit": "#8E5BA6",
}
OTHERS = "#56B4E9"
LOW, MIDDLE, HIGH = (213, 94, 0), (245, 245, 245), (0, 114, 178)  # of ``diverging``: generated ... real


def colour(name: str) -> str:
    """The family's colour, the same in every plot and on every chip."""
    return COLOURS.get(name, OTHERS)


def picture(image: Tensor) -> Image.Image:
    """One picture, uint8 (C, H, W), pixel for pixel."""
    array = image.permute(1, 2, 0).numpy()
    return Image.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def grid(images: Tensor, columns: int | None = None, side: int = SIDE, gap: int = 1) -> Image.Image:
    """Pictures, uint8 (N, C, H, W), in rows with thin lines between them, ``gap`` pixels wide.

    Every pixel becomes a square of whole pixels, as large as fits ``side``. Without ``columns`` the
    grid is square, its last cells empty where N is no square number.
    """
    n, channels, height, width = images.shape
    across = columns or math.ceil(math.sqrt(n))
    down = math.ceil(n / across) if columns else across
    shape = (down * (height + gap) + gap, across * (width + gap) + gap, channels)
    sheet = np.full(shape, PAPER, np.uint8)
    for i, image in enumerate(images.permute(0, 2, 3, 1).numpy()):
        top, left = gap + i // across * (height + gap), gap + i % across * (width + gap)
        sheet[top : top + height, left : left + width] = image
    return enlarge(Image.fromarray(sheet[..., 0] if channels == 1 else sheet), side)


def enlarge(image: Image.Image, side: int) -> Image.Image:
    """Nearest-neighbour, by the largest whole factor that keeps the longer edge within ``side``."""
    factor = max(1, side // max(image.size))
    return image.resize((image.width * factor, image.height * factor), Image.Resampling.NEAREST)


def png(image: Image.Image) -> bytes:
    """The picture as a file."""
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def data_uri(image: Image.Image) -> str:
    """The picture as a lossless ``data:`` address for an <img>."""
    return "data:image/png;base64," + base64.b64encode(png(image)).decode()


def diverging(values: Tensor) -> Image.Image:
    """Numbers (H, W) as a picture: -1 and below orange, 0 near white, 1 and above blue."""
    ends, middle = np.array([LOW, HIGH], float), np.array(MIDDLE, float)
    v = values.double().clamp(-1, 1).numpy()[..., None]
    mixed = middle + np.abs(v) * (np.where(v < 0, ends[0], ends[1]) - middle)
    return Image.fromarray(mixed.round().astype(np.uint8))
