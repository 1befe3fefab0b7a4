"""What a receipt tells, made again: its calls, by the endpoints of a page of its own."""

import base64
import binascii
import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from genlab import api, calls
from genlab.api.receipts import PASSING, digits_sha256, drawn_by
from genlab.checkpoints import weights_sha256, write_json
from genlab.config import check_choice, check_options
from genlab.errors import InvalidInput
from genlab.ui.app import build_app
from genlab.ui.card import returned_by

MAX_RECEIPT = 2_000_000  # characters
MAX_CALLS = 20


def read(path: Path) -> dict[str, Any]:
    """The receipt in the file ``path``; InvalidInput if it is none."""
    if not path.is_file():
        raise InvalidInput(f"{path.name} is not there.")
    if path.stat().st_size > MAX_RECEIPT:
        raise InvalidInput(f"{path.name} has more than {MAX_RECEIPT:,} characters: it is no receipt.")
    try:
        found = check_options("receipt", json.loads(path.read_text()))
    except (ValueError, RecursionError):
        raise InvalidInput(f"{path.name} is no receipt: it is not JSON.") from None
    made = found.get("calls")
    if not isinstance(made, list) or not 0 < len(made) <= MAX_CALLS:
        raise InvalidInput(f"{path.name} is no receipt: it has no calls.")
    return found


def differences(receipt: dict[str, Any]) -> list[str]:
    """What is not as it was when the receipt was made: other weights are InvalidInput, for they draw other
    pictures; other versions may."""
    then, now = check_options("versions", receipt.get("versions")), calls.versions()
    weights = check_options("weights", receipt.get("weights"))
    for name, sha256 in weights.items():
        here = _here(name)
        if here != sha256:
            raise InvalidInput(
                f"The receipt's {name} has other weights than the one here (sha256 {str(sha256)[:12]}, here "
                f"{here[:12]}): it was another version's, or a visitor's own."
            )
    found = [f"{k} was {then[k]}, is {now.get(k)}" for k in then if then[k] != now.get(k)]
    if receipt.get("digits") not in (None, digits_sha256()):
        found.append("the test digits were others (all of MNIST, or the embedded ones)")
    return found


def _here(name: str) -> str:
    known = {folder.name: folder for folder in api.JOBS.shop.library.folder.iterdir() if folder.is_dir()}
    return weights_sha256(known[check_choice("weights", name, tuple(known))])


@contextlib.contextmanager
def serving(app: gr.Blocks) -> Iterator[Client]:
    """A client of ``app`` on this machine, which nobody else is told of."""
    _, url, _ = app.queue().launch(
        prevent_thread_lock=True,
        quiet=True,
        server_name="127.0.0.1",
        ssr_mode=False,
        show_error=True,
        _frontend=False,  # see ``LAUNCH``
    )
    try:
        with tempfile.TemporaryDirectory(prefix="genlab-") as folder:
            yield Client(url, verbose=False, analytics_enabled=False, download_files=folder)
    finally:
        app.close(verbose=False)


def replay(receipt: dict[str, Any], folder: Path, own: dict[str, Path] | None = None) -> Iterator[str]:
    """Make every call of ``receipt``; yields a line on each.

    Args:
        receipt: What ``read`` has found.
        folder: Gets the pictures, and what else came as JSON, of each call: ``0-pictures-0.png``, ...
        own: Files for the visitor's pictures that were too large for the receipt, by parameter.
    """
    app = build_app()
    returned = {name: found for name, found in returned_by(app).items() if name not in PASSING}
    made = [_checked(told, tuple(returned)) for told in receipt["calls"]]
    folder.mkdir(parents=True, exist_ok=True)
    with serving(app) as client:
        for i, (endpoint, arguments) in enumerate(made):
            with tempfile.TemporaryDirectory(prefix="genlab-") as scratch:
                given = {k: _given(k, v, Path(scratch), own or {}) for k, v in arguments.items()}
                found = _made(client, endpoint, given)
            results = [found] if len(returned[endpoint]) == 1 else found
            for name, result in zip(returned[endpoint], results, strict=True):
                _keep(result, folder, f"{i}-{name}")
            by = ", ".join(drawn_by(endpoint, arguments))
            yield f"/{endpoint}: made again{f', drawn by {by}' if by else ''}"


def _checked(told: Any, known: tuple[str, ...]) -> tuple[str, dict[str, Any]]:
    """Endpoint and arguments of a call in a receipt."""
    call = check_options("call", told)
    endpoint = check_choice("endpoint", call.get("endpoint"), known)
    return endpoint, check_options("arguments", call.get("arguments"))


def _made(client: Client, endpoint: str, arguments: dict[str, Any]) -> Any:
    """What the call returns; InvalidInput if its arguments are none of it, or out of range."""
    try:
        return client.predict(**arguments, api_name=f"/{endpoint}")
    except AppError as error:
        raise InvalidInput(f"/{endpoint} refuses: {error}") from None
    except TypeError as error:  # the client, of a parameter that there is not; it goes on with advice
        raise InvalidInput(f"/{endpoint} refuses: {str(error).partition('. ')[0]}.") from None


def _given(name: str, value: Any, scratch: Path, own: dict[str, Path]) -> Any:
    """An argument as the client wants it."""
    if not isinstance(value, dict) or not value.keys() & {calls.OWN, calls.OWN_SHA256}:
        return value
    if calls.OWN in value:
        path = scratch / "own.png"
        try:
            path.write_bytes(base64.b64decode(value[calls.OWN], validate=True))
        except (binascii.Error, TypeError, ValueError):
            raise InvalidInput(f"{name} in the receipt is no picture.") from None
        return handle_file(path)
    if name not in own:
        raise InvalidInput(
            f"The receipt holds {name} by its sha256 alone; give the file: --file {name}=PATH."
        )
    if calls.Own(own[name].read_bytes()).sha256 != value[calls.OWN_SHA256]:
        raise InvalidInput(f"{name} is another picture than that of the receipt: its sha256 differs.")
    return handle_file(own[name])


def _keep(result: Any, folder: Path, name: str) -> None:
    """A result in ``folder``: pictures as they came, the rest as JSON."""
    if isinstance(result, str) and Path(result).suffix == ".png":
        shutil.copyfile(result, folder / f"{name}.png")
    elif isinstance(result, list) and all(isinstance(one, dict) and "image" in one for one in result):
        for k, one in enumerate(result):
            shutil.copyfile(one["image"], folder / f"{name}-{k}.png")
    else:
        write_json(folder / f"{name}.json", result)
