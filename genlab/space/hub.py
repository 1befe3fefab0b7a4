"""Creates or updates a Space, in one commit, with huggingface_hub; its errors become one sentence each."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi
from huggingface_hub.errors import (
    HfHubHTTPError,
    HFValidationError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
)
from huggingface_hub.utils import validate_repo_id

from genlab.config import quote
from genlab.errors import InvalidInput, NotPublished
from genlab.host import MOUNT
from genlab.space.files import APP, Upload, ours

MARK = "genlab/__init__.py"  # by which a Space is known as one of genlab
MESSAGE = "genlab, from its repository"

# The hub's own error derives from OSError and from that of its HTTP library, of which there have been three.
UNREACHABLE: Any = HfHubHTTPError.__bases__


class Plan(NamedTuple):
    """What is asked of the hub."""

    name: str  # user/space
    hardware: str | None = None  # as it is, or the hub's default
    private: bool = False
    storage: str | None = None  # a bucket, user/bucket
    replace: bool = False  # whatever app the Space holds


class Published(NamedTuple):
    """What was done."""

    url: str
    commit: str
    created: bool
    removed: list[str]  # files that an earlier publish had left
    kept: list[str]  # files of the Space that publishing does not own


def check_name(field: str, name: str) -> str:
    """``name`` if it can be a repository's: user/name; InvalidInput if not."""
    try:
        validate_repo_id(name)
    except HFValidationError:
        good = False
    else:
        good = name.count("/") == 1
    if not good:
        raise InvalidInput(
            f"{field} is {quote(name)}; it must be USER/NAME in letters, digits, '-', '_' and '.', "
            "each part beginning and ending with a letter or digit."
        )
    return name


@contextlib.contextmanager
def sentences(name: str) -> Iterator[None]:
    """What the hub refuses, or fails at, about the Space ``name`` becomes NotPublished."""
    try:
        yield
    except LocalTokenNotFoundError:
        raise NotPublished("No token: log in once with 'hf auth login', or set HF_TOKEN.") from None
    except OfflineModeIsEnabled:
        raise NotPublished("HF_HUB_OFFLINE is set: unset it to publish.") from None
    except HfHubHTTPError as error:
        raise NotPublished(_refusal(error, name)) from error
    except UNREACHABLE as error:
        raise NotPublished(f"The hub cannot be reached ({type(error).__name__}); try again later.") from error
    except (ValueError, RuntimeError) as error:  # about the README; of the uploading library
        raise NotPublished(f"The upload failed: {' '.join(str(error).split())}") from error


def _refusal(error: HfHubHTTPError, name: str) -> str:
    status = error.response.status_code
    said = (error.server_message or "").strip().splitlines()
    owner = name.split("/")[0]
    told = {
        400: "The hub refuses the request",
        401: "The hub does not accept the token: log in again with 'hf auth login'",
        402: "The hub asks for a paid plan, or for a payment method, for this hardware or storage",
        403: f"The token may not write to {owner}: it needs the permission to write there",
        404: f"{name} is not there, or this token may not see it",
        409: f"{name} is being changed by somebody else; try again",
        412: f"{name} was changed meanwhile; try again",
        413: "The hub finds the files too large",
        429: "The hub asks to slow down (rate limit); try again in some minutes",
    }.get(status, f"The hub has a problem of its own (status {status}); try again later")
    return f"{told}{': ' + said[0].rstrip('.') if said else ''}."


def publish(root: Path, uploads: list[Upload], plan: Plan, api: HfApi) -> Published:
    """Make the Space ``plan.name`` hold exactly ``uploads``, in one commit.

    Files that are not genlab's, such as .gitattributes, stay as they are.

    Args:
        root: Where the files lie.
        uploads: Their paths and sizes.
        plan: The Space, and what it runs on.
        api: The hub, with its token.

    Raises:
        NotPublished: The hub refuses, cannot be reached, or the Space holds another app.
    """
    with sentences(plan.name):
        _check_owner(plan, api.whoami())
        created = False
        try:
            before = api.space_info(plan.name)
        except RepositoryNotFoundError:
            _create(plan, api)
            before, created = api.space_info(plan.name), True
        there = [sibling.rfilename for sibling in before.siblings or []]
        if not created and APP in there and MARK not in there and not plan.replace:
            raise NotPublished(f"{plan.name} holds another app; --replace puts genlab in its place.")
        if plan.private and not created:
            api.update_repo_settings(plan.name, repo_type="space", private=True)
        here = {upload.path for upload in uploads}
        removed = sorted(path for path in there if ours(path) and path not in here)
        commit = api.create_commit(
            plan.name,
            repo_type="space",
            operations=[
                *(CommitOperationAdd(path, root / path) for path, _ in uploads),
                *(CommitOperationDelete(path) for path in removed),
            ],
            commit_message=MESSAGE,
            parent_commit=before.sha,
        )
        if not created:
            _change(plan, api)
    kept = sorted(set(there) - here - set(removed))
    return Published(f"{api.endpoint}/spaces/{plan.name}", commit.oid, created, removed, kept)


def _check_owner(plan: Plan, user: dict[str, Any]) -> None:
    """NotPublished if the owner of the Space is neither the token's user nor an organization of his."""
    owners = [user.get("name", ""), *(org.get("name", "") for org in user.get("orgs", []))]
    if plan.name.split("/")[0] not in owners:
        raise NotPublished(
            f"The token is of {owners[0]}, who may publish to {', '.join(owners)}; not to {plan.name}."
        )


def _volumes(plan: Plan, api: HfApi) -> list[Any]:
    """The bucket of the plan, made if need be, to be mounted where genlab looks for it."""
    if plan.storage is None:
        return []
    from huggingface_hub import Volume  # not in older versions, which do all the rest

    # Private: whoever knows a job's id may open it, and a public bucket lists them.
    api.create_bucket(plan.storage, private=True, exist_ok=True)
    return [Volume(type="bucket", source=plan.storage, mount_path=MOUNT)]


def _create(plan: Plan, api: HfApi) -> None:
    api.create_repo(
        plan.name,
        repo_type="space",
        space_sdk="gradio",
        private=plan.private or None,
        space_hardware=plan.hardware,  # type: ignore[arg-type]
        space_volumes=_volumes(plan, api) or None,
        exist_ok=True,
    )


def _change(plan: Plan, api: HfApi) -> None:
    """Storage and hardware of a Space that was there, where they are asked for."""
    if plan.storage is not None:
        own = _volumes(plan, api)
        others = [v for v in api.get_space_runtime(plan.name).volumes or [] if v.mount_path != MOUNT]
        api.set_space_volumes(plan.name, [*others, *own])
    if plan.hardware is not None:
        api.request_space_hardware(plan.name, plan.hardware)  # type: ignore[arg-type]
