"""The curves that ship: measured once by a command that can be interrupted, kept beside the weights."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from genlab import checkpoints
from genlab.evaluation import Reference
from genlab.lab.sweeps import SETTINGS, Point, Progress, real_point, sweep
from genlab.library import read_json
from genlab.models import Classifier
from genlab.models.ddpm import DDPM

SAMPLES = (50, 2000)  # for each point: fewer tell nothing, more take days
Curve = dict[str, Any]  # n, seed, sha256 of the weights, command, "real" and "points"


def path_of(folder: Path, name: str) -> Path:
    return folder / f"{name}_curve.json"


def read(folder: Path, name: str) -> Curve:
    """The curve ``name`` of the weights in ``folder``; empty where it was not measured."""
    return read_json(path_of(folder, name))


def _holds(point: dict[str, Any], setting: dict[str, Any]) -> bool:
    return setting.items() <= point.items()


def measure(
    name: str,
    folder: Path,
    model: DDPM,
    classifier: Classifier,
    reference: Reference,
    *,
    n: int,
    seed: int,
    command: str,
) -> Iterator[Progress]:
    """Measure curve ``name`` of the weights in ``folder`` and keep every point there once it is done.

    Points that are kept already for the same n, seed and weights are not measured again.

    Args:
        name: A key of ``SETTINGS``.
        command: What makes this curve, kept with it.
    """
    head: dict[str, Any] = {
        "command": command,
        "n": n,
        "seed": seed,
        "sha256": checkpoints.weights_sha256(folder),
    }
    old = read(folder, name)
    same = all(old.get(key) == head[key] for key in ("n", "seed", "sha256"))
    kept = old["points"] if same else []
    head["real"] = real_point(classifier, reference, n)
    missing = [s for s in SETTINGS[name] if not any(_holds(p, s) for p in kept)]
    _write(folder, name, head, kept)
    written = 0
    for progress in sweep(model, classifier, reference, missing, n=n, seed=seed):
        if len(progress.points) > written:
            written = len(progress.points)
            _write(folder, name, head, [*kept, *progress.points])
        yield progress


def _write(folder: Path, name: str, head: dict[str, Any], points: Sequence[Point]) -> None:
    """Keep the points in the order of ``SETTINGS``."""
    ordered = [p for s in SETTINGS[name] for p in points if _holds(p, s)]
    checkpoints.write_json(path_of(folder, name), head | {"points": ordered})
