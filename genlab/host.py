"""What the host of this process gives, by its environment: persistent storage, the network, a lent GPU."""

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

STORAGE = "GENLAB_STORAGE"
MOUNT = "/data"  # where a Space mounts its storage, unless it is told another place
YES = ("1", "on", "yes", "true")


def is_space(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a Hugging Face Space."""
    return "SPACE_ID" in environ


def storage_place(environ: Mapping[str, str] = os.environ) -> Path | None:
    """Where persistent storage would be mounted: ``$GENLAB_STORAGE``, on a Space else ``/data``."""
    place = environ.get(STORAGE) or (MOUNT if is_space(environ) else "")
    return Path(place) if place else None


def storage(environ: Mapping[str, str] = os.environ) -> Path | None:
    """The folder that outlives a restart, if there is one and this process may write there."""
    place = storage_place(environ)
    if place is None:
        return None
    try:
        with tempfile.TemporaryFile(dir=place):  # asking for permissions is not enough, as for root
            return place
    except OSError:
        return None


def zero_gpu(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this is a Space on ZeroGPU, by the variable that the package ``spaces`` goes by.

    torch then says that there is a GPU, but it can be used in functions alone that have asked for it.
    """
    return environ.get("SPACES_ZERO_GPU", "").lower() in ("1", "t", "true")


def offline(environ: Mapping[str, str] = os.environ) -> bool:
    """Whether ``HF_HUB_OFFLINE`` forbids the network."""
    return environ.get("HF_HUB_OFFLINE", "").lower() in YES


def defaults(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Variables to set before any library reads them: models of the hub go where they outlive a restart."""
    found = storage(environ)
    return {"HF_HOME": str(found / ".huggingface")} if found and "HF_HOME" not in environ else {}
