"""The public endpoints: what ``gradio_client`` and other programs call. Their names are a contract.

Inputs are plain JSON values that reach ``genlab.api`` as they are, so that its sentence about a bad
one is what the caller reads; pictures are uploaded files, checked by gradio; pictures and files come
back through hidden components.
"""

from genlab.studio.engine import Engine
from genlab.ui.endpoints import (
    curves,
    diffusion,
    explorer,
    families,
    hub,
    jobs,
    latents,
    leaderboard,
    modes,
    ring,
    studio,
    studio_inside,
    verdict,
)
from genlab.ui.endpoints.values import make_outputs
from genlab.ui.session import Sessions


def expose(sessions: Sessions, engine: Engine) -> None:
    """Add all endpoints to the app in whose context this is called."""
    outputs = make_outputs()
    for group in (
        families,
        hub,
        jobs,
        diffusion,
        curves,
        latents,
        explorer,
        ring,
        modes,
        verdict,
        leaderboard,
    ):
        group.expose(sessions, outputs)
    for group in (studio, studio_inside):
        group.expose(engine, outputs)
