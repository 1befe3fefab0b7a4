"""A client's calls, in the words of the tests."""

import io
import itertools
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from genlab import api as genlab
from genlab.library import Library
from tests.helpers import TINY
from tests.server import Server

Json = dict[str, Any]
SHIPPED = Library()


def until(condition: Callable[[], Any], seconds: float = 120.0) -> Any:
    """What ``condition`` gives once it is true."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if found := condition():
            return found
        time.sleep(0.1)
    pytest.fail("it never came to that")


def fetch(file: Json) -> bytes:
    """The content of a file that an endpoint has given."""
    with urllib.request.urlopen(file["url"], timeout=60) as answer:
        return answer.read()


def pixels(file: Json) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(fetch(file))).convert("L"))


def drawn(model: str, n: int, seed: int, library: Library = SHIPPED, **knobs: Any) -> np.ndarray:
    """What a sample must be: uint8 (N, 28, 28), computed here."""
    *_, samples = genlab.sample(model, n, seed, library=library, **knobs)
    return samples.images[:, 0].numpy()


def assert_whole(curve: list[list[float]], step: int, lost: int = 0) -> None:
    """From the first to the last step, evenly thinned; each kill may have lost one point."""
    at = [int(point[0]) for point in curve]
    stride = min(b - a for a, b in itertools.pairwise(at)) if len(at) > 1 else 1
    assert at[0] <= stride and step - stride < at[-1] <= step, (at, step)
    assert step // stride - len(at) <= lost, f"points are missing: {at}"


class Api:
    """A client of its own session."""

    def __init__(self, server: Server) -> None:
        self.server, self.client = server, server.client()

    def call(self, name: str, *args: Any, **options: Any) -> Any:
        return self.client.predict(*args, api_name=f"/{name}", **options)

    def sample(self, model: str, n: int, seed: int, **knobs: Any) -> np.ndarray:
        """The pictures uint8 (N, 28, 28) as the server drew them."""
        pictures, _ = self.call("sample", model, n=n, seed=seed, **knobs)
        return np.stack([pixels(picture["image"]) for picture in pictures])

    def submit(self, model: str = "vae", steps: int = 1_000_000, batch_size: int = 4, **options: Any) -> str:
        """Train the smallest network of the family; its job's id."""
        options = {"batch_size": batch_size, "preview_every": 1_000_000, "options": TINY[model]} | options
        return self.call("submit", model, steps=steps, **options)["job"]

    def look(self, job: str) -> Json:
        return self.call("job", job)

    def learned(self, job: str, steps: int = 3) -> Json:
        """The job once it has made ``steps`` steps."""

        def seen() -> Json | None:
            look = self.look(job)
            assert look["state"] in ("waiting", "running", "finished"), look
            return look if look["step"] >= steps else None

        return until(seen)

    def ended(self, job: str) -> Json:
        def seen() -> Json | None:
            look = self.look(job)
            return look if look["state"] not in ("waiting", "running") else None

        return until(seen)

    def curve(self, job: str) -> list[list[float]]:
        """The whole curve of the loss of a job that has ended."""
        *_, (last, _) = self.client.submit(job, api_name="/follow")
        return last["curves"]["loss"]
