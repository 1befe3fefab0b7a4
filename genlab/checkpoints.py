"""Weights on disk: ``<folder>/config.json`` beside ``model.safetensors``, and a resumable state.

Never pickle. A kill at any moment of saving leaves the old weights or the new ones: every file is
written beside its target and renamed, and ``config.json.new`` names the sha256 of the new weights
before they take their place, so that a load can finish an interrupted save.
"""

import contextlib
import dataclasses
import errno
import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load as parse
from safetensors.torch import load_file, save_file
from safetensors.torch import save as pack
from torch import Tensor

from genlab.config import make
from genlab.draws import OwnDraws
from genlab.errors import CheckpointError, GenlabError, NotSaved
from genlab.models import TRAINABLE, Trainable

WEIGHTS = Path(__file__).parent.parent / "weights"
MODEL, CONFIG, STATE = "model.safetensors", "config.json", "state.safetensors"


# What the system says in these cases; safetensors wraps it in a text of its own.
DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "the disk is full",
    errno.EROFS: "the disk is read-only",
    errno.EACCES: "this process may not write there",
    errno.EPERM: "this process may not write there",
}


@contextlib.contextmanager
def writing(name: str) -> Iterator[None]:
    """NotSaved, with the reason and without a path, where ``name`` cannot be written."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        found = re.search(r"os error (\d+)", str(error))
        number = int(found[1]) if found else getattr(error, "errno", None) or 0
        raise NotSaved(f"{name} cannot be saved: {DISK.get(number, 'the disk failed')}.") from error


def _sync_write(path: Path, write: Any) -> None:
    """Write a temporary file, flush it to the disk, and rename it to ``path``; NotSaved if that fails."""
    scratch = path.with_name(path.name + ".tmp")
    with writing(path.name):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write(scratch)
            with scratch.open("rb") as f:
                os.fsync(f.fileno())
            scratch.replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                scratch.unlink(missing_ok=True)  # half a file only fills the disk
            raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically."""
    _sync_write(path, lambda p: p.write_text(json.dumps(value, indent=2) + "\n"))


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file atomically."""
    _sync_write(path, lambda p: p.write_bytes(data))


def write_tensors(path: Path, tensors: dict[str, Tensor], about: dict[str, str] | None = None) -> None:
    """Write tensors as safetensors, ``about`` as their metadata, atomically."""
    _sync_write(path, lambda p: save_file(tensors, p, metadata=about))


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def released(model: Trainable, *, half: bool = False) -> dict[str, Tensor]:
    """What a user needs: of a network that has a running average, the average alone."""
    state = model.state_dict()
    if model.averages:
        state = {k: v for k, v in state.items() if not k.startswith(f"{model.averages}.")}
    return {k: (v.half() if half and v.is_floating_point() else v).contiguous() for k, v in state.items()}


def _restored(model: Trainable, released: dict[str, Tensor]) -> dict[str, Tensor]:
    """The full state: training from here on starts at the average."""
    copies = {
        k.replace("average.module", model.averages, 1): v.clone()
        for k, v in released.items()
        if model.averages and k.startswith("average.module.")
    }
    return released | copies


def _config(name: str, model: Trainable, digest: str, training: dict[str, Any]) -> dict[str, Any]:
    return {
        "model": name,
        "config": dataclasses.asdict(model.config),
        "sha256": digest,
        "training": training,
    }


def packed(name: str, model: Trainable, training: dict[str, Any]) -> dict[str, bytes]:
    """What ``save`` would write, by file name, for where there is no disk to write to."""
    weights = pack(released(model))
    config = _config(name, model, hashlib.sha256(weights).hexdigest(), training)
    return {MODEL: weights, CONFIG: json.dumps(config, indent=2).encode()}


def save(name: str, model: Trainable, folder: Path, training: dict[str, Any], *, half: bool = False) -> str:
    """Write weights and config of ``model`` into ``folder``; return the weights' sha256.

    Args:
        name: Its family.
        model: What is saved; it stays as it is.
        folder: Made if it is not there.
        training: How these weights were made; kept in the config.
        half: In half precision: half the size, 11 significant bits. ``load`` makes them single again.
    """
    _settle(folder)
    target, fresh = folder / MODEL, folder / (MODEL + ".new")
    write_tensors(fresh, released(model, half=half))
    digest = sha256(fresh)
    pending = folder / (CONFIG + ".new")
    write_json(pending, _config(name, model, digest, training))
    with writing(MODEL):
        fresh.replace(target)
        pending.replace(folder / CONFIG)
    return digest


def _settle(folder: Path) -> None:
    """Finish a save that was interrupted between its two last renames: the next one would otherwise
    overwrite the only config that fits the weights."""
    pending = folder / (CONFIG + ".new")
    if pending.exists() and (folder / MODEL).exists():
        config = _config_of(pending)
        if config and config.get("sha256") == sha256(folder / MODEL):
            pending.replace(folder / CONFIG)


def _config_of(path: Path) -> dict[str, Any] | None:
    """The JSON object in ``path``, if there is one."""
    try:
        config = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return config if isinstance(config, dict) else None


def _read_config(folder: Path, digest: str) -> dict[str, Any]:
    """The config whose sha256 is ``digest``: the settled one, or that of an interrupted save."""
    for path in (folder / CONFIG, folder / (CONFIG + ".new")):
        config = _config_of(path)
        if config and config.get("sha256") == digest:
            return config
    raise CheckpointError(
        f"{folder.name}/{MODEL} does not have the sha256 that {folder.name}/{CONFIG} gives: "
        "one of them is missing, truncated or altered."
    )


def check(folder: Path) -> tuple[bytes, dict[str, Any]]:
    """The weights in ``folder`` and their config, which belong together.

    Raises CheckpointError, naming the file, if a file is missing, truncated or altered.
    """
    path = folder / MODEL
    if not path.is_file():
        raise CheckpointError(f"{folder.name}/{MODEL} is missing.")
    packed = path.read_bytes()
    return packed, _read_config(folder, hashlib.sha256(packed).hexdigest())


def load(folder: Path) -> Trainable:
    """Rebuild the model saved in ``folder``, in evaluation mode on the CPU; errors are those of ``check``.

    The random numbers of this thread, and of others, stay as they would have been.
    """
    packed, config = check(folder)
    try:
        model_type = TRAINABLE[config["model"]]
        with OwnDraws():  # its first weights, drawn in vain, cost nobody a draw
            model = model_type(make(model_type.Config, config["config"]))
        model.load_state_dict(_restored(model, parse(packed)))
    except (GenlabError, SafetensorError, KeyError, TypeError, RuntimeError, OSError) as error:
        reason = "its tensors are not those of this network" if isinstance(error, RuntimeError) else error
        raise CheckpointError(f"{folder.name}/{MODEL} cannot be loaded: {reason}") from error
    return model.eval()


def halve(folder: Path, command: str) -> str:
    """Store the weights in ``folder`` in half precision; return their new sha256.

    ``command`` is kept in the config, after what made them. CheckpointError if a weight is too large.
    """
    model, (_, config) = load(folder), check(folder)
    if any(v.is_floating_point() and not v.half().isfinite().all() for v in released(model).values()):
        raise CheckpointError(f"{folder.name}/{MODEL} has weights beyond 65,504, the most in half precision.")
    return save(config["model"], model, folder, config["training"] | {"then": command}, half=True)


def read_training(folder: Path) -> dict[str, Any]:
    """How the weights in ``folder`` were made."""
    return _read_config(folder, weights_sha256(folder))["training"]


def weights_sha256(folder: Path) -> str:
    """The sha256 of the weights in ``folder``; of a pipeline's, that of those of its files in their order."""
    parts = [] if (folder / MODEL).exists() else sorted(folder.rglob("*.safetensors"))
    if not parts:
        return sha256(folder / MODEL)
    return hashlib.sha256("".join(map(sha256, parts)).encode()).hexdigest()


def save_state(path: Path, model: Trainable, optimizers: dict[str, Any], progress: dict[str, Any]) -> None:
    """Write everything a training needs to go on (one file, atomically)."""
    tensors = {f"model.{k}": v for k, v in model.state_dict().items()}
    for name, optimizer in optimizers.items():
        for i, slots in optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{name}.{i}.{k}": torch.as_tensor(v) for k, v in slots.items()}
    tensors = {k: v.contiguous().clone() for k, v in tensors.items()}
    _sync_write(path, lambda p: save_file(tensors, p, metadata={"progress": json.dumps(progress)}))


def load_state(path: Path, model: Trainable, optimizers: dict[str, Any]) -> dict[str, Any]:
    """Restore what ``save_state`` wrote; returns its ``progress``."""
    try:
        with safe_open(path, "pt") as f:
            progress = json.loads(f.metadata()["progress"])
        tensors = load_file(path, device=str(model.device))
        model.load_state_dict({k[6:]: v for k, v in tensors.items() if k.startswith("model.")})
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path.name} cannot be resumed from: {error}") from error
    except RuntimeError as error:
        raise CheckpointError(f"{path.name} is the state of another network.") from error
    for name, optimizer in optimizers.items():
        state = optimizer.state_dict()
        state["state"] = {}
        for key, value in tensors.items():
            if key.startswith(f"optimizer.{name}."):
                *_, i, slot = key.split(".")
                state["state"].setdefault(int(i), {})[slot] = value
        optimizer.load_state_dict(state)
    return progress
