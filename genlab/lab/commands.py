"""The command curve."""

import argparse
from pathlib import Path
from typing import Any

from genlab.config import MAX_SEED, check_number
from genlab.flags import command_line, counted, number


def add_commands(commands: Any) -> None:
    """Add curve to the subparsers ``commands``."""
    curve = commands.add_parser(
        "curve", help="measure quality against a knob of ddpm, and keep it with its weights"
    )
    of = curve.add_subparsers(dest="name", required=True, metavar="NAME")
    for name in ("steps", "guidance"):
        parser = of.add_parser(name, help=f"quality against {name}; interrupted, it goes on")
        parser.set_defaults(run=run_curve)
        parser.add_argument("--n", type=number, default=500, help="samples for each point (default 500)")
        parser.add_argument("--seed", type=number, default=0, help=f"0 to {MAX_SEED} (default 0)")
        parser.add_argument("--weights", type=Path, help="folder of a ddpm (default: the shipped one)")


def run_curve(args: argparse.Namespace) -> None:
    """Measure one of ddpm's curves, keeping every point as soon as it is known."""
    from genlab import checkpoints, evaluation
    from genlab.lab import curves
    from genlab.library import Library, load_family

    n = int(check_number("n", args.n, *curves.SAMPLES, whole=True))
    seed = int(check_number("seed", args.seed, 0, MAX_SEED, whole=True))
    folder = args.weights or checkpoints.WEIGHTS / "ddpm"
    library, model = Library(), load_family("ddpm", folder)
    reference = evaluation.load_reference(library.folder / "classifier")
    steps = curves.measure(
        args.name,
        folder,
        model,
        library.classifier(),
        reference,
        n=n,
        seed=seed,
        command=command_line(args, {"n": n, "seed": seed}),
    )
    for _ in counted(steps, 1000, lambda progress: round(1000 * progress.share)):
        pass
    print(f"Kept in {curves.path_of(folder, args.name)}.")
