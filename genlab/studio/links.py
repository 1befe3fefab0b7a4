"""A setting as a short link: the query of the page's address, and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlencode

from genlab.config import check_choice
from genlab.flags import number
from genlab.studio.catalog import CATALOG
from genlab.studio.recipe import settings
from genlab.studio.request import TASKS, Request

KEY = "studio"  # its value is the task
CHOICES = {f.name for knobs in TASKS.values() for f in fields(knobs) if "options" in f.metadata}
TEXTS = {"model", "prompt", "negative_prompt"} | CHOICES


def query(request: Request) -> str:
    """The query that brings ``request`` back: what differs from the model's own values."""
    own = CATALOG[request.model].knobs
    told: dict[str, Any] = {KEY: request.task, "model": request.model, "prompt": request.prompt}
    if request.negative_prompt:
        told["negative_prompt"] = request.negative_prompt
    told["seed"] = request.seed
    if request.n > 1:
        told["n"] = request.n
    values = vars(request.knobs)
    told |= {k: v for k, v in values.items() if v != getattr(own, k, None)}
    return urlencode(told)


def read(params: Mapping[str, str]) -> Request | None:
    """The request in the query ``params``, None where there is none; InvalidInput names a bad value."""
    if KEY not in params:
        return None
    task = check_choice(KEY, params[KEY], tuple(TASKS))
    model = check_choice("model", params.get("model", "mini-sd"), tuple(CATALOG))
    found = {k: v if k in TEXTS else number(v) for k, v in params.items() if k != KEY}
    request = settings(vars(CATALOG[model].knobs) | found | {"task": task, "model": model})
    return request.change(n=found["n"]) if "n" in found else request
