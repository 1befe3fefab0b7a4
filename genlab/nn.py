"""Building blocks that more than one family uses: the U-Net, time embedding, EMA, initialisation."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

GROUPS = 8

Tensors = tuple[Tensor, ...] | list[Tensor]


def sinusoidal(t: Tensor, dim: int) -> Tensor:
    """Sinusoidal embedding of times t (N,) -> (N, dim), dim even (Vaswani et al., 2017, 3.5)."""
    freqs = torch.exp(-math.log(10_000) * torch.arange(dim // 2, device=t.device) / (dim // 2))
    angles = t[:, None].float() * freqs  # (N, dim / 2)
    return torch.cat([angles.cos(), angles.sin()], dim=1)


def zero_init(module: nn.Module) -> nn.Module:
    """Start a residual branch's last layer at zero, so that the block begins as the identity."""
    for p in module.parameters():
        nn.init.zeros_(p)
    return module


def exponential_average(module: nn.Module, decay: float) -> AveragedModel:
    """A copy of ``module`` that trails it: ema <- d ema + (1 - d) w, d growing up to ``decay``.

    The early d = (1 + n) / (10 + n) lets the average forget the random initial weights.
    """

    def average(ema: Tensors, current: Tensors, n_averaged: Tensor | int) -> None:
        n = int(n_averaged)
        torch._foreach_lerp_(ema, current, 1 - min(decay, (1 + n) / (10 + n)))

    return AveragedModel(module, multi_avg_fn=average).requires_grad_(False)


class ResBlock(nn.Module):
    """Two 3x3 convolutions with GroupNorm and SiLU; the embedding scales and shifts in between."""

    def __init__(self, c_in: int, c_out: int, c_emb: int) -> None:
        super().__init__()
        self.norm1 = nn.GroupNorm(GROUPS, c_in)
        self.conv1 = nn.Conv2d(c_in, c_out, 3, padding=1)
        self.emb = nn.Linear(c_emb, 2 * c_out)
        self.norm2 = nn.GroupNorm(GROUPS, c_out)
        self.conv2 = zero_init(nn.Conv2d(c_out, c_out, 3, padding=1))
        self.skip = nn.Conv2d(c_in, c_out, 1) if c_in != c_out else nn.Identity()

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        h = self.conv1(F.silu(self.norm1(x)))  # (N, c_out, H, W)
        scale, shift = self.emb(emb)[:, :, None, None].chunk(2, dim=1)
        h = self.conv2(F.silu(self.norm2(h) * (1 + scale) + shift))
        return self.skip(x) + h


class SelfAttention(nn.Module):
    """Every position looks at every other (Vaswani et al., 2017), heads of 32 channels."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.heads = channels // 32
        self.norm = nn.GroupNorm(GROUPS, channels)
        self.qkv = nn.Conv2d(channels, 3 * channels, 1)
        self.out = zero_init(nn.Conv2d(channels, channels, 1))

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        qkv = self.qkv(self.norm(x)).view(n, 3, self.heads, c // self.heads, h * w)
        q, k, v = qkv.transpose(-1, -2).unbind(1)  # each (N, heads, H W, C / heads)
        y = F.scaled_dot_product_attention(q, k, v)
        return x + self.out(y.transpose(-1, -2).reshape(n, c, h, w))


class UNet(nn.Module):
    """eps(x_t, t, y): a U-Net of two resolutions with attention at the lower one.

    It works on patches: a 28x28 image enters as 14x14 positions of 2x2 pixels, which spares the
    costly full resolution (Hoogeboom et al., "Simple Diffusion", 2023), then 7x7. ``width``
    channels at 14x14, twice as many at 7x7; ``classes`` labels, index ``classes`` means none.
    """

    PATCH = 2

    def __init__(self, *, width: int, blocks: int, classes: int, channels: int = 1) -> None:
        super().__init__()
        c1, c2, c_emb = width, 2 * width, 4 * width
        self.width = width
        self.time = nn.Sequential(nn.Linear(width, c_emb), nn.SiLU(), nn.Linear(c_emb, c_emb))
        self.label = nn.Embedding(classes + 1, c_emb)
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(self.PATCH), nn.Conv2d(channels * self.PATCH**2, c1, 3, padding=1)
        )
        self.down1 = nn.ModuleList(ResBlock(c1, c1, c_emb) for _ in range(blocks))
        self.shrink = nn.Conv2d(c1, c2, 3, stride=2, padding=1)
        self.down2 = nn.ModuleList(ResBlock(c2, c2, c_emb) for _ in range(blocks))
        self.middle1 = ResBlock(c2, c2, c_emb)
        self.attention = SelfAttention(c2)
        self.middle2 = ResBlock(c2, c2, c_emb)
        self.up2 = nn.ModuleList(ResBlock(2 * c2, c2, c_emb) for _ in range(blocks))
        self.grow = nn.ConvTranspose2d(c2, c1, 4, stride=2, padding=1)
        self.up1 = nn.ModuleList(ResBlock(2 * c1, c1, c_emb) for _ in range(blocks))
        self.head = nn.Sequential(
            nn.GroupNorm(GROUPS, c1),
            nn.SiLU(),
            zero_init(nn.Conv2d(c1, channels * self.PATCH**2, 3, padding=1)),
            nn.PixelShuffle(self.PATCH),
        )

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        emb = F.silu(self.time(sinusoidal(t, self.width)) + self.label(y))  # (N, c_emb)
        h = self.stem(x)  # (N, c1, 14, 14)
        skips = []
        for block in self.down1:
            h = block(h, emb)
            skips.append(h)
        h = self.shrink(h)  # (N, c2, 7, 7)
        for block in self.down2:
            h = block(h, emb)
            skips.append(h)
        h = self.middle2(self.attention(self.middle1(h, emb)), emb)
        for block in self.up2:
            h = block(torch.cat([h, skips.pop()], dim=1), emb)
        h = self.grow(h)  # (N, c1, 14, 14)
        for block in self.up1:
            h = block(torch.cat([h, skips.pop()], dim=1), emb)
        return self.head(h)  # (N, C, 28, 28)
