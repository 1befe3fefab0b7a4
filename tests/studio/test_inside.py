"""A look inside SD and SDXL: two text encoders side by side, a refiner, an autoencoder of 8 to 1."""

from typing import Any

import pytest
import torch

from genlab.studio.engine import Engine
from genlab.studio.lens import inside
from genlab.walks import finish
from tests.studio.helpers import arrays, ask, draw


@pytest.mark.parametrize(
    ("model", "knobs", "steps"),
    [
        ("sd", {"scheduler": "euler"}, 4),
        ("sdxl", {"guidance": 1.0}, 4),
        ("sdxl", {"steps": 5, "refiner": "on"}, 4),
    ],
)
def test_every_model_is_drawn_as_it_is(shared: Engine, model: str, knobs: dict[str, Any], steps: int) -> None:
    request = ask("text_to_image", model, prompt="a dog on a dog", height=96, **knobs)
    drawn, found = draw(shared, request), finish(inside(shared, request))
    assert (arrays(found.drawn.pictures) == arrays(drawn.pictures)).all()
    assert len(found.steps) == steps and found.steps[0].x_t.shape == (4, 12, 8)
    assert found.names()[:5] == ["a", "dog", "on", "a (2)", "dog (2)"]
    torch.testing.assert_close(found.attention().sum(0), torch.ones(12, 8), rtol=0, atol=3e-3)
    assert found.compression.ratio == 48
