"""What a GAN's opponent says of the pictures on a plane, and how steep it is there."""

from functools import lru_cache
from typing import NamedTuple, cast

import torch

from genlab.api.checks import check_digit, check_seed
from genlab.api.diffusion import digit
from genlab.api.families import SHIPPED, dataset
from genlab.config import check_choice, check_number
from genlab.errors import InvalidInput
from genlab.lab.pictures import SIDE, Digit
from genlab.lab.verdict import FAMILIES, OTHER, Spot, Survey, survey
from genlab.library import Library
from genlab.models.gan import AdversarialModel


class Verdict(NamedTuple):
    """What an opponent says over a plane, and of one place of it."""

    survey: Survey
    place: Spot

    @property
    def spots(self) -> dict[str, Spot]:
        """The marked pictures: the corners, then the place."""
        return {**self.survey.corners, "place": self.place}


@lru_cache(maxsize=8)
def _survey(model: AdversarialModel, first: bytes, other_index: int, seed: int, label: int | None) -> Survey:
    """Kept for the next place that is looked at; ``first`` are the pixels of a digit."""
    test = dataset("test").images
    image = torch.frombuffer(bytearray(first), dtype=torch.uint8).view(1, SIDE, SIDE)
    return survey(model, image, test[other_index], test, seed, label)


def verdict(
    family: str = "gan",
    picture: Digit | None = None,
    other_index: int = OTHER,
    seed: int = 0,
    label: int | None = None,
    x: float = 0.5,
    y: float = 0.5,
    *,
    library: Library = SHIPPED,
) -> Verdict:
    """The opponent's verdict, and its gradient, on the plane through two real digits and a sample.

    Args:
        family: gan, cgan, wgan or wgan_gp.
        picture: The first digit, from ``digit``; None for the first test image.
        other_index: The second digit, a test image; another one than the first.
        seed: Of the family's sample, 0 to 4294967295.
        label: Of cgan: the digit, 0 to 9, that its discriminator is told that every picture shows; None for
            that of the first digit.
        x: A place to look closer at, 0 (the window's left edge) to 1.
        y: The same, 0 (its lower edge) to 1.
    """
    model = cast(AdversarialModel, library.get(check_choice("family", family, FAMILIES)).model)
    first, asked = picture or digit(), check_digit(label)
    last = len(dataset("test")) - 1
    other = int(check_number("other_index", other_index, 0, last, whole=True))
    x, y = (check_number(name, v, 0, 1, whole=False) for name, v in (("x", x), ("y", y)))
    told = (first.label if asked is None else asked) if model.conditional else None
    if model.conditional and told is None:
        raise InvalidInput("label is empty; cgan must be told which digit your picture shows, 0 to 9.")
    found = _survey(model, first.image.numpy().tobytes(), other, check_seed(seed), told)
    return Verdict(found, found.look(x, y))
