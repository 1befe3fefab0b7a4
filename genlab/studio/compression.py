"""What an autoencoder saves and what it loses: the step from pixels to latents."""

import math
from typing import Any, NamedTuple

import torch
from PIL import Image

from genlab.studio.mini.vae import psnr

Shape = tuple[int, int, int]


class Compression(NamedTuple):
    """The same picture twice, as (height, width, channels)."""

    pixels: Shape
    latents: Shape

    @property
    def ratio(self) -> float:
        """Numbers in pixels for each number in latents."""
        return math.prod(self.pixels) / math.prod(self.latents)


def compression(vae: Any, width: int, height: int) -> Compression:
    """What ``vae``, an ``AutoencoderKL``, makes of a picture of ``width`` x ``height`` pixels."""
    factor = 2 ** (len(vae.config.block_out_channels) - 1)
    return Compression((height, width, 3), (height // factor, width // factor, vae.config.latent_channels))


class RoundTrip(NamedTuple):
    """A picture encoded and decoded again."""

    picture: Image.Image
    psnr: float  # dB


@torch.no_grad()
def round_trip(vae: Any, picture: Image.Image) -> RoundTrip:
    """What ``vae`` keeps of ``picture`` (RGB, its edges multiples of 8)."""
    from diffusers.image_processor import VaeImageProcessor

    processor = VaeImageProcessor(do_resize=False)
    x = processor.preprocess(picture).to(vae.device, vae.dtype)  # (1, 3, H, W) in [-1, 1]
    again = vae.decode(vae.encode(x).latent_dist.mean).sample.clamp(-1, 1)
    error = (again.float() - x.float()).square().mean()
    return RoundTrip(processor.postprocess(again)[0], float(psnr(error)))
