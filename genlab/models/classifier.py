"""The digit classifier whose features and verdicts the evaluation uses."""

from dataclasses import dataclass
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.config import Config, TrainConfig, knob
from genlab.models.base import Metrics, Optimizers, Trainable
from genlab.nn import exponential_average

FEATURES = 64


@dataclass(frozen=True)
class ClassifierConfig(Config):
    width: int = knob(24, 8, 64, "Channels of the first layer")
    augment: float = knob(1.0, 0.0, 2.0, "Strength of random rotation, scaling and shift")
    lr: float = knob(2e-3, 1e-6, 1.0, "Learning rate", log=True)
    ema: float = knob(0.998, 0.0, 0.9999, "Averaging of the weights over steps")


def distort(x: Tensor, strength: float) -> Tensor:
    """Rotate by up to 12 degrees, scale by up to 10%, shift by up to 2 pixels, times ``strength``."""
    u = (torch.rand(4, len(x), device=x.device) * 2 - 1) * strength  # (4, N) in [-strength, strength]
    angle, zoom = u[0] * torch.pi / 15, torch.exp(0.1 * u[1])
    cos, sin, shift = zoom * angle.cos(), zoom * angle.sin(), u[2:] * (2 / 14)
    rows = torch.stack([cos, -sin, shift[0], sin, cos, shift[1]], dim=1).view(-1, 2, 3)
    grid = F.affine_grid(rows, list(x.shape), align_corners=False)
    return F.grid_sample(x + 1, grid, align_corners=False) - 1  # outside is 0 after + 1: black


class Network(nn.Module):
    """28x28 -> 64 features -> 10 logits."""

    def __init__(self, width: int) -> None:
        super().__init__()
        c1, c2, c3 = width, 2 * width, 4 * width

        def conv(n_in: int, n_out: int, stride: int = 1) -> list[nn.Module]:
            layer = nn.Conv2d(n_in, n_out, 3, stride=stride, padding=1, bias=False)
            return [layer, nn.BatchNorm2d(n_out), nn.ReLU()]

        self.features = nn.Sequential(
            *conv(1, c1), *conv(c1, c2, stride=2), *conv(c2, c2), *conv(c2, c3, stride=2),
            nn.Flatten(), nn.Dropout(0.3), nn.Linear(49 * c3, FEATURES), nn.ReLU(),
        )  # fmt: skip
        self.logits = nn.Linear(FEATURES, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.logits(self.features(x))


class Classifier(Trainable):
    """Cross-entropy on distorted digits; the averaged weights give features and predictions."""

    Config = ClassifierConfig
    config: ClassifierConfig
    recipe = TrainConfig(steps=4700, batch_size=128, preview_every=500)
    averages = "net"

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        self.net = Network(config.width)
        self.average = exponential_average(self.net, config.ema)

    def optimizers(self) -> Optimizers:
        return {"net": torch.optim.AdamW(self.net.parameters(), lr=self.config.lr, weight_decay=0.02)}

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        logits = self.net(distort(x, self.config.augment))
        loss = F.cross_entropy(logits, y)
        return loss, {"loss": loss, "accuracy": (logits.argmax(1) == y).float().mean()}

    def update(self, x: Tensor, y: Tensor, optimizers: Optimizers) -> Metrics:
        metrics = super().update(x, y, optimizers)
        self.average.update_parameters(self.net)
        return metrics

    @property
    def _judge(self) -> Network:
        """The averaged network."""
        return cast(Network, self.average.module)

    @torch.no_grad()
    def features(self, x: Tensor) -> Tensor:
        """The last hidden layer, (N, 64), of pictures in [-1, 1]."""
        return self._judge.features(x)

    @torch.no_grad()
    def chances(self, features: Tensor) -> Tensor:
        """The probability of each digit, (N, 10), from ``features``."""
        return self._judge.logits(features).softmax(1)

    def predict(self, features: Tensor) -> Tensor:
        """Digits, int64 (N,), from ``features``."""
        return self.chances(features).argmax(1)
