"""Real servers for the tests of what goes wrong."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser

from tests.faults.helpers import Api
from tests.server import Server, serving
from tests.visitor import Visitor

Serve = Callable[..., Server]
Visit = Callable[[str], Visitor]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start ``python app.py`` on one folder of jobs, one server after another; limits by name."""
    with contextlib.ExitStack() as stack:

        def start(jobs: Path = tmp_path / "jobs", inside: tuple[str, ...] = (), **limits: float) -> Server:
            env = {f"GENLAB_{name.upper()}": str(value) for name, value in limits.items()}
            env["GENLAB_JOBS"] = str(jobs)
            return stack.enter_context(serving(tmp_path / "log.txt", env, inside=inside))

        yield start


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with three slots."""
    folder = tmp_path_factory.mktemp("busy")
    env = {"GENLAB_SLOTS": "3", "GENLAB_JOBS": str(folder / "jobs")}
    with serving(folder / "log.txt", env) as server:
        yield server


@pytest.fixture
def api(busy: Server) -> Api:
    """A client of the busy server."""
    return Api(busy)


@pytest.fixture
def visit(browser: Browser) -> Iterator[Visit]:
    """Open an address as a new visitor."""
    visitors: list[Visitor] = []

    def open_page(url: str) -> Visitor:
        visitors.append(Visitor(browser, url))
        return visitors[-1]

    yield open_page
    for visitor in visitors:
        visitor.context.close()
