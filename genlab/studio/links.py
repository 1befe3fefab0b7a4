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
from genlab.studio.sheets import Axes, axis, listed, typed

KEY = "studio"  # its value is the task
CHOICES = {f.name for knobs in TASKS.values() for f in fields(knobs) if "options" in f.metadata}
AXES = {name: f"{name}_values" for name in Axes._fields}
TEXTS = {"model", "prompt", "negative_prompt", *AXES, *AXES.values()} | CHOICES


def query(request: Request, axes: Axes | None = None) -> str:
    """The query that brings ``request``, or its sheet over ``axes``, back: what differs from the model's
    own values."""
    own = CATALOG[request.model].knobs
    told: dict[str, Any] = {KEY: request.task, "model": request.model, "prompt": request.prompt}
    if request.negative_prompt:
        told["negative_prompt"] = request.negative_prompt
    told["seed"] = request.seed
    if request.n > 1:
        told["n"] = request.n
    values = vars(request.knobs)
    told |= {k: v for k, v in values.items() if v != getattr(own, k, None)}
    for letter, one in axes._asdict().items() if axes else ():
        if one.name:
            told |= {letter: one.name, AXES[letter]: typed(one)}
    return urlencode(told)


def read(params: Mapping[str, str]) -> tuple[Request, Axes | None] | None:
    """The request in the query ``params``, and its axes if it is of a sheet; None where there is none.

    InvalidInput names a bad value.
    """
    if KEY not in params:
        return None
    task = check_choice(KEY, params[KEY], tuple(TASKS))
    model = check_choice("model", params.get("model", "mini-sd"), tuple(CATALOG))
    found = {k: v if k in TEXTS else number(v) for k, v in params.items() if k != KEY}
    request = settings(vars(CATALOG[model].knobs) | found | {"task": task, "model": model})
    if "n" in found:
        request = request.change(n=found["n"])
    return request, _axes(params, request)


def _axes(params: Mapping[str, str], request: Request) -> Axes | None:
    if AXES.keys().isdisjoint(params):
        return None
    names = {letter: params.get(letter, "") for letter in AXES}
    return Axes(
        *(
            axis(request, name, listed(name, params.get(AXES[letter], "")) if name else None)
            for letter, name in names.items()
        )
    )
