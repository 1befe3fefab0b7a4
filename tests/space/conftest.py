"""A hub, and something to publish."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from huggingface_hub import constants

from tests.space.helpers import CONTENTS
from tests.space.hub import Hub, serving


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that holds nothing."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # it speaks LFS
    with serving() as found:
        yield found


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """The folder of a small repository."""
    root = tmp_path / "app"
    for name, text in CONTENTS.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root
