"""Inversion, repainting and variations against diffusers and closed forms."""

import pytest
import torch
from diffusers import DDIMInverseScheduler
from torch import Tensor

from genlab.diffusion.editing import invert, late_times, repaint
from genlab.diffusion.samplers import ddim, timesteps
from genlab.diffusion.schedules import Schedule, cosine, linear
from genlab.noise import Noise

MEAN, STD = 0.1, 0.3


def exact(schedule: Schedule):
    """E[eps | x_t] for pixels that are N(MEAN, STD^2)."""

    def denoiser(x: Tensor, t: Tensor) -> Tensor:
        bar = schedule.alpha_bar[t].view(-1, 1, 1, 1)
        return (1 - bar).sqrt() * (x - bar.sqrt() * MEAN) / (bar * STD**2 + 1 - bar)

    return denoiser


def pictures(n: int = 3) -> Tensor:
    return (MEAN + STD * Noise(3, n).normal(1, 4, 4).double()).clamp(-0.9, 0.9)


def last(trajectory) -> Tensor:
    *_, step = trajectory
    return step.x


def test_inversion_is_that_of_diffusers() -> None:
    theirs = DDIMInverseScheduler(
        1000, 1e-4, 0.02, "linear", clip_sample=False, set_alpha_to_one=True, timestep_spacing="leading"
    )
    theirs.set_timesteps(20)
    schedule = linear()
    theirs.alphas_cumprod, theirs.initial_alpha_cumprod = schedule.alpha_bar, torch.tensor(1.0).double()
    times = [int(t) for t in reversed(theirs.timesteps.tolist())]
    x = pictures()
    for step, t in zip(invert(exact(schedule), schedule, x, times), theirs.timesteps, strict=True):
        x = theirs.step(exact(schedule)(x, t.expand(3)), int(t), x).prev_sample
        assert step.t_prev == t and (step.x - x).abs().max() < 1e-6


@pytest.mark.parametrize("make", [linear, cosine])
def test_what_is_inverted_comes_back_the_better_the_more_steps(make) -> None:
    schedule, x_0, errors = make(), pictures(), []
    for steps in (10, 50, 250):
        times = timesteps(1000, steps)
        x_T = last(invert(exact(schedule), schedule, x_0, times))
        again = last(ddim(exact(schedule), schedule, x_T, Noise(0, 3), times))
        errors.append(float((again - x_0).abs().mean()))
    assert errors[0] > 3 * errors[1] > 9 * errors[2] and errors[1] < 0.05


def test_the_inverted_noise_is_that_of_the_flow() -> None:
    schedule, x_0, times = cosine(), pictures(), timesteps(1000, 1000)
    bar = schedule.alpha_bar_at(999)
    flow = bar**0.5 * MEAN + (bar * STD**2 + 1 - bar) ** 0.5 * (x_0 - MEAN) / STD  # the ODE's solution
    assert (last(invert(exact(schedule), schedule, x_0, times)) - flow).abs().mean() < 0.02


def test_repainting_keeps_what_is_not_masked_and_draws_the_rest() -> None:
    schedule, n = cosine(), 500
    known, mask = pictures(n), torch.zeros(1, 1, 4, 4).double()
    mask[..., 2:, :] = 1
    x_T = Noise(8, n).normal(1, 4, 4).double()
    times = timesteps(1000, 200)
    steps = list(repaint(exact(schedule), schedule, x_T, Noise(9, n), times, known=known, mask=mask))
    x = steps[-1].x
    assert len(steps) == 200 and torch.equal(x[..., :2, :], known[..., :2, :])
    new = x[..., 2:, :]
    assert abs(new.mean() - MEAN) < 0.03 and abs(new.std() / STD - 1) < 0.06


def joined(schedule: Schedule):
    """E[eps | x_t] for pictures that are one grey, N(0, STD^2), all over."""

    def denoiser(x: Tensor, t: Tensor) -> Tensor:
        bar, d = schedule.alpha_bar[t].view(-1, 1, 1, 1), x[0].numel()
        grey = bar.sqrt() * STD**2 * x.mean((1, 2, 3), keepdim=True) * d / (bar * STD**2 * d + 1 - bar)
        return (x - bar.sqrt() * grey) / (1 - bar).sqrt()

    return denoiser


def test_resampling_makes_the_new_part_agree_with_the_old() -> None:
    schedule, n = cosine(), 300
    known = (STD * Noise(3, n).normal(1, 1, 1).double()).clamp(-0.9, 0.9).expand(n, 1, 4, 4)
    mask = torch.zeros(1, 1, 4, 4).double()
    mask[..., 1:, :] = 1
    errors = []
    for resamplings in (1, 10):
        x_T = Noise(8, n).normal(1, 4, 4).double()
        run = repaint(
            joined(schedule), schedule, x_T, Noise(9, n), timesteps(1000, 20),
            known=known, mask=mask, resamplings=resamplings,
        )  # fmt: skip
        errors.append(float((last(run) - known)[..., 1:, :].abs().mean()))
    assert errors[1] < errors[0] / 2


def test_a_mask_of_nothing_keeps_the_picture_and_of_everything_ignores_it() -> None:
    schedule, x_T, times = linear(), Noise(8, 3).normal(1, 4, 4).double(), timesteps(1000, 10)

    def painted(known: Tensor, mask: float) -> Tensor:
        run = repaint(
            exact(schedule), schedule, x_T, Noise(9, 3), times, known=known, mask=torch.tensor(mask)
        )
        return last(run)

    assert torch.equal(painted(pictures(), 0.0), pictures())
    assert torch.equal(painted(pictures(), 1.0), painted(-pictures(), 1.0))


@pytest.mark.parametrize(("strength", "kept"), [(0.0, 0), (0.02, 1), (0.5, 25), (0.8, 40), (1.0, 50)])
def test_strength_says_how_much_of_the_way_is_walked(strength: float, kept: int) -> None:
    times = timesteps(1000, 50)
    assert late_times(times, strength) == times[50 - kept :]
