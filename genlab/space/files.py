"""Which files a Space is made of: the app, the package, the weights, and what its README shows."""

import re
import shutil
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from genlab.checkpoints import STATE
from genlab.errors import NotPublished

README, APP, REQUIREMENTS = "README.md", "app.py", "requirements.txt"
SINGLE = (APP, REQUIREMENTS, README, "LICENSE")
FOLDERS = ("genlab", "weights")
KINDS = (".py", ".css", ".js", ".json", ".ipynb", ".safetensors", ".txt", ".md")  # in the folders
SHOWN = re.compile(r"!\[[^\]]*\]\(([^)\s]+)")  # a picture in Markdown
LINKED = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s#]+)")


class Upload(NamedTuple):
    """A file, by its path from the root with forward slashes."""

    path: str
    size: int  # bytes


def _tracked(root: Path) -> set[str] | None:
    """What git tracks; None where this is no repository of git."""
    if not (root / ".git").exists():
        return None
    try:
        done = subprocess.run(["git", "ls-files", "-z"], cwd=root, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return set(done.stdout.split("\0")) - {""}


def _belongs(path: Path) -> bool:
    """Whether a file of the folders, by its path from the root, is part of the app."""
    hidden = any(part.startswith((".", "__pycache__")) for part in path.parts)
    return not hidden and path.suffix in KINDS and path.name != STATE


def _inside(links: Iterable[str]) -> list[str]:
    """Those that point at files of the repository."""
    return [link.removeprefix("./") for link in links if "://" not in link and not link.startswith("mailto:")]


def pictures(readme: str) -> list[str]:
    """The paths of the pictures that ``readme`` shows from its own repository."""
    return _inside(SHOWN.findall(readme))


def links(readme: str) -> list[str]:
    """The paths of the files that ``readme`` points at in its own repository."""
    return _inside(LINKED.findall(readme))


def ours(path: str) -> bool:
    """Whether a file of a Space is one that publishing puts there, and takes away when it is gone here."""
    return path in SINGLE or path.split("/")[0] in FOLDERS or path.startswith(".github/")


def chosen(root: Path) -> tuple[list[Upload], list[str]]:
    """The files of the Space, sorted, and the paths that would be but are not tracked by git.

    Raises:
        NotPublished: A file that every Space needs is not there.
    """
    for name in SINGLE:
        if not (root / name).is_file():
            raise NotPublished(f"{name} is missing: publish from a whole copy of the repository.")
    inside = [p.relative_to(root) for name in FOLDERS for p in (root / name).rglob("*") if p.is_file()]
    shown = [name for name in pictures((root / README).read_text()) if (root / name).is_file()]
    found = {*SINGLE, *shown, *(p.as_posix() for p in inside if _belongs(p))}
    tracked = _tracked(root)
    left = set() if tracked is None else found - tracked
    return [Upload(path, (root / path).stat().st_size) for path in sorted(found - left)], sorted(left)


def copy(uploads: list[Upload], root: Path, target: Path) -> None:
    """Copy exactly these files into the folder ``target``."""
    for path, _ in uploads:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(root / path, target / path)
