"""The edge to the hub: ids as visitors type them, and its many ways to fail, each in one sentence."""

import contextlib
import errno
import re
from collections.abc import Iterator
from typing import Any

from huggingface_hub import errors
from huggingface_hub.utils import validate_repo_id

from genlab.config import quote
from genlab.errors import InvalidInput, ModelUnavailable

REVISION = r"\w[\w./-]{0,99}"
SITE = "https://huggingface.co/"
Token = str | bool | None  # as huggingface_hub takes it: False for nobody, None for this machine's account

# The hub's own error derives from OSError and from that of its HTTP library, of which there have been
# three: so this covers "the server refused" and "there is no network" with all of them. Its other
# transport, hf_xet, raises RuntimeError, and an answer that makes no sense is a ValueError.
FAILURES: tuple[Any, ...] = (*errors.HfHubHTTPError.__bases__, RuntimeError, ValueError)

STATUS = {
    401: "the hub does not accept the sign-in, which may have expired",
    403: "the account that is signed in may not do that there",
    409: "it was changed by somebody else meanwhile; try again",
    412: "it was changed by somebody else meanwhile; try again",
    429: "the hub has had too many requests from here; try again in some minutes",
}


def check_repository(repository: Any) -> str:
    """The id "user/name" of a repository, which may be given by its address; InvalidInput if it is none."""
    found = repository.strip().removeprefix(SITE).strip("/") if isinstance(repository, str) else ""
    try:
        validate_repo_id(found)
        if "/" not in found:
            raise ValueError
    except ValueError:  # as which huggingface_hub refuses an id
        raise InvalidInput(
            f"repository is {quote(repository)}; it must be the id of one on the hub, like user/name."
        ) from None
    return found


def check_revision(revision: Any) -> str | None:
    """A branch, tag or commit; None for the newest."""
    if revision is None or revision == "":
        return None
    if not isinstance(revision, str) or ".." in revision or not re.fullmatch(REVISION, revision, re.ASCII):
        raise InvalidInput(
            f"revision is {quote(revision)}; it must be a branch, a tag or a commit, or empty for the newest."
        )
    return revision


@contextlib.contextmanager
def asking(repository: str) -> Iterator[None]:
    """What goes wrong between here and the hub becomes ModelUnavailable: no address, token or path."""
    try:
        yield
    except errors.LocalTokenNotFoundError:
        raise ModelUnavailable("Nobody is signed in to the hub here: run `hf auth login`.") from None
    except errors.GatedRepoError:
        raise _no(repository, "it asks for a licence to be accepted at huggingface.co first") from None
    except errors.RevisionNotFoundError:
        raise _no(repository, "it has no such revision") from None
    except errors.RepositoryNotFoundError:
        raise _no(repository, "it is not on the hub, or it is private") from None
    except FAILURES as error:
        raise _no(repository, _reason(error)) from None


def _no(repository: str, reason: str) -> ModelUnavailable:
    return ModelUnavailable(f"{repository}: {reason}.")


def _reason(error: Exception) -> str:
    """Why the hub did not do it."""
    if getattr(error, "errno", None) == errno.ENOSPC:
        return "the disk of this server is full"
    causes: list[Any] = [error, error.__cause__]  # what a download raises wraps what the hub said
    status = next((r.status_code for e in causes if (r := getattr(e, "response", None)) is not None), None)
    if status is None:
        return "the hub cannot be reached from here; try again later"
    return STATUS.get(status, f"the hub answers with error {status}; try again later")
