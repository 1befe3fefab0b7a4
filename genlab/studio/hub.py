"""Where a model's files come from: a folder, or the Hugging Face hub with its many ways to fail."""

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from genlab.checkpoints import sha256
from genlab.errors import ModelUnavailable

OFFLINE = "mini-SD works offline"


class Files(NamedTuple):
    """A repository's files on this disk, and which they are."""

    folder: Path
    repository: str
    revision: str  # the commit, or the sha256 of the first weights of a local folder

    def source(self) -> dict[str, str]:
        return {"repository": self.repository, "revision": self.revision}


def local_files(folder: Path, name: str) -> Files:
    """The files of a model that lies here."""
    weights = sorted(folder.rglob("*.safetensors"))
    if not weights:
        raise ModelUnavailable(f"{name} holds no safetensors weights; nothing else is ever loaded.")
    unet = next((path for path in weights if path.parent.name == "unet"), weights[0])
    return Files(folder, name, sha256(unet))


def fetch(ids: tuple[str, ...], download: Callable[..., Any]) -> Files:
    """The first of ``ids`` that can be had.

    Args:
        ids: Repositories or folders, best first.
        download: Takes an id, the commit as ``revision`` and the names of all files; gives a folder.

    Raises:
        ModelUnavailable: Says in one sentence why none can be had.
    """
    reasons = []
    for repository in ids:
        if Path(repository).is_dir():
            return local_files(Path(repository), Path(repository).name)
        try:
            return _from_hub(repository, download)
        except _Unusable as error:
            reasons.append(f"{repository} {error}")
    raise ModelUnavailable(f"{'; '.join(reasons)}; {OFFLINE}.")


class _Unusable(Exception):
    """Why one repository cannot be used; the next may."""


def _from_hub(repository: str, download: Callable[..., Any]) -> Files:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError

    # The hub's own error derives from OSError and from that of its HTTP library, of which there have
    # been three: so this covers "the server refused" and "there is no network" with all of them.
    unreachable: Any = HfHubHTTPError.__bases__
    try:
        info = HfApi().model_info(repository)
        names = [sibling.rfilename for sibling in info.siblings or []]
        if not any(name.endswith(".safetensors") for name in names):
            raise _Unusable("holds only pickled weights, which are never loaded")
        folder = download(repository, revision=info.sha, names=names)
    except GatedRepoError:
        raise _Unusable("asks for a licence to be accepted at huggingface.co first") from None
    except RepositoryNotFoundError:
        raise _Unusable("is gone from the hub") from None
    except unreachable as error:
        if getattr(error, "errno", None) == errno.ENOSPC:
            raise ModelUnavailable(f"The disk is full, {repository} does not fit; {OFFLINE}.") from None
        folder = _cached(repository)
        if folder is None:
            raise ModelUnavailable(f"Cannot reach the hub; {OFFLINE}.") from None
    return Files(Path(folder), repository, Path(folder).name)


def _cached(repository: str) -> str | None:
    """The folder of an earlier download."""
    from huggingface_hub import snapshot_download

    try:
        return snapshot_download(repository, local_files_only=True)
    except OSError:
        return None


@contextlib.contextmanager
def reading(files: Files) -> Iterator[None]:
    """What the libraries raise about broken or missing files becomes one sentence."""
    from safetensors import SafetensorError

    try:
        yield
    except (OSError, SafetensorError, ValueError, KeyError, RuntimeError) as error:
        if "out of memory" in str(error):
            raise
        raise ModelUnavailable(
            f"{files.repository} cannot be loaded: a file is missing, truncated or of another model; "
            f"{OFFLINE}."
        ) from error
