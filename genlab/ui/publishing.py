"""How a plain method becomes a documented endpoint: its parameters, their help, its errors."""

import contextlib
import dataclasses
import inspect
import re
import typing
from collections.abc import AsyncIterator, Callable, Iterator
from functools import lru_cache
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.components.api_component import Api
from gradio_client.utils import python_type_to_json_schema

from genlab.config import Config, span
from genlab.models import FIRST, MODELS
from genlab.ui.card import sentence

# Limits, the same for every member. A training holds no thread of the server: its line is the jobs' own.
GROUPS = {
    "sampling": 4,
    "measuring": 2,
    "studio": 8,
    "hub": 2,
    "jobs": 4,
    "training": None,
    "following": None,
}

TEST_IMAGES = "0 to 9999 (0 to 499 where only the embedded digits are at hand)"

Knobs = dict[str, tuple[type, str]]  # type and description of parameters, by name


@lru_cache(maxsize=1)
def sampling_knobs() -> Knobs:
    """Every sampling knob of every family, from the fields that declare them."""
    variants: dict[str, list[tuple[dataclasses.Field, list[str]]]] = {}  # flow has other samplers than ddpm
    for name, family in MODELS.items():
        for field in dataclasses.fields(family.Sampling):
            known = variants.setdefault(field.name, [])
            same = next(
                (o for f, o in known if (f.metadata, f.default) == (field.metadata, field.default)), None
            )
            if same is None:
                known.append((field, [name]))
            else:
                same.append(name)
    return {
        name: (type(known[0][0].default), " ".join(knob_help(f, owners) for f, owners in known))
        for name, known in variants.items()
    }


def knobs_of(config_type: type[Config], empty: str | None = None) -> Knobs:
    """The fields of one config; ``empty`` tells what an empty one means, where it is not the default."""
    return {f.name: (type(f.default), knob_help(f, empty=empty)) for f in dataclasses.fields(config_type)}


def knob_help(field: dataclasses.Field, owners: list[str] | None = None, empty: str | None = None) -> str:
    meta = field.metadata
    allowed = " or ".join(meta["options"]) if "options" in meta else span(meta["lo"], meta["hi"])
    only = f"; {', '.join(owners)} only" if owners else ""
    return f"{meta['help']} ({allowed}{only}); empty {empty or f'for {field.default}'}."


def spelled_out(fn: Callable[..., Any], knobs: Knobs) -> inspect.Signature:
    """The signature of ``fn``, its ``**knobs`` replaced by those of ``knobs``."""
    signature, hints = inspect.signature(fn), typing.get_type_hints(fn)
    found: list[inspect.Parameter] = []
    for parameter in signature.parameters.values():
        if parameter.kind is not inspect.Parameter.VAR_KEYWORD:
            found.append(parameter.replace(annotation=hints[parameter.name]))
            continue
        found += [
            inspect.Parameter(name, parameter.POSITIONAL_OR_KEYWORD, default=None, annotation=kind | None)
            for name, (kind, _) in knobs.items()
        ]
    return signature.replace(parameters=found)


@contextlib.contextmanager
def told() -> Iterator[None]:
    """Errors as one sentence for the caller, never as a traceback."""
    try:
        yield
    except Exception as error:
        raise gr.Error(sentence(error), print_exception=False) from error


def spoken(fn: Callable[..., Any], signature: inspect.Signature, helps: dict[str, str]) -> Callable[..., Any]:
    """``fn`` called by position, its errors told in a sentence."""

    def stream(*args: Any) -> Iterator[Any]:
        with told():
            found = fn(**signature.bind(*args).arguments)
            if inspect.isgenerator(found):
                yield from found
            else:
                yield found

    async def follow(*args: Any) -> AsyncIterator[Any]:
        with told():
            async with contextlib.aclosing(fn(**signature.bind(*args).arguments)) as found:
                async for item in found:
                    yield item

    call: Any = follow if inspect.isasyncgenfunction(fn) else stream
    call.__signature__ = signature  # where gradio looks for gr.Request
    call.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    summary, _, _ = (inspect.getdoc(fn) or "").partition("Args:\n")
    args = [f"    {name}: {helps[name]}" for name in signature.parameters if name in helps]
    call.__name__, call.__doc__ = fn.__name__, "\n".join([summary.rstrip(), "", "Args:", *args])  # for MCP
    return call


def parameter_help(fn: Callable[..., Any], knobs: Knobs) -> dict[str, str]:
    """The docstring's "Args:", by name, and the help of ``knobs``."""
    _, _, args = (inspect.getdoc(fn) or "").partition("Args:\n")
    lists = {
        "models": [*MODELS],
        "first": FIRST,
        "conditional": [n for n, f in MODELS.items() if f.conditional],
    }
    for word, names in lists.items():
        args = args.replace(f"{{{word}}}", ", ".join(names))
    args = args.replace("{test}", TEST_IMAGES)
    return {name: text for name, (_, text) in knobs.items()} | dict(
        re.findall(r"^    (\w+): (.*)$", args, re.M)
    )


def input_of(name: str, parameter: inspect.Parameter, help: str) -> Component:
    """The input of one parameter: a file for ``bytes``, else any JSON value of the hinted type."""
    default = None if parameter.default is inspect.Parameter.empty else parameter.default
    if parameter.annotation == bytes | None:
        file = gr.File(default, type="binary", visible=False, label=f"parameter {name}")
        schema = file.api_info() | {"additional_description": f"{help} From Python: handle_file(path)."}
        file.api_info = lambda: schema  # type: ignore[method-assign]  # gradio's own says nothing of ours
        return file
    schema = python_type_to_json_schema(parameter.annotation)
    return Api(default, schema | {"additional_description": help}, f"parameter {name}")


def publish(
    fn: Callable[..., Any],
    outputs: list[Component],
    group: str,
    knobs: type[Config] | None = None,
    shared: Knobs | None = None,
    empty: str | None = None,
) -> None:
    """Make ``fn`` the endpoint of its name.

    Args:
        fn: Its ``**knobs``, where it has them, become a parameter each.
        outputs: Where its results go.
        group: A key of ``GROUPS``.
        knobs: The config that declares the knobs.
        shared: Further parameters that several endpoints have, before the knobs. Without these and
            ``knobs``, the sampling knobs of all families.
        empty: What an empty knob means, where it is not the config's default.
    """
    found = dict(shared or {})
    if knobs or shared is None:
        found |= knobs_of(knobs, empty) if knobs else sampling_knobs()
    signature, helps = spelled_out(fn, found), parameter_help(fn, found)
    gr.on(
        [],
        spoken(fn, signature, helps),
        [
            input_of(name, parameter, helps.get(name, ""))
            for name, parameter in signature.parameters.items()
            if parameter.annotation is not gr.Request
        ],
        outputs,
        api_name=fn.__name__,
        concurrency_id=group,
        concurrency_limit=GROUPS[group],
    )
