"""Model cards: a README.md beside each model's weights, made from its config and its figures."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from genlab.checkpoints import CONFIG
from genlab.data import PUBLISHED
from genlab.library import PLANE, read_metrics
from genlab.models import MODELS

ON_THE_HUB = {
    "mnist": "ylecun/mnist",
    "fashion_mnist": "zalando-datasets/fashion_mnist",
    "kmnist": "randall-lab/kmnist",
    "cifar10": "uoft-cs/cifar10",
}

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
    ModelCard(text(folder, read_metrics(folder))).save(folder / "README.md")


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


def text(folder: Path, metrics: dict[str, Any], repository: str | None = None) -> str:
    """The card of the weights in ``folder``, of which ``metrics`` were measured; ``repository``: of those
    on the hub, with how to have them.
    """
    config = json.loads((folder / CONFIG).read_text())
    name, training = config["model"], config["training"]
    data = training.get("train", {}).get("data", "mnist")
    front = ModelCardData(
        license="mit",
        library_name="genlab",
        tags=["image-generation", data.replace("_", "-"), name],
        datasets=[ON_THE_HUB[data]],
    )
    title, idea = _title(folder.name, name)
    knobs = "\n".join(f"| {k} | {v} |" for k, v in config["config"].items())
    return f"""---
{front.to_yaml()}
---

# {title} on {PUBLISHED[data].title}

{idea}

Made {made(training)}.
Weights: `model.safetensors`, sha256 `{config["sha256"]}`.
{_use(name, repository) if repository else ""}
| knob | value |
| --- | --- |
{knobs}
{_measured(metrics)}"""


def _use(name: str, repository: str) -> str:
    out = f"runs/{repository.partition('/')[2]}"
    return f"""
In genlab's page, the card of the family loads it by the id `{repository}`; on the command line:

```bash
python -m genlab load {repository} --out {out}
python -m genlab sample {name} --weights {out} --out pictures.png
```
"""


def _measured(metrics: dict[str, Any]) -> str:
    """What the protocol has found; nothing where nobody has measured."""
    if not metrics:
        return ""
    figures = "\n".join(
        f"| {label} | {metrics[key]:.4g} |" for key, label in FIGURES.items() if metrics.get(key) is not None
    )
    count = f"{metrics['n']:,} samples, seed {metrics['seed']}, " if "n" in metrics else ""
    return f"""
Measured by `{metrics["command"]}` ({count}weights as above).

| figure | value |
| --- | --- |
{figures}
"""
