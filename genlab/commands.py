"""The commands half and replay: what is kept, made smaller or made again."""

import argparse
import sys
from pathlib import Path
from typing import Any

from genlab.errors import InvalidInput

OUT = Path("runs/replay")


def add_commands(commands: Any) -> None:
    """Add both to the subparsers ``commands``."""
    half = commands.add_parser("half", help="store weights in half precision: files of half the size")
    half.set_defaults(run=run_half)
    half.add_argument("folder", type=Path, help="where the weights are")
    again = commands.add_parser("replay", help="make the pixels of a receipt again")
    again.set_defaults(run=run_replay)
    again.add_argument("receipt", type=Path, help="the JSON that the page gave")
    again.add_argument("--out", type=Path, default=OUT, help="folder of what comes out")
    again.add_argument(
        "--file", action="append", default=[], metavar="NAME=PATH", help="a picture the receipt has not"
    )


def run_half(args: argparse.Namespace) -> None:
    """Store weights in half precision; what was measured of them is to be measured anew."""
    from genlab import checkpoints

    checkpoints.halve(args.folder, f"python -m genlab half {args.folder}")
    print(f"{args.folder}: {(args.folder / checkpoints.MODEL).stat().st_size / 1e6:.2f} MB.")


def run_replay(args: argparse.Namespace) -> None:
    """Make the pixels of a receipt again; say what is not as it was."""
    from genlab.ui import replay

    receipt = replay.read(args.receipt)
    own = {name: Path(path) for name, _, path in (given.partition("=") for given in args.file)}
    for path in own.values():
        if not path.is_file():
            raise InvalidInput(f"file is {path.name!r}; it is not there.")
    for said in replay.differences(receipt):
        print(f"note: {said}; the pixels may differ.", file=sys.stderr)
    for line in replay.replay(receipt, args.out, own):
        print(line)
    print(f"Kept in {args.out}.")
