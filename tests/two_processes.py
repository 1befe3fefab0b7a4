"""Trains under ``accelerate launch`` and saves what each process ends with: see test_distributed.py."""

import sys
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from safetensors.torch import save_file
from torch import Tensor, nn

from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.events import Done
from genlab.models import Trainable
from genlab.training import train
from tests.helpers import tiny

CONFIG = TrainConfig(steps=6, batch_size=16, seed=5)


class Regression(Trainable):
    """A small network without any randomness of its own: two processes must match one exactly."""

    recipe = CONFIG

    def __init__(self) -> None:
        super().__init__(Trainable.Config())
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(784, 8), nn.Tanh(), nn.Linear(8, 1))

    def optimizers(self) -> Any:
        return {"net": torch.optim.Adam(self.net.parameters(), lr=1e-2)}

    def loss(self, x: Tensor, y: Tensor) -> Any:
        loss = ((self.net(x)[:, 0] - y) ** 2).mean()
        return loss, {"loss": loss}


class Poisoned(Regression):
    """Its loss breaks at the third step, in one process only."""

    def update(self, x: Tensor, y: Tensor, optimizers: Any) -> Any:
        self.steps = getattr(self, "steps", 0) + 1
        metrics = super().update(x, y, optimizers)
        if self.steps == 3 and Accelerator().is_main_process:
            metrics["loss"] = metrics["loss"] * float("nan")
        return metrics


def random_digits() -> Dataset:
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(0, 256, (64, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return Dataset(images, torch.arange(64) % 10, "noise", complete=False)


def trained(name: str, seed: int) -> dict[str, Tensor]:
    """The state after training from weights of ``seed``, and how many steps it took."""
    torch.manual_seed(seed)
    own = {"regression": Regression, "poisoned": Poisoned}
    model = own[name]() if name in own else tiny(name, seed=seed)
    *_, done = train(model, random_digits(), CONFIG)
    assert isinstance(done, Done)
    state = {k: v.clone() for k, v in model.state_dict().items()}
    return state | {"steps": torch.tensor(done.step), "diverged": torch.tensor(done.reason == "diverged")}


if __name__ == "__main__":
    rank = Accelerator().process_index
    for name in sys.argv[2:]:
        save_file(trained(name, seed=rank), Path(sys.argv[1]) / f"{name}-{rank}.safetensors")
