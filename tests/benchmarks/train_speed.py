"""Training: against the textbook loop, and against each family's own step on a constant batch."""

from collections.abc import Iterator
from itertools import chain, islice, repeat

import torch
from PIL import Image
from torch.utils.data import DataLoader
from torchvision import transforms

from genlab.config import TrainConfig, make
from genlab.data import Dataset, load_mnist
from genlab.events import Step
from genlab.models import MODELS, Trainable
from genlab.models.vae import VAE, VAEConfig
from genlab.training import train
from tests.benchmarks.timing import compare, seconds

BATCH = 128
SECONDS = 1.0  # of steps at least, so that what a training does once at its beginning does not count


class PerImage(torch.utils.data.Dataset):
    """What torchvision's MNIST does for every picture: a PIL image through the transforms."""

    def __init__(self, data: Dataset) -> None:
        self.data = data
        self.transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(0.5, 0.5)])

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
        image = Image.fromarray(self.data.images[i, 0].numpy(), mode="L")
        return self.transform(image), int(self.data.labels[i])


def run_steps(model: Trainable, data: Dataset, steps: int, batch: int) -> None:
    """``steps`` steps of the project's training, no previews."""
    plan = TrainConfig(steps=10_000, batch_size=batch, preview_every=1_000_000)
    for event in train(model, data, plan):
        if isinstance(event, Step) and event.step == steps:
            return


def run_constant(model: Trainable, x: torch.Tensor, y: torch.Tensor, steps: int) -> None:
    """The bare update on one batch."""
    optimizers = model.optimizers()
    model.train()
    for _ in range(steps):
        model.update(x, y, optimizers)


def run_textbook(model: Trainable, loader: DataLoader, steps: int) -> None:
    optimizers = model.optimizers()
    model.train()
    epochs = chain.from_iterable(repeat(loader))  # the embedded set has fewer batches than steps
    for x, y in islice(epochs, steps):
        model.update(x, y, optimizers)


def rows() -> Iterator[tuple[str, float, float]]:
    """(what, ratio measured, ratio wanted) for each comparison."""
    data = load_mnist("train")
    config = VAEConfig(network="mlp", latent=20, beta=1.0)
    ours, theirs = VAE(config), VAE(config)
    loader = DataLoader(PerImage(data), batch_size=BATCH, shuffle=True)
    a, b = compare(lambda: run_steps(ours, data, 60, BATCH), lambda: run_textbook(theirs, loader, 60))
    yield "training speed, MLP VAE: genlab / textbook loop", b / a, 2.0
    for name, family in MODELS.items():
        batch = family.recipe.batch_size
        model, bare = family(make(family.Config, None)), family(make(family.Config, None))
        x, y = data.batch(torch.arange(batch))
        x = bare.canvas.lay(x)
        run_constant(bare, x, y, 2)
        steps = max(10, int(10 * SECONDS / seconds(lambda: run_constant(bare, x, y, 10))))  # noqa: B023
        a, b = compare(
            lambda: run_steps(model, data, steps, batch),  # noqa: B023
            lambda: run_constant(bare, x, y, steps),  # noqa: B023
        )
        yield f"training speed, {name}: whole loop / constant batch", b / a, 0.9
