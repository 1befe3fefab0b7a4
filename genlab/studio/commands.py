"""The command benchmark-studio."""

import argparse
import dataclasses
import sys
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from genlab.checkpoints import write_json
from genlab.config import make
from genlab.flags import add_knobs, chosen, flag
from genlab.studio.benchmark import PUBLISHED, TARGET, BenchmarkConfig, Measured, measure, report

SLOW = "No GPU here: networks of full size take minutes for each of many pictures, in another precision."


def add_commands(commands: Any) -> None:
    """Add benchmark-studio to the subparsers ``commands``."""
    parser = commands.add_parser(
        "benchmark-studio", help="measure what makes Stable Diffusion faster, on random weights"
    )
    parser.set_defaults(run=run_benchmark)
    parser.add_argument("--out", type=Path, help="a .json for all figures")
    add_knobs(parser, BenchmarkConfig)


def run_benchmark(args: argparse.Namespace) -> None:
    """Print the ladder; with --out keep all figures."""
    import torch

    config = make(BenchmarkConfig, chosen(args, BenchmarkConfig))
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    if device.type == "cpu" and not config.model.startswith("tiny"):
        print(SLOW, file=sys.stderr)
    rungs: list[Measured] = []
    for rung in measure(config, device):
        rungs.append(rung)
        print(f"{rung.name}: {rung.seconds:.3g} s, x {rung.ratio:.2f}", file=sys.stderr)
    result = report(config, device, rungs)
    given = "".join(f" {flag(name)} {value}" for name, value in dataclasses.asdict(config).items())
    result["command"] = f"python -m genlab benchmark-studio{given}"
    table = _table(rungs)
    table.title = f"{PUBLISHED[config.model].title}, {config.steps} steps, batch 1, {result['device']}"
    verdict = "met" if result["met"] else "missed"
    table.caption = f"Target {TARGET} x plain with the same picture: {verdict}, {result['best']:.2f} x."
    Console().print(table)
    if args.out:
        write_json(args.out, result)


def _table(rungs: list[Measured]) -> Table:
    table = Table("rung", "s/picture", "it/s", "first, s", "peak GB", "x plain", "difference", "picture")
    said = {True: "same", False: "WRONG", None: "another, on purpose"}
    for rung in rungs:
        table.add_row(
            rung.name,
            f"{rung.seconds:.3g}",
            f"{rung.steps_per_second:.3g}",
            f"{rung.first_seconds:.3g}",
            "-" if rung.peak_gigabytes is None else f"{rung.peak_gigabytes:.2f}",
            f"{rung.ratio:.2f}",
            f"{rung.difference:.1e}",
            said[rung.right],
        )
    return table
