"""The command publish."""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from huggingface_hub import HfApi, SpaceHardware

from genlab.config import check_choice
from genlab.errors import NotPublished
from genlab.numbers import count, duration
from genlab.space import checks, files, hub, trial

ROOT = Path(__file__).parents[2]
HARDWARE = tuple(flavour.value for flavour in SpaceHardware)


def add_commands(commands: Any) -> None:
    """Add publish to the subparsers ``commands``."""
    parser = commands.add_parser("publish", help="create or update a Hugging Face Space with this app")
    parser.set_defaults(run=run_publish)
    parser.add_argument("name", metavar="USER/SPACE")
    parser.add_argument("--dry-run", action="store_true", help="list and check the files, upload nothing")
    parser.add_argument(
        "--hardware",
        metavar="NAME",
        help=f"{', '.join(HARDWARE)} (default: as the Space is)",
    )
    parser.add_argument("--private", action="store_true", help="let only its owners see the Space")
    parser.add_argument(
        "--storage", metavar="USER/BUCKET", help="mount this bucket, made if need be, for what is trained"
    )
    parser.add_argument("--replace", action="store_true", help="even if the Space holds another app")
    parser.add_argument("--python", default=sys.executable, help="what the files are tried with")
    parser.add_argument(
        "--fresh", action="store_true", help="try them in a new virtual environment (downloads 5 GB)"
    )
    parser.add_argument("--no-start", action="store_true", help="do not try whether the files start")


def run_publish(args: argparse.Namespace) -> None:
    """Check the files, try them, and unless --dry-run bring them to the hub."""
    plan = hub.Plan(
        hub.check_name("name", args.name),
        None if args.hardware is None else check_choice("hardware", args.hardware, HARDWARE),
        args.private,
        None if args.storage is None else hub.check_name("storage", args.storage),
        args.replace,
    )
    python = trial.interpreter(args.python)
    uploads, untracked = files.chosen(ROOT)
    _list(uploads)
    for told in checks.remarks(ROOT, untracked):
        print(f"note: {told}")
    _checked(uploads)
    if not args.no_start:
        _tried(uploads, python, args.fresh)
    if args.dry_run:
        print("Dry run: nothing was uploaded.")
        return
    print(f"Uploading to {plan.name} ...", flush=True)
    done = hub.publish(ROOT, uploads, plan, HfApi())
    for path in done.removed:
        print(f"removed  {path}")
    for path in done.kept:
        print(f"left as it is  {path}")
    print(f"{'Created' if done.created else 'Updated'} {done.url} (commit {done.commit[:8]}).")


def _list(uploads: list[files.Upload]) -> None:
    for path, size in uploads:
        print(f"{size:>11,}  {path}")
    print(f"{sum(u.size for u in uploads):>11,}  bytes in {count(len(uploads), 'file')}")


def _checked(uploads: list[files.Upload]) -> None:
    """Print that the checks are passed; NotPublished with all that is wrong."""
    wrong = checks.problems(ROOT, uploads)
    if wrong:
        raise NotPublished("These files make no Space:\n" + "\n".join(f"- {told}" for told in wrong))
    largest = max(uploads, key=lambda upload: upload.size)
    weights = sum(u.size for u in uploads if u.path.startswith("weights/"))
    print("Front matter, versions and links of the README: good.")
    print(
        f"Sizes: good; the largest is {largest.path} with {largest.size / checks.MB:.1f} MB (at most "
        f"{checks.FILE_MB:g}), the weights have {weights / checks.MB:.1f} MB (at most {checks.WEIGHTS_MB:g})."
    )


def _tried(uploads: list[files.Upload], python: str, fresh: bool) -> None:
    """Print how a clean checkout of the files starts and draws."""
    with tempfile.TemporaryDirectory(prefix="genlab-venv-", ignore_cleanup_errors=True) as folder:
        if fresh:
            print("Installing what the Space will have ...", flush=True)
            python = trial.fresh(ROOT, python, Path(folder))
        print(f"Starting these {len(uploads)} files alone ...", flush=True)
        seen = trial.trial(ROOT, uploads, python)
    print("".join(f"  | {line}\n" for line in seen.log.strip().splitlines()), end="")
    print(
        f"A clean checkout starts with {seen.python} in {duration(seen.seconds)} and draws: "
        f"{count(trial.PICTURES, 'picture')} by {trial.FAMILY}."
    )
