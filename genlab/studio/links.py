"""A setting as it stands in the page's address: names and texts, and back."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from genlab.config import check_choice
from genlab.flags import number
from genlab.studio.axes import Axes, Plan, listed, plan, typed
from genlab.studio.catalog import CATALOG
from genlab.studio.recipe import settings
from genlab.studio.request import TASKS, Request

CHOICES = {f.name for knobs in TASKS.values() for f in fields(knobs) if "options" in f.metadata}
AXES = {name: f"{name}_values" for name in Axes._fields}
TEXTS = {"model", "prompt", "negative_prompt", *AXES, *AXES.values()} | CHOICES


def told(request: Request, axes: Axes | None = None) -> dict[str, Any]:
    """What brings ``request``, or its sheet over ``axes``, back: what differs from the model's own values."""
    own = TASKS[request.task](**vars(CATALOG[request.model].knobs))
    found: dict[str, Any] = {"model": request.model, "prompt": request.prompt}
    if request.negative_prompt:
        found["negative_prompt"] = request.negative_prompt
    found["seed"] = request.seed
    if request.n > 1:
        found["n"] = request.n
    found |= {k: v for k, v in vars(request.knobs).items() if v != getattr(own, k)}
    for letter, axis in axes._asdict().items() if axes else ():
        if axis.name:
            found |= {letter: axis.name, AXES[letter]: typed(axis)}
    return found


def read(task: str, params: Mapping[str, str]) -> Request | Plan:
    """The request of ``task``, or the sheet, that ``params`` tell; InvalidInput names a bad value."""
    model = check_choice("model", params.get("model", "mini-sd"), tuple(CATALOG))
    found = {k: v if k in TEXTS else number(v) for k, v in params.items()}
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
