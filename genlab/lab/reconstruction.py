"""One picture through every family's latent space and back, and the way from one picture to another."""

import time
from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.data import to_float, to_uint8
from genlab.lab.codes import Codec, Looks
from genlab.lab.interpolation import Path, along, norms
from genlab.lab.pictures import Digit, pixel_error
from genlab.noise import Noise
from genlab.walks import Walk, part

End = Digit | int  # a picture, or the seed of a sample


def shares(looks: Looks) -> Walk[Tensor]:
    """How far the work is, without its pictures."""
    while True:
        try:
            yield next(looks).share
        except StopIteration as end:
            return end.value


def codes_of(codec: Codec, ends: tuple[End, End]) -> Walk[list[Tensor]]:
    """A code (1, ...) for each end; those of pictures are found together."""
    pictures = [to_float(end.image[None]) for end in ends if isinstance(end, Digit)]
    found = iter(())
    if pictures:
        z = yield from shares(codec.encode(torch.cat(pictures).to(codec.device)))
        found = iter(z.split(1))
    return [next(found) if isinstance(e, Digit) else codec.draw(Noise(e, 1)) for e in ends]


def between(codec: Codec, ends: tuple[End, End], n: int, paths: tuple[str, ...]) -> Walk[dict[str, Path]]:
    """n pictures on each path from one end to the other, both ends among them."""
    a, b = yield from part(codes_of(codec, ends), 0, 0.4)
    z = torch.cat([along(path, a, b, n) for path in paths])
    x = yield from part(shares(codec.decode(z)), 0.4, 1)
    drawn = zip(to_uint8(x).cpu().split(n), norms(z).split(n), strict=True)
    return {path: Path(*both) for path, both in zip(paths, drawn, strict=True)}


@dataclass(frozen=True)
class Reconstruction:
    """What a family makes of a picture, by now or at the end."""

    image: Tensor  # uint8 (1, 28, 28)
    shows: str  # what that is
    how: str  # the code is found
    error: float  # of the image: root mean square over pixels from 0 to 1
    seconds: float
    norm: float | None  # of the code, once it is known
    done: bool


class Progress(NamedTuple):
    """How far a run over several families is, and what each has by now."""

    share: float
    found: dict[str, Reconstruction]


def reconstruct(codec: Codec, x: Tensor) -> Generator[tuple[float, Reconstruction]]:
    """Find the code of a picture (1, 1, 28, 28), and draw it from that; the last item is the result."""
    began, norm = time.perf_counter(), None

    def now(picture: Tensor, shows: str, done: bool = False) -> Reconstruction:
        error, passed = float(pixel_error(picture, x)[0]), time.perf_counter() - began
        return Reconstruction(to_uint8(picture)[0].cpu(), shows, codec.how, error, passed, norm, done)

    def told(looks: Looks, shows: str, start: float) -> Generator[tuple[float, Reconstruction], None, Tensor]:
        while True:
            try:
                look = next(looks)
            except StopIteration as end:
                return end.value
            yield start + look.share / 2, now(look.x, shows)

    z = yield from told(codec.encode(x), codec.meanwhile, 0.0)
    norm = float(norms(z)[0])
    again = yield from told(codec.decode(z), "being drawn from its code", 0.5)
    yield 1.0, now(again, "drawn from its code", done=True)


def reconstruct_all(codecs: dict[str, Codec], image: Tensor) -> Generator[Progress]:
    """``image`` uint8 (1, 28, 28) through each latent space in turn."""
    found: dict[str, Reconstruction] = {}
    for i, (name, codec) in enumerate(codecs.items()):
        for share, found[name] in reconstruct(codec, to_float(image[None]).to(codec.device)):
            yield Progress((i + share) / len(codecs), dict(found))
