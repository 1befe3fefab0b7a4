"""What a picture looks like while it forms, straight from its latents."""

import itertools
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

LEVELS = (-0.8, 0.0, 0.8)  # of red, green and blue in the calibration
DECODABLE = 5_000_000  # parameters of a decoder that is as quick as a step


@torch.no_grad()
def fit_linear(vae: Any) -> Tensor:
    """The linear map from latents to RGB that fits an autoencoder best: (latent channels + 1, 3).

    Autoencoders of latent diffusion keep colours nearly linear in their latents. So the encodings of
    27 flat colours give the map, by least squares, for any of them.
    """
    colours = torch.tensor(list(itertools.product(LEVELS, repeat=3)))  # (27, 3)
    side = 8 * 2 ** (len(vae.config.block_out_channels) - 1)
    flat = colours[:, :, None, None].expand(-1, -1, side, side).to(vae.device, vae.dtype)
    latents = vae.encode(flat).latent_dist.mean[:, :, 2:-2, 2:-2].mean((2, 3))  # away from the borders
    x = (latents * vae.config.scaling_factor).float().cpu()
    return torch.linalg.lstsq(torch.cat([x, torch.ones(len(x), 1)], 1), colours).solution


class Previewer:
    """Latents to small pictures: by a decoder where one is quick enough, else linearly."""

    def __init__(self, vae: Any, tiny: Any = None) -> None:
        quick = sum(p.numel() for p in vae.parameters()) < DECODABLE
        self.decoder = tiny if tiny is not None else vae if quick else None
        self.linear = None if self.decoder is not None else fit_linear(vae)

    @torch.no_grad()
    def pictures(self, latents: Tensor) -> list[Image.Image]:
        """One RGB picture for each of ``latents`` (N, C, H, W), scaled as in the pipelines."""
        if self.decoder is not None:
            z = latents.to(self.decoder.dtype) / self.decoder.config.scaling_factor
            x = self.decoder.decode(z).sample.float().cpu()
        else:
            assert self.linear is not None
            z = latents.float().cpu().permute(0, 2, 3, 1)  # (N, H, W, C)
            x = (z @ self.linear[:-1] + self.linear[-1]).permute(0, 3, 1, 2)
        bytes_ = ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return [Image.fromarray(np.ascontiguousarray(one)) for one in bytes_]
