"""What stands in the leaderboard: every family whose weights ship, and baselines beside them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from genlab import checkpoints
from genlab.checkpoints import CONFIG, MODEL, WEIGHTS
from genlab.config import TrainConfig, make
from genlab.flags import flag
from genlab.models import MODELS, Trainable
from genlab.sampling import knobs_for

RUNS = Path("runs")
DDIM = {"sampler": "ddim", "steps": 50}


@dataclasses.dataclass(frozen=True)
class Entry:
    """A line of the leaderboard: some weights, drawn in one way.

    ``note`` is what sets a baseline apart from the family of its name; ``config`` and ``plan`` are the knobs
    of the network and of the training that make one whose weights do not ship.
    """

    name: str
    family: str
    folder: Path
    knobs: dict[str, Any] = dataclasses.field(default_factory=dict)  # of sampling
    note: str = ""
    config: dict[str, Any] = dataclasses.field(default_factory=dict)
    plan: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def title(self) -> str:
        title = MODELS[self.family].card.title
        return f"{title}, {self.note}" if self.note else title

    @property
    def baseline(self) -> bool:
        return bool(self.note)

    @property
    def present(self) -> bool:
        return (self.folder / MODEL).is_file()

    @property
    def sha256(self) -> str:
        """Of its weights; empty where they are not here."""
        return checkpoints.weights_sha256(self.folder) if self.present else ""

    @property
    def sampling(self) -> dict[str, Any]:
        """All sampling knobs: its own, and the family's defaults."""
        return knobs_for(MODELS[self.family], self.knobs)

    @property
    def command(self) -> str:
        """The arguments of ``python -m genlab`` that make the weights of a baseline."""
        flags = " ".join(f"{flag(key)} {value}" for key, value in (self.config | self.plan).items())
        return f"train {self.family} {flags} --out {self.folder}"

    def model(self) -> Trainable:
        """Its network; with fresh weights where there are none."""
        return checkpoints.load(self.folder) if self.present else MODELS[self.family].build(self.config)

    def training(self) -> dict[str, Any]:
        """How its weights were made, as their config tells, or would be."""
        if self.present:
            return json.loads((self.folder / CONFIG).read_text())["training"]
        plan = make(TrainConfig, self.plan, MODELS[self.family].recipe)
        return {"train": dataclasses.asdict(plan), "steps": plan.steps}


def baselines(weights: Path, runs: Path) -> list[Entry]:
    """What the families are to be better than."""
    normal = {"prior": "normal"}
    return [
        Entry("autoencoder_normal", "autoencoder", weights / "autoencoder", normal, "codes from N(0, I)"),
        Entry("ddpm_ddim", "ddpm", weights / "ddpm", DDIM, "drawn by DDIM"),
        Entry(
            "textbook_vae",
            "vae",
            runs / "textbook_vae",
            normal,
            "textbook recipe (MLP 400/20, N(0, I), 50 epochs)",
            {"network": "mlp", "latent": 20, "beta": 1, "lr": 0.001},
            {"steps": 23_450, "batch_size": 128, "decay": "none"},
        ),
        Entry(
            "textbook_gan",
            "gan",
            runs / "textbook_gan",
            {},
            "textbook recipe (MLP, Adam 2e-4, 50 epochs)",
            {"network": "mlp", "lr": 0.0002, "lr_d": 0.0002, "ema": 0},
            {"steps": 23_450, "batch_size": 128, "decay": "none"},
        ),
    ]


def entries(weights: Path = WEIGHTS, runs: Path = RUNS) -> dict[str, Entry]:
    """Every entry by its name.

    Args:
        weights: Where the shipped weights lie.
        runs: Where those of the textbook's recipes are made.
    """
    shipped = [Entry(name, name, weights / name) for name in MODELS]
    return {e.name: e for e in [*shipped, *baselines(weights, runs)] if e.present or e.plan}
