"""One row of the leaderboard: one entry, one seed. An interrupted row goes on with its next picture."""

import dataclasses
import json
import platform
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open

from genlab import checkpoints
from genlab.data import Dataset
from genlab.evaluation import Reference, evaluate
from genlab.leaderboard.entries import Entry
from genlab.library import read_json, read_metrics
from genlab.models import Classifier, GenerativeModel
from genlab.sampling import Samples, sample_chunks

SAVE_SECONDS = 60.0  # between two looks at the disk
KEPT = (
    "n",
    "seed",
    "frechet",
    "precision",
    "recall",
    "coverage",
    "digits",
    "digits_kl",
    "label_accuracy",
    "nearest_train",
    "nearest_train_min",
    "seconds_per_1000",
    "evaluations",
)  # of what ``evaluate`` finds
Row = dict[str, Any]


class Judge(NamedTuple):
    """What every row is measured with."""

    classifier: Classifier
    sha256: str  # of its weights
    reference: Reference
    train: Dataset
    test: Dataset


def machine() -> dict[str, Any]:
    """Where a row is measured: the seconds of two machines do not compare."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        cpu = platform.processor() or platform.machine()
    return {"cpu": cpu, "threads": torch.get_num_threads()}


def versions() -> dict[str, str]:
    return {"python": platform.python_version(), "torch": torch.__version__}


def head_of(entry: Entry, n: int, seed: int, judge: str) -> Row:
    """What a row must agree in to be of these weights under this protocol."""
    return {
        "model": entry.name,
        "n": n,
        "seed": seed,
        "sha256": entry.sha256,
        "judge": judge,
        "knobs": entry.sampling,
    }


def fits(row: Row, head: Row) -> bool:
    """Is ``row`` what ``head`` asks for? Weights that are not here (a baseline's) may be any."""
    return all(row.get(key) == value for key, value in head.items() if not (key == "sha256" and not value))


def path_of(folder: Path, head: Row) -> Path:
    return folder / f"{head['model']}-{head['n']}-{head['seed']}.json"


def measured(folder: Path, head: Row) -> Row | None:
    """The row that was measured into ``folder`` before, if it fits."""
    row = read_json(path_of(folder, head))
    return row if row and fits(row, head) else None


def published(entry: Entry, head: Row) -> Row | None:
    """A stopgap: what ``evaluate NAME --write`` keeps beside the weights, if it fits.

    Its seconds are of an unrecorded machine, and before there was coverage it has none.
    """
    found = read_metrics(entry.folder)
    row = head | {key: found.get(key) for key in KEPT} | {"machine": {"cpu": "an unrecorded processor"}}
    same = all(found.get(key) == head[key] for key in ("n", "seed", "sha256", "knobs"))
    return row | {"versions": {}} if same and not entry.baseline else None


def complete(row: Row | None) -> bool:
    """Does it say all that is measured today? A stopgap may not."""
    return row is not None and bool(row["versions"])


def measure(entry: Entry, head: Row, judge: Judge, folder: Path) -> Iterator[Row]:
    """Measure one row and keep it in ``folder``; yields {"sampled": k} on the way, and last the row."""
    drawing = path_of(folder, head).with_suffix(".safetensors")
    model: Any = entry.model()
    steps = evaluate(
        model,
        judge.classifier,
        judge.reference,
        judge.train,
        n=head["n"],
        seed=head["seed"],
        chunks=drawn(model, head, drawing),
        **head["knobs"],
    )
    for found in steps:
        if "frechet" not in found:
            yield found
    row = head | {key: found[key] for key in KEPT} | {"machine": machine(), "versions": versions()}
    checkpoints.write_json(path_of(folder, head), row)
    drawing.unlink(missing_ok=True)
    yield row


def drawn(model: GenerativeModel, head: Row, path: Path) -> Iterator[Samples]:
    """The pictures of a row, kept in ``path`` now and then, to go on from there.

    ``seconds`` are the processor's, not the wall clock's: others may use the machine too.
    """
    parts = kept(path, head)
    yield from parts
    first = sum(len(part.images) for part in parts)
    chunks = sample_chunks(model, head["n"], head["seed"], first=first, **head["knobs"])
    saved = time.monotonic()
    while True:
        began = time.process_time()
        chunk = next(chunks, None)
        if chunk is None:
            return
        chunk = dataclasses.replace(chunk, seconds=time.process_time() - began)
        parts.append(chunk)
        if time.monotonic() - saved > SAVE_SECONDS:
            keep(path, head, parts)
            saved = time.monotonic()
        yield chunk


def keep(path: Path, head: Row, parts: list[Samples]) -> None:
    """Write the pictures up to now, atomically."""
    tensors = {"images": torch.cat([part.images for part in parts])}
    if parts[0].labels is not None:
        tensors["labels"] = torch.tensor([label for part in parts for label in part.labels or ()])
    seconds = sum(part.seconds for part in parts)
    about = {"head": json.dumps(head), "seconds": repr(seconds), "evaluations": str(parts[0].evaluations)}
    checkpoints.write_tensors(path, tensors, about)


def kept(path: Path, head: Row) -> list[Samples]:
    """What ``keep`` wrote for the same head; nothing where that is not there."""
    try:
        with safe_open(path, "pt") as f:
            about = f.metadata()
            if json.loads(about["head"]) != head:
                return []
            tensors = {key: f.get_tensor(key) for key in f.keys()}  # noqa: SIM118  # it is no dictionary
    except (SafetensorError, OSError, ValueError, KeyError, TypeError):
        return []
    labels = tensors["labels"].tolist() if "labels" in tensors else None
    return [Samples(tensors["images"], labels, float(about["seconds"]), int(about["evaluations"]))]
