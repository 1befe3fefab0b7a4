"""The command leaderboard."""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

from genlab.config import MAX_SEED, check_choice, check_number
from genlab.errors import DataUnavailable, InvalidInput
from genlab.flags import counted, number
from genlab.leaderboard import board, rows, text
from genlab.leaderboard.entries import RUNS, Entry, entries
from genlab.leaderboard.rows import Judge

STATE = RUNS / "leaderboard"


def add_commands(commands: Any) -> None:
    """Add leaderboard to the subparsers ``commands``."""
    parser = commands.add_parser(
        "leaderboard", help="measure every shipped model by one protocol; interrupted, it goes on"
    )
    parser.set_defaults(run=run_leaderboard)
    parser.add_argument("--n", type=number, default=10_000, help="samples of a row (default 10000)")
    parser.add_argument("--seeds", type=number, nargs="+", default=[0, 1, 2], help="default 0 1 2")
    names = ", ".join(entries())
    parser.add_argument(
        "--models", nargs="*", help=f"measure these only, of {names} (default all; empty: none)"
    )
    parser.add_argument("--write", action="store_true", help="keep the board in weights/ and in README.md")


def run_leaderboard(args: argparse.Namespace) -> None:
    """Measure what is missing, on one thread; print the board, and with --write keep it."""
    import torch

    from genlab import checkpoints, evaluation
    from genlab.data import load_mnist
    from genlab.library import Library

    n = int(check_number("n", args.n, 100, evaluation.N, whole=True))
    seeds = [int(check_number("seeds", seed, 0, MAX_SEED, whole=True)) for seed in args.seeds]
    if len(set(seeds)) < len(seeds):
        raise InvalidInput("seeds names one twice; each must be another.")
    known = entries()
    wanted = tuple(known) if args.models is None else args.models
    names = [check_choice("models", name, tuple(known)) for name in wanted]
    torch.set_num_threads(1)
    library = Library()
    folder = library.folder / "classifier"
    judge = Judge(
        library.classifier(),
        checkpoints.weights_sha256(folder),
        evaluation.load_reference(folder),
        load_mnist("train"),
        load_mnist("test"),
    )

    if args.write and not (judge.train.complete and judge.test.complete):
        raise DataUnavailable("The board that ships is measured on full MNIST, which is not here.")

    def assembled() -> board.Board:
        old = board.read(library.folder)
        return board.assemble(known, judge, old, n=n, seeds=seeds, state=STATE, folder=folder)

    for name in names:
        for seed in seeds:
            if fill(known[name], n, seed, judge, board.read(library.folder)) and args.write:
                keep(assembled(), library.folder)
    found = assembled()
    if args.write:
        keep(found, library.folder)
    print(text.table(found))


def fill(entry: Entry, n: int, seed: int, judge: Judge, old: board.Board) -> bool:
    """Measure one row if nobody has; was there anything to do?"""
    head = rows.head_of(entry, n, seed, judge.sha256)
    if rows.complete(board.known_row(entry, head, STATE, old)):
        return False
    if not entry.present:  # a baseline's weights do not ship: its recipe makes them
        subprocess.run([sys.executable, "-m", "genlab", *shlex.split(entry.command)], check=True)
        return fill(entry, n, seed, judge, old)
    print(f"{entry.name}, seed {seed}", file=sys.stderr)
    steps = rows.measure(entry, head, judge, STATE)
    for _ in counted(steps, n, lambda step: step.get("sampled", n)):
        pass
    return True


def keep(found: board.Board, weights: Path) -> None:
    """Write the board as JSON and Markdown beside the weights, and its table into the README."""
    from genlab import checkpoints

    checkpoints.write_json(board.path_of(weights), found)
    checkpoints.write_bytes(weights / "LEADERBOARD.md", text.page(found).encode())
    readme = weights.parent / "README.md"
    checkpoints.write_bytes(readme, text.replaced(readme.read_text(), text.table(found)).encode())
