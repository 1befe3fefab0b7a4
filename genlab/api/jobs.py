"""Trainings and races in the background: submit, look, follow, stop, go on, open again."""

from typing import Any

from genlab import settings
from genlab.api.families import SHIPPED, dataset
from genlab.config import TrainConfig, check_choice, check_number, make
from genlab.jobs import Job, JobStore, RaceWork, TrainingPlan, TrainingWork, Workshop
from genlab.jobs.training import STARTS
from genlab.library import Library
from genlab.models import FIRST, MODELS
from genlab.race import RaceConfig, check_families
from genlab.settings import Settings

KINDS = (TrainingWork, RaceWork)


def make_store(found: Settings, library: Library = SHIPPED) -> JobStore:
    """The jobs of one server."""
    return JobStore(found, Workshop(library, lambda name: dataset("train", name), found.limits), KINDS)


SETTINGS = settings.read()
JOBS = make_store(SETTINGS)


def training_plan(
    model: str,
    training: dict[str, Any] | None = None,
    config: dict[str, Any] | None = None,
    start: str = "scratch",
    *,
    shop: Workshop = JOBS.shop,
) -> TrainingPlan:
    """What would be trained, every value checked.

    Args:
        model: A family's name, a key of ``MODELS``.
        training: steps, batch_size, decay, seed, preview_every, data; the rest as the family's live default.
        config: The family's own knobs; the rest as its default (from scratch) or as shipped.
        start: "scratch", or "shipped" to go on from the shipped weights.
        shop: Whose weights, and whose limits.
    """
    check_choice("model", model, tuple(MODELS))
    check_choice("start", start, STARTS)
    family = MODELS[model]
    base = shop.library.shipped(model).model.config if start == "shipped" else None
    knobs = make(family.Config, config, base)
    plan = TrainingPlan(model, start, vars(knobs), make(TrainConfig, training, family.live))
    plan.check(shop.library, shop.limits)
    return plan


def submit(plan: TrainingPlan, *, owner: str | None = None, store: JobStore = JOBS) -> Job:
    """Train by ``plan`` in the background; ``follow()`` it, or look at it by its id.

    Args:
        plan: What to train.
        owner: Whose job it is: each may have one at work and one waiting. Busy says that there is no room.
    """
    return store.submit(TrainingWork(plan, store.shop), owner)


def submit_race(
    families: Any = FIRST, *, owner: str | None = None, store: JobStore = JOBS, **knobs: Any
) -> Job:
    """Race in the background.

    Args:
        families: Two or more different names of families.
        owner: Whose job it is, as for ``submit``.
        knobs: Fields of ``RaceConfig``: seconds, frames, samples, seed.
    """
    names, config = check_families(families), make(RaceConfig, knobs)
    most = store.limits.seconds / len(names) / 2  # looks take about as long as the compute
    check_number("seconds", config.seconds, 0.05, most, whole=False)
    return store.submit(RaceWork(names, config, store.shop), owner)
