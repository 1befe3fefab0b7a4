"""The real application, ``python app.py``, in a process of its own."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gradio_client import Client

ROOT = Path(__file__).parents[1]
PATIENCE = 180.0  # seconds for the first page, and for an answer; nothing here tests speed


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """A running ``python app.py``, and the clients that call it.

    Args:
        log: Where its output goes.
        env: Set on top of this process's environment.
        inside: A command that runs it, such as ``unshare``.
    """

    def __init__(self, log: Path, env: dict[str, str] | None = None, inside: tuple[str, ...] = ()) -> None:
        port = free_port()
        self.url = f"http://127.0.0.1:{port}/"
        self.log, self._clients = log, []  # type: ignore[var-annotated]
        address = {"GRADIO_SERVER_PORT": str(port), "GRADIO_SERVER_NAME": "127.0.0.1"}
        with log.open("a") as out:
            self.process = subprocess.Popen(
                [*inside, sys.executable, "app.py"],
                cwd=ROOT,
                env=os.environ | address | (env or {}),
                stdout=out,
                stderr=out,
            )

    def page(self) -> bytes:
        with urllib.request.urlopen(self.url, timeout=PATIENCE) as answer:
            return answer.read()

    def wait_ready(self) -> None:
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            assert self.process.poll() is None, self.log.read_text()
            try:
                self.page()
                return
            except OSError:
                time.sleep(0.1)
        raise AssertionError(f"no page at {self.url}: {self.log.read_text()}")

    def client(self) -> Client:
        """A client of its own session; files come as addresses, not downloaded."""
        found = Client(
            self.url,
            verbose=False,
            analytics_enabled=False,
            download_files=False,
            ssl_verify=False,  # no certificates are read for each call
            httpx_kwargs={"timeout": PATIENCE},
        )
        self._clients.append(found)
        return found

    def end(self, number: int = signal.SIGTERM) -> float:
        """Send the signal and wait; seconds until the process was gone."""
        began = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(60)
        return time.monotonic() - began

    def close(self) -> None:
        if self.process.poll() is None:
            self.end(signal.SIGKILL)
        for client in self._clients:
            client.close()


@contextlib.contextmanager
def serving(log: Path, env: dict[str, str] | None = None, **options: Any) -> Iterator[Server]:
    """A server that answers, ended afterwards; ``options`` as ``Server`` has them."""
    server = Server(log, env, **options)
    try:
        server.wait_ready()
        yield server
    finally:
        server.close()
