"""The diffusion transformer (Peebles & Xie, 2023) on the same diffusion as the U-Net."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.config import Config, TrainConfig, choice, knob
from genlab.models.base import CLASSES, Card
from genlab.models.denoising import (
    DiffusionModel,
    drop_knob,
    ema_knob,
    lr_knob,
    schedule_knob,
)
from genlab.nn import sinusoidal, zero_init

HEAD = 32  # channels of an attention head


@dataclass(frozen=True)
class DiTConfig(Config):
    patch: str = choice("4", ("2", "4", "7"), "Side of a patch in pixels: smaller draw finer strokes, slower")
    width: int = knob(160, 32, 256, "Numbers for each patch: more draw better, slower", step=HEAD)
    depth: int = knob(4, 1, 12, "Transformer blocks: more draw better, slower")
    schedule: str = schedule_knob()
    drop: float = drop_knob()
    lr: float = lr_knob()
    ema: float = ema_knob()


def positions(side: int, width: int) -> Tensor:
    """Sine and cosine of row and column, (side^2, width): half of the numbers for each."""
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    return torch.cat([sinusoidal(rows.flatten(), width // 2), sinusoidal(columns.flatten(), width // 2)], 1)


def modulate(x: Tensor, shift: Tensor, scale: Tensor) -> Tensor:
    """x (N, L, D) scaled and shifted by (N, D)."""
    return x * (1 + scale[:, None]) + shift[:, None]


class Block(nn.Module):
    """Attention and MLP, each shifted, scaled and gated by the condition: adaLN-Zero (section 3.2).

    The six modulations start at zero, so that the block begins as the identity.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.heads = width // HEAD
        self.norm1 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.qkv = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.norm2 = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.mlp = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(approximate="tanh"), nn.Linear(4 * width, width)
        )
        self.modulation = zero_init(nn.Linear(width, 6 * width))

    def attend(self, x: Tensor) -> Tensor:
        n, length, width = x.shape
        q, k, v = self.qkv(x).view(n, length, 3, self.heads, HEAD).permute(2, 0, 3, 1, 4)  # (N, heads, L, 32)
        y = F.scaled_dot_product_attention(q, k, v)
        return self.out(y.transpose(1, 2).reshape(n, length, width))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        shift1, scale1, gate1, shift2, scale2, gate2 = self.modulation(condition).chunk(6, dim=1)
        x = x + gate1[:, None] * self.attend(modulate(self.norm1(x), shift1, scale1))
        return x + gate2[:, None] * self.mlp(modulate(self.norm2(x), shift2, scale2))


class Transformer(nn.Module):
    """eps(x_t, t, y): patches as tokens; ``classes`` labels, index ``classes`` means none."""

    position: Tensor  # (L, width)

    def __init__(self, *, patch: int, width: int, depth: int, classes: int, side: int = 28) -> None:
        super().__init__()
        self.width, self.grid = width, side // patch
        self.time = nn.Sequential(nn.Linear(width, width), nn.SiLU(), nn.Linear(width, width))
        self.label = nn.Embedding(classes + 1, width)
        self.patches = nn.Conv2d(1, width, patch, stride=patch)
        self.register_buffer("position", positions(self.grid, width), persistent=False)
        self.blocks = nn.ModuleList(Block(width) for _ in range(depth))
        self.norm = nn.LayerNorm(width, elementwise_affine=False, eps=1e-6)
        self.modulation = zero_init(nn.Linear(width, 2 * width))
        self.pixels = zero_init(nn.Linear(width, patch**2))
        self.unpatch = nn.PixelShuffle(patch)

    def forward(self, x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        condition = F.silu(self.time(sinusoidal(t, self.width)) + self.label(y))  # (N, D)
        h = self.patches(x).flatten(2).transpose(1, 2) + self.position  # (N, L, D)
        for block in self.blocks:
            h = block(h, condition)
        shift, scale = self.modulation(condition).chunk(2, dim=1)
        h = self.pixels(modulate(self.norm(h), shift, scale))  # (N, L, patch^2)
        return self.unpatch(h.transpose(1, 2).unflatten(2, (self.grid, self.grid)))  # (N, 1, 28, 28)


class DiT(DiffusionModel):
    """The noise is seen by a transformer over patches instead of a U-Net."""

    Config = DiTConfig
    config: DiTConfig
    recipe = TrainConfig(steps=21_500, batch_size=64, preview_every=500)
    live = TrainConfig(steps=1200, batch_size=64, preview_every=50)
    card = Card(
        title="DiT",
        year=2022,
        idea="DDPM with a transformer: patches of the picture look at one another, and nothing is built in.",
        equation=r"\begin{aligned}\mathcal{L} &= \mathbb{E}_{x_0, \epsilon, t}\left\|\epsilon - \epsilon_\theta(x_t, t, y)\right\|^2 \\ h &\leftarrow h + \gamma_1\,\mathrm{attend}(\alpha_1 \bar h + \beta_1) \\ h &\leftarrow h + \gamma_2\,\mathrm{mlp}(\alpha_2 \bar h + \beta_2) \\ &(\alpha, \beta, \gamma)_{1,2} = \mathrm{linear}(t, y), \quad \bar h = \mathrm{norm}(h)\end{aligned}",
        paper="Peebles & Xie, Scalable Diffusion Models with Transformers",
        url="https://arxiv.org/abs/2212.09748",
    )

    def __init__(self, config: DiTConfig) -> None:
        c = config
        super().__init__(
            config, Transformer(patch=int(c.patch), width=c.width, depth=c.depth, classes=CLASSES)
        )
