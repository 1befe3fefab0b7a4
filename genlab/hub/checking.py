"""Is this a model of genlab? Asked of files from strangers, the cheapest question first.

What a network would take is known before a byte is allocated: the knobs are within their ranges, and
its shapes are found out on PyTorch's device "meta".
"""

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from genlab import checkpoints
from genlab.checkpoints import CONFIG, MODEL
from genlab.config import DATASETS, check_choice, make, quote
from genlab.errors import CheckpointError, InvalidInput
from genlab.models import TRAINABLE, Trainable

MAX_CONFIG = 64_000  # bytes
MAX_HEADER = 1_000_000  # bytes: names, shapes and places of the tensors
MAX_DEPTH = 10  # of what is kept about the training
KEYS: dict[str, type] = {"model": str, "config": dict, "sha256": str, "training": dict}
DTYPES = {torch.float32: ("F32", "F16"), torch.int64: ("I64",)}  # weights may be in half precision


@dataclass(frozen=True)
class Claim:
    """What a config says of the weights that are to come; checked as far as it can be without them."""

    where: str  # the folder or repository, for messages
    name: str  # of the family
    sha256: str
    training: dict[str, Any]
    data: str  # what it says it has learned to draw
    tensors: dict[str, Tensor]  # as they must be, without their numbers
    held: int  # bytes that the network takes

    @property
    def sizes(self) -> tuple[int, int]:
        """The fewest and most bytes that the file can have."""
        numbers = tensor_bytes(self.tensors)
        return numbers // 2, numbers + MAX_HEADER  # in half precision, and in single with the largest header


def tensor_bytes(tensors: dict[str, Tensor]) -> int:
    """What they take in memory."""
    return sum(t.numel() * t.element_size() for t in tensors.values())


def _too_deep(value: Any, depth: int = MAX_DEPTH) -> bool:
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return not depth or any(_too_deep(part, depth - 1) for part in parts)


def check_config(path: Path, where: str) -> Claim:
    """What ``path``, a config.json, says; CheckpointError if it is none of genlab's."""

    def no(reason: object) -> CheckpointError:
        return CheckpointError(f"{where} is no model of genlab: {CONFIG} {reason}")

    try:
        found = json.loads(path.read_bytes()) if path.stat().st_size <= MAX_CONFIG else None
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or _too_deep(found):
        raise no(f"is not a JSON object of at most {MAX_CONFIG // 1000} kB, nested at most {MAX_DEPTH} deep.")
    if wrong := sorted(KEYS.keys() ^ found.keys()):
        raise no(f"must have {', '.join(KEYS)} and nothing else; {quote(wrong[0])} is missing or too much.")
    if wrong := [key for key, kind in KEYS.items() if not isinstance(found[key], kind)]:
        raise no(f"gives {wrong[0]} as {quote(found[wrong[0]])}.")
    try:
        family = TRAINABLE[check_choice("model", found["model"], tuple(TRAINABLE))]
        config = make(family.Config, found["config"])
        with torch.device("meta"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            model = family(config)
        data = _data(found["training"])
        model.canvas.check(data)
    except InvalidInput as error:
        raise no(f"says that {error}") from None
    tensors, held = checkpoints.released(model), tensor_bytes(model.state_dict())
    return Claim(where, found["model"], found["sha256"], found["training"], data, tensors, held)


def _data(training: dict[str, Any]) -> str:
    """The data set it says it was trained on; configs that do not say so are of digits."""
    plan = training.get("train")
    data = plan.get("data", "mnist") if isinstance(plan, dict) else "mnist"
    return check_choice("data", data, DATASETS)


def check_size(claim: Claim, size: int, megabytes: int) -> None:
    """CheckpointError unless a file of ``size`` bytes can hold these weights, and may be as large."""
    fewest, most = claim.sizes
    if fewest > megabytes * 1_000_000:
        raise CheckpointError(
            f"{claim.where} has weights of {fewest / 1e6:.0f} MB; this server loads at most {megabytes} MB."
        )
    if not fewest <= size <= most:
        raise CheckpointError(
            f"{claim.where}/{MODEL} has {size:,} bytes; with this {CONFIG} it would have about {fewest:,}."
        )


def _dtypes(tensor: Tensor | None) -> tuple[str, ...]:
    """How it may be stored."""
    return () if tensor is None else DTYPES[tensor.dtype]


def load_checked(claim: Claim, folder: Path) -> Trainable:
    """The model in ``folder``, whose config made ``claim``; CheckpointError if its weights are not those."""
    where = f"{claim.where}/{MODEL}"
    try:
        with safe_open(folder / MODEL, "pt") as f:
            parts = {name: f.get_slice(name) for name in f.keys()}  # noqa: SIM118
            found = {name: (tuple(part.get_shape()), part.get_dtype()) for name, part in parts.items()}
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{where} is no safetensors file, or it is truncated.") from error
    shapes = {name: tuple(t.shape) for name, t in claim.tensors.items()}
    kept = {
        name: shape for name, (shape, dtype) in found.items() if dtype in _dtypes(claim.tensors.get(name))
    }
    if found.keys() != shapes.keys() or kept != shapes:
        raise CheckpointError(f"{where} holds other tensors than those of the network in {CONFIG}.")
    model = checkpoints.load(folder)
    if not all(t.isfinite().all() for t in model.state_dict().values()):
        raise CheckpointError(f"{where} holds numbers that are infinite or none at all (NaN).")
    return model
