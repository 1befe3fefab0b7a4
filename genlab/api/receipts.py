"""Which weights a call draws with: the part of a receipt that the call does not tell."""

from typing import Any

from genlab.library import PLANE
from genlab.models import MODELS
from genlab.studio.catalog import CATALOG

JUDGE, DIFFUSION, STUDIO = "classifier", "ddpm", "mini-sd"
# Of the endpoints whose arguments name no family.
DRAWN_BY: dict[str, tuple[str, ...]] = {
    "noise": (),
    "ring": (),
    "modes": (JUDGE,),
    "manifold": (PLANE,),
    "decode": (PLANE, JUDGE),
}


def drawn_by(endpoint: str, arguments: dict[str, Any]) -> tuple[str, ...]:
    """The names of the weights that a call draws with; of a studio's model that does not ship, none."""
    if endpoint in DRAWN_BY:
        return DRAWN_BY[endpoint]
    named = [arguments.get("model"), arguments.get("family"), *(arguments.get("families") or ())]
    if found := tuple(name for name in named if name in MODELS):
        return found
    if named[0] in CATALOG:
        return (STUDIO,) if named[0] == STUDIO else ()
    return (DIFFUSION,)
