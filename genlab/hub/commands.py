"""python -m genlab load | push: models from and to the Hugging Face hub, as this machine's account."""

import argparse
from pathlib import Path
from typing import Any

from genlab import checkpoints, settings
from genlab.errors import InvalidInput
from genlab.hub.loading import Hub

RUNS = Path("runs")


def add_commands(commands: Any) -> None:
    """Add both to the command line."""
    load = commands.add_parser("load", help="load a model of genlab from the Hugging Face hub into a folder")
    load.set_defaults(run=run_load)
    load.add_argument("repository", help="its id, user/name")
    load.add_argument("--revision", help="a branch, tag or commit (default: the newest)")
    load.add_argument("--out", type=Path, help="folder of the model (default runs/NAME)")
    push = commands.add_parser("push", help="save a model to the Hugging Face hub (after hf auth login)")
    push.set_defaults(run=run_push)
    push.add_argument("folder", type=Path, help="folder of the model")
    push.add_argument("repository", help="user/name, or name alone; made if there is none")
    push.add_argument("--public", action="store_true", help="for everybody to see (default: private)")


def run_load(args: argparse.Namespace) -> None:
    """Load, check, and keep as training keeps a model."""
    found = Hub(settings.read().limits).load(args.repository, args.revision, token=None)
    folder = args.out or RUNS / found.repository.partition("/")[2]
    if (folder / checkpoints.MODEL).exists():
        raise InvalidInput(f"out is {str(folder)!r}, where there are weights already; choose another folder.")
    checkpoints.save(found.name, found.model, folder, found.training)
    print(f"{found.name} {found.origin}, in {folder}.")


def run_push(args: argparse.Namespace) -> None:
    """Save to the account."""
    hub = Hub(settings.read().limits)
    saved = hub.save(args.folder, args.repository, token=None, private=not args.public)
    print(f"{saved.url} ({'private' if saved.private else 'public'}), commit {saved.commit[:7]}.")
