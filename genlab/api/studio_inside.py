"""A look inside the studio's pipelines: what happens between the words and the picture."""

from typing import Any

from genlab.api.studio import STUDIO, studio_request
from genlab.studio import lens
from genlab.studio.engine import Engine
from genlab.studio.lens import Inside
from genlab.studio.worker import Stream


def inside(*, engine: Engine = STUDIO, **wanted: Any) -> Stream[Inside]:
    """One picture for words, the same that ``text_to_image`` draws, with every step on the way to it:
    latents, both predictions, and where each word is looked at. ``wanted`` as for ``studio_request``.
    """
    return lens.inside(engine, studio_request("text_to_image", **wanted))
