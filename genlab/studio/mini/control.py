"""The ControlNet of mini-SD: lines say where the digit is (Zhang et al., "Adding Conditional Control
to Text-to-Image Diffusion Models", 2023)."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genlab.config import Config, TrainConfig, knob
from genlab.studio.mini.diffusion import LatentDiffusion
from genlab.studio.mini.hints import Told

EMBEDDING = (16, 32, 64)  # channels at 32x32, 16x16 and 8x8: each step halves, as the autoencoder's


@dataclass(frozen=True)
class ControlConfig(Config):
    control_lr: float = knob(4e-3, 1e-6, 1.0, "Learning rate of the ControlNet", log=True)
    control_ema: float = knob(0.995, 0.0, 0.99999, "Averaging of the ControlNet's weights over steps")
    control_drop: float = knob(0.5, 0.0, 1.0, "Share of empty captions: the lines must tell the digit")
    strokes: float = knob(0.3, 0.0, 1.0, "Share of centre lines among the lines; the rest are outlines")


class MiniControl(LatentDiffusion):
    """A trainable copy of the U-Net's encoder, which adds to the frozen U-Net's features.

    It is joined on by convolutions that start at zero, and so changes nothing before training. Only
    the copy is part of this module: the frozen networks are neither trained nor saved with it.
    """

    Config = ControlConfig
    config: ControlConfig
    recipe = TrainConfig(steps=7000, batch_size=64)

    def __init__(self, config: ControlConfig, text_encoder: Any, unet: Any) -> None:
        from diffusers import ControlNetModel

        net = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=EMBEDDING)
        super().__init__(config, net, lr=config.control_lr, ema=config.control_ema)
        self.frozen = tuple(part.eval().requires_grad_(False) for part in (text_encoder, unet))

    def predict(self, x_t: Tensor, t: Tensor, y: Told) -> Tensor:
        text_encoder, unet = self.frozen
        with torch.no_grad():
            words = text_encoder(y.tokens).last_hidden_state  # (N, LENGTH, text_width)
        down, middle = self.net(x_t, t, words, y.hints, return_dict=False)
        return unet(
            x_t, t, words, down_block_additional_residuals=down, mid_block_additional_residual=middle
        ).sample
