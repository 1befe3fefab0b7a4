"""What mini-SD's ControlNet learns from: latents, captions, and the lines of the digit in each picture.

A hint is what the ControlNet is shown: white lines on black, either the outlines that Canny finds or,
as many people draw a digit, the middle of its strokes. To be ready for hands and pens, some hints
are of double width and some have a gap.
"""

import dataclasses
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.data import to_uint8
from genlab.studio.edges import canny
from genlab.studio.mini.latents import LatentDigits
from genlab.studio.mini.pictures import PAD, blend

BROAD = 0.2  # share of the hints whose lines are drawn broader
TORN = 0.2  # share of the hints with a gap
GAP = 6  # its side in pixels


class Told(NamedTuple):
    """What the ControlNet is given beside the noisy latents."""

    tokens: Tensor  # int64 (N, LENGTH)
    hints: Tensor  # float (N, 3, 32, 32), 0 or 1


def outlines(pictures: Tensor) -> Tensor:
    """Canny's edges, bool (N, 32, 32), of ``pictures`` (N, 3, 32, 32) in [-1, 1].

    The thresholds are the usual ones; in these pictures of two plain colours others find the same
    edges (the outlines of test digits are 81.6 pixels long from 20 and 60 to 200 and 255).
    """
    found = [canny(picture) for picture in to_uint8(pictures).permute(0, 2, 3, 1).cpu().numpy()]
    return torch.from_numpy(np.stack(found)) > 0


def thinned(shapes: Tensor) -> Tensor:
    """The middle lines, bool (N, H, W), of ``shapes``: Zhang & Suen, "A fast parallel algorithm for
    thinning digital patterns" (1984).

    Two passes in turn take away the points of the boundary that neither end a line nor hold it
    together, one from the south-east, the other from the north-west.
    """
    x = shapes
    while True:
        before = x
        for south_east in (True, False):
            p = F.pad(x, (1, 1, 1, 1))
            n, s, w, e = p[:, :-2, 1:-1], p[:, 2:, 1:-1], p[:, 1:-1, :-2], p[:, 1:-1, 2:]
            nw, ne, sw, se = p[:, :-2, :-2], p[:, :-2, 2:], p[:, 2:, :-2], p[:, 2:, 2:]
            ring = torch.stack([n, ne, e, se, s, sw, w, nw])  # clockwise
            around = ring.sum(0)
            begins = (~ring & ring.roll(-1, 0)).sum(0)  # runs of neighbours
            inside = (n & e & s) | (e & s & w) if south_east else (n & e & w) | (n & s & w)
            x = x & ~((around >= 2) & (around <= 6) & (begins == 1) & ~inside)
        if torch.equal(x, before):
            return x


def centre_lines(digits: Tensor) -> Tensor:
    """The middle of the strokes, bool (N, 32, 32), of ``digits`` uint8 (N, 1, 28, 28)."""
    return thinned(F.pad(digits[:, 0] >= 128, (PAD,) * 4))


def broader(lines: Tensor) -> Tensor:
    """``lines`` bool (N, H, W) drawn with a pen of 2x2 pixels."""
    return F.max_pool2d(F.pad(lines[:, None].float(), (1, 0, 1, 0)), 2, stride=1)[:, 0] > 0


def torn(lines: Tensor) -> Tensor:
    """``lines`` bool (N, H, W) without a random square of GAP x GAP pixels each."""
    n, height, width = lines.shape
    y, x = torch.arange(height)[:, None], torch.arange(width)
    top, left = (torch.randint(size - GAP + 1, (n, 1, 1)) for size in (height, width))
    return lines & ~((y >= top) & (y < top + GAP) & (x >= left) & (x < left + GAP))


def as_hints(lines: Tensor) -> Tensor:
    """``lines`` bool (N, H, W) as the ControlNet takes them, float (N, 3, H, W)."""
    return lines[:, None].float().repeat(1, 3, 1, 1)


@dataclasses.dataclass(frozen=True)
class HintedDigits(LatentDigits):
    """Latents with the lines of the pictures that they were encoded from."""

    digits: Tensor  # uint8 (n, 1, 28, 28); latent i is of digit i % n
    strokes: float  # share of hints that are centre lines

    def pictures(self, index: Tensor) -> Tensor:
        """What the latents ``index`` are of, drawn again: float (N, 3, 32, 32) in [-1, 1]."""
        facts = self.facts[index]
        return blend(self.digits[index % len(self.digits)], facts.ink, facts.background)

    def hints(self, index: Tensor) -> Tensor:
        """Random hints, float (N, 3, 32, 32), for the latents ``index``."""
        lines = outlines(self.pictures(index))
        for share, change in (
            (self.strokes, lambda _, i: centre_lines(self.digits[index[i] % len(self.digits)])),
            (BROAD, lambda old, _: broader(old)),
            (TORN, lambda old, _: torn(old)),
        ):
            chosen = (torch.rand(len(index)) < share).nonzero()[:, 0]
            lines[chosen] = change(lines[chosen], chosen)
        return as_hints(lines)

    def batch(self, index: Tensor) -> tuple[Tensor, Told]:  # type: ignore[override]
        """Latents float (n, 4, 8, 8), and what the ControlNet is told of them."""
        x, tokens = super().batch(index)
        return x, Told(tokens, self.hints(index).to(x.device))
