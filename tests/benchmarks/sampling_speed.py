"""Sampling: DDIM with 50 steps against diffusers at equal steps and about equal parameters."""

from collections.abc import Iterator

import torch
from diffusers import DDIMScheduler, UNet2DModel
from torch.utils.flop_counter import FlopCounterMode

from genlab.models.ddpm import DDPM, DDPMConfig
from genlab.noise import Noise
from tests.benchmarks.timing import compare, seconds

N, STEPS = 32, 50


def diffusers_unet() -> UNet2DModel:
    """About the parameters of ours, in diffusers' usual blocks at 28x28 and 14x14."""
    return UNet2DModel(
        sample_size=28,
        in_channels=1,
        out_channels=1,
        block_out_channels=(40, 88),
        down_block_types=("DownBlock2D", "AttnDownBlock2D"),
        up_block_types=("AttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        norm_num_groups=8,
        num_class_embeds=11,
    ).eval()


@torch.no_grad()
def sample_diffusers(unet: UNet2DModel) -> torch.Tensor:
    scheduler = DDIMScheduler(beta_schedule="squaredcos_cap_v2", timestep_spacing="trailing")
    scheduler.set_timesteps(STEPS)
    x, y = Noise(0, N).normal(1, 28, 28), torch.zeros(N, dtype=torch.int64)
    for t in scheduler.timesteps:
        x = scheduler.step(unet(x, t, class_labels=y).sample, t, x).prev_sample
    return x


def sample_genlab(model: DDPM) -> torch.Tensor:
    *_, x = model.sample(Noise(0, N), labels=torch.zeros(N, dtype=torch.int64), steps=STEPS, sampler="ddim")
    return x


def matmul_rate() -> float:
    """The machine's matrix-multiply rate, floating-point operations per second."""
    a, b = torch.randn(2048, 2048), torch.randn(2048, 2048)
    return 2 * 2048**3 / min(seconds(lambda: a @ b) for _ in range(10))


def rows() -> Iterator[tuple[str, float, float | None]]:
    """(what, ratio measured, ratio wanted) for each comparison."""
    ours, theirs = DDPM(DDPMConfig()).eval(), diffusers_unet()
    a, b = compare(lambda: sample_genlab(ours), lambda: sample_diffusers(theirs), rounds=3)
    yield "DDIM 50 images/s: genlab / diffusers", b / a, 2.0
    sizes = [sum(p.numel() for p in m.parameters()) for m in (ours.net, theirs)]
    yield "parameters: genlab / diffusers", sizes[0] / sizes[1], None
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        zeros = torch.zeros(N, dtype=torch.int64)
        ours.net(torch.zeros(N, 1, 28, 28), zeros, zeros)
    yield "share of the matrix-multiply rate", counter.get_total_flops() * STEPS / a / matmul_rate(), None
