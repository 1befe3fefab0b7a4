"""A job as the page shows it while it waits, works and has ended."""

import base64
from collections.abc import Iterable
from functools import lru_cache
from html import escape
from typing import Any

from genlab import visualize
from genlab.doctor import Diagnosis
from genlab.jobs import Look, Training, TrainingPlan
from genlab.jobs.job import STOPPING, Place
from genlab.models.gan import LOSSES
from genlab.numbers import brief, count, duration, whole
from genlab.ui import html
from genlab.ui.curves import curve_plots

WELL = ("finished", "stopped")

METRICS = {
    "loss": "what the optimiser lowers; of a GAN the generator's",
    "bce": "nats that the picture costs given its code: lower is a truer copy",
    "kl": "nats that the code tells of the picture, beyond N(0, I)",
    "active_latents": "numbers of the code that tell anything",
    "loss_d": "the opponent's loss",
    "d_real": "how real the discriminator finds real digits, from 0 to 1",
    "d_fake": "how real it finds generated ones; both near 0.5: it can hardly tell",
    "wasserstein": "the critic's distance between real and generated digits: lower is better",
    "gradient_norm": "the critic's slope: a penalty holds it near 1, clipped weights only keep it bounded",
    "clipped": "share of the critic's weights that sit at their bound",
}


def waiting(place: Place | None) -> str:
    """Where in line."""
    if place is None or not place.before:
        text = "Waiting for the one at work to end"
    else:
        text = f"Waiting: {count(place.before, 'job')} in line before this and one at work"
    if place and place.seconds is not None:
        text += f", about {duration(max(1.0, place.seconds))}"
    return html.bar(None, text + ".")


def ended(look: Look, took: str) -> str:
    """What came of it."""
    good = look.state in WELL
    return html.note(f"{look.message} {took}".strip(), plain=good or look.state == "interrupted")


@lru_cache(maxsize=32)  # several viewers of one look share its picture
def training(look: Look, colour: str) -> str:
    """A training as it is now: bar, speed, preview and curves."""
    seen: Training = look.view
    plots = curve_plots(seen.curves, seen.step if look.ended else seen.total_steps, colour)
    if plots:
        plots += meanings(seen.curves, seen.plan.config)
    notice = html.note(look.notice) if look.notice else ""
    said = head(look, seen) + notice + knobs(seen.plan)
    body = said + "".join(map(diagnosis, seen.diagnoses)) + preview(seen) + plots
    return f'<div class="gl-live" data-state="{look.state}" data-job="{look.id}">{body}</div>'


def head(look: Look, seen: Training) -> str:
    """The bar while it works, the sentence when it has ended."""
    if look.state == "waiting":
        return waiting(look.place)
    if look.ended:
        draw = "; draw with Sample" if look.state in WELL and seen.step else ""
        return ended(look, f"It took {duration(seen.seconds)}{draw}." if seen.step else "")
    left = seen.seconds_left
    if left is None or look.message == STOPPING:
        return html.bar(None, look.message)
    if seen.step == seen.total_steps:
        return html.bar(1.0, "The last step is taken. Fitting what is fitted at the end, and saving.")
    text = (
        f"step {whole(seen.step)} of {whole(seen.total_steps)}, {brief(seen.images_per_second)} images/s, "
        f"{duration(left)} left"
    )
    return html.bar(seen.step / seen.total_steps, text)


def knobs(plan: TrainingPlan) -> str:
    """What made these curves."""
    values = vars(plan.training) | plan.config
    told = ", ".join(f"{name.replace('_', ' ')} {shown(value)}" for name, value in values.items())
    start = "the shipped weights" if plan.start == "shipped" else "random weights"
    return f"<p>From {start}: {escape(told)}.</p>"


def shown(value: Any) -> str:
    """A knob's value as a person writes it."""
    if isinstance(value, int):
        return whole(value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def meanings(metrics: Iterable[str], config: dict[str, Any]) -> str:
    """What is plotted, for those who see it for the first time; ``config``: the family's knobs."""
    told = "".join(
        f"<br><b>{name.replace('_', ' ')}</b>: {METRICS[name]}{scale(name, config)}."
        for name in metrics
        if name in METRICS
    )
    return f"<p>Thin: as measured; bold: smoothed.{told}</p>"


def scale(metric: str, config: dict[str, Any]) -> str:
    """What a value to compare with is, where the knobs say it."""
    if metric != "loss_d" or config.get("loss") not in LOSSES:
        return ""
    guessing = LOSSES[config["loss"]].discriminator.guessing
    return f"; a GAN's discriminator that only guesses has {guessing:.3g}"


def diagnosis(found: Diagnosis) -> str:
    """What the doctor says, with what he says it from."""
    kind = "healthy" if found.healthy else "failing"
    return (
        f'<div class="gl-note gl-doctor {kind}" role="status" data-diagnosis="{escape(found.name)}">'
        f"<b>{escape(found.name.capitalize())}.</b> {escape(found.explanation)} "
        f"<span>Since step {whole(found.since)}: {escape(found.evidence)}</span></div>"
    )


def cure(seen: Training) -> dict[str, Any]:
    """The knobs that the doctor would turn for the first thing he names; empty where there are none."""
    return next((dict(found.change) for found in seen.diagnoses if found.change), {})


def cure_text(change: dict[str, Any]) -> str:
    """On the button: Train again with beta = 0.5."""
    return "Train again with " + " and ".join(
        f"{name.replace('_', ' ')} = {shown(value)}" for name, value in change.items()
    )


def preview(seen: Training) -> str:
    if seen.preview is None:
        return ""
    uri = visualize.data_uri(visualize.grid(seen.preview, columns=8, side=480))
    said = f"Samples at step {whole(seen.preview_step)}"
    return f'<img src="{uri}" alt="{said}" title="{said}, always from the same noise">'


def downloads(files: dict[str, bytes]) -> str:
    """Links to what is in memory alone: the browser gets it with the page, no disk in between."""
    links = ", ".join(
        f'<a download="{escape(name)}" href="data:application/octet-stream;base64,'
        f'{base64.b64encode(data).decode()}">{escape(name)}</a>'
        for name, data in files.items()
    )
    return f'<p class="gl-live">Download: {links}</p>'
