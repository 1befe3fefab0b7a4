"""Saving a model to an account of the hub: one commit with weights, config and card."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import CommitOperationAdd, HfApi

from genlab import cards
from genlab.checkpoints import CONFIG, MODEL
from genlab.errors import CheckpointError, InvalidInput
from genlab.hub.checking import MAX_CONFIG, check_config, load_checked
from genlab.hub.edge import Token, asking, check_repository
from genlab.library import read_metrics

CARD, METRICS = "README.md", "metrics.json"
EMPTY = {".gitattributes"}  # what the hub puts into a new repository
OURS = EMPTY | {CONFIG, MODEL, CARD, METRICS}
WRITERS = ("admin", "write", "contributor")  # what a member of an organisation may be


@dataclass(frozen=True)
class Saved:
    """Where a model is now."""

    repository: str
    commit: str
    private: bool
    url: str


def save(
    folder: Path, repository: Any, *, token: Token = None, private: bool = True, endpoint: str | None = None
) -> Saved:
    """Save the model in ``folder`` to the hub, in one commit.

    Args:
        folder: With weights and config as ``genlab.checkpoints`` writes them; figures of its own
            ``metrics.json``, if they are of these weights, are saved too.
        repository: "user/name", or the name alone for the account's own; made if there is none.
        token: Of the account; None for this machine's.
        private: For a repository that is made. One that is there is public or private already.
        endpoint: The hub's address; by default that of huggingface_hub (``HF_ENDPOINT``).

    Raises:
        InvalidInput: The id is none, or of somebody else, or the repository holds something else.
        CheckpointError: The folder holds no model of genlab.
        ModelUnavailable: The hub does not take it: the message says why.
    """
    claim = check_config(folder / CONFIG, folder.name)
    load_checked(claim, folder)
    api = HfApi(endpoint=endpoint, token=token)
    repository = _writable(api, repository)
    parent, private = _present(api, repository, private)
    metrics = read_metrics(folder)
    if metrics.get("sha256") != claim.sha256:  # measured of other weights
        metrics = {}
    contents: dict[str, str | bytes] = {
        MODEL: str(folder / MODEL),
        CONFIG: (folder / CONFIG).read_bytes(),
        CARD: cards.text(folder, metrics, repository).encode(),
    }
    if metrics:
        contents[METRICS] = (folder / METRICS).read_bytes()
    with asking(repository):
        if parent is None:
            api.create_repo(repository, private=private, exist_ok=True)
        done = api.create_commit(
            repository,
            [CommitOperationAdd(name, content) for name, content in contents.items()],
            commit_message=f"genlab: {claim.name}, {claim.sha256[:7]}",
            parent_commit=parent,
        )
    return Saved(repository, done.oid, private, f"{api.endpoint}/{repository}")


def _writable(api: HfApi, repository: Any) -> str:
    """The id, in a namespace that the account may write; InvalidInput if it may not."""
    given = repository.strip() if isinstance(repository, str) else repository
    short = isinstance(given, str) and "/" not in given
    asked = check_repository(f"me/{given}" if short else given)
    with asking(asked):
        who = api.whoami()
    own = who["name"]
    if short:
        return check_repository(f"{own}/{given}")
    groups = [o["name"] for o in who.get("orgs", ()) if o.get("roleInOrg", "write") in WRITERS]
    if asked.partition("/")[0] not in (own, *groups):
        raise InvalidInput(
            f"repository is {asked!r}; {own} is signed in, who can save to {', '.join((own, *groups))}."
        )
    return asked


def _present(api: HfApi, repository: str, private: bool) -> tuple[str | None, bool]:
    """The commit on which a new one goes, None where there is no repository yet, and whether it is private.

    InvalidInput if it holds anything but a model of genlab, or is public while it should be private.
    """
    with asking(repository):
        if not api.repo_exists(repository):
            return None, private
        info = api.model_info(repository, files_metadata=True)
    sizes = {file.rfilename: file.size or 0 for file in info.siblings or []}
    ours = CONFIG in sizes and _is_ours(api, repository, info.sha, sizes[CONFIG])
    if others := sorted(sizes.keys() - (OURS if ours else EMPTY)):
        raise InvalidInput(
            f"repository is {repository!r}, which holds something else than a model of genlab "
            f"({others[0][:60]}); choose another name."
        )
    if private and not info.private:
        raise InvalidInput(f"repository is {repository!r}, which is public already; choose another name.")
    return info.sha, bool(info.private)


def _is_ours(api: HfApi, repository: str, commit: str | None, size: int) -> bool:
    """Is its config one of genlab's?"""
    if size > MAX_CONFIG:
        return False
    with tempfile.TemporaryDirectory(prefix="genlab-hub-") as scratch:
        folder = Path(scratch)
        with asking(repository):
            api.hf_hub_download(repository, CONFIG, revision=commit, local_dir=folder)
        try:
            check_config(folder / CONFIG, repository)
        except CheckpointError:
            return False
    return True
