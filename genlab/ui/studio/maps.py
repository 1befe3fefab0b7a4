"""Numbers as colours: latents below and above zero, attention over a picture, and their legends."""

import numpy as np
from PIL import Image
from torch import Tensor

Colours = tuple[str, ...]  # evenly spaced from the lowest value to the highest
BELOW_AND_ABOVE: Colours = ("#0072B2", "#F2F2F2", "#D55E00")  # Okabe & Ito: safe for colour-blind eyes
LITTLE_AND_MUCH: Colours = ("#10101c", "#9c3d00", "#F0B442", "#FFFBD0")
SHOWN = 256  # pixels of a heat map's longer edge, at most
VEIL = 0.75  # how much of a picture the attention over it hides


def coloured(x: Tensor, lo: float, hi: float, colours: Colours) -> Image.Image:
    """``x`` (H, W) from ``lo`` to ``hi`` in ``colours``; what is beyond has the colour of the end."""
    anchors = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours])  # (K, 3)
    at = ((x.double() - lo) / ((hi - lo) or 1.0)).clamp(0, 1).numpy()
    places = np.linspace(0, 1, len(colours))
    return Image.fromarray(
        np.stack([np.interp(at, places, channel) for channel in anchors.T], -1).round().astype(np.uint8)
    )


def overlay(picture: Image.Image, attention: Tensor) -> Image.Image:
    """``picture`` in grey under ``attention`` (H, W), coloured from its own least to its own peak."""
    x = attention.float()
    heat = coloured(x, float(x.min()), float(x.max()), LITTLE_AND_MUCH)
    under = picture.convert("L").convert("RGB")
    under.thumbnail((SHOWN, SHOWN))
    return Image.blend(under, heat.resize(under.size, Image.Resampling.BILINEAR), VEIL)


def legend(lo: str, hi: str, colours: Colours, said: str) -> str:
    """A bar of the colours with what its ends mean, as HTML."""
    return (
        f'<p class="gl-scale"><span>{lo}</span><i style="background: linear-gradient(to right, '
        f'{", ".join(colours)})"></i><span>{hi}</span> <span>{said}</span></p>'
    )
