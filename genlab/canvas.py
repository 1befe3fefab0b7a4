"""The size and colours that a family draws in, and how MNIST's digits get there and back."""

from dataclasses import dataclass
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.data import PUBLISHED, to_float, to_uint8
from genlab.errors import InvalidInput

SIDE = 28  # of MNIST's digits
ROOM = 32  # their side with a border, so that it can be halved five times
PALEST = 0.3  # the least saturation of a tint: digits are to differ in colour


@dataclass(frozen=True)
class Canvas:
    """Where a family draws: ``side`` 28, 32, or 32 times a power of two; grey, or in ``colour``.

    Larger canvases hold the digit with a border of two pixels, doubled by bilinear interpolation. In
    colour each digit has a tint of its own on black.
    """

    side: int = SIDE
    colour: bool = False

    @property
    def channels(self) -> int:
        return 3 if self.colour else 1

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.side, self.side

    @property
    def pixels(self) -> int:
        """Numbers of a picture: C H W."""
        return self.channels * self.side**2

    def check(self, data: str) -> None:
        """InvalidInput if pictures of the data set ``data`` do not go on this canvas."""
        if PUBLISHED[data].colour and not (self.colour and self.side >= ROOM):
            drawn = f"{'coloured' if self.colour else 'grey'} pictures of {self.side} x {self.side}"
            raise InvalidInput(
                f"data is {data!r}, colour pictures of 32 x 32, and this family draws {drawn}; choose "
                "conv_vae (VAE in colour)."
            )

    def lay(self, x: Tensor) -> Tensor:
        """Pictures in [-1, 1] on this canvas, (N, C, side, side).

        Args:
            x: Digits (N, 1, 28, 28), whose tints are drawn at random, or, on a canvas that takes them,
                colour pictures (N, 3, 32, 32).
        """
        if self == Canvas():
            return x
        tint = self.colour and x.shape[1] == 1
        if self.side > x.shape[-1] == SIDE:
            x = F.pad(x, [(ROOM - SIDE) // 2] * 4, value=-1.0)
        side = x.shape[-1]
        while side < self.side:
            side *= 2
            x = F.interpolate(x, size=(side, side), mode="bilinear", align_corners=False)
        return (x + 1) * tints(torch.rand(len(x), 2, device=x.device)) - 1 if tint else x

    def digits(self, images: Tensor) -> Tensor:
        """Pictures uint8 (N, C, side, side) as MNIST shows digits, uint8 (N, 1, 28, 28).

        What ``lay`` does is undone, up to the rounding of pixels: the brightest channel is the ink, and
        of all small pictures that one is taken whose enlargement comes nearest (least squares).
        """
        if self == Canvas():
            return images
        x = images.amax(1, keepdim=True)
        if self.side == SIDE:
            return x
        border = (ROOM - SIDE) // 2
        return self._reduced(x)[..., border:-border, border:-border]

    def like(self, images: Tensor, data: str) -> Tensor:
        """Pictures uint8 (N, C, side, side) in the size and colours of the data set ``data``."""
        return self._reduced(images) if PUBLISHED[data].colour else self.digits(images)

    def _reduced(self, images: Tensor) -> Tensor:
        """uint8 (N, C, 32, 32)."""
        if self.side == ROOM:
            return images
        down = _shrink(self.side).to(images.device)  # (32, side)
        return to_uint8(down @ to_float(images) @ down.T)


def tints(u: Tensor) -> Tensor:
    """Colours (N, 3, 1, 1), RGB in [0, 1], of hue and saturation u (N, 2) in [0, 1].

    HSV with full value (Smith, "Color Gamut Transform Pairs", 1978): the largest channel is 1.
    """
    hue, saturation = u[:, :1], PALEST + (1 - PALEST) * u[:, 1:]
    sector = (6 * hue + torch.tensor([5.0, 3.0, 1.0], device=u.device)) % 6  # (N, 3)
    return (1 - saturation * torch.minimum(sector, 4 - sector).clamp(0, 1))[..., None, None]


@cache
def _shrink(side: int) -> Tensor:
    """The pseudo-inverse (32, side) of enlarging 32 pixels to ``side``."""
    lines = torch.eye(ROOM)[:, None]  # (32, 1, 32): each pixel of a line alone
    while lines.shape[-1] < side:
        lines = F.interpolate(lines, scale_factor=2.0, mode="linear", align_corners=False)
    return torch.linalg.pinv(lines[:, 0].T)
