"""Denoising diffusion with class conditions (Ho et al., 2020; Ho & Salimans, 2022)."""

from dataclasses import dataclass

from genlab.config import Config, TrainConfig, knob
from genlab.models.base import CLASSES, Card
from genlab.models.denoising import DiffusionModel, drop_knob, ema_knob, lr_knob, schedule_knob
from genlab.nn import UNet


@dataclass(frozen=True)
class DDPMConfig(Config):
    width: int = knob(48, 16, 128, "Channels of the U-Net: more draw finer strokes, slower", step=16)
    blocks: int = knob(1, 1, 4, "Residual blocks for each resolution: more draw better, slower")
    schedule: str = schedule_knob()
    drop: float = drop_knob()
    lr: float = lr_knob()
    ema: float = ema_knob()


class DDPM(DiffusionModel):
    """A U-Net learns to see the noise in a picture; sampling takes it out step by step."""

    Config = DDPMConfig
    config: DDPMConfig
    recipe = TrainConfig(steps=21_500, batch_size=64, preview_every=500)
    live = TrainConfig(steps=1200, batch_size=64, preview_every=50)
    card = Card(
        title="DDPM",
        year=2020,
        idea="Learn to remove a little noise, then start from pure noise and remove it all.",
        equation=r"\begin{aligned}\mathcal{L} &= \mathbb{E}_{x_0, \epsilon, t}\left\|\epsilon - \epsilon_\theta(x_t, t)\right\|^2 \\ x_t &= \sqrt{\bar\alpha_t}\,x_0 + \sqrt{1 - \bar\alpha_t}\,\epsilon\end{aligned}",
        paper="Ho, Jain & Abbeel, Denoising Diffusion Probabilistic Models",
        url="https://arxiv.org/abs/2006.11239",
    )

    def __init__(self, config: DDPMConfig) -> None:
        super().__init__(config, UNet(width=config.width, blocks=config.blocks, classes=CLASSES))
