"""Pictures on their way to the browser, written in one move.

Gradio names a picture's file by its content and writes it anew for each visitor, in place: who reads the
same picture at that moment gets half of it, or nothing.
"""

import tempfile
from pathlib import Path

from gradio import processing_utils
from PIL import Image


def save_whole(img: Image.Image, cache_dir: str, name: str = "image", format: str = "webp") -> str:
    """As ``gradio.processing_utils.save_pil_to_cache``: the path of ``img`` in ``cache_dir``."""
    data = processing_utils.encode_pil_to_bytes(img, format)
    target = Path(cache_dir, processing_utils.hash_bytes(data), f"{name}.{format}").resolve()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=target.parent, suffix=".tmp", delete=False) as scratch:
        scratch.write(data)
    Path(scratch.name).replace(target)
    return str(target)


def write_whole() -> None:
    """Let gradio save its pictures so, as it offers no other way."""
    processing_utils.save_pil_to_cache = save_whole
