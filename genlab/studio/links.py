"""A setting as a short link: the query of the page's address, and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any
from urllib.parse import urlencode

from genlab.config import check_choice
from genlab.flags import number
from genlab.studio.axes import Axes, Plan, listed, plan, typed
from genlab.studio.catalog import CATALOG
from genlab.studio.recipe import settings
from genlab.studio.request import TASKS, Request

KEY = "studio"  # its value is the task
CHOICES = {f.name for knobs in TASKS.values() for f in fields(knobs) if "options" in f.metadata}
AXES = {name: f"{name}_values" for name in Axes._fields}
TEXTS = {"model", "prompt", "negative_prompt", *AXES, *AXES.values()} | CHOICES


def query(request: Request, axes: Axes | None = None) -> str:
    """The query that brings ``request``, or its sheet over ``axes``, back: what differs from the model's
    own values."""
    own = TASKS[request.task](**vars(CATALOG[request.model].knobs))
    told: dict[str, Any] = {KEY: request.task, "model": request.model, "prompt": request.prompt}
    if request.negative_prompt:
        told["negative_prompt"] = request.negative_prompt
    told["seed"] = request.seed
    if request.n > 1:
        told["n"] = request.n
    told |= {k: v for k, v in vars(request.knobs).items() if v != getattr(own, k)}
    for letter, axis in axes._asdict().items() if axes else ():
        if axis.name:
            told |= {letter: axis.name, AXES[letter]: typed(axis)}
    return urlencode(told)


def read(params: Mapping[str, str]) -> Request | Plan | None:
    """The request, or the sheet, in the query ``params``; None where there is none.

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
    if AXES.keys().isdisjoint(params):
        return request
    return plan(request, *(_axis(params, letter) for letter in AXES))


def _axis(params: Mapping[str, str], letter: str) -> tuple[Any, Any]:
    """The name and the values of an axis; None and None where there is none."""
    if letter not in params:
        return None, None
    return params[letter], listed(params[letter], params.get(AXES[letter], ""))
