"""The command race."""

import argparse
import dataclasses
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from genlab.config import make
from genlab.errors import InvalidInput
from genlab.flags import add_knobs, chosen, flag, progress_bar
from genlab.models import MODELS
from genlab.race.entry import Race, check_families, prepare
from genlab.race.events import Looked, RaceConfig, RaceEvent
from genlab.race.record import RaceRecord

OUT = Path("runs/race")


def add_commands(commands: Any) -> None:
    """Add race to the subparsers ``commands``."""
    parser = commands.add_parser("race", help="train several families side by side at equal compute time")
    parser.set_defaults(run=run_race)
    parser.add_argument("families", nargs="+", metavar="NAME", help=f"two or more of {', '.join(MODELS)}")
    parser.add_argument("--out", type=Path, default=OUT, help=f"folder of the results (default {OUT})")
    add_knobs(parser, RaceConfig)


def run_race(args: argparse.Namespace) -> None:
    """Race; write the record, the film and every family's weights, and print how it ended."""
    from genlab.data import load_mnist
    from genlab.evaluation import load_reference
    from genlab.library import Library

    names = check_families(args.families)
    config = make(RaceConfig, chosen(args, RaceConfig))
    folder = _folder(args.out)
    library = Library()
    judge, reference = library.classifier(), load_reference(library.folder / "classifier")
    running = prepare(names, config, load_mnist("train"), judge, reference)
    record = RaceRecord(names, config)
    try:
        for event in _watched(running.events, record):
            record.take(event)
    except KeyboardInterrupt:
        print("Interrupted; nothing of this race is kept.", file=sys.stderr)
        sys.exit(130)
    _keep(running, record, folder)
    Console().print(_table(record))
    if record.nearest:
        print(f"{MODELS[record.nearest[0]].card.title} came nearest to real digits.")
    print(f"Saved in {folder}.")


def _folder(path: Path) -> Path:
    """The folder of the results, made before the race and not after it."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InvalidInput(f"out is {str(path)!r}; it must be a folder that can be written to.") from error
    return path


def _keep(race: Race, record: RaceRecord, folder: Path) -> None:
    from genlab import checkpoints
    from genlab.race import files, film

    flags = "".join(f" {flag(name)} {value}" for name, value in dataclasses.asdict(race.config).items())
    command = f"python -m genlab race {' '.join(race.models)}{flags}"
    files.save(record, folder, {"command": command})
    film.write_gif(record, folder / "race.gif")
    for name, model in race.models.items():
        standing = record.families[name]
        made = {"command": command, "data": record.data, "steps": standing.step, "seconds": standing.seconds}
        checkpoints.save(name, model, folder / name, made)


def _watched(events: Iterator[RaceEvent], record: RaceRecord) -> Iterator[RaceEvent]:
    """Pass the events on under a bar for each family, or as a line for each look where there is no terminal.

    Seconds are counted in whole ones.
    """
    budget = record.config.seconds
    with progress_bar() as bar:
        tasks = {name: bar.add_task(name, total=budget) for name in record.families}
        for event in events:
            yield event
            for name, task in tasks.items():
                seconds = min(record.families[name].seconds, budget)
                bar.update(task, completed=seconds, description=_line(record, name))
            if isinstance(event, Looked) and not bar.console.is_terminal:
                bar.console.print(_line(record, event.frame.name), soft_wrap=True)


def _line(record: RaceRecord, name: str) -> str:
    standing = record.families[name]
    distance = f"  distance {standing.frames[-1].frechet:.4g}" if standing.frames else ""
    looking = "  looking ..." if record.looking == name else ""
    return f"{name}  {standing.seconds:.3g} s  step {standing.step}{distance}{looking}"


def _table(record: RaceRecord) -> Table:
    table = Table("family", "", "steps", "images seen", "compute, s", "distance", "x floor")
    for name, standing in record.families.items():
        distance = standing.frames[-1].frechet
        table.add_row(
            MODELS[name].card.title,
            standing.state,
            f"{standing.step:,}",
            f"{standing.images_seen:,}",
            f"{standing.seconds:.3g}",
            f"{distance:.4g}",
            f"{distance / record.floor:.3g}" if record.floor else "-",
        )
    table.title = f"{record.config.seconds:g} s of compute for each family"
    table.caption = (
        f"Frechet distance of {record.config.samples} samples to the 10,000 test digits; "
        f"floor {record.floor:.4g}: as many training digits."
    )
    return table
