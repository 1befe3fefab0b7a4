"""The command line: python -m genlab models | train NAME | race NAMES | sample NAME | evaluate NAME | ..."""

import argparse
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from genlab.commands import add_commands
from genlab.config import MAX_SEED, TrainConfig, check_number, make
from genlab.errors import GenlabError
from genlab.events import Done
from genlab.flags import add_knobs, chosen, command_line, counted, number, watched
from genlab.hub import commands as hub_commands
from genlab.lab import commands as lab_commands
from genlab.leaderboard import commands as leaderboard_commands
from genlab.models import MODELS, TRAINABLE
from genlab.race import commands as race_commands
from genlab.space import commands as space_commands
from genlab.studio import commands as studio_commands
from genlab.studio.mini import commands as mini_commands

RUNS = Path("runs")


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m genlab", description="Train, sample and measure image generators."
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("models", help="list the families").set_defaults(run=run_models)

    def command(name: str, help: str) -> Any:
        sub = commands.add_parser(name, help=help)
        return sub.add_subparsers(dest="name", required=True, metavar="NAME")

    train = command("train", "train a family; an interrupted training goes on where it was")
    sample = command("sample", "draw pictures into a .png or .npz")
    evaluate = command("evaluate", "measure a model by the project's protocol")
    for name, family in TRAINABLE.items():
        _train_arguments(train.add_parser(name, help=family.__doc__), family)
    for name, family in MODELS.items():
        _sample_arguments(sample.add_parser(name, help=family.card.idea), family)
        _evaluate_arguments(evaluate.add_parser(name, help=family.card.idea), family)
    judge = evaluate.add_parser("classifier", help="the classifier, and the distance between real digits")
    _folder_arguments(judge, run_judge)
    lab_commands.add_commands(commands)
    add_commands(commands)
    leaderboard_commands.add_commands(commands)
    race_commands.add_commands(commands)
    hub_commands.add_commands(commands)
    mini_commands.add_commands(commands)
    studio_commands.add_commands(commands)
    space_commands.add_commands(commands)
    return parser


def _train_arguments(parser: argparse.ArgumentParser, family: Any) -> None:
    parser.set_defaults(run=run_train)
    parser.add_argument("--out", type=Path, help="folder of the result (default runs/NAME)")
    parser.add_argument("--from", dest="base", type=Path, help="folder of weights to go on from")
    parser.add_argument(
        "--save-seconds", type=number, default=60, help="time between two saves to resume from (default 60)"
    )
    add_knobs(parser, TrainConfig, family.recipe)
    add_knobs(parser, family.Config)


def _sampling_arguments(parser: argparse.ArgumentParser, family: Any, n: int) -> None:
    parser.add_argument("--n", type=number, default=n, help=f"number of pictures (default {n})")
    parser.add_argument("--seed", type=number, default=0, help=f"0 to {MAX_SEED} (default 0)")
    add_knobs(parser, family.Sampling)


def _sample_arguments(parser: argparse.ArgumentParser, family: Any) -> None:
    parser.set_defaults(run=run_sample)
    _sampling_arguments(parser, family, 64)
    told = (
        "a digit, 0 to 9 (default: mixed)"
        if family.conditional
        else "of no use: this family draws what comes"
    )
    parser.add_argument("--label", type=number, help=told)
    parser.add_argument("--weights", type=Path, help="folder of the weights (default: the shipped ones)")
    parser.add_argument(
        "--out", type=Path, help="a .png (grid) or .npz (images, labels) (default runs/NAME.png)"
    )


def _evaluate_arguments(parser: argparse.ArgumentParser, family: Any) -> None:
    _sampling_arguments(parser, family, 10_000)
    _folder_arguments(parser, run_evaluate)


def _folder_arguments(parser: argparse.ArgumentParser, run: Callable[[argparse.Namespace], None]) -> None:
    parser.set_defaults(run=run)
    parser.add_argument("--weights", type=Path, help="folder of the weights (default: the shipped ones)")
    parser.add_argument("--write", action="store_true", help="keep figures and model card beside the weights")


def run_models(args: argparse.Namespace) -> None:
    """List the families."""
    from genlab.checkpoints import WEIGHTS
    from genlab.library import read_metrics

    width = max(map(len, MODELS)) + 2
    for name, family in MODELS.items():
        measured = read_metrics(WEIGHTS / name)
        print(f"{name:{width}}{family.card.title} ({family.card.year}). {family.card.idea}")
        if measured:
            distance, floor = measured["frechet"], measured["frechet_floor"]
            print(f"{'':{width}}Frechet distance {distance:.3g}, floor {floor:.3g}")


def run_train(args: argparse.Namespace) -> None:
    """Train, showing progress; save weights, and while training a state to resume from."""
    import torch
    from accelerate import Accelerator

    from genlab import checkpoints
    from genlab.data import load
    from genlab.library import load_family
    from genlab.training import train

    family = TRAINABLE[args.name]
    plan = make(TrainConfig, dataclasses.asdict(family.recipe) | chosen(args, TrainConfig))
    base = load_family(args.name, args.base) if args.base else None
    pause = check_number("save-seconds", args.save_seconds, 0, 86_400, whole=False)
    torch.manual_seed(plan.seed)
    model = family.build(chosen(args, family.Config), base)
    folder = args.out or RUNS / args.name
    folder.mkdir(parents=True, exist_ok=True)
    model.canvas.check(plan.data)
    data = load(plan.data, "train")
    state = folder / checkpoints.STATE
    events = train(model, data, plan, state=state, save_seconds=pause)
    if not Accelerator().is_main_process:
        for _ in events:
            pass
        return
    print(f"{args.name}: {data.source}", file=sys.stderr)
    *_, done = watched(events, plan.steps)
    assert isinstance(done, Done), "a training ends with Done"
    made: dict[str, Any] = {
        "command": command_line(args, chosen(args, TrainConfig, family.Config)),
        "data": data.source,
        "train": dataclasses.asdict(plan),
    }
    if args.base:
        made["command"] += f" --from {args.base}"
        made["from"] = checkpoints.read_training(args.base)
    checkpoints.save(args.name, model, folder, made | {"steps": done.step, "seconds": round(done.seconds)})
    state.unlink(missing_ok=True)
    print(f"{done.message} Saved in {folder}.")
    if done.reason == "diverged":
        sys.exit(1)


def pick(args: argparse.Namespace) -> Any:
    """The model to sample or measure: the shipped one, or that of --weights."""
    from genlab.library import Library, load_family

    return load_family(args.name, args.weights) if args.weights else Library().shipped(args.name).model


def sampling_plan(args: argparse.Namespace, lo: int, hi: int) -> tuple[int, int, dict[str, Any]]:
    """n in [lo, hi], the seed and the sampling knobs, checked."""
    from genlab.sampling import knobs_for

    n = int(check_number("n", args.n, lo, hi, whole=True))
    seed = int(check_number("seed", args.seed, 0, MAX_SEED, whole=True))
    family = MODELS[args.name]
    return n, seed, knobs_for(family, chosen(args, family.Sampling))


def run_sample(args: argparse.Namespace) -> None:
    """Write pictures as one grid or as arrays."""
    from genlab.sampling import sample_chunks
    from genlab.writers import check_target, write

    n, seed, knobs = sampling_plan(args, 1, 10_000_000)
    if args.out is None:
        RUNS.mkdir(exist_ok=True)
    out = args.out or RUNS / f"{args.name}.png"
    check_target(out, n)
    chunks = sample_chunks(pick(args), n, seed, args.label, **knobs)
    write(out, counted(chunks, n, lambda chunk: chunk.first + len(chunk.images)), n)
    print(f"{n:,} pictures in {out}.")


def run_evaluate(args: argparse.Namespace) -> None:
    """Measure a family on n samples."""
    from genlab import checkpoints, evaluation
    from genlab.data import load_mnist
    from genlab.library import Library

    n, seed, knobs = sampling_plan(args, 100, evaluation.N)
    model, library = pick(args), Library()
    reference = evaluation.load_reference(library.folder / "classifier")
    steps = evaluation.evaluate(
        model, library.classifier(), reference, load_mnist("train"), n=n, seed=seed, **knobs
    )
    *_, result = counted(steps, n, lambda step: step.get("sampled", n))
    folder = args.weights or checkpoints.WEIGHTS / args.name
    given = ({"weights": args.weights} if args.weights else {}) | {"n": n, "seed": seed} | knobs
    keep(args, folder, result | {"sha256": checkpoints.weights_sha256(folder)}, given)


def run_judge(args: argparse.Namespace) -> None:
    """Measure the classifier, and write the features of real digits that every measurement uses."""
    from genlab import checkpoints, evaluation
    from genlab.data import load_mnist

    folder = args.weights or checkpoints.WEIGHTS / args.name
    classifier: Any = checkpoints.load(folder)
    result = evaluation.make_reference(folder, classifier, load_mnist("train"), load_mnist("test"))
    keep(args, folder, result, {})


def keep(args: argparse.Namespace, folder: Path, result: dict[str, Any], given: dict[str, Any]) -> None:
    """Print the figures; with --write keep them and a model card beside the weights."""
    from genlab import cards, checkpoints

    print(json.dumps(result, indent=2))
    if args.write:
        command = command_line(args, given) + " --write"
        checkpoints.write_json(folder / "metrics.json", result | {"command": command})
        cards.write(folder)


def main(argv: Sequence[str] | None = None) -> None:
    """Run one command; an error of ours is one sentence on stderr and exit status 2."""
    args = build_parser().parse_args(argv)
    try:
        args.run(args)
        sys.stdout.flush()
    except GenlabError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(2)
    except BrokenPipeError:  # the reader, such as ``head``, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to flush
    except KeyboardInterrupt:
        print("Interrupted; the same command goes on from the last saved state.", file=sys.stderr)
        sys.exit(130)


if __name__ == "__main__":
    main()
