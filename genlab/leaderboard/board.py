"""All rows together: means and spreads over the seeds, and what each model is and has cost."""

import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genlab import checkpoints
from genlab.evaluation import measure_features
from genlab.leaderboard import rows
from genlab.leaderboard.about import about
from genlab.leaderboard.entries import Entry
from genlab.leaderboard.rows import Judge, Row
from genlab.library import read_json, read_metrics
from genlab.models import MODELS

FIGURES = (
    "frechet",
    "precision",
    "recall",
    "coverage",
    "digits_kl",
    "label_accuracy",
    "nearest_train",
    "seconds_per_1000",
)  # that differ between seeds
Board = dict[str, Any]


def path_of(weights: Path = checkpoints.WEIGHTS) -> Path:
    return weights / "leaderboard.json"


def read(weights: Path = checkpoints.WEIGHTS) -> Board:
    """The board that ships; without models where there is none."""
    return read_json(path_of(weights)) or {"models": []}


def shipped_row(board: Board, head: Row) -> Row | None:
    """The row of the board that fits ``head``, if there is one."""
    found = (row for line in board["models"] for row in line["rows"] if rows.fits(row, head))
    return next(found, None)


def known_row(entry: Entry, head: Row, state: Path, old: Board) -> Row | None:
    """The best row there is: measured here, shipped, or a stopgap."""
    found = [rows.measured(state, head), shipped_row(old, head), rows.published(entry, head)]
    return next((row for row in found if rows.complete(row)), next(filter(None, found), None))


def floor(judge: Judge, folder: Path, n: int) -> dict[str, Any]:
    """What n real training digits reach; to the nearest training image, and the right digit, test digits."""
    found = measure_features(judge.reference.train[:n], judge.reference, judge.classifier)
    about = read_metrics(folder)
    return {key: found[key] for key in FIGURES if key in found} | {
        "label_accuracy": about.get("test_accuracy"),
        "nearest_train": about.get("floor", {}).get("nearest_train"),
    }


def summary(found: Sequence[Row]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Mean of every figure over the rows, and standard deviation (of two rows or more), by name."""
    mean, spread = {}, {}
    for key in FIGURES:
        values = [row[key] for row in found if row.get(key) is not None]
        mean[key] = statistics.fmean(values) if values else None
        spread[key] = statistics.stdev(values) if len(values) > 1 else None
    return mean, spread


ABOUT = ("sha256", "parameters", "training", "held_out", "bound")


def told(entry: Entry, judge: Judge, state: Path, old: Board) -> dict[str, Any]:
    """What ``about`` finds, or found before for the same weights; weights that are not here may be any."""
    path = state / f"{entry.name}-about.json"
    shipped: Any = next((line for line in old["models"] if line["name"] == entry.name), {})
    for known in (read_json(path), shipped):
        if known.get("parameters") and (known["sha256"] == entry.sha256 or not entry.present):
            return {key: known.get(key) for key in ABOUT}
    found = about(entry, judge.test)
    checkpoints.write_json(path, found)
    return found


def line(entry: Entry, found: Sequence[Row], known: dict[str, Any]) -> dict[str, Any]:
    """One model of the board, from its rows and what is known ``about`` its weights."""
    mean, spread = summary(found)
    return {
        "name": entry.name,
        "family": entry.family,
        "title": entry.title,
        "year": MODELS[entry.family].card.year,
        "baseline": entry.baseline,
        **known,
        "sha256": found[0]["sha256"],
        "knobs": found[0]["knobs"],
        "evaluations": found[0]["evaluations"],
        "mean": mean,
        "spread": spread,
        "rows": list(found),
    }


def assemble(
    known: dict[str, Entry],
    judge: Judge,
    old: Board,
    *,
    n: int,
    seeds: Sequence[int],
    state: Path,
    folder: Path,
) -> Board:
    """The board of all rows that are known, the nearest to real digits first.

    Args:
        known: The entries.
        judge: What measured them.
        old: The board up to now.
        n: Samples of a row.
        seeds: Of the rows.
        state: The folder of rows measured here.
        folder: The judge's.
    """
    lines = []
    for entry in known.values():
        heads = [rows.head_of(entry, n, seed, judge.sha256) for seed in seeds]
        found = [row for head in heads if (row := known_row(entry, head, state, old))]
        found = [row for row in found if rows.complete(row)] or found  # stopgaps only where there is no other
        found = [row for row in found if row["sha256"] == found[0]["sha256"]]
        if found:
            lines.append(line(entry, found, told(entry, judge, state, old)))
    lines.sort(key=lambda line: line["mean"]["frechet"])
    return {
        "command": f"python -m genlab leaderboard --n {n} --seeds {' '.join(map(str, seeds))} --write",
        "n": n,
        "seeds": list(seeds),
        "judge": judge.sha256,
        "floor": floor(judge, folder, n),
        "models": lines,
    }
