"""Sampled pictures into files: one grid as .png, or arrays as .npz, in bounded memory."""

import math
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import torch
from torchvision.utils import save_image

from genlab.errors import InvalidInput
from genlab.sampling import Samples

GRID_LIMIT = 10_000  # pictures in one .png

Writer = Callable[[Path, Iterable[Samples], int], None]


def write_png(path: Path, chunks: Iterable[Samples], n: int) -> None:
    """A grid of all pictures, about as wide as high, each pixel kept."""
    images = torch.cat([chunk.images for chunk in chunks])
    save_image(images.float() / 255, path, nrow=math.ceil(math.sqrt(n)), padding=0, format="png")


def write_npz(path: Path, chunks: Iterable[Samples], n: int) -> None:
    """``images`` uint8 (N, H, W) or (N, H, W, 3), and ``labels`` int64 (N,) where the model has them.

    Pictures go to the disk as they come: only the labels are kept in memory.
    """
    labels: list[int] = []
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("images.npy", "w", force_zip64=True) as out:
            for i, chunk in enumerate(chunks):
                pictures = chunk.images.movedim(1, -1).numpy()  # (n, H, W, C)
                pictures = pictures[..., 0] if pictures.shape[-1] == 1 else pictures
                if i == 0:
                    shape = (n, *pictures.shape[1:])
                    header = {"descr": "|u1", "fortran_order": False, "shape": shape}
                    np.lib.format.write_array_header_1_0(out, header)
                out.write(np.ascontiguousarray(pictures).tobytes())
                labels += chunk.labels or []
        if labels:
            with archive.open("labels.npy", "w", force_zip64=True) as out:
                np.lib.format.write_array(out, np.array(labels, dtype=np.int64))


WRITERS: dict[str, Writer] = {".png": write_png, ".npz": write_npz}


def check_target(path: Path, n: int) -> Writer:
    """The writer for ``path``; InvalidInput if its ending, folder or n does not fit."""
    if path.suffix not in WRITERS:
        raise InvalidInput(f"out is {path.name!r}; it must end in {' or '.join(WRITERS)}.")
    if not path.parent.is_dir():
        raise InvalidInput(f"out is in the folder {str(path.parent)!r}, which does not exist.")
    if path.suffix == ".png" and n > GRID_LIMIT:
        raise InvalidInput(f"n is {n}; a .png holds from 1 to {GRID_LIMIT} pictures, an .npz any number.")
    return WRITERS[path.suffix]


def write(path: Path, chunks: Iterable[Samples], n: int) -> None:
    """Write all of ``chunks`` (n pictures) to ``path``; an interrupted write leaves the old file."""
    writer = check_target(path, n)
    scratch = path.with_name(path.name + ".tmp")
    try:
        writer(scratch, chunks, n)
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
