"""What the page says of a training, as HTML and SVG."""

import dataclasses
import time
from typing import Any

import pytest
import torch

from genlab import api
from genlab.jobs import Look, Training, Workshop
from genlab.jobs.training import TrainingWork
from genlab.lab.ring import RingConfig
from genlab.models import MODELS
from genlab.race import RaceConfig, RaceRecord, Standing
from genlab.ui import html, quality, race
from genlab.ui.curves import curve_plot
from genlab.ui.ganlab.pieces import Course
from genlab.ui.progress import METRICS, training
from tests.helpers import tiny


@pytest.fixture
def shop(library: Any, digits: Any, make_store: Any) -> Workshop:
    return make_store().shop


def look(shop: Workshop, state: str = "running", message: str = "At work.", **seen: Any) -> Look:
    plan = api.training_plan("vae", {"steps": 800}, {"beta": 50.0}, shop=shop)
    view: Training = dataclasses.replace(TrainingWork(plan, shop).view(), **seen)
    return Look("i", "training", "vae", state, message, "", None, 1.0, False, (), view)  # type: ignore[arg-type]


def test_a_peak_that_leaves_the_axis_is_said() -> None:
    curve = [(step, 20.0 + step % 3) for step in range(1, 400)]
    curve[17] = (18, 158.2)
    assert "↑ 158 at step 18" in curve_plot("kl", curve, 400, "red")
    curve[17] = (18, 22.5)
    assert "↑" not in curve_plot("kl", curve, 400, "red")


def test_it_tells_its_knobs_and_what_is_plotted(shop: Workshop) -> None:
    curves = {"loss": [(1, 3.0), (2, 2.0)], "kl": [(1, 1.0), (2, 1.5)]}
    found = training(look(shop, step=2, images_per_second=10.0, curves=curves), "red")
    assert "From random weights: steps 800, batch size 128" in found and "beta 50" in found
    assert METRICS["kl"] in found and METRICS["wasserstein"] not in found


def test_between_the_last_step_and_the_end_it_says_what_it_does(shop: Workshop) -> None:
    assert "step 799 of 800" in training(look(shop, step=799, images_per_second=10.0), "red")
    assert "Fitting what is fitted at the end" in training(
        look(shop, step=800, images_per_second=10.0), "red"
    )


def test_every_metric_of_every_family_is_explained(digits: Any) -> None:
    x, y = digits.batch(torch.arange(8))
    for name in MODELS:
        model = tiny(name)
        assert set(model.update(model.canvas.lay(x), y, model.optimizers())) <= METRICS.keys(), name


def test_time_left() -> None:
    """A quarter done in 10 s: 30 s are left; what is over or has not begun says nothing."""
    assert html.left(0.25, 10.0) == "30.0 s left"
    assert html.left(None, 10.0) == html.left(0, 10.0) == ""
    course = Course(RingConfig(steps=400), (), step=100, began=time.monotonic() - 10)
    assert 29.9 < float(course.left.removesuffix(" s left")) < 60
    course.over = True
    assert course.left == ""


def test_time_left_of_a_measurement() -> None:
    assert "250 of 1,000 samples drawn, 30.0 s left" in quality.drawn(250, 1000, 10.0)
    assert " left" not in quality.drawn(1000, 1000, 10.0)


def test_time_left_of_a_race() -> None:
    """Families take turns: what is left is the sum over those that still run."""
    record = RaceRecord(["vae", "gan", "ddpm"], RaceConfig(seconds=30.0))
    record.families["vae"] = Standing(seconds=10.0)
    record.families["gan"] = Standing(seconds=5.0)
    record.families["ddpm"] = Standing(state="diverged", seconds=1.0)
    assert race.left(record) == " At least 45.0 s left."
