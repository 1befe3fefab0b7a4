"""The failure doctor on made-up courses: what is named when, what is withdrawn, and odd events."""

import time
from collections.abc import Iterable
from typing import Any

import pytest
import torch
from torch import Tensor

from genlab.data import Dataset
from genlab.doctor import FORGET, Doctor
from genlab.events import Done, Event, Preview, Saved, Started, Step
from genlab.library import Library
from genlab.models import MODELS, Classifier
from genlab.models.failures import ENOUGH, PATIENCE, WINDOW
from tests.helpers import tiny

HEALTHY: dict[str, dict[str, float]] = {
    "vae": {"loss": 120.0, "bce": 105.0, "kl": 30.0, "active_latents": 4.0},
    "gan": {"loss": 1.1, "loss_d": 1.1, "d_real": 0.7, "d_fake": 0.4},
    "wgan_gp": {"loss": 3.0, "loss_d": -5.0, "wasserstein": 6.0, "gradient_norm": 1.1},
    "ddpm": {"loss": 0.08},
    "cgan": {"loss": 1.0, "loss_d": 1.1, "d_real": 0.6, "d_fake": 0.4},
    "dcgan": {"loss": 1.0, "loss_d": 1.1, "d_real": 0.6, "d_fake": 0.4},
    "dit": {"loss": 0.08},
    "conv_vae": {"loss": 250.0, "bce": 230.0, "kl": 43.0, "active_latents": 22.0},
    "autoencoder": {"loss": 0.03},
    "wgan": {"loss": 0.1, "loss_d": -0.05, "wasserstein": 0.05, "gradient_norm": 0.05, "clipped": 0.2},
    "flow": {"loss": 0.18},
}


@pytest.fixture(scope="module")
def judge() -> Classifier:
    return Library().classifier()


def steps(name: str, first: int, n: int, **metrics: float) -> list[Event]:
    """``n`` steps that all have the same metrics."""
    values = HEALTHY[name] | metrics
    return [Step(k, first + n, values, 1.0, 1.0) for k in range(first, first + n)]


def previews(images: Tensor, *at: int) -> list[Event]:
    return [Preview(step, images) for step in at]


def told(doctor: Doctor, events: Iterable[Event]) -> list[str]:
    """The names of what holds after the events."""
    for event in events:
        doctor.take(event)
    return [d.name for d in doctor.diagnoses]


def of_class(data: Dataset, digit: int, n: int) -> Tensor:
    return data.images[data.labels == digit][:n]


# --- when


def test_a_failure_is_named_once_it_has_lasted_and_withdrawn_when_it_has_passed() -> None:
    doctor = Doctor(tiny("wgan_gp"))
    assert told(doctor, steps("wgan_gp", 1, ENOUGH + PATIENCE - 1, gradient_norm=7.25)) == []
    begun = ENOUGH + PATIENCE
    assert told(doctor, steps("wgan_gp", begun, 30, gradient_norm=7.25)) == ["gradient norm far from 1"]
    (diagnosis,) = doctor.diagnoses
    assert diagnosis.since == ENOUGH and "7.25" in diagnosis.evidence
    assert told(doctor, steps("wgan_gp", begun + 30, FORGET)) == ["gradient norm far from 1"]
    assert told(doctor, steps("wgan_gp", begun + 30 + FORGET, WINDOW)) == []


def test_what_comes_and_goes_is_not_named() -> None:
    doctor = Doctor(tiny("wgan_gp"))
    for first in range(1, 1000, 120):
        assert told(doctor, steps("wgan_gp", first, 60, gradient_norm=9.0)) == []
        assert told(doctor, steps("wgan_gp", first + 60, 60)) == []


def test_single_spikes_are_no_failure() -> None:
    doctor = Doctor(tiny("wgan_gp"))
    for step in range(1, 500):
        metrics = {"gradient_norm": 100.0} if step % 3 == 0 else {}
        assert told(doctor, steps("wgan_gp", step, 1, **metrics)) == []


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("first", [1, 10**15])
def test_healthy_numbers_without_a_single_picture(name: str, first: int) -> None:
    doctor = Doctor(tiny(name))
    assert told(doctor, [Started(first - 1, first + 500, 1, 1, "cpu"), *steps(name, first, 500)]) == []
    assert told(doctor, [Saved(first + 499, "x"), Done(first + 499, 1.0, "finished", "")]) == []


@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.parametrize("before", [0, 1, 200])
def test_a_broken_number_is_a_divergence_at_once(name: str, before: int) -> None:
    for end in (Done(before, 1.0, "diverged", ""), *steps(name, before + 1, 1, loss=float("nan"))):
        doctor = Doctor(tiny(name))
        assert told(doctor, steps(name, 1, before)) == []
        assert told(doctor, [end]) == ["divergence"]
        assert doctor.diagnoses[0].change and "finite" in doctor.diagnoses[0].evidence


def test_a_step_costs_next_to_nothing() -> None:
    doctor, events = Doctor(tiny("gan")), steps("gan", 1, 2000, loss_d=0.001)
    began = time.process_time()
    assert told(doctor, events) == ["discriminator too strong"]
    assert time.process_time() - began < 0.001 * len(events)


@pytest.mark.parametrize("name", ["vae", "ddpm"])
def test_a_loss_may_fall_fast_but_not_rise_far(name: str) -> None:
    doctor, high, low = Doctor(tiny(name)), 1.0, 0.02
    assert told(doctor, steps(name, 1, 15, loss=high)) == []
    for step in range(16, 200):
        assert told(doctor, steps(name, step, 1, loss=low)) == []
    assert told(doctor, steps(name, 200, ENOUGH, loss=10 * low)) == ["divergence"]
    assert "0.2 on average" in doctor.diagnoses[0].evidence and "0.02 before" in doctor.diagnoses[0].evidence


# --- what to change


@pytest.mark.parametrize(
    ("knobs", "change"),
    [
        ({"lr_d": 0.1}, {"lr_d": 4e-4}),
        ({"lr_d": 0.1, "dropout": 0.0}, {"lr_d": 4e-4, "dropout": 0.3}),
        ({"lr": 1e-6}, {"lr": 4e-4}),
        ({}, {"lr_d": 4e-5}),
        ({"lr_d": 2e-5}, {"lr_d": 2e-6}),
        ({"lr_d": 1e-6}, {}),
    ],
)
def test_the_cure_follows_from_the_knobs_in_use(knobs: dict[str, Any], change: dict[str, Any]) -> None:
    doctor = Doctor(tiny("gan", **knobs))
    told(doctor, steps("gan", 1, 200, loss_d=0.001))
    assert [d.change for d in doctor.diagnoses] == [change]


# --- the pictures


def test_the_same_digit_in_many_shapes_is_a_collapse(embedded: dict[str, Dataset], judge: Classifier) -> None:
    ones = of_class(embedded["test"], 1, 16)
    doctor = Doctor(tiny("gan"), judge)
    assert told(doctor, previews(ones, 50, 100)) == [], "once or twice is chance"
    assert told(doctor, previews(ones, 150)) == ["mode collapse"]
    distance = torch.cdist(ones.flatten(1).double() / 255, ones.flatten(1).double() / 255)
    apart = (distance + 99 * torch.eye(16)).min(1).values.mean()
    evidence = doctor.diagnoses[0].evidence
    assert f"{apart:.2g} away" in evidence and "16 of the 16 read as the digit 1" in evidence


@pytest.mark.parametrize("judged", [True, False])
def test_a_few_pictures_over_and_over_are_a_collapse(
    judged: bool, embedded: dict[str, Dataset], judge: Classifier
) -> None:
    images = embedded["test"].images[:4].repeat(4, 1, 1, 1)
    doctor = Doctor(tiny("wgan_gp"), judge if judged else None)
    assert told(doctor, previews(images, 1000, 2000)) == ["mode collapse"]
    assert "0 away" in doctor.diagnoses[0].evidence


def test_pictures_that_are_no_collapse(embedded: dict[str, Dataset], judge: Classifier) -> None:
    data = embedded["test"]
    average = data.images.float().mean(0, keepdim=True).to(torch.uint8)
    for images in (
        data.images[torch.randperm(len(data), generator=torch.Generator().manual_seed(0))[:16]],
        average.repeat(16, 1, 1, 1),  # a blur is what every generator begins with
        torch.zeros(16, 1, 28, 28, dtype=torch.uint8),
    ):
        assert told(Doctor(tiny("gan"), judge), previews(images, *range(50, 1000, 50))) == []


def test_a_collapse_that_opens_up_is_withdrawn(embedded: dict[str, Dataset], judge: Classifier) -> None:
    doctor, data = Doctor(tiny("gan"), judge), embedded["test"]
    assert told(doctor, previews(of_class(data, 7, 16), 100, 200, 300)) == ["mode collapse"]
    assert told(doctor, previews(data.images[:16], 350)) == ["mode collapse"]
    assert told(doctor, previews(data.images[:16], 400)) == []


# --- diffusion's flat loss


def asked(data: Dataset, wrong: int) -> Tensor:
    """Digits as a preview asks for them, the first ``wrong`` of them another one."""
    labels = [(i + (i < wrong)) % 10 for i in range(16)]
    return torch.cat([of_class(data, digit, 1) for digit in labels])


REMARK = "loss is flat but samples still improve"


@pytest.mark.parametrize(
    ("wrong", "loss", "expected"),
    [(4, 0.08, [REMARK]), (4, 0.05, []), (9, 0.08, []), (12, 0.08, [])],
    ids=["improves", "the loss falls", "stays", "gets worse"],
)
def test_a_flat_loss_is_no_reason_to_stop(
    wrong: int, loss: float, expected: list[str], embedded: dict[str, Dataset], judge: Classifier
) -> None:
    doctor, data = Doctor(tiny("ddpm"), judge), embedded["train"]
    assert told(doctor, [*steps("ddpm", 1, 100), *previews(asked(data, 9), 100)]) == []
    told(doctor, [*steps("ddpm", 101, 200, loss=loss), *previews(asked(data, wrong), 300)])
    assert [d.name for d in doctor.diagnoses] == expected
    for diagnosis in doctor.diagnoses:
        assert diagnosis.healthy and diagnosis.change == {}
        assert "12 of the 16" in diagnosis.evidence and "instead of 7" in diagnosis.evidence


def test_of_other_pictures_than_digits_only_what_holds_for_all_is_told(judge: Classifier) -> None:
    """A garment costs more nats than any digit: 300 of them do not say that nothing is learned."""
    course = [*steps("vae", 1, 300, bce=300.0, loss=320.0), *previews(torch.zeros(16, 1, 28, 28).byte(), 300)]
    assert "no progress" in told(Doctor(tiny("vae"), judge), course)
    doctor = Doctor(tiny("vae"), judge, digits=False)
    assert told(doctor, course) == []
    assert told(doctor, steps("vae", 301, 1, loss=float("nan"))) == ["divergence"]
