"""The commands train-mini and evaluate-mini."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from accelerate import Accelerator

from genlab.checkpoints import WEIGHTS, write_json
from genlab.config import TrainConfig, check_number, make
from genlab.data import load_mnist
from genlab.events import Done
from genlab.flags import add_knobs, chosen, counted, flag, number, watched
from genlab.library import Library
from genlab.studio.mini.diffusion import DenoiserConfig, MiniDenoiser
from genlab.studio.mini.evaluation import EvaluationConfig, evaluate
from genlab.studio.mini.pipeline import SHIPPED, VAE, load_pipeline
from genlab.studio.mini.training import STAGES, train_autoencoder, train_denoiser
from genlab.studio.mini.vae import AutoencoderConfig, MiniAutoencoder

FAMILIES: dict[str, Any] = {
    "vae": (MiniAutoencoder, AutoencoderConfig),
    "unet": (MiniDenoiser, DenoiserConfig),
}
TRAININGS: dict[str, Any] = {"vae": train_autoencoder, "unet": train_denoiser}


def add_commands(commands: Any) -> None:
    """Add train-mini and evaluate-mini to the subparsers ``commands``."""
    train = commands.add_parser(
        "train-mini", help="train mini-SD; an interrupted training goes on where it was"
    )
    train.set_defaults(run=run_train)
    train.add_argument("--out", type=Path, default=Path("runs") / SHIPPED, help="folder of the result")
    train.add_argument(
        "--stage",
        choices=(*STAGES, "all"),
        default="all",
        help="autoencoder, text encoder with U-Net, or what is missing of both (default all)",
    )
    train.add_argument(
        "--save-seconds", type=number, default=60, help="time between two saves to resume from (default 60)"
    )
    recipes = [family.recipe for family, _ in FAMILIES.values()]
    both = {
        f.name: " then ".join(str(getattr(r, f.name)) for r in recipes)
        for f in dataclasses.fields(TrainConfig)
    }
    add_knobs(train, TrainConfig, SimpleNamespace(**both))
    for _, config in FAMILIES.values():
        add_knobs(train, config)
    measure = commands.add_parser("evaluate-mini", help="measure mini-SD on fixed prompts")
    measure.set_defaults(run=run_evaluate)
    measure.add_argument("--weights", type=Path, help="folder of the pipeline (default: the shipped one)")
    measure.add_argument("--write", action="store_true", help="keep the figures beside the weights")
    add_knobs(measure, EvaluationConfig)


def run_train(args: argparse.Namespace) -> None:
    """Train the stages asked for, showing progress."""
    pause = check_number("save-seconds", args.save_seconds, 0, 86_400, whole=False)
    given = chosen(args, TrainConfig)
    work: list[tuple[str, TrainConfig, Any]] = []
    for stage in STAGES if args.stage == "all" else (args.stage,):
        family, config_type = FAMILIES[stage]
        plan = make(TrainConfig, dataclasses.asdict(family.recipe) | given)
        work.append((stage, plan, make(config_type, chosen(args, config_type))))
    if args.stage == "all" and (args.out / VAE / "config.json").is_file():
        del work[0]
    args.out.mkdir(parents=True, exist_ok=True)
    data = load_mnist("train")
    for stage, plan, config in work:
        events = TRAININGS[stage](data, args.out, plan, config, save_seconds=pause)
        if not Accelerator().is_main_process:
            for _ in events:
                pass
            continue
        print(f"mini-SD, {stage}: {data.source}", file=sys.stderr)
        *_, done = watched(events, plan.steps)
        assert isinstance(done, Done), "a training ends with Done"
        print(f"{done.message} Saved in {args.out}.")
        if done.reason == "diverged":
            sys.exit(1)


def run_evaluate(args: argparse.Namespace) -> None:
    """Print the figures of a pipeline; with --write keep them in its folder."""
    config = make(EvaluationConfig, chosen(args, EvaluationConfig))
    folder = args.weights or WEIGHTS / SHIPPED
    steps = evaluate(load_pipeline(folder), Library().classifier(), load_mnist("test"), folder, config)
    *_, result = counted(steps, config.n, lambda step: step.get("sampled", config.n))
    flags = "".join(f" {flag(name)} {value}" for name, value in dataclasses.asdict(config).items())
    result["command"] = f"python -m genlab evaluate-mini{flags}"
    print(json.dumps(result, indent=2))
    if args.write:
        write_json(folder / "metrics.json", result)
