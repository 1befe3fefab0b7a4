"""Kill -9 at random moments of saving: ``python -m tests.faults.kill_while_saving FOLDER``.

A child saves two states in turn without end; after each kill the folder must hold one of the two,
weights and config together. Prints a report as JSON.
"""

import json
import os
import random
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import torch

from genlab import checkpoints
from genlab.checkpoints import load, save
from genlab.errors import CheckpointError
from genlab.models import Classifier
from genlab.models.classifier import ClassifierConfig

KILLS = 40


def state(value: float) -> Classifier:
    """A classifier whose weights and config both carry ``value``."""
    model = Classifier(ClassifierConfig(width=8, augment=value))
    with torch.no_grad():
        for p in model.parameters():
            p.fill_(value)
    return model


def save_in_turn(folder: Path) -> None:
    states = [state(1.0), state(2.0)]
    while True:
        for model in states:
            save("classifier", model, folder, {})


def kill_after(seconds: float, folder: Path) -> None:
    child = os.fork()
    if child == 0:
        save_in_turn(folder)
    time.sleep(seconds)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def main(folder: Path) -> None:
    torch.set_num_threads(1)
    rng = random.Random(0)
    save("classifier", state(1.0), folder, {})
    began = time.monotonic()
    save("classifier", state(2.0), folder, {})
    once = time.monotonic() - began
    found, unreadable, interrupted, mixed = Counter[str](), [], 0, 0
    for _ in range(KILLS):
        kill_after(once + rng.random() * 4 * once, folder)
        interrupted += any(p.name not in (checkpoints.MODEL, checkpoints.CONFIG) for p in folder.iterdir())
        try:
            model = load(folder)
        except CheckpointError as error:
            unreadable.append(str(error))
            continue
        values = {float(v) for p in model.parameters() for v in p.detach().unique()}
        mixed += values != {model.config.augment}  # type: ignore[attr-defined]
        found.update(map(str, values))
    report = {"kills": KILLS, "interrupted": interrupted, "found": found, "mixed": mixed}
    print(json.dumps(report | {"unreadable": unreadable}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
