"""Model cards: a README.md beside each model's weights, made from its config and its figures."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from genlab.checkpoints import CONFIG
from genlab.library import PLANE, read_metrics
from genlab.models import MODELS

FIGURES = {
    "frechet": "Frechet distance to the test digits",
    "frechet_floor": "the same between real training and test digits (floor)",
    "precision": "precision",
    "recall": "recall",
    "coverage": "coverage",
    "digits_kl": "KL of the digit histogram to uniform, nats",
    "label_accuracy": "label accuracy",
    "nearest_train": "mean pixel distance to the nearest training image",
    "seconds_per_1000": "seconds for 1,000 pictures on the machine that measured",
    "evaluations": "network evaluations for a picture",
    "test_accuracy": "accuracy on the 10,000 test images",
}


def write(folder: Path) -> None:
    """Write ``folder/README.md`` from its config.json and metrics.json."""
    config = json.loads((folder / CONFIG).read_text())
    ModelCard(_text(folder.name, config, read_metrics(folder))).save(folder / "README.md")


def made(training: dict[str, Any]) -> str:
    """The commands that made some weights, the first one first."""
    last = f"`{training['command']}` ({training['steps']:,} steps, {training['data']})"
    last += f", then `{training['then']}`" if "then" in training else ""
    return f"{made(training['from'])}, then {last}" if "from" in training else f"by {last}"


def _title(folder: str, model: str) -> tuple[str, str]:
    """What is in ``folder``, and the idea of it in a line."""
    if folder == PLANE:
        return "VAE with two latents", "Its codes are places of a plane, which can be drawn as a map."
    family = MODELS.get(model)
    if family:
        return family.card.title, family.card.idea
    return "Digit classifier", "Judges the pictures of the other models: its features measure distances."


def _text(folder: str, config: dict[str, Any], metrics: dict[str, Any]) -> str:
    name = config["model"]
    front = ModelCardData(
        license="mit",
        library_name="genlab",
        tags=["image-generation", "mnist", name],
        datasets=["ylecun/mnist"],
    )
    title, idea = _title(folder, name)
    knobs = "\n".join(f"| {k} | {v} |" for k, v in config["config"].items())
    figures = "\n".join(
        f"| {label} | {metrics[key]:.4g} |" for key, label in FIGURES.items() if metrics.get(key) is not None
    )
    count = f"{metrics['n']:,} samples, seed {metrics['seed']}, " if "n" in metrics else ""
    return f"""---
{front.to_yaml()}
---

# {title} on MNIST

{idea}

Made {made(config["training"])}.
Weights: `model.safetensors`, sha256 `{config["sha256"]}`.

| knob | value |
| --- | --- |
{knobs}

Measured by `{metrics.get("command", "nothing yet")}` ({count}weights as above).

| figure | value |
| --- | --- |
{figures}
"""
