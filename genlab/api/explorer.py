"""Latent spaces: a map of one, ways through all of them, and every family's idea of one picture."""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.api.checks import check_count, check_digit, check_seed
from genlab.api.diffusion import MAX_PICTURES, digit
from genlab.api.families import SHIPPED, dataset
from genlab.config import check_choice, check_list, check_number, make
from genlab.data import to_float
from genlab.errors import InvalidInput
from genlab.lab import directions as lab
from genlab.lab import manifold, reconstruction
from genlab.lab.codes import FAMILIES, Codec, CodeKnobs, codec
from genlab.lab.interpolation import PATHS, Path
from genlab.lab.pictures import Digit
from genlab.lab.reconstruction import End, Progress
from genlab.library import Library
from genlab.models import VAE
from genlab.models.latent import LatentModel
from genlab.walks import Walk, part

CODED = 2000  # test digits on the map, and of which directions and mean codes are taken
ENCODERS = ("autoencoder", "vae")  # families that were trained to find codes
SIDE_BY_SIDE = ("autoencoder", "vae", "gan", "ddpm")


def check_families(families: Any) -> list[str]:
    """Each once, in the order of ``FAMILIES``."""
    chosen = [check_choice("families", name, FAMILIES) for name in check_list("families", families)]
    return [name for name in FAMILIES if name in chosen]


def codecs(families: Any, library: Library, knobs: dict[str, Any]) -> dict[str, Codec]:
    """The latent spaces of some families; ``knobs`` are fields of ``CodeKnobs``, unchecked."""
    how = make(CodeKnobs, knobs)
    return {name: codec(library.get(name).model, how) for name in check_families(families)}


# The map


@lru_cache(maxsize=2)
def _chart(model: VAE) -> manifold.Map:
    test = dataset("test")
    return manifold.chart(model, test.images[:CODED], test.labels[:CODED])


def plane(library: Library = SHIPPED) -> manifold.Map:
    """What a VAE with two latents draws over the plane, and where it puts the first 2,000 test digits."""
    return _chart(library.plane())


def decode(x: float, y: float, *, library: Library = SHIPPED) -> manifold.Place:
    """The picture at a place of the plane, what it shows, and the test digit that lies closest.

    Args:
        x: -4 to 4.
        y: -4 to 4.
    """
    far = manifold.FARTHEST
    x, y = (check_number(name, v, -far, far, whole=False) for name, v in (("x", x), ("y", y)))
    return manifold.look(library.plane(), library.classifier(), plane(library), x, y)


# Between


def between(
    first: End | None = None,
    last: End | None = None,
    n: int = 9,
    families: Sequence[str] = SIDE_BY_SIDE,
    paths: Sequence[str] = tuple(PATHS),
    *,
    library: Library = SHIPPED,
    **knobs: Any,
) -> Walk[dict[str, dict[str, Path]]]:
    """Pictures between two codes, in each family's latent space: by family, then by path.

    Args:
        first: A picture, from ``digit``, or the seed of a sample; None for the first test image.
        last: The other end; None for the second test image.
        n: Number of pictures, 2 to 32, both ends among them.
        families: Any of ``FAMILIES``.
        paths: spherical, linear, or both.
        knobs: Fields of ``CodeKnobs``; more steps make pictures that are closer to both ends.
    """
    n = check_count(n, 2, MAX_PICTURES)
    ways = tuple(check_choice("paths", path, tuple(PATHS)) for path in check_list("paths", paths))
    ends = _end(first, "first", 0), _end(last, "last", 1)
    chosen = codecs(families, library, knobs)

    def walk() -> Walk[dict[str, dict[str, Path]]]:
        found = {}
        for i, (name, space) in enumerate(chosen.items()):
            way = reconstruction.between(space, ends, n, ways)
            found[name] = yield from part(way, i / len(chosen), (i + 1) / len(chosen))
        return found

    return walk()


def _end(end: End | None, name: str, index: int) -> End:
    if end is None:
        return digit(index)
    return end if isinstance(end, Digit) else check_seed(end, name)


# Directions


class Space(NamedTuple):
    """The latent space of a model with an encoder."""

    model: LatentModel
    coded: lab.Coded
    axes: lab.Axes


@lru_cache(maxsize=8)
def _space(model: LatentModel) -> Space:
    test = dataset("test")
    coded = lab.encode(model, test.images[:CODED], test.labels[:CODED])
    return Space(model, coded, lab.principal(coded.codes))


def space(family: str = "vae", library: Library = SHIPPED) -> Space:
    """The codes of the first 2,000 test digits, and the directions along which they differ most.

    Args:
        family: autoencoder or vae.
    """
    model = library.get(check_choice("family", family, ENCODERS)).model
    assert isinstance(model, LatentModel), "the library checks the family"
    return _space(model)


@torch.no_grad()
def code_of(model: LatentModel, picture: Digit) -> Tensor:
    """The code (latent,) of a picture."""
    return model.code(to_float(picture.image[None]).to(model.device))[0].cpu()


class Moved(NamedTuple):
    """A picture whose code was moved, and what each direction alone does to it."""

    image: Tensor  # uint8 (1, 28, 28)
    sweeps: Tensor  # uint8 (k, n, 1, 28, 28): from -3 to 3 standard deviations
    share: Tensor  # (k,) of the variance of all codes that lies along each direction


def directions(
    family: str = "vae",
    amounts: Sequence[float] = (0.0,),
    picture: Digit | None = None,
    n: int = 7,
    *,
    library: Library = SHIPPED,
) -> Moved:
    """Move a code along the leading principal components of all codes.

    Args:
        family: autoencoder or vae.
        amounts: How far along each, in standard deviations, -3 to 3; at most 6 of them.
        picture: Whose code is moved, from ``digit``; None for the mean of all codes.
        n: Pictures of each sweep, 2 to 32.
    """
    found, far = space(family, library), lab.FARTHEST
    n = check_count(n, 2, MAX_PICTURES)
    chosen = [check_number("amounts", v, -far, far, whole=False) for v in check_list("amounts", amounts)]
    k = len(found.axes.deviation)
    if len(chosen) > k:
        raise InvalidInput(f"amounts has {len(chosen)} values; it must have at most {k}.")
    base = found.axes.mean if picture is None else code_of(found.model, picture)
    there = lab.moved(found.axes, base, torch.tensor(chosen))
    swept = lab.sweep(found.axes, base, n)
    drawn = lab.draw(found.model, torch.cat([there[None], swept.flatten(0, 1)]))
    return Moved(drawn[0], drawn[1:].unflatten(0, (k, n)), found.axes.share)


def arithmetic(
    family: str = "vae",
    plus: int = 7,
    minus: int = 1,
    start: Digit | int | None = None,
    strength: float = 1.0,
    *,
    library: Library = SHIPPED,
) -> lab.Sum:
    """start + strength * (mean code of the digit ``plus`` - mean code of the digit ``minus``).

    Args:
        family: autoencoder or vae.
        plus: 0 to 9.
        minus: 0 to 9.
        start: A picture, from ``digit``, or 0 to 9 for a digit's mean code; None for the first test image.
        strength: -2 to 2.
    """
    found = space(family, library)
    a, b = check_digit(plus, "plus"), check_digit(minus, "minus")
    if a is None or b is None:
        raise InvalidInput(f"{'plus' if a is None else 'minus'} is empty; it must be a digit from 0 to 9.")
    times = check_number("strength", strength, -2, 2, whole=False)
    if start is None or isinstance(start, Digit):
        base = code_of(found.model, start or digit())
    else:
        base = lab.typical(found.coded, int(check_number("start", start, 0, 9, whole=True)))
    return lab.add(found.model, found.coded, a, b, base, times)


# Reconstruction


def reconstruct(
    picture: Digit | None = None,
    families: Sequence[str] = FAMILIES,
    *,
    library: Library = SHIPPED,
    **knobs: Any,
) -> Iterator[Progress]:
    """A picture through each family's latent space and back, one family after the other.

    Args:
        picture: From ``digit``; None for the first test image.
        families: Any of ``FAMILIES``.
        knobs: Fields of ``CodeKnobs``.
    """
    chosen = codecs(families, library, knobs)
    return reconstruction.reconstruct_all(chosen, (picture or digit()).image)
