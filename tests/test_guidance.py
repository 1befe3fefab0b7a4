"""Guidance: its identities, its interval, what it is guided away from, and what a run shows of it."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from genlab import api
from genlab.data import to_float
from genlab.diffusion.guidance import within
from genlab.lab.guidance import GuidanceKnobs, dissect, sweep_scales
from genlab.library import Library
from genlab.models.base import CLASSES
from genlab.models.denoising import T
from genlab.noise import Noise
from genlab.walks import finish

FEW = GuidanceKnobs(steps=6)


@pytest.fixture(scope="module")
def ddpm() -> Any:
    return Library().shipped("ddpm").model


def drawn(ddpm: Any, label: int, **knobs: Any) -> Tensor:
    """Four pictures by the family's own sampling; label 10 is "no condition"."""
    *_, x = ddpm.sample(Noise(0, 4), labels=torch.full((4,), label), steps=6, **knobs)
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8)


def test_w_of_one_is_the_plain_condition_and_of_zero_none_bit_for_bit(ddpm: Any) -> None:
    zero, one, two = finish(sweep_scales(ddpm, 3, 4, 0, [0.0, 1.0, 2.0], FEW))
    assert torch.equal(one, drawn(ddpm, 3)) and torch.equal(zero, drawn(ddpm, CLASSES))
    assert torch.equal(two, drawn(ddpm, 3, guidance=2.0)) and not torch.equal(two, one)


def test_away_from_a_digit_starts_at_that_digit(ddpm: Any) -> None:
    away = replace(FEW, away_from="8")
    zero, one = finish(sweep_scales(ddpm, 3, 4, 0, [0.0, 1.0], away))
    assert torch.equal(zero, drawn(ddpm, 8)) and torch.equal(one, drawn(ddpm, 3))
    assert not torch.equal(
        finish(sweep_scales(ddpm, 3, 4, 0, [3.0], away)), finish(sweep_scales(ddpm, 3, 4, 0, [3.0], FEW))
    )


def test_away_from_a_digit_draws_it_less_often(ddpm: Any) -> None:
    judge = Library().classifier()

    def digits(label: int | None, **knobs: Any) -> Tensor:
        """How often each digit is drawn."""
        how = GuidanceKnobs(steps=10, **knobs)
        images = finish(sweep_scales(ddpm, label, 48, 0, [how.guidance], how))[0]
        return torch.bincount(judge.predict(judge.features(to_float(images))), minlength=CLASSES)

    free = digits(None)
    often = int(free.argmax())
    assert digits(None, guidance=3.0, away_from=str(often))[often] < free[often] / 2
    assert digits(3, guidance=1.0)[3] > 40 and digits(3, guidance=0.0, away_from="5")[5] > 40


def test_within_guides_at_its_times_alone() -> None:
    x = torch.zeros(2, 1, 3, 3)
    limited = within(lambda x, t: x + 1, lambda x, t: x - 1, 100, 200)
    for t, expected in ((99, -1), (100, 1), (150, 1), (200, 1), (201, -1)):
        assert (limited(x, torch.full((2,), t)) == expected).all(), t


def test_an_interval_without_a_step_leaves_the_plain_condition(ddpm: Any) -> None:
    knobs = replace(FEW, guidance=4.0)
    outside = finish(sweep_scales(ddpm, 3, 4, 0, [4.0], replace(knobs, t_from=1, t_to=2)))[0]
    assert torch.equal(outside, drawn(ddpm, 3))
    half = finish(sweep_scales(ddpm, 3, 4, 0, [4.0], replace(knobs, t_from=0, t_to=500)))[0]
    full = finish(sweep_scales(ddpm, 3, 4, 0, [4.0], replace(knobs, t_to=T - 1)))[0]
    assert torch.equal(full, drawn(ddpm, 3, guidance=4.0))
    assert not torch.equal(half, full) and not torch.equal(half, outside)


def test_a_run_taken_apart_is_the_run(ddpm: Any) -> None:
    knobs = replace(FEW, guidance=2.5, away_from="8")
    steps = list(dissect(ddpm, 3, 7, knobs))
    assert [s.t for s in steps] == [999, 832, 666, 499, 332, 166]
    for s in steps:
        alpha, sigma = ddpm.schedule.scales_at(s.t)
        guided = s.uncond + 2.5 * (s.cond - s.uncond)
        rounding = 1e-5 / alpha  # at t = 999 next to nothing of the picture is left
        assert torch.allclose(s.x_0, ((s.x_t - sigma * guided) / alpha).clamp(-1, 1), atol=rounding)
        assert torch.equal(s.difference, s.cond - s.uncond)
    image = finish(sweep_scales(ddpm, 3, 1, 7, [2.5], knobs))[0, 0]
    assert torch.equal(((steps[-1].x_0 + 1) * 127.5).round().to(torch.uint8), image), "DDIM ends at x_0"


def test_a_study_reads_every_picture() -> None:
    found = finish(api.guidance(3, 3, 1, (0.0, 4.0), steps=10))
    assert found.images.shape == (2, 3, 1, 28, 28) and found.read_as.shape == (2, 3)
    assert (found.read_as[1] == 3).all() and len(found.dissected) == 10
