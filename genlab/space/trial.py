"""A clean checkout of the Space's files, started as a Space starts it, and asked for pictures."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import Any, NamedTuple

from PIL import Image

from genlab.errors import NotPublished
from genlab.space.checks import gradio_version
from genlab.space.files import APP, REQUIREMENTS, Upload, copy

PATIENCE = 300.0  # seconds for the first page, and for the pictures
LOG_SECONDS, LOGGED = 60.0, "genlab ready"  # how long the log may take to end, and its last words
FAMILY, PICTURES = "vae", 4
KEPT = ("PATH", "LANG", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")  # of this process's environment
TOLD = 12  # lines of its output, where it fails


class Trial(NamedTuple):
    """What was seen."""

    python: str  # its version
    seconds: float  # to the first page
    pictures: int
    log: str  # what it said when it started


def environment(home: Path, port: int) -> dict[str, str]:
    """That of a Space with nothing mounted and no network; nothing of this user's is in it."""
    for name in ("home", "tmp"):
        (home / name).mkdir(exist_ok=True)
    return {name: os.environ[name] for name in KEPT if name in os.environ} | {
        "HOME": str(home / "home"),
        "TMPDIR": str(home / "tmp"),
        "PYTHONNOUSERSITE": "1",
        "SPACE_ID": "trial/genlab",
        "GENLAB_STORAGE": str(home / "nothing"),
        "HF_HUB_OFFLINE": "1",
        "GRADIO_SERVER_NAME": "127.0.0.1",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_ANALYTICS_ENABLED": "False",
    }


def fresh(root: Path, python: str, folder: Path) -> str:
    """A new virtual environment with what a Space installs; NotPublished if pip cannot.

    Args:
        root: Where requirements.txt and the README are.
        python: The interpreter that makes it.
        folder: Where it will be; it needs 7 GB.

    Returns: its interpreter.
    """
    inside = str(folder / ("Scripts" if os.name == "nt" else "bin") / "python")
    packages = [f"gradio[oauth,mcp]=={gradio_version(root)}", "spaces"]  # a Space adds them to the list
    install = ["-m", "pip", "install", "--quiet", *packages, "-r", str(root / REQUIREMENTS)]
    for command in ([python, "-m", "venv", str(folder)], [inside, *install]):
        try:
            done = subprocess.run(command, capture_output=True, text=True)
        except OSError as error:
            raise NotPublished(f"{command[0]} cannot be run: {error.strerror}.") from error
        if done.returncode:
            raise NotPublished(f"A fresh environment cannot be made: {_last(done.stderr, 3)}")
    return inside


def trial(root: Path, uploads: list[Upload], python: str = sys.executable) -> Trial:
    """Start exactly these files with ``python`` in an empty folder, and draw.

    Raises:
        NotPublished: They do not start, or do not draw; with the end of what they said.
    """
    with tempfile.TemporaryDirectory(prefix="genlab-space-", ignore_cleanup_errors=True) as scratch:
        home = Path(scratch)
        copy(uploads, root, home / "checkout")
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            port = found.getsockname()[1]
        with (home / "log").open("w") as out:
            try:
                server: subprocess.Popen[bytes] = subprocess.Popen(
                    [python, APP],
                    cwd=home / "checkout",
                    env=environment(home, port),
                    stdout=out,
                    stderr=out,
                )
            except OSError as error:
                raise NotPublished(f"{python} cannot be run: {error.strerror}.") from error
        try:
            return _watch(server, f"http://127.0.0.1:{port}/", home, python)
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _watch(server: subprocess.Popen[bytes], url: str, home: Path, python: str) -> Trial:
    """Wait for the page, draw, and wait for the rest of the start-up log."""
    log, began = home / "log", time.monotonic()
    while not _answers(url):
        if server.poll() is not None:
            raise NotPublished(f"A clean checkout does not start: {_last(log.read_text())}")
        if time.monotonic() > began + PATIENCE:
            raise NotPublished(f"A clean checkout shows no page in {PATIENCE:g} s: {_last(log.read_text())}")
        time.sleep(0.2)
    seconds = time.monotonic() - began
    try:
        drawn = _draw(url, home)
    except Exception as error:  # whatever the client, the server or a picture makes of it
        raise NotPublished(f"A clean checkout starts but does not draw: {error}") from error
    until = time.monotonic() + LOG_SECONDS
    while LOGGED not in log.read_text() and time.monotonic() < until:
        time.sleep(0.2)
    version = subprocess.run([python, "-V"], capture_output=True, text=True).stdout.strip()
    return Trial(version, seconds, drawn, log.read_text())


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
            return reply.status == 200
    except OSError:
        return False


def _draw(url: str, home: Path) -> int:
    """How many pictures came, each with something on it."""
    from gradio_client import Client

    settings: dict[str, Any] = {"timeout": PATIENCE}
    client = Client(url, verbose=False, analytics_enabled=False, download_files=home, httpx_kwargs=settings)
    try:
        found, _ = client.predict(model=FAMILY, n=PICTURES, seed=0, api_name="/sample")
    finally:
        client.close()
    pictures = [Image.open(item["image"]).convert("L") for item in found]
    blank = [picture for picture in pictures if len(set(picture.getdata())) == 1]
    if len(pictures) != PICTURES or blank:
        raise ValueError(f"{len(pictures)} pictures, {len(blank)} of them empty, not {PICTURES}")
    return len(pictures)


def _last(text: str, lines: int = TOLD) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
