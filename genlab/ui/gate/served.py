"""Files that are served for a while, uploads and what was drawn for visitors, in a folder of this process."""

import contextlib
import os
import re
import tempfile
import time
from pathlib import Path

from gradio.utils import get_upload_folder

PREFIX = "genlab-served-"
HASH = re.compile("[0-9a-f]{64}")  # how gradio calls the folder of a file
FORSAKEN = 86_400.0  # seconds after which what a server that is gone has left is deleted
FRESH = 60.0  # seconds for which an empty folder may be about to get its file


def own_folder() -> None:
    """Serve from a new folder that only this user may read, not from the one that all gradio apps share."""
    if "GRADIO_TEMP_DIR" not in os.environ:
        os.environ["GRADIO_TEMP_DIR"] = tempfile.mkdtemp(prefix=PREFIX)


def sweep(seconds: float, megabytes: int) -> None:
    """Delete what was served for long enough, or is beyond the room, and what earlier servers have left."""
    own = Path(get_upload_folder())
    expire(own, seconds, megabytes * 2**20)
    if own.name.startswith(PREFIX):
        for other in own.parent.glob(f"{PREFIX}*"):
            if other != own:
                expire(other, FORSAKEN, 2**60)


def expire(folder: Path, seconds: float, room: int) -> None:
    """Delete files older than ``seconds``, and the oldest beyond ``room`` bytes; then empty folders.

    In a folder that was not made for it, only what gradio has put there: it may be the user's.
    """
    found, now = [], time.time()
    roots = (
        [folder]
        if folder.name.startswith(PREFIX)
        else [p for p in folder.glob("*") if HASH.fullmatch(p.name)]
    )
    for path in (path for root in roots for path in (root, *root.rglob("*")) if path != folder):
        with contextlib.suppress(OSError):  # it vanished meanwhile, or is not ours
            found.append((path.lstat().st_mtime, path, path.lstat().st_size, path.is_dir()))
    for changed, path, size, is_folder in sorted(found, reverse=True):
        if is_folder:
            continue
        room -= size
        if now - changed > seconds or room < 0:
            with contextlib.suppress(OSError):
                path.unlink()
    for changed, path, _, is_folder in sorted(found, key=lambda one: len(one[1].parts), reverse=True):
        if is_folder and now - changed > min(FRESH, seconds):
            with contextlib.suppress(OSError):  # it is not empty
                path.rmdir()
    if folder.name.startswith(PREFIX) and folder != Path(get_upload_folder()):
        with contextlib.suppress(OSError):
            folder.rmdir()
