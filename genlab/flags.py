"""Command-line flags out of Config fields, and progress bars for iterators."""

import argparse
import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from genlab.events import Event, Started, Step, Unsaved

I = TypeVar("I")  # noqa: E741

LOG_SECONDS = 60


def number(text: str) -> Any:
    """A number where ``text`` is one; else the text, which the check of its field then refuses."""
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def add_knobs(parser: argparse.ArgumentParser, config_type: Any, defaults: Any = None) -> None:
    """A flag for every field of a Config, with its default, range and help."""
    for field in dataclasses.fields(config_type):
        meta = field.metadata
        default = getattr(defaults, field.name, field.default)
        allowed = ", ".join(meta["options"]) if "options" in meta else f"{meta['lo']:g} to {meta['hi']:g}"
        parser.add_argument(
            flag(field.name),
            dest=field.name,
            type=str if "options" in meta else number,
            metavar=field.name.upper(),
            help=f"{meta['help']} ({allowed}; default {default})".replace("%", "%%"),
        )


def flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def chosen(args: argparse.Namespace, *config_types: Any) -> dict[str, Any]:
    """The fields of ``config_types`` that were given on the command line."""
    names = [f.name for config_type in config_types for f in dataclasses.fields(config_type)]
    return {name: value for name in names if (value := getattr(args, name, None)) is not None}


def command_line(args: argparse.Namespace, given: dict[str, Any]) -> str:
    """The command that does this again."""
    flags = "".join(f" {flag(k)} {v}" for k, v in given.items())
    return f"python -m genlab {args.command} {args.name}{flags}"


def progress_bar() -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=Console(stderr=True))


def counted(items: Iterator[I], total: int, done: Callable[[I], int]) -> Iterator[I]:
    """Pass ``items`` on under a bar; ``done`` tells how many of ``total`` are made after one."""
    with progress_bar() as bar:
        task = bar.add_task("pictures", total=total)
        for item in items:
            bar.update(task, completed=done(item))
            yield item


def watched(events: Iterator[Event], total: int) -> Iterator[Event]:
    """Pass the events of a training on, showing step, time left, speed and the latest metrics.

    Where there is no terminal to draw a bar on, such as in a log, it is one line a minute.
    """
    with progress_bar() as bar:
        task, told = bar.add_task("", total=total), time.monotonic()
        for event in events:
            if isinstance(event, Unsaved):
                bar.console.print(f"{event.reason} The training goes on without.", soft_wrap=True)
            if isinstance(event, Started):
                bar.update(task, completed=event.first_step)
            if isinstance(event, Step):
                shown = "  ".join(f"{k} {v:.3g}" for k, v in event.metrics.items())
                speed = f"{event.images_per_second:.0f} images/s"
                bar.update(task, completed=event.step, description=f"{speed}  {shown}")
                if not bar.console.is_terminal and time.monotonic() - told > LOG_SECONDS:
                    bar.console.print(f"{event.step}/{total}  {speed}  {shown}", soft_wrap=True)
                    told = time.monotonic()
            yield event
