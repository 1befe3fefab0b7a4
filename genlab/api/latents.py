"""Noise as a latent of ddpm: between two starts, back from a picture, and around a picture."""

from typing import Any

from torch import Tensor

from genlab.api.checks import check_count, check_digit, check_seed
from genlab.api.diffusion import MAX_PICTURES, diffusion_model, digit
from genlab.api.families import SHIPPED
from genlab.config import check_choice, make
from genlab.lab import latents
from genlab.lab.interpolation import PATHS, Path
from genlab.lab.pictures import Digit
from genlab.library import Library
from genlab.models.denoising import Denoising, Guided
from genlab.walks import Walk


def interpolate(
    label: int | None = 3,
    n: int = 9,
    seed: int = 0,
    other_seed: int = 1,
    path: str = "spherical",
    *,
    library: Library = SHIPPED,
    **knobs: Any,
) -> Walk[Path]:
    """Pictures by DDIM from starts between the noise of two seeds.

    Args:
        label: Digit 0 to 9; None for none.
        n: Number of pictures, 2 to 32, both ends among them.
        seed: Of the first start, 0 to 4294967295.
        other_seed: Of the last start.
        path: spherical, or linear, whose middle is too weak a noise.
        knobs: steps, guidance.
    """
    label, n = check_digit(label), check_count(n, 2, MAX_PICTURES)
    seeds = check_seed(seed), check_seed(other_seed, "other_seed")
    check_choice("path", path, tuple(PATHS))
    return latents.interpolate(diffusion_model(library), seeds, label, n, path, make(Guided, knobs))


def invert(
    label: int | None = None, picture: Digit | None = None, *, library: Library = SHIPPED, **knobs: Any
) -> Walk[latents.Inversion]:
    """The noise from which DDIM draws a given picture, and what it draws from it.

    Args:
        label: What the digit is, 0 to 9; None for none.
        picture: From ``digit``; None for the first test image.
        knobs: steps.
    """
    label, image = check_digit(label), (picture or digit()).image
    return latents.invert_digit(diffusion_model(library), image, label, make(Denoising, knobs))


def repaint(
    label: int | None = None,
    n: int = 8,
    seed: int = 0,
    picture: Digit | None = None,
    region: str = "right half",
    mask: Tensor | None = None,
    *,
    library: Library = SHIPPED,
    **knobs: Any,
) -> Walk[Tensor]:
    """Draw a part of a digit anew, so that it fits the rest (RePaint).

    Args:
        label: What the digit should be, 0 to 9; None for none.
        n: Number of pictures, 1 to 32.
        seed: 0 to 4294967295.
        picture: From ``digit``; None for the first test image.
        region: The part: right half, left half, upper half, lower half or middle.
        mask: (1, 28, 28), 1 where to paint anew, in place of the region; see ``read_mask``.
        knobs: Fields of ``RepaintKnobs``.
    """
    label, n, seed = check_digit(label), check_count(n, 1, MAX_PICTURES), check_seed(seed)
    image = (picture or digit()).image
    check_choice("region", region, tuple(latents.REGIONS))
    chosen = latents.REGIONS[region] if mask is None else mask
    how = make(latents.RepaintKnobs, knobs)
    return latents.repaint_digit(diffusion_model(library), image, chosen, label, n, seed, how)


def vary(
    label: int | None = None,
    n: int = 8,
    seed: int = 0,
    picture: Digit | None = None,
    *,
    library: Library = SHIPPED,
    **knobs: Any,
) -> Walk[Tensor]:
    """Variations of a digit: noise is added to it, and taken out again (SDEdit).

    Args:
        label: What it should become, 0 to 9; None for none.
        n: Number of pictures, 1 to 32.
        seed: 0 to 4294967295.
        picture: From ``digit``; None for the first test image.
        knobs: Fields of ``VaryKnobs``.
    """
    label, n, seed = check_digit(label), check_count(n, 1, MAX_PICTURES), check_seed(seed)
    image = (picture or digit()).image
    how = make(latents.VaryKnobs, knobs)
    return latents.vary_digit(diffusion_model(library), image, label, n, seed, how)
