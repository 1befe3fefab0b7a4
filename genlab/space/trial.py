"""A clean checkout of the Space's files, started as a Space starts it, and asked for pictures."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from typing import NamedTuple

from genlab.config import quote
from genlab.errors import InvalidInput, NotPublished
from genlab.space.checks import gradio_version
from genlab.space.files import APP, REQUIREMENTS, Upload, copy

PATIENCE = 300.0  # seconds for the first page
LOG_SECONDS, LOGGED = 60.0, "genlab ready"  # how long the log may take to end, and its last words
FAMILY, PICTURES = "vae", 4
VISITOR = Path(__file__).with_name("draw.py")
KEPT = ("PATH", "LANG", "LD_LIBRARY_PATH", "OMP_NUM_THREADS")  # of this process's environment
TOLD = 12  # lines of its output, where it fails


class Trial(NamedTuple):
    """What was seen."""

    python: str  # its version
    seconds: float  # to the first page
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
        done = subprocess.run(command, capture_output=True, text=True)
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
        env = environment(home, port)
        with (home / "log").open("w") as out:
            server = subprocess.Popen(
                [python, APP], cwd=home / "checkout", env=env, stdout=out, stderr=subprocess.STDOUT
            )
        try:
            return _watch(server, f"http://127.0.0.1:{port}/", home, python, env)
        finally:
            server.terminate()
            try:
                server.wait(30)
            except subprocess.TimeoutExpired:
                server.kill()
                server.wait()


def _watch(server: subprocess.Popen[bytes], url: str, home: Path, python: str, env: dict[str, str]) -> Trial:
    """Wait for the page, draw, and wait for the rest of the start-up log."""
    log, began = home / "log", time.monotonic()
    while not _answers(url):
        if server.poll() is not None:
            raise NotPublished(f"A clean checkout does not start: {_last(log.read_text())}")
        if time.monotonic() > began + PATIENCE:
            raise NotPublished(f"A clean checkout shows no page in {PATIENCE:g} s: {_last(log.read_text())}")
        time.sleep(0.2)
    seconds = time.monotonic() - began
    visitor = [python, "-I", str(VISITOR), url, str(home), FAMILY, str(PICTURES)]
    done = subprocess.run(visitor, env=env, capture_output=True, text=True)
    if done.returncode:
        raise NotPublished(f"A clean checkout starts but does not draw: {_last(done.stderr, 1)}")
    until = time.monotonic() + LOG_SECONDS
    while LOGGED not in log.read_text() and time.monotonic() < until:
        time.sleep(0.2)
    version = subprocess.run([python, "-V"], capture_output=True, text=True).stdout.strip()
    return Trial(version, seconds, log.read_text())


def interpreter(name: str) -> str:
    """The path of the Python ``name``, from any folder; InvalidInput if there is none."""
    found = shutil.which(name)
    if found is None:
        raise InvalidInput(f"python is {quote(name)}; it must be a Python that can be run.")
    return os.path.abspath(found)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=PATIENCE) as reply:
            return reply.status == 200
    except OSError:
        return False


def _last(text: str, lines: int = TOLD) -> str:
    return "\n".join(text.strip().splitlines()[-lines:])
