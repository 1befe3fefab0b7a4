"""Start-up: ``python app.py`` to the first page against a bare app that imports torch and gradio."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from tests.benchmarks.timing import compare

ROOT = Path(__file__).parents[2]
BARE = """
import torch, gradio as gr
with gr.Blocks() as demo:
    gr.Markdown("bare")
demo.launch()
"""


def first_page(arguments: list[str]) -> None:
    """Start a server, wait for its first page, end it."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    settings = {"GRADIO_SERVER_PORT": str(port), "GRADIO_ANALYTICS_ENABLED": "False"}
    server = subprocess.Popen(
        [sys.executable, *arguments],
        env=os.environ | settings,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while server.poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/") as page:
                    page.read()
                    return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError(f"{arguments} ended with status {server.returncode}")
    finally:
        server.kill()
        server.wait()


def rows() -> Iterator[tuple[str, float, float]]:
    """(what, ratio measured, largest ratio wanted)."""
    a, b = compare(lambda: first_page(["app.py"]), lambda: first_page(["-c", BARE]))
    yield "start-up seconds: genlab / bare app", a / b, 1.25
