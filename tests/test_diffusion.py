"""Schedules, samplers and guidance against diffusers, closed forms and each other."""

from collections.abc import Iterator
from typing import Any

import pytest
import torch
from diffusers import DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, HeunDiscreteScheduler
from torch import Tensor

from genlab.diffusion import samplers
from genlab.diffusion.guidance import classifier_free
from genlab.diffusion.samplers import ddim, ddpm, timesteps
from genlab.diffusion.schedules import SCHEDULES, Schedule
from genlab.noise import Noise

THEIRS = {"linear": "linear", "cosine": "squaredcos_cap_v2", "sigmoid": "sigmoid"}
NAMES = sorted(THEIRS)


def their_tables(name: str) -> Tensor:
    """diffusers' betas, multiplied up in double precision."""
    betas = DDPMScheduler(1000, beta_schedule=THEIRS[name]).betas
    return torch.cumprod(1 - betas.double(), 0)


def toy(x: Tensor, t: Tensor) -> Tensor:
    """A fixed nonlinear denoiser."""
    s = (t.to(x.dtype) / 1000).view(-1, *[1] * (x.dim() - 1))
    return torch.sin(3 * x) * (1 - s) + x * s**0.5 + 0.1 * x.flip(-1)


@pytest.mark.parametrize("name", NAMES)
def test_tables_are_those_of_diffusers(name: str) -> None:
    theirs, ours = DDPMScheduler(1000, beta_schedule=THEIRS[name]), SCHEDULES[name](1000)
    assert ours.T == 1000 and ours.alpha_bar.dtype == torch.float64
    assert (ours.alpha_bar - theirs.alphas_cumprod.double()).abs().max() < 1e-6
    assert (ours.betas - theirs.betas.double()).abs().max() < 1e-6


@pytest.mark.parametrize("name", NAMES)
def test_add_noise_is_that_of_diffusers(name: str) -> None:
    theirs, ours = DDPMScheduler(1000, beta_schedule=THEIRS[name]), SCHEDULES[name](1000)
    x_0, eps = Noise(0, 1000).normal(1, 4, 4), Noise(1, 1000).normal(1, 4, 4)
    t = torch.arange(1000)
    assert (ours.add_noise(x_0, t, eps) - theirs.add_noise(x_0, eps, t)).abs().max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
def test_schedules_lose_the_picture_step_by_step(name: str) -> None:
    schedule = SCHEDULES[name](1000)
    assert (schedule.snr().diff() < 0).all()
    assert (
        schedule.alpha_bar_at(-1) == 1
        and schedule.alpha_bar_at(0) > 0.99
        and schedule.alpha_bar_at(999) < 1e-4
    )
    assert torch.allclose(schedule.snr() / (1 + schedule.snr()), schedule.alpha_bar, atol=0, rtol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_one_jump_has_the_moments_of_many_steps(name: str) -> None:
    schedule = SCHEDULES[name](1000)
    mean, variance = 1.0, 0.0
    one, zero = torch.ones(1, 1, 1, 1).double(), torch.zeros(1, 1, 1, 1).double()
    for t, beta in enumerate(schedule.betas.tolist()):
        mean, variance = (1 - beta) ** 0.5 * mean, (1 - beta) * variance + beta  # equation 2
        assert schedule.add_noise(one, torch.tensor([t]), zero).item() == pytest.approx(mean, rel=1e-9)
        assert schedule.add_noise(zero, torch.tensor([t]), one).item() == pytest.approx(
            variance**0.5, rel=1e-9
        )


@pytest.mark.parametrize("name", NAMES)
def test_predict_x_0_inverts_add_noise(name: str) -> None:
    schedule = SCHEDULES[name](1000)
    x_0, eps = Noise(0, 1000).normal(2, 2).double(), Noise(1, 1000).normal(2, 2).double()
    t = torch.arange(1000)
    assert torch.allclose(schedule.predict_x_0(schedule.add_noise(x_0, t, eps), t, eps), x_0, atol=1e-8)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("t", "t_prev"), [(1, 0), (500, 499), (500, 250), (999, 998), (999, 0), (3, 1)])
def test_posterior_follows_from_bayes(name: str, t: int, t_prev: int) -> None:
    """The product of N(x_prev; sqrt(bar_prev) x_0, 1 - bar_prev) and N(x_t; sqrt(a) x_prev, 1 - a)."""
    schedule = SCHEDULES[name](1000)
    x_0, x_t = torch.tensor([0.3]).double(), torch.tensor([-0.8]).double()
    bar, bar_prev = (torch.cumprod(1 - schedule.betas, 0)[i] for i in (t, t_prev))
    a = bar / bar_prev
    precision = 1 / (1 - bar_prev) + a / (1 - a)
    mean = (bar_prev.sqrt() * x_0 / (1 - bar_prev) + a.sqrt() * x_t / (1 - a)) / precision
    found = schedule.posterior(x_0, x_t, t, t_prev)
    assert torch.allclose(found.mean, mean, rtol=1e-7) and torch.allclose(
        found.variance, 1 / precision, rtol=1e-7
    )


def test_the_last_posterior_is_the_picture() -> None:
    x_0 = torch.randn(2, 1, 2, 2).double()
    last = SCHEDULES["cosine"](1000).posterior(x_0, torch.randn_like(x_0), 5, -1)
    assert torch.allclose(last.mean, x_0) and last.variance == 0


@pytest.mark.parametrize("spacing", samplers.SPACINGS)
@pytest.mark.parametrize("steps", [1, 2, 3, 7, 10, 50, 333, 999, 1000])
def test_spacings_are_those_of_diffusers(spacing: str, steps: int) -> None:
    theirs = DDIMScheduler(1000, timestep_spacing=spacing)
    theirs.set_timesteps(steps)
    ours = timesteps(1000, steps, spacing)
    assert ours == theirs.timesteps[:steps].tolist()
    assert len(set(ours)) == steps and ours == sorted(ours, reverse=True)


class Replay(Noise):
    """Noise that remembers what it gave."""

    def __init__(self, *args: int) -> None:
        super().__init__(*args)
        self.given: list[Tensor] = []

    def normal(self, *shape: int) -> Tensor:
        self.given.append(super().normal(*shape))
        return self.given[-1]


def shared(name: str) -> Schedule:
    """Our schedule from diffusers' own betas, so that only the samplers are compared."""
    return Schedule(DDPMScheduler(1000, beta_schedule=THEIRS[name]).betas)


CASES = [(10, "trailing"), (50, "trailing"), (1000, "trailing"), (10, "leading"), (7, "leading")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("steps", "spacing"), CASES)
@pytest.mark.parametrize("eta", [0.0, 0.5, 1.0])
def test_ddim_is_that_of_diffusers(name: str, steps: int, spacing: str, eta: float) -> None:
    theirs = DDIMScheduler(
        1000, trained_betas=shared(name).betas.numpy(), clip_sample=True, timestep_spacing=spacing
    )
    theirs.alphas_cumprod, theirs.final_alpha_cumprod = their_tables(name), torch.tensor(1.0).double()
    theirs.set_timesteps(steps)
    noise = Replay(0, 3)
    x = Noise(5, 3).normal(1, 4, 4).double()
    trajectory = ddim(toy, shared(name), x, noise, timesteps(1000, steps, spacing), eta=eta)
    for step, t in zip(trajectory, theirs.timesteps.tolist(), strict=True):
        eps = toy(x, torch.full((3,), t))
        drawn = noise.given[-1].double() if noise.given else torch.zeros_like(x)
        expected = theirs.step(
            eps, t, x, eta=eta, use_clipped_model_output=True, variance_noise=drawn if eta else None
        )
        assert step.t == t
        assert (step.x - expected.prev_sample).abs().max() < 1e-5
        assert (step.x_0 - expected.pred_original_sample).abs().max() < 1e-5
        x = step.x
    assert len(noise.given) == (steps - 1 if eta else 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("steps", "spacing"), [*CASES, (7, "trailing"), (10, "linspace")])
def test_ddpm_is_that_of_diffusers(
    name: str, steps: int, spacing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = DDPMScheduler(1000, beta_schedule=THEIRS[name], clip_sample=True, timestep_spacing=spacing)
    theirs.alphas_cumprod = their_tables(name)
    theirs.set_timesteps(steps)
    noise = Replay(0, 3)
    monkeypatch.setattr(
        "diffusers.schedulers.scheduling_ddpm.randn_tensor", lambda *_, **__: noise.given[-1].double()
    )
    x = Noise(5, 3).normal(1, 4, 4).double()
    trajectory = ddpm(toy, shared(name), x, noise, timesteps(1000, steps, spacing))
    for step, t in zip(trajectory, theirs.timesteps.tolist(), strict=True):
        if step.t_prev >= 0 or t == 0:  # diffusers adds noise even to the last picture if its t is not 0
            expected: Any = theirs.step(toy(x, torch.full((3,), t)), t, x)
            assert (step.x - expected.prev_sample).abs().max() < 1e-5
            assert (step.x_0 - expected.pred_original_sample).abs().max() < 1e-5
        x = step.x
    assert torch.allclose(step.x, step.x_0, atol=1e-12) and len(noise.given) == steps - 1


@pytest.mark.parametrize("sampler", [ddpm, ddim])
def test_the_noise_given_out_is_consistent_with_the_picture(sampler: Any) -> None:
    schedule = SCHEDULES["linear"](1000)
    x = Noise(5, 3).normal(1, 4, 4).double()
    for step in sampler(toy, schedule, x, Noise(0, 3), timesteps(1000, 20)):
        again = schedule.add_noise(step.x_0, torch.full((3,), step.t), step.eps)
        assert torch.allclose(again, x, atol=1e-6) and step.x_0.abs().max() <= 1
        x = step.x


MEAN, STD = 0.1, 0.15  # of the Gaussian that the exact denoiser knows; clipping at 1 is 6 sigma away


def exact(schedule: Schedule) -> samplers.Denoiser:
    """E[eps | x_t] for pixels that are N(MEAN, STD^2)."""

    def denoiser(x: Tensor, t: Tensor) -> Tensor:
        bar = schedule.alpha_bar[t].view(-1, 1, 1, 1)
        return (1 - bar).sqrt() * (x - bar.sqrt() * MEAN) / (bar * STD**2 + 1 - bar)

    return denoiser


def last(trajectory: Iterator[samplers.SamplerStep]) -> Tensor:
    *_, step = trajectory
    return step.x


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("sampler", "knobs"), [(ddim, {"eta": 0.0}), (ddim, {"eta": 1.0}), (ddpm, {})])
def test_the_exact_denoiser_gives_the_exact_distribution(name: str, sampler: Any, knobs: dict) -> None:
    schedule, n = SCHEDULES[name](1000), 400 * 25
    x_T = Noise(1, 400).normal(1, 5, 5).double()
    x = last(sampler(exact(schedule), schedule, x_T, Noise(2, 400), range(999, -1, -1), **knobs))
    assert abs(x.mean() - MEAN) < 5 * STD / n**0.5
    assert abs(x.std() / STD - 1) < 5 / (2 * n) ** 0.5 + 0.01  # 1% for the 1,000 steps' own error


@pytest.mark.parametrize("name", NAMES)
def test_ddim_with_all_the_noise_and_all_the_steps_is_ddpm(name: str) -> None:
    schedule = SCHEDULES[name](1000)
    x_T = Noise(1, 3).normal(1, 5, 5).double()
    for noisy, ancestral in zip(
        ddim(toy, schedule, x_T, Noise(2, 3), range(999, -1, -1), eta=1.0),
        ddpm(toy, schedule, x_T, Noise(2, 3), range(999, -1, -1)),
        strict=True,
    ):
        assert (noisy.x - ancestral.x).abs().max() < 1e-5, noisy.t


def test_ddim_converges_with_first_order() -> None:
    schedule = SCHEDULES["cosine"](1000)
    x_T = Noise(1, 50).normal(1, 4, 4).double()
    bar = schedule.alpha_bar_at(999)
    flow = MEAN + STD * (x_T - bar**0.5 * MEAN) / (bar * STD**2 + 1 - bar) ** 0.5  # the ODE's solution
    errors = [
        float(
            (last(ddim(exact(schedule), schedule, x_T, Noise(0, 50), timesteps(1000, s))) - flow).abs().mean()
        )
        for s in (10, 40, 160)
    ]
    assert errors[0] > 2.5 * errors[1] > 6 * errors[2]


def conditional(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
    return toy(x, t) * (1 + y.view(-1, 1, 1, 1))


def test_guidance() -> None:
    x, t = Noise(0, 4).normal(1, 3, 3), torch.tensor([1, 10, 100, 999])
    y, null = torch.tensor([1, 2, 3, 4]), torch.full((4,), 10)
    cond, uncond = conditional(x, t, y), conditional(x, t, null)
    assert torch.equal(classifier_free(conditional, y, null, 1.0)(x, t), cond)
    assert torch.equal(classifier_free(conditional, y, null, 0.0)(x, t), uncond)
    for w in (2.0, 0.5, 7.5):
        assert torch.allclose(classifier_free(conditional, y, null, w)(x, t), (1 - w) * uncond + w * cond)


@pytest.mark.parametrize(("w", "evaluated"), [(0.0, 4), (1.0, 4), (2.0, 8)])
def test_guidance_costs_what_it_says(w: float, evaluated: int) -> None:
    seen = []

    def counting(x: Tensor, t: Tensor, y: Tensor) -> Tensor:
        seen.append(len(x))
        return x

    classifier_free(counting, torch.arange(4), torch.full((4,), 10), w)(
        torch.zeros(4, 1, 2, 2), torch.zeros(4)
    )
    assert sum(seen) == evaluated


def bounded(schedule: Schedule) -> samplers.Denoiser:
    """A nonlinear denoiser whose pictures stay within [-1, 1], so that nothing is clipped."""

    def denoiser(x: Tensor, t: Tensor) -> Tensor:
        bar = schedule.alpha_bar[t].view(-1, 1, 1, 1)
        return (x - bar.sqrt() * 0.9 * torch.tanh(x + 0.3 * x.flip(-1))) / (1 - bar).sqrt()

    return denoiser


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("steps", [2, 5, 20, 100])
def test_dpmpp_is_that_of_diffusers(name: str, steps: int) -> None:
    theirs = DPMSolverMultistepScheduler(
        1000,
        trained_betas=shared(name).betas.numpy(),
        timestep_spacing="trailing",
        final_sigmas_type="zero",
        lower_order_final=False,
        lambda_min_clipped=-float("inf"),
    )
    theirs.set_timesteps(steps)
    schedule = shared(name)
    theirs.sigmas = torch.tensor(
        [s / a for a, s in map(schedule.scales_at, [*timesteps(1000, steps), -1])], dtype=torch.float64
    )
    x = Noise(5, 3).normal(1, 4, 4).double()
    trajectory = samplers.dpmpp(bounded(schedule), schedule, x, Noise(0, 3), timesteps(1000, steps))
    for step, t in zip(trajectory, theirs.timesteps, strict=True):
        assert step.t == t
        x = theirs.step(bounded(schedule)(x, t.expand(3)), t, x).prev_sample
        assert (step.x - x).abs().max() < 1e-5


@pytest.mark.parametrize("steps", [2, 5, 20, 100])
def test_heun_is_that_of_diffusers(steps: int) -> None:
    theirs = HeunDiscreteScheduler(1000, 1e-4, 0.02, "linear", timestep_spacing="trailing")
    theirs.set_timesteps(steps)
    schedule, times = shared("linear"), timesteps(1000, steps)
    denoiser = bounded(schedule)
    ratios = [sigma / alpha for alpha, sigma in map(schedule.scales_at, times)]
    twice = [ratios[0], *(r for r in ratios[1:] for _ in "12"), 0.0]  # diffusers' layout, in double precision
    theirs.sigmas = torch.tensor(twice, dtype=torch.float64)
    x_T = Noise(5, 3).normal(1, 4, 4).double()
    trajectory = list(samplers.heun(denoiser, schedule, x_T, Noise(0, 3), times))
    x, ends = x_T / schedule.scales_at(times[0])[0], list[Tensor]()
    for i, t in enumerate(theirs.timesteps):
        eps = denoiser(theirs.scale_model_input(x, t), t.long().expand(3))
        x = theirs.step(eps, t, x).prev_sample
        if i % 2 or i == len(theirs.timesteps) - 1:
            ends.append(x)
    for step, end in zip(trajectory, ends, strict=True):
        assert (step.x - schedule.scales_at(step.t_prev)[0] * end).abs().max() < 1e-5


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("sampler", [samplers.heun, samplers.dpmpp])
def test_second_order_samplers_converge_with_second_order(name: str, sampler: Any) -> None:
    schedule = SCHEDULES[name](1000)
    x_T = Noise(1, 50).normal(1, 4, 4).double()
    bar = schedule.alpha_bar_at(999)
    flow = MEAN + STD * (x_T - bar**0.5 * MEAN) / (bar * STD**2 + 1 - bar) ** 0.5  # the ODE's solution
    found = {}
    for run in (ddim, sampler):
        for steps in (10, 20):
            x = last(run(exact(schedule), schedule, x_T, Noise(0, 50), timesteps(1000, steps)))
            found[run, steps] = float((x - flow).abs().mean())
    assert found[sampler, 10] < found[ddim, 10] and found[sampler, 20] < found[ddim, 20]
    assert found[sampler, 10] / found[sampler, 20] > found[ddim, 10] / found[ddim, 20]
