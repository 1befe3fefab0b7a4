"""The mini-SD that comes with the repository: its files, its figures, and a fresh look at both."""

import json
from typing import Any

import numpy as np
import pytest
import torch

from genlab import api
from genlab.checkpoints import WEIGHTS, sha256
from genlab.library import Library
from genlab.studio.mini import card
from genlab.studio.mini.evaluation import Reading, obedience, prompts, read
from genlab.studio.mini.pipeline import SHIPPED
from genlab.walks import finish

FOLDER = WEIGHTS / SHIPPED


def metrics(name: str = "metrics.json") -> dict[str, Any]:
    return json.loads((FOLDER / name).read_text())


@pytest.mark.parametrize("name", ["metrics.json", card.CONTROL])
def test_the_figures_are_of_these_weights(name: str) -> None:
    found = metrics(name)
    assert found["n"] == 500 and found["steps"] == 25
    for file, digest in found["sha256"].items():
        assert sha256(FOLDER / file) == digest, file


def test_the_weights_are_half_precision_and_small() -> None:
    from safetensors import safe_open

    files = list(FOLDER.rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) < 30e6 and len(files) == 4
    for path in files:
        with safe_open(path, "pt") as f:
            assert {f.get_slice(key).get_dtype() for key in f.keys()} <= {"F16", "I64"}, path  # noqa: SIM118


def test_it_draws_what_it_is_told() -> None:
    found = metrics()
    assert found["digit_right"] >= 0.95 and found["psnr"] >= 30
    assert found["ink_right"] >= 0.97 and found["background_right"] >= 0.97
    assert found["red_share_negative"] < found["red_share"] / 2


def test_it_follows_outlines() -> None:
    found = metrics(card.CONTROL)
    assert found["outlines"]["iou"] >= 2 * found["unconditioned"]["iou"]
    assert found["outlines"]["digit_right"] >= 0.95


def test_a_fresh_measurement_agrees() -> None:
    asked = prompts(40)
    drawn = [
        finish(api.text_to_image(prompt=p.text, seed=1000 + i, steps=15)).pictures[0]
        for i, p in enumerate(asked)
    ]
    x = torch.from_numpy(np.stack([np.asarray(image) for image in drawn])).permute(0, 3, 1, 2)
    seen: Reading = read(x / 127.5 - 1, Library().classifier())
    right = obedience(seen, asked)
    assert right["digit_right"] >= 0.85 and right["ink_right"] >= 0.95 and right["background_right"] >= 0.95


def test_plain_diffusers_draws_the_same(tmp_path: Any) -> None:
    from diffusers import StableDiffusionPipeline

    pipe = StableDiffusionPipeline.from_pretrained(FOLDER)
    pipe.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(3)
    plain = pipe("a 4", num_inference_steps=5, guidance_scale=3.0, generator=generator).images[0]
    ours = finish(api.text_to_image(prompt="a 4", seed=3, steps=5, guidance=3.0)).pictures[0]
    assert np.array_equal(np.asarray(plain), np.asarray(ours))


def test_the_card_is_made_from_the_files(tmp_path: Any) -> None:
    for name in ("training.json", "metrics.json", card.CONTROL):
        (tmp_path / name).write_text((FOLDER / name).read_text())
    card.write(tmp_path)
    assert (tmp_path / "README.md").read_text() == (FOLDER / "README.md").read_text()
