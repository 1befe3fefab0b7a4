"""Loading a model from the hub: two files of one commit, bounded before they are downloaded."""

import contextlib
import tempfile
import threading
import weakref
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi
from huggingface_hub.hf_api import RepoFile

from genlab.checkpoints import CONFIG, MODEL
from genlab.errors import Busy, CheckpointError, InvalidInput, ModelUnavailable
from genlab.hub.checking import MAX_CONFIG, Claim, check_config, check_size, load_checked, tensor_bytes
from genlab.hub.edge import Token, asking, check_repository, check_revision
from genlab.hub.saving import Saved, save
from genlab.models import Trainable
from genlab.settings import Limits

PICKLES = ("pytorch_model.bin", "model.bin", "model.pt", "model.pth", "model.ckpt", "model.pkl")
SECONDS = 10.0  # to wait for an answer


@dataclass(frozen=True)
class Loaded:
    """A model from the hub, and which it is exactly."""

    name: str  # of the family
    model: Trainable
    repository: str
    commit: str
    sha256: str  # of the weights
    training: dict[str, Any]  # how it says it was made
    data: str  # what it says it has learned to draw

    @property
    def origin(self) -> str:
        return f"from {self.repository} at {self.commit[:7]}"


class Hub:
    """Models of the hub as one server loads them: each commit once, for as long as somebody draws from it.

    Args:
        limits: How large one model may be, and all that are in memory together.
        endpoint: The hub's address; by default that of huggingface_hub (``HF_ENDPOINT``).
    """

    def __init__(self, limits: Limits, endpoint: str | None = None) -> None:
        self.limits, self.endpoint = limits, endpoint
        self._models: weakref.WeakValueDictionary[tuple[str, str], Trainable] = weakref.WeakValueDictionary()
        self._coming = 0  # bytes of networks on their way
        self._lock = threading.Lock()

    def load(
        self,
        repository: Any,
        revision: Any = None,
        *,
        families: tuple[str, ...] | None = None,
        token: Token = False,
    ) -> Loaded:
        """The model in a repository of the hub.

        Args:
            repository: "user/name", or its address.
            revision: A branch, tag or commit; None for the newest.
            families: The families it may be of; None for all.
            token: Of the visitor, for what is private. False: nobody's, never this machine's own; None:
                this machine's account.

        Raises:
            InvalidInput: The id is none, or the model is of another family.
            ModelUnavailable: The hub does not give it: the message says why.
            CheckpointError: It is no model of genlab, or a file is altered, or too large.
            Busy: This server holds as many models as it has room for.
        """
        repository, revision = check_repository(repository), check_revision(revision)
        api = HfApi(endpoint=self.endpoint, token=token)
        with asking(repository):
            commit = api.model_info(repository, revision=revision, timeout=SECONDS, expand=["sha"]).sha
            assert commit, "the hub names the commit of a revision"
            files = _files(api, repository, commit)
        with tempfile.TemporaryDirectory(prefix="genlab-hub-") as scratch:
            folder = Path(scratch) / repository.partition("/")[2]
            _download(api, repository, commit, CONFIG, folder)
            claim = check_config(folder / CONFIG, repository)
            if families and claim.name not in families:
                raise InvalidInput(
                    f"repository is {repository!r}, which holds the family {claim.name}; it must be "
                    f"{' or '.join(families)}."
                )
            check_size(claim, files[MODEL].size, self.limits.model_megabytes)
            lfs = files[MODEL].lfs
            if lfs is not None and lfs.sha256 != claim.sha256:
                raise CheckpointError(
                    f"{repository}/{MODEL} does not have the sha256 that its {CONFIG} gives: it is altered."
                )
            model = self._model(api, claim, commit, folder)
        return Loaded(claim.name, model, repository, commit, claim.sha256, claim.training, claim.data)

    def save(self, folder: Path, repository: Any, *, token: Token, private: bool = True) -> Saved:
        """Save a model to an account of the hub; see ``genlab.hub.saving.save``."""
        return save(folder, repository, token=token, private=private, endpoint=self.endpoint)

    def _model(self, api: HfApi, claim: Claim, commit: str, folder: Path) -> Trainable:
        """The weights are downloaded if nobody here has the same ones."""
        key = (claim.where, commit)
        if (known := self._models.get(key)) is not None:
            return known
        with self._room(claim.held):
            _download(api, claim.where, commit, MODEL, folder)
            self._models[key] = model = load_checked(claim, folder)
        return model

    @contextlib.contextmanager
    def _room(self, needed: int) -> Iterator[None]:
        """Keep room for a network of ``needed`` bytes until it is here; Busy if there is none."""
        with self._lock:
            held = sum(tensor_bytes(model.state_dict()) for model in list(self._models.values()))
            if held + self._coming + needed > self.limits.hub_megabytes * 1_000_000:
                raise Busy("This server has no room for more models from the hub now; try again later.")
            self._coming += needed
        try:
            yield
        finally:
            with self._lock:
                self._coming -= needed


def _files(api: HfApi, repository: str, commit: str) -> dict[str, RepoFile]:
    """Size and hash of the two files as the hub tells them; ModelUnavailable if one is missing."""
    found = api.get_paths_info(repository, [CONFIG, MODEL, *PICKLES], revision=commit)
    files = {file.path: file for file in found if isinstance(file, RepoFile)}
    if MODEL not in files and files.keys() & {*PICKLES}:
        raise ModelUnavailable(f"{repository}: it holds only pickled weights, which are never loaded.")
    if missing := [name for name in (CONFIG, MODEL) if name not in files]:
        raise ModelUnavailable(f"{repository}: it is no model of genlab, for it has no {missing[0]}.")
    if files[CONFIG].size > MAX_CONFIG:
        raise CheckpointError(f"{repository}/{CONFIG} has more than {MAX_CONFIG // 1000} kB.")
    return files


def _download(api: HfApi, repository: str, commit: str, name: str, folder: Path) -> None:
    with asking(repository):
        api.hf_hub_download(repository, name, revision=commit, local_dir=folder, etag_timeout=SECONDS)
