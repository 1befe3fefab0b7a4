"""How a plain method becomes a documented endpoint: its parameters, their help, its errors."""

import dataclasses
import inspect
import re
import typing
from collections.abc import Callable, Iterator
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.components.api_component import Api
from gradio_client.utils import python_type_to_json_schema

from genlab.models import MODELS
from genlab.ui.card import sentence

GROUPS = {"sampling": 4, "measuring": 2, "training": 4}  # limits, the same for every member


def sampling_knobs() -> dict[str, tuple[type, str]]:
    """Type and description of every sampling knob of every family, from the fields that declare them."""
    owners: dict[str, list[str]] = {}
    fields: dict[str, dataclasses.Field] = {}
    for name, family in MODELS.items():
        for field in dataclasses.fields(family.Sampling):
            owners.setdefault(field.name, []).append(name)
            fields.setdefault(field.name, field)
    return {name: (type(f.default), knob_help(f, owners[name])) for name, f in fields.items()}


def knob_help(field: dataclasses.Field, owners: list[str]) -> str:
    meta = field.metadata
    allowed = " or ".join(meta["options"]) if "options" in meta else f"{meta['lo']:g} to {meta['hi']:g}"
    return f"{meta['help']} ({allowed}; {', '.join(owners)} only); empty for {field.default}."


def spelled_out(fn: Callable[..., Any]) -> inspect.Signature:
    """The signature of ``fn``, its ``**knobs`` replaced by all sampling knobs."""
    signature, hints = inspect.signature(fn), typing.get_type_hints(fn)
    found: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            found.append(parameter.replace(annotation=hints[parameter.name]))
            continue
        found += [
            inspect.Parameter(name, parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind | None)
            for name, (kind, _) in sampling_knobs().items()
        ]
    return signature.replace(parameters=found)


def spoken(fn: Callable[..., Any]) -> Callable[..., Any]:
    """``fn`` called by position; errors reach the caller as one sentence, never as a traceback."""
    signature = spelled_out(fn)

    def stream(*args: Any) -> Iterator[Any]:
        try:
            found = fn(**signature.bind(*args).arguments)
            if inspect.isgenerator(found):
                yield from found
            else:
                yield found
        except Exception as error:
            raise gr.Error(sentence(error), print_exception=False) from error

    stream.__signature__ = signature  # type: ignore[attr-defined]  # where gradio looks for gr.Request
    stream.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    stream.__name__, stream.__doc__ = fn.__name__, fn.__doc__
    return stream


def parameter_help(fn: Callable[..., Any]) -> dict[str, str]:
    """The docstring's "Args:", by name, and the help of the sampling knobs."""
    _, _, args = (inspect.getdoc(fn) or "").partition("Args:\n")
    conditional = ", ".join(name for name, family in MODELS.items() if family.conditional)
    args = args.replace("{models}", ", ".join(MODELS)).replace("{conditional}", conditional)
    knobs = {name: text for name, (_, text) in sampling_knobs().items()}
    return knobs | dict(re.findall(r"^    (\w+): (.*)$", args, re.M))


def inputs_of(fn: Callable[..., Any]) -> list[Component]:
    """An input for every parameter, typed by its hint and described by its help."""
    helps = parameter_help(fn)
    found: list[Component] = []
    for name, parameter in spelled_out(fn).parameters.items():
        if parameter.annotation is gr.Request:
            continue
        default = None if parameter.default is inspect.Parameter.empty else parameter.default
        schema = python_type_to_json_schema(parameter.annotation)
        found.append(
            Api(default, schema | {"additional_description": helps.get(name, "")}, f"parameter {name}")
        )
    return found


def publish(fn: Callable[..., Any], outputs: list[Component], group: str) -> None:
    """Make ``fn`` the endpoint of its name."""
    gr.on(
        [],
        spoken(fn),
        inputs_of(fn),
        outputs,
        api_name=fn.__name__,
        preprocess=False,
        concurrency_id=group,
        concurrency_limit=GROUPS[group],
    )
