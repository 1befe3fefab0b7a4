"""Pictures of mini-SD: MNIST's digits in one of ten inks on one of ten backgrounds, 32x32 RGB.

What a caption may say of a picture is measured here: the width of the strokes and the slant.
"""

import math
from dataclasses import dataclass
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.data import Dataset

SIZE = 32
PAD = 2  # around MNIST's 28x28
PALETTE = {
    "black": (0, 0, 0),
    "white": (255, 255, 255),
    "red": (215, 25, 30),
    "orange": (255, 140, 0),
    "yellow": (250, 235, 45),
    "green": (25, 150, 60),
    "cyan": (60, 220, 230),
    "blue": (30, 70, 225),
    "purple": (125, 40, 165),
    "pink": (255, 150, 195),
}
COLOURS = tuple(PALETTE)
RGB = torch.tensor(list(PALETTE.values())).div(127.5).sub(1)  # float (10, 3) in [-1, 1]

# Terciles of MNIST's 60,000 training images: below the first a digit is called thin (upright),
# above the second thick (slanted).
STROKE_TERCILES = (2.37, 2.81)  # pixels
SLANT_TERCILES = (6.95, 15.77)  # degrees off the vertical, to either side


@dataclass(frozen=True)
class Facts:
    """What is true of n pictures, each int64 (n,)."""

    digit: Tensor  # 0 ... 9
    ink: Tensor  # index into COLOURS
    background: Tensor  # index into COLOURS, never the ink's
    stroke: Tensor  # -1 thin, 0 neither, 1 thick
    slant: Tensor  # -1 upright, 0 neither, 1 slanted

    def __getitem__(self, index: Tensor) -> "Facts":
        return Facts(*(getattr(self, name)[index] for name in self.__dataclass_fields__))

    def rows(self) -> list[tuple[int, ...]]:
        """One tuple of Python numbers for each picture, in the order of the fields."""
        columns = [getattr(self, name).tolist() for name in self.__dataclass_fields__]
        return list(zip(*columns, strict=True))


def stroke_width(cover: Tensor) -> Tensor:
    """Mean width of the strokes in pixels, (N,), of ``cover`` (N, H, W) in [0, 1].

    A stroke of length L and width w covers the area A = L w and has a boundary of P = 2 L, so
    w = 2 A / P; the boundary's length is the total variation, the integral of |gradient|.
    """
    dy, dx = torch.gradient(F.pad(cover, (1, 1, 1, 1)), dim=(1, 2))
    perimeter = torch.sqrt(dx.square() + dy.square()).sum((1, 2))
    return 2 * cover.sum((1, 2)) / perimeter.clamp(min=1e-6)


def slant_degrees(cover: Tensor) -> Tensor:
    """Lean to the right in degrees, (N,), of ``cover`` (N, H, W), from its second moments.

    The shear that straightens a digit is mu_xy / mu_yy (Simard et al., "Transformation invariance
    in pattern recognition", 1998; the usual deskewing of MNIST).
    """
    rows, columns = (torch.arange(n, dtype=cover.dtype, device=cover.device) for n in cover.shape[1:])
    mass = cover.sum((1, 2)).clamp(min=1e-6)
    y = rows[:, None] - (cover.sum(2) @ rows / mass)[:, None, None]  # (N, H, 1)
    x = columns - (cover.sum(1) @ columns / mass)[:, None, None]  # (N, 1, W)
    shear = (cover * x * y).sum((1, 2)) / (cover * y.square()).sum((1, 2)).clamp(min=1e-6)
    return -torch.atan(shear) * 180 / math.pi  # rows count downwards


def tercile(values: Tensor, bounds: tuple[float, float]) -> Tensor:
    """-1, 0 or 1, int64 (N,): the lowest, the middle and the highest third."""
    return torch.bucketize(values, torch.tensor(bounds, device=values.device)) - 1


def blend(digits: Tensor, ink: Tensor, background: Tensor) -> Tensor:
    """Draw uint8 ``digits`` (N, 1, 28, 28) in colours ``ink`` on ``background`` (N,): float (N, 3, 32, 32).

    A pixel is a mixture of both colours in [-1, 1], the ink's share being MNIST's grey value.
    """
    cover = F.pad(digits.float().div(255), (PAD,) * 4)  # (N, 1, 32, 32)
    palette = RGB.to(digits.device)
    return torch.lerp(palette[background][:, :, None, None], palette[ink][:, :, None, None], cover)


def colour_pairs(n: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Inks and backgrounds (n,), uniform over the 90 pairs of different colours."""
    ink = torch.randint(len(COLOURS), (n,), device=device)
    other = torch.randint(1, len(COLOURS), (n,), device=device)
    return ink, (ink + other) % len(COLOURS)


@dataclass(frozen=True)
class ColouredDigits(Dataset):
    """MNIST whose every batch is drawn in fresh colours, with what was measured of each digit."""

    stroke: Tensor  # int64 (N,), as in Facts
    slant: Tensor

    @classmethod
    def of(cls, data: Dataset, chunk: int = 10_000) -> Self:
        covers = [part[:, 0].float() / 255 for part in data.images.split(chunk)]
        stroke = tercile(torch.cat([stroke_width(c) for c in covers]), STROKE_TERCILES)
        slant = tercile(torch.cat([slant_degrees(c).abs() for c in covers]), SLANT_TERCILES)
        return cls(data.images, data.labels, data.source, data.complete, stroke, slant)

    def to(self, device: torch.device) -> Self:
        tensors = (self.images, self.labels, self.stroke, self.slant)
        images, labels, stroke, slant = (t.to(device) for t in tensors)
        return type(self)(images, labels, self.source, self.complete, stroke, slant)

    def draw(self, index: Tensor) -> tuple[Tensor, Facts]:
        """Pictures float (n, 3, 32, 32) of the digits ``index`` in random colours, and their facts."""
        ink, background = colour_pairs(len(index), self.images.device)
        x = blend(self.images[index], ink, background)
        return x, Facts(self.labels[index], ink, background, self.stroke[index], self.slant[index])

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures and digits: what the autoencoder learns from."""
        x, facts = self.draw(index)
        return x, facts.digit
