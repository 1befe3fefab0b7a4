"""What may be in a request, checked before gradio reads it: gradio trusts its own page."""

import json
import os
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from gradio.data_classes import CancelBody, PredictBody, ResetBody
from gradio.utils import get_upload_folder
from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData, Headers, UploadFile

from genlab.ui.gate.traffic import Refused

MAX_DEPTH = 32  # of lists within lists: gradio walks through them recursively
MAX_LAYERS = 8  # of a drawing pad: gradio makes room for as many as a request says
SESSION = re.compile(r"[A-Za-z0-9_-]{1,64}")
MODELS: dict[str, type[BaseModel]] = {"cancel": CancelBody, "reset": ResetBody}
MISFIT = 'The request does not fit this call; the page\'s "Use via API" tells what does.'


def read_json(body: bytes) -> dict[str, Any]:
    """The JSON object in ``body``, every part of it fit to be walked through, copied and sent back."""
    try:
        found = json.loads(body)
        check_parts(found)
    except (ValueError, RecursionError):  # UnicodeError is a ValueError
        raise Refused(400, "The body of the request is no JSON that can be read here.") from None
    if not isinstance(found, dict):
        raise Refused(400, "The body of the request must be a JSON object.")
    return found


def check_parts(value: Any, depth: int = 0) -> None:
    """Walk through a value of JSON; ValueError if it is too deep or has half a character in it."""
    if depth > MAX_DEPTH:
        raise ValueError
    if isinstance(value, str):
        value.encode()
    elif isinstance(value, list):
        for part in value:
            check_parts(part, depth + 1)
    elif isinstance(value, dict):
        check_file(value)
        for key, part in value.items():
            key.encode()
            check_parts(part, depth + 1)


def check_file(value: dict[str, Any]) -> None:
    """What gradio would take for a file must be one that it has been sent, and no address to fetch."""
    meta = value.get("meta")
    if not isinstance(meta, dict) or meta.get("_type") != "gradio.FileData":
        return
    if served(value.get("path")) is None:
        raise Refused(400, "A file must be uploaded before a call names it; no address or path is read.")
    names = (value.get(key) for key in ("url", "orig_name", "mime_type"))
    if not all(name is None or isinstance(name, str) for name in names):
        raise Refused(400, MISFIT)


def served(path: Any) -> str | None:
    """The file itself if ``path`` names one that was uploaded or made for a visitor, links followed."""
    try:
        found = os.path.realpath(path)
        inside = os.path.commonpath([found, folder := os.path.realpath(get_upload_folder())]) == folder
        return found if inside and os.path.isfile(found) else None
    except (ValueError, TypeError, OSError):  # NUL, no string, a name longer than the system knows
        return None


def check_host(headers: Headers) -> None:
    """Gradio builds addresses of what the request calls its host."""
    for name in ("host", "x-forwarded-host"):
        try:
            urlsplit(f"//{headers.get(name, '')}").port  # noqa: B018  # ValueError if it is none
        except ValueError:
            raise Refused(400, "The request names no host.") from None


def check_session(value: Any) -> str:
    """The name that a visitor's browser or client gives itself."""
    if not isinstance(value, str) or not SESSION.fullmatch(value):
        raise Refused(400, "session_hash must be 1 to 64 letters, digits, - and _.")
    return value


def check_model(body: Mapping[str, Any], model: type[BaseModel] = PredictBody) -> None:
    """The fields that gradio declares, of their types; pydantic would quote what is not."""
    try:
        model.model_validate(body)
    except ValidationError:
        raise Refused(400, MISFIT) from None


def check_strokes(form: FormData, editors: set[int]) -> None:
    """What a drawing pad sends: one picture, as a layer of few; nothing else calls into a component."""
    index, files = form.get("index"), [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
    fits = (
        form.get("fn_name") == "accept_blobs"
        and str(form.get("component_id")) in map(str, editors)
        and form.get("type") in ("layer", "background", "composite")
        and isinstance(form.get("id"), str)
        and (index in ("", "null", None) or (str(index).isdecimal() and int(str(index)) < MAX_LAYERS))
        and len(files) == 1
    )
    if not fits:
        raise Refused(400, MISFIT)
