"""Between two codes: along the straight line, and along the arc."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor


def lerp(a: Tensor, b: Tensor, u: float) -> Tensor:
    """The straight line from a (u = 0) to b (u = 1): in the middle, noise of too small a norm."""
    return (1 - u) * a + u * b


def slerp(a: Tensor, b: Tensor, u: float) -> Tensor:
    """The arc from a (u = 0) to b (u = 1), each item of the batch by itself (Shoemake, 1985).

    Gaussian noise in many dimensions lies on a sphere; the arc stays there, the straight line does not.
    """
    flat_a, flat_b = a.flatten(1), b.flatten(1)
    cosine = torch.nn.functional.cosine_similarity(flat_a, flat_b, dim=1).clamp(-1, 1)
    angle = torch.acos(cosine).view(-1, *[1] * (a.dim() - 1))  # (N, 1, 1, 1)
    near = angle.sin() < 1e-4  # the arc is a line
    sine = torch.where(near, torch.ones_like(angle), angle.sin())
    arc = torch.sin((1 - u) * angle) / sine * a + torch.sin(u * angle) / sine * b
    return torch.where(near, lerp(a, b, u), arc)


PATHS: dict[str, Callable[[Tensor, Tensor, float], Tensor]] = {"spherical": slerp, "linear": lerp}


class Path(NamedTuple):
    """Pictures between two codes, and the norm of the code of each."""

    images: Tensor  # uint8 (N, 1, 28, 28)
    norms: Tensor  # (N,)


def along(path: str, a: Tensor, b: Tensor, n: int) -> Tensor:
    """n codes (n, ...) from a to b, both (1, ...), in equal steps; the ends are among them."""
    return torch.cat([PATHS[path](a, b, i / (n - 1)) for i in range(n)])


def norms(codes: Tensor) -> Tensor:
    """The norm of each code, (N,)."""
    return codes.flatten(1).norm(dim=1).cpu()
