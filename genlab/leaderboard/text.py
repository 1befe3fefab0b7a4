"""The board in words: its columns, for the page and for Markdown, and the table in the README."""

import re
from typing import Any, NamedTuple

from genlab.errors import InvalidInput
from genlab.leaderboard.board import Board
from genlab.numbers import brief, millions, operations, percent, within

BEGIN, END = "<!-- leaderboard -->", "<!-- /leaderboard -->"
Line = dict[str, Any]


class Cell(NamedTuple):
    """What stands in the table, and the number it sorts by."""

    said: str
    value: float | None


class Column(NamedTuple):
    """One figure of every model."""

    key: str
    head: str
    tip: str
    lower: bool = True  # is less better?
    share: bool = False  # said in percent


COLUMNS = (
    Column("frechet", "distance", "Fréchet distance to the test digits in a classifier's features"),
    Column("floors", "× floor", "The distance over that of real training digits"),
    Column("precision", "precision", "Share of the samples that look real", lower=False),
    Column("recall", "recall", "Share of the real digits that lie among the samples", lower=False),
    Column("coverage", "coverage", "Share of the real digits that have a sample close by", lower=False),
    Column("digits_kl", "KL", "How far the ten digits are from equally frequent, in nats"),
    Column("label_accuracy", "right digit", "Samples that are the digit asked for", lower=False, share=True),
    Column("nearest_train", "nearest training image", "Mean pixel distance to it; a copy has 0", lower=False),
    Column("parameters", "parameters", "Trained numbers, those of an encoder or an opponent too"),
    Column("flops", "training", "Operations of all training steps, forward and backward"),
    Column(
        "evaluations",
        "evaluations",
        "Runs of the network for one picture; with guidance it runs twice a step",
    ),
    Column("seconds_per_1000", "1,000 pictures", "Seconds of one processor core"),
)
METHOD = """How each figure is measured: under "How good are the shipped weights?" in the README.
Every row (seed, sha256 of the weights, machine, versions, digits drawn): `leaderboard.json`, beside this."""


def cell(line: Line, column: Column, floor: float) -> Cell:
    """One figure of one model."""
    mean, spread, key = line["mean"], line["spread"], column.key
    if key == "floors":
        return Cell(brief(mean["frechet"] / floor), mean["frechet"] / floor)
    if key == "parameters":
        size = line["parameters"]
        return Cell(millions(size) if size else "–", size)
    if key == "flops":
        flops = (line["training"] or {}).get("flops")
        return Cell(operations(flops), flops)
    if key == "evaluations":
        return Cell(str(line[key]), line[key])
    if key == "seconds_per_1000":
        return Cell(f"{within(mean[key], spread[key])} s", mean[key])
    said = percent(mean[key]) if column.share else within(mean[key], spread[key])
    return Cell(said, mean[key])


def real_cell(board: Board, column: Column) -> Cell:
    """The same of real training digits; of test digits for the nearest training image and the right digit."""
    floor = board["floor"]
    if column.key == "floors":
        return Cell("1", 1.0)
    value = floor.get(column.key)
    return Cell(percent(value) if column.share else brief(value), value)


def table(board: Board) -> str:
    """The board as a table of Markdown, the real digits first, and how it was made."""
    real = ["*real digits (floor)*", *(real_cell(board, column).said for column in COLUMNS)]
    floor = board["floor"]["frechet"]
    lines = [["model", *(column.head for column in COLUMNS)], ["---", *["---:"] * len(COLUMNS)], real]
    lines += [[m["title"], *(cell(m, column, floor).said for column in COLUMNS)] for m in board["models"]]
    rows = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{rows}\n\n{caption(board)} Made by `{board['command']}`."


def caption(board: Board) -> str:
    """What was measured how often, and where."""
    models, seeds = board["models"], board["seeds"]
    few = [f"{line['title']} {len(line['rows'])}" for line in models if len(line["rows"]) < len(seeds)]
    fewer = f" Fewer seeds up to now: {'; '.join(few)}." if few else ""
    machines = {row["machine"]["cpu"] for line in models for row in line["rows"]}
    other = " Seconds of different processors do not compare." if len(machines) > 1 else ""
    return (
        f"{board['n']:,} samples for each of the seeds {', '.join(map(str, seeds))}: mean ± standard "
        f"deviation, on one thread of {' and of '.join(sorted(machines))}.{fewer}{other}"
    )


def page(board: Board) -> str:
    """The file LEADERBOARD.md."""
    return f"# Leaderboard\n\n{table(board)}\n\n{METHOD}\n"


def replaced(readme: str, made: str) -> str:
    """``readme`` with ``made`` between the two markers; InvalidInput where it has none."""
    if not (BEGIN in readme and END in readme):
        raise InvalidInput(f"README.md has no {BEGIN} and {END} to write the leaderboard between.")
    return re.sub(
        f"{re.escape(BEGIN)}.*?{re.escape(END)}", lambda _: f"{BEGIN}\n{made}\n{END}", readme, flags=re.S
    )
