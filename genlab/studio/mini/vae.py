"""The autoencoder of mini-SD: 32x32x3 pixels to 8x8x4 latents and back (Rombach et al., 2022)."""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.config import Config, TrainConfig, knob
from genlab.data import to_uint8
from genlab.models.base import Metrics, Optimizers, Trainable
from genlab.studio.mini.pictures import SIZE, blend, colour_pairs

LATENT_CHANNELS = 4


@dataclass(frozen=True)
class AutoencoderConfig(Config):
    channels: int = knob(16, 8, 128, "Channels of the autoencoder at 32x32: more keep finer strokes", step=8)
    kl: float = knob(
        1e-4, 0.0, 1.0, "Pull of the latents towards noise: more is smoother, less exact", log=True
    )
    vae_lr: float = knob(3e-3, 1e-6, 1.0, "Learning rate of the autoencoder", log=True)


def psnr(mse: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of pictures in [-1, 1], from their mean squared error."""
    return 10 * torch.log10(4 / mse)


class MiniAutoencoder(Trainable):
    """Squared error and a small Kullback-Leibler term; ``net`` is diffusers' AutoencoderKL."""

    Config = AutoencoderConfig
    config: AutoencoderConfig
    recipe = TrainConfig(steps=12_000, batch_size=32)

    def __init__(self, config: AutoencoderConfig) -> None:
        from diffusers import AutoencoderKL

        super().__init__(config)
        c = config.channels
        self.net: Any = AutoencoderKL(
            sample_size=SIZE,
            latent_channels=LATENT_CHANNELS,
            block_out_channels=(c, c, 2 * c),
            down_block_types=("DownEncoderBlock2D",) * 3,
            up_block_types=("UpDecoderBlock2D",) * 3,
            norm_num_groups=8,
        )

    def optimizers(self) -> Optimizers:
        return {"net": torch.optim.Adam(self.net.parameters(), lr=self.config.vae_lr, betas=(0.9, 0.99))}

    def loss(self, x: Tensor, y: Tensor) -> tuple[Tensor, Metrics]:
        posterior = self.net.encode(x).latent_dist  # N(mean, std), (N, 4, 8, 8)
        mse = F.mse_loss(self.net.decode(posterior.sample()).sample, x)
        kl = posterior.kl().mean() / posterior.mean[0].numel()  # nats for each latent number
        loss = mse + self.config.kl * kl
        return loss, {"loss": loss, "psnr": psnr(mse), "kl": kl, "std": posterior.std.mean()}

    @torch.no_grad()
    def finish(self, x: Tensor) -> None:
        """Measure the factor that gives the latents unit variance, and keep it in the network's config."""
        digits = to_uint8(x)
        latents = [
            self.net.encode(blend(part, *colour_pairs(len(part), part.device))).latent_dist.mean
            for part in digits.split(500)
        ]
        self.net.register_to_config(scaling_factor=1 / float(torch.cat(latents).std()))
