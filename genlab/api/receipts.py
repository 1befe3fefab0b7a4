"""What a call draws with, besides what it says itself: weights, and digits of the data set."""

import hashlib
from functools import lru_cache
from typing import Any

from genlab.api.families import dataset
from genlab.errors import InvalidInput
from genlab.library import PLANE
from genlab.models import MODELS

JUDGE, DIFFUSION, STUDIO = "classifier", "ddpm", "mini-sd"
OF_DDPM = "reverse compare_samplers guidance interpolate invert repaint vary steps_curve guidance_curve"
OF_STUDIO = "text_to_image image_to_image inpaint control guidance_sweep grid inside"
# What depends on the digits of the data set: it learns from them, or shows one, as the studio's example is.
OF_DIGITS = (
    "noise invert repaint vary manifold decode between directions arithmetic reconstruct modes verdict "
    "nearest evaluate race image_to_image inpaint control edges"
)
OF_NO_DIGITS = (  # what is measured against digits has their features beside the weights
    "sample reverse compare_samplers guidance interpolate steps_curve guidance_curve ring leaderboard "
    "text_to_image guidance_sweep grid inside studio_models"
)
# Weights by endpoint, and the parameters that name them.
DRAWN_BY: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(OF_DDPM.split(), (DIFFUSION,)),
    **dict.fromkeys(("noise", "ring", "race", "leaderboard", "edges", "studio_models"), ()),
    "modes": (JUDGE,),
    "manifold": (PLANE,),
    "decode": (PLANE, JUDGE),
}
CHOSEN_BY = {
    **dict.fromkeys(("sample", "nearest", "evaluate"), "model"),
    **dict.fromkeys(("between", "reconstruct"), "families"),
    **dict.fromkeys(("directions", "arithmetic", "verdict"), "family"),
    **dict.fromkeys(OF_STUDIO.split(), "model"),
}
# What changes the server, or tells of it: no receipt has these.
PASSING = (
    *("train", "submit", "race", "job", "follow", "stop", "resume", "checkpoint"),
    *("load_from_hub", "models", "studio_recipe"),
)


def drawn_by(endpoint: str, arguments: dict[str, Any]) -> tuple[str, ...]:
    """The names of the weights that a call draws with; of a studio's model that does not ship, none.

    InvalidInput for an endpoint that nobody has entered here.
    """
    if endpoint in DRAWN_BY:
        return DRAWN_BY[endpoint]
    if endpoint not in CHOSEN_BY:
        raise InvalidInput(f"endpoint is {endpoint!r}, of which there is no receipt.")
    named = arguments.get(CHOSEN_BY[endpoint])
    names = named if isinstance(named, list | tuple) else [named]
    return tuple(name for name in names if name in MODELS or name == STUDIO)


def shows_digits(endpoint: str) -> bool:
    """Does it depend on the digits of the data set?

    InvalidInput for an endpoint that nobody has entered here.
    """
    if endpoint not in (*OF_DIGITS.split(), *OF_NO_DIGITS.split()):
        raise InvalidInput(f"endpoint is {endpoint!r}, of which there is no receipt.")
    return endpoint in OF_DIGITS.split()


@lru_cache(maxsize=1)
def digits_sha256() -> str:
    """Of the pixels of the test digits: of all of MNIST, or of the embedded ones."""
    return hashlib.sha256(dataset("test").images.numpy().tobytes()).hexdigest()
