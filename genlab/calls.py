"""A call of an endpoint, written down: in Python, for curl, and as a receipt that makes the same again."""

import base64
import hashlib
import json
from importlib.metadata import PackageNotFoundError, version
from typing import Any, NamedTuple

from genlab import __version__

LIBRARIES = ("torch", "diffusers", "transformers", "gradio")  # what the same pixels may depend on
OWN, OWN_SHA256 = "png", "sha256"  # of a visitor's picture in a receipt
MAX_KEPT = 100_000  # bytes of a picture in a receipt; of a larger one it tells the sha256
SHOWN = {  # what a snippet prints of each thing that an endpoint returns
    "pictures": 'print(pictures[0]["image"])',
    "picture": "print(picture)",
    "x_t": "print(x_t)",
    "numbers": "print(str(numbers)[:500])",
}


class Own(NamedTuple):
    """A visitor's own picture, as an argument: a file of his."""

    png: bytes

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.png).hexdigest()


class Call(NamedTuple):
    """An endpoint, and JSON values for its parameters; ``Own`` where a parameter is a file."""

    endpoint: str
    arguments: dict[str, Any]


def call(endpoint: str, **arguments: Any) -> Call:
    """A call; what is None or empty is left to the endpoint."""
    return Call(endpoint, {k: v for k, v in arguments.items() if v is not None and v != ""})


def files(found: Call) -> dict[str, Own]:
    """The arguments that are files."""
    return {k: v for k, v in found.arguments.items() if isinstance(v, Own)}


def snippet(calls: list[Call], returned: dict[str, tuple[str, ...]], url: str) -> str:
    """A Python program that makes ``calls`` at the server ``url``.

    Args:
        calls: One or more.
        returned: What each endpoint returns, by name: "pictures", "picture", "x_t", "numbers".
        url: The address of the page.
    """
    handled = ", handle_file" if any(map(files, calls)) else ""
    lines = [f"from gradio_client import Client{handled}", "", f'client = Client("{url}")']
    for found in calls:
        given = "".join(f"    {k}={_written(k, v)},\n" for k, v in found.arguments.items())
        names = returned[found.endpoint]
        lines.append(f'{", ".join(names)} = client.predict(\n{given}    api_name="/{found.endpoint}",\n)')
        lines += [SHOWN[name] for name in names]
    return "\n".join(lines)


def _written(name: str, value: Any) -> str:
    if isinstance(value, Own):
        return f'handle_file("{name}.png")'
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)


def curl(calls: list[Call], url: str) -> str:
    """Shell commands that make ``calls``: each event is made by one request and heard by another."""
    lines = []
    for found in calls:
        sent = found.arguments | {
            name: {"path": f"${name}", "meta": {"_type": "gradio.FileData"}} for name in files(found)
        }
        body = json.dumps(sent).replace("'", "\\u0027")
        for name in files(found):
            lines.append(f"{name}=$(curl -s -F files=@{name}.png {url}gradio_api/upload | cut -d'\"' -f2)")
            body = body.replace(f'"${name}"', f"\"'${name}'\"")  # the shell puts the file's path in
        where = f"{url}gradio_api/call/v2/{found.endpoint}"
        lines += [
            f"event=$(curl -s {where} -H 'Content-Type: application/json' -d '{body}' | cut -d'\"' -f4)",
            f"curl -sN {where}/$event",
        ]
    return "\n".join(lines)


def versions() -> dict[str, str]:
    """Of this package and of the libraries that draw."""
    found = {"genlab": __version__}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def receipt(calls: list[Call], weights: dict[str, str], digits: str | None = None) -> dict[str, Any]:
    """All that is needed to make the same pixels again, as JSON.

    Args:
        calls: What was called; a visitor's own pictures go into it as they are.
        weights: sha256 of the weights that drew, by their names.
        digits: sha256 of the test digits, where the calls depend on them.
    """
    told = [
        {"endpoint": c.endpoint, "arguments": {k: _kept(v) for k, v in c.arguments.items()}} for c in calls
    ]
    data = {"digits": digits} if digits else {}
    return {"calls": told, "weights": weights, **data, "versions": versions()}


def _kept(value: Any) -> Any:
    if not isinstance(value, Own):
        return value
    if len(value.png) > MAX_KEPT:
        return {OWN_SHA256: value.sha256}
    return {OWN: base64.b64encode(value.png).decode()}
