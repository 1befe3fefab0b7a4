"""A race in a folder: ``race.json`` with every number, ``frames.safetensors`` with the pictures."""

import hashlib
import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load as parse
from torch import Tensor

from genlab.checkpoints import sha256, write_json, write_tensors
from genlab.errors import CheckpointError
from genlab.race.record import RaceRecord

RACE, FRAMES = "race.json", "frames.safetensors"


def save(record: RaceRecord, folder: Path, made: dict[str, Any] | None = None) -> None:
    """Write ``record`` into ``folder``; ``made`` is kept with it: how the race came about."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        name: torch.stack([frame.images for frame in standing.frames])  # (frames, 16, C, H, W)
        for name, standing in record.families.items()
        if standing.frames
    }
    write_tensors(folder / FRAMES, pictures)
    write_json(folder / RACE, (made or {}) | record.to_json() | {"sha256": sha256(folder / FRAMES)})


def load(folder: Path) -> RaceRecord:
    """Open what ``save`` wrote; CheckpointError names the files if they are missing, broken or no pair."""
    try:
        found = json.loads((folder / RACE).read_text())
        packed = (folder / FRAMES).read_bytes()
        if hashlib.sha256(packed).hexdigest() != found["sha256"]:
            raise CheckpointError(f"{folder.name}/{FRAMES} does not have the sha256 that {RACE} gives.")
        tensors = parse(packed)
        images: dict[str, list[Tensor]] = {name: list(tensors.get(name, [])) for name in found["families"]}
        return RaceRecord.from_json(found, images)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"{folder.name}/{RACE} or {FRAMES} is missing or broken.") from error
