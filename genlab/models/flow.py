"""Flow matching on straight paths (Lipman et al., 2023; Liu et al., 2023): what SD3 and Flux are trained by."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.config import Config, TrainConfig, choice, knob
from genlab.diffusion.flow import SOLVERS, evaluations, interpolate, logit_normal, times
from genlab.models.base import CLASSES, Card, Metrics
from genlab.models.denoising import (
    DenoisingModel,
    Guided,
    T,
    drop_knob,
    ema_knob,
    failures,
    guided_cost,
    lr_knob,
    spread,
)
from genlab.nn import UNet
from genlab.noise import Noise


@dataclass(frozen=True)
class FlowConfig(Config):
    width: int = knob(48, 16, 128, "Channels of the U-Net: more draw finer strokes, slower", step=16)
    blocks: int = knob(1, 1, 4, "Residual blocks for each resolution: more draw better, slower")
    times: str = choice(
        "uniform",
        ("uniform", "logit_normal"),
        "Which times are trained: logit_normal, as in SD3, more of the middle, where it is hardest",
    )
    drop: float = drop_knob()
    lr: float = lr_knob()
    ema: float = ema_knob()


@dataclass(frozen=True)
class FlowSampling(Guided):
    steps: int = knob(
        10, 1, T, "Steps along the path: the straighter the paths, the fewer are needed; 2 draw a digit"
    )
    sampler: str = choice(
        "heun",
        tuple(SOLVERS),
        "euler goes straight on from each point; heun looks ahead and corrects, at two evaluations a step",
    )


class Flow(DenoisingModel):
    """The network learns which way a point on a straight line from noise to a picture is moving."""

    Config = FlowConfig
    config: FlowConfig
    Sampling = FlowSampling
    preview_knobs = {"steps": 10}
    recipe = TrainConfig(steps=21_500, batch_size=64, preview_every=500)
    live = TrainConfig(steps=1200, batch_size=64, preview_every=50)
    failures = failures(ignorant=1.93)  # E|eps - x_0|^2 for a pixel of MNIST
    card = Card(
        title="Flow matching",
        year=2022,
        idea="Learn the direction from noise to picture along straight lines; then follow it in a few steps.",
        equation=r"\begin{aligned}\mathcal{L} &= \mathbb{E}_{x_0, \epsilon, t}\left\|v_\theta(x_t, t) - (\epsilon - x_0)\right\|^2 \\ x_t &= (1 - t)\,x_0 + t\,\epsilon\end{aligned}",
        paper="Lipman et al., Flow Matching for Generative Modeling; Liu et al., Flow Straight and Fast",
        url="https://arxiv.org/abs/2210.02747",
    )

    def __init__(self, config: FlowConfig) -> None:
        super().__init__(config, UNet(width=config.width, blocks=config.blocks, classes=CLASSES))

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        t = spread(len(x), x.device)
        if self.config.times == "logit_normal":
            t = logit_normal(t)
        eps = torch.randn_like(x)
        v = self.net(interpolate(x, eps, t), T * t, self.some_unlabelled(y))
        loss = F.mse_loss(v, eps - x)
        return loss, {"loss": loss}

    @torch.no_grad()
    def sample(  # type: ignore[override]  # names its knobs, as ``Sampling`` does
        self,
        noise: Noise,
        *,
        labels: Tensor | None = None,
        sampler: str = "heun",
        steps: int = 10,
        guidance: float = 1.0,
    ) -> Iterator[Tensor]:
        """Yield the state after each step."""
        velocity, x_1 = self.start(noise, labels, guidance)
        for x in SOLVERS[sampler](lambda x, t: velocity(x, T * t), x_1, times(steps)):
            yield x.clamp(-1, 1)

    def evaluations(self, *, sampler: str = "heun", steps: int = 10, guidance: float = 1.0, **_: Any) -> int:
        return evaluations(sampler, steps) * guided_cost(guidance)
