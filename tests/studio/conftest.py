"""Tiny pipelines on disk, cards that name them, and an engine that draws with them on a CPU."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine
from genlab.studio.request import Knobs
from tests.studio import tiny

CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all tiny models."""
    folder = tmp_path_factory.mktemp("models")
    torch.manual_seed(0)
    tiny.write_sd(folder)
    tiny.write_sdxl(folder)
    tiny.write_lora(folder)
    return folder


@pytest.fixture(scope="session")
def cards(models: Path) -> dict[str, ModelCard]:
    """ "sd", its equal "other", and "sdxl"."""
    knobs = Knobs(steps=4, guidance=3.0, scheduler="ddim", width=tiny.SIDE, height=tiny.SIDE)
    ids: dict[str, dict[str, Any]] = {
        "sd": {"base": (str(models / "sd"),), "control": (str(models / "sd-control"),)},
        "sdxl": {"base": (str(models / "sdxl"),), "control": (str(models / "sdxl-control"),)},
    }
    ids["sd"]["few_steps"] = (str(models / "lora"),)
    ids["sdxl"]["refiner"] = (str(models / "refiner"),)
    made = [
        dataclasses.replace(
            CATALOG[like], name=name, knobs=knobs, edges=(32, 256), ids=ids[kind], needs_gpu=False
        )
        for name, like, kind in (("sd", "sd15", "sd"), ("other", "sd15", "sd"), ("sdxl", "sdxl", "sdxl"))
    ]
    return {card.name: card for card in made}


@pytest.fixture
def engine(cards: dict[str, ModelCard]) -> Engine:
    """With nothing loaded yet."""
    return Engine(CPU, cards, public=False)


@pytest.fixture(scope="session")
def shared(cards: dict[str, ModelCard]) -> Engine:
    """For tests that only draw: what is loaded stays."""
    return Engine(CPU, cards, public=False)


@pytest.fixture(scope="session")
def picture() -> Image.Image:
    """RGB noise in large blocks."""
    blocks = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return Image.fromarray(blocks).resize((tiny.SIDE, tiny.SIDE), Image.Resampling.NEAREST)


@pytest.fixture(scope="session")
def mask() -> Image.Image:
    """The right half."""
    half = Image.new("L", (tiny.SIDE, tiny.SIDE))
    half.paste(255, (tiny.SIDE // 2, 0, tiny.SIDE, tiny.SIDE))
    return half
