"""The real application in a process of its own, and a real browser."""

from collections.abc import Iterator
from typing import Any

import pytest
from gradio_client import Client
from playwright.sync_api import Browser

from tests.server import serving
from tests.visitor import Visitor


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a running ``python app.py``."""
    with serving(tmp_path_factory.mktemp("app") / "log.txt") as found:
        yield found.url


def end_jobs(visitor: Visitor) -> None:
    """Stop what a failed test has left at work: there is one slot for all tests."""
    if left := visitor.jobs_at_work():
        client = Client(visitor.url, verbose=False, analytics_enabled=False)
        for job in left:
            client.predict(job, api_name="/stop")
        client.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo) -> Any:
    """With a failure, what the visitors' pages say."""
    report = yield
    if report.when == "call" and report.failed and "visit" in item.funcargs:  # type: ignore[attr-defined]
        for visitor in item.funcargs["visit"].visitors:  # type: ignore[attr-defined]
            report.sections.append(("page", visitor.page.inner_text("body")))
    return report


@pytest.fixture
def visit(browser: Browser, server: str) -> Iterator[type]:
    """Open the page as a new visitor; afterwards nothing may have gone wrong or left the host."""
    visitors: list[Visitor] = []

    def open_page(width: int = 1400, query: str = "") -> Visitor:
        visitors.append(Visitor(browser, server + query, width))
        return visitors[-1]

    open_page.visitors = visitors  # type: ignore[attr-defined]
    yield open_page  # type: ignore[misc]
    for visitor in visitors:
        end_jobs(visitor)
        visitor.context.close()
    for visitor in visitors:
        assert not visitor.errors
        assert visitor.hosts <= {"127.0.0.1", None, ""}, visitor.hosts
