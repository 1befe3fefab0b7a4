"""The commands train-mini, evaluate-mini and evaluate-mini-control."""

import argparse
import dataclasses
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from accelerate import Accelerator

from genlab.checkpoints import WEIGHTS, write_json
from genlab.config import Portions, TrainConfig, check_number, make
from genlab.data import load_mnist
from genlab.events import Done
from genlab.flags import add_knobs, chosen, counted, flag, number, watched
from genlab.library import Library
from genlab.studio.mini import card
from genlab.studio.mini.control import ControlConfig, MiniControl
from genlab.studio.mini.control_evaluation import ROWS, ControlEvaluationConfig, evaluate_control
from genlab.studio.mini.diffusion import DenoiserConfig, MiniDenoiser
from genlab.studio.mini.evaluation import EvaluationConfig, evaluate
from genlab.studio.mini.pipeline import SHIPPED, load_control_pipeline, load_pipeline
from genlab.studio.mini.training import STAGES, missing, train_autoencoder, train_control, train_denoiser
from genlab.studio.mini.vae import AutoencoderConfig, MiniAutoencoder

FAMILIES: dict[str, Any] = {
    "vae": (MiniAutoencoder, AutoencoderConfig),
    "unet": (MiniDenoiser, DenoiserConfig),
    "control": (MiniControl, ControlConfig),
}
TRAININGS: dict[str, Any] = {"vae": train_autoencoder, "unet": train_denoiser, "control": train_control}


def add_commands(commands: Any) -> None:
    """Add all three to the subparsers ``commands``."""
    train = commands.add_parser(
        "train-mini", help="train mini-SD; an interrupted training goes on where it was"
    )
    train.set_defaults(run=run_train)
    train.add_argument("--out", type=Path, default=Path("runs") / SHIPPED, help="folder of the result")
    train.add_argument(
        "--stage",
        choices=(*STAGES, "all"),
        default="all",
        help="autoencoder, text encoder with U-Net, ControlNet, or what is missing of these (default all)",
    )
    train.add_argument("--from", dest="base", type=Path, help="folder of a trained mini-SD to go on from")
    train.add_argument(
        "--save-seconds", type=number, default=60, help="time between two saves to resume from (default 60)"
    )
    recipes = [family.recipe for family, _ in FAMILIES.values()]
    each = {
        f.name: " then ".join(str(getattr(r, f.name)) for r in recipes) for f in dataclasses.fields(Portions)
    }
    add_knobs(train, Portions, SimpleNamespace(**each))
    for _, config in FAMILIES.values():
        add_knobs(train, config)
    for name, run, config, help in (
        ("evaluate-mini", run_evaluate, EvaluationConfig, "measure mini-SD on fixed prompts"),
        (
            "evaluate-mini-control",
            run_evaluate_control,
            ControlEvaluationConfig,
            "measure mini-SD's ControlNet on the lines of test digits",
        ),
    ):
        measure = commands.add_parser(name, help=help)
        measure.set_defaults(run=run)
        measure.add_argument("--weights", type=Path, help="folder of the pipeline (default: the shipped one)")
        measure.add_argument("--write", action="store_true", help="keep the figures beside the weights")
        add_knobs(measure, config)


def run_train(args: argparse.Namespace) -> None:
    """Train the stages asked for, showing progress."""
    pause = check_number("save-seconds", args.save_seconds, 0, 86_400, whole=False)
    given = chosen(args, Portions)
    work: list[tuple[str, TrainConfig, Any]] = []
    for stage in missing(args.out) if args.stage == "all" else (args.stage,):
        family, config_type = FAMILIES[stage]
        plan = make(TrainConfig, dataclasses.asdict(family.recipe) | given)
        work.append((stage, plan, make(config_type, chosen(args, config_type))))
    if not work:
        print(f"Nothing is missing in {args.out}; --stage trains one stage again.")
        return
    args.out.mkdir(parents=True, exist_ok=True)
    data = load_mnist("train")
    for stage, plan, config in work:
        events = TRAININGS[stage](data, args.out, plan, config, base=args.base, save_seconds=pause)
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
    _keep(args, folder / "metrics.json", config, result)


def run_evaluate_control(args: argparse.Namespace) -> None:
    """Print the figures of a pipeline's ControlNet; with --write keep them in its folder."""
    config = make(ControlEvaluationConfig, chosen(args, ControlEvaluationConfig))
    folder = args.weights or WEIGHTS / SHIPPED
    guided, plain = load_control_pipeline(folder), load_pipeline(folder)
    steps = evaluate_control(guided, plain, Library().classifier(), load_mnist("test"), folder, config)
    total = ROWS * config.n
    *_, result = counted(steps, total, lambda step: step.get("sampled", total))
    _keep(args, folder / "metrics_control.json", config, result)


def _keep(args: argparse.Namespace, path: Path, config: Any, result: dict[str, Any]) -> None:
    """Print ``result`` with the command that gives it; with --write keep it in ``path``."""
    flags = "".join(f" {flag(name)} {value}" for name, value in dataclasses.asdict(config).items())
    result = result | {"command": f"python -m genlab {args.command}{flags}"}
    print(json.dumps(result, indent=2))
    if args.write:
        write_json(path, result)
        card.write(path.parent)
