"""The notebook, run as it stands: against a local server, and against a Space."""

import base64
import io
import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from nbclient import NotebookClient
from PIL import Image

from genlab.checkpoints import WEIGHTS
from genlab.models import MODELS

NOTEBOOK = Path(__file__).parents[1] / "genlab" / "notebooks" / "genlab.ipynb"
PATIENCE = 600  # seconds for one cell; nothing here tests speed
SPACE = "me/genlab"


@pytest.fixture
def hub(url: str) -> Iterator[Any]:
    """The Hub's answers about one running Space, whose page is at ``url``; what it was asked for."""
    asked: list[str] = []

    class Hub(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path.partition("?")[0])
            answers = {
                f"/api/spaces/{SPACE}": {"id": SPACE, "private": False, "host": url.rstrip("/")},
                f"/api/spaces/{SPACE}/runtime": {"stage": "RUNNING", "hardware": {"current": "cpu-basic"}},
            }
            body = json.dumps(answers.get(asked[-1], {"error": "Repository not found"})).encode()
            self.send_response(200 if asked[-1] in answers else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}", asked
    server.shutdown()
    server.server_close()


def run(**env: str) -> list[Any]:
    """Run the notebook with these variables; its code cells."""
    found = nbformat.read(NOTEBOOK, as_version=4)
    quiet = {"GRADIO_ANALYTICS_ENABLED": "False"}
    NotebookClient(found, timeout=PATIENCE, kernel_name="python3").execute(env=os.environ | quiet | env)
    return [cell for cell in found.cells if cell.cell_type == "code"]


def printed(cells: list[Any]) -> str:
    return "".join(o.text for cell in cells for o in cell.outputs if o.output_type == "stream")


def shown(cells: list[Any]) -> list[np.ndarray]:
    """The pixels of every picture."""
    pngs = [o.data["image/png"] for cell in cells for o in cell.outputs if "image/png" in o.get("data", {})]
    return [np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("L")) for png in pngs]


def check(cells: list[Any]) -> None:
    """Every step shows what its text promises."""
    said = printed(cells)
    assert all(name in said for name in MODELS)
    assert "finished - Trained 300 steps." in said
    assert "/sample draws from: trained here, 300 steps" in said
    assert "the same pixels: True" in said
    pictures = shown(cells)
    assert len(pictures) == 6 and all(pixels.std() > 10 for pixels in pictures)
    tables = [o.data.get("text/markdown", "") for c in cells for o in c.outputs if "data" in o]
    table = "".join(tables)
    board = json.loads((WEIGHTS / "leaderboard.json").read_text())
    assert table.count("\n") == len(board["models"]) + 2
    assert all(model["title"] in table for model in board["models"])


def test_it_is_stored_without_outputs() -> None:
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert code and not any(cell.outputs or cell.execution_count for cell in code)


def test_it_runs_against_a_local_server(url: str) -> None:
    cells = run(GENLAB_SERVER=url)
    assert f"families at {url.rstrip('/')}" in printed(cells)
    check(cells)


def test_it_runs_against_a_space(url: str, hub: Any) -> None:
    endpoint, asked = hub
    cells = run(GENLAB_SERVER=SPACE, HF_ENDPOINT=endpoint, HF_HUB_OFFLINE="0")
    assert asked == [f"/api/spaces/{SPACE}", f"/api/spaces/{SPACE}/runtime"]
    assert f"families at {url.rstrip('/')}" in printed(cells)
    check(cells)
