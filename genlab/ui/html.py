"""The page's small pieces of HTML: chips, notes, progress, tables. Text in, text out."""

import math
import time
from html import escape
from typing import Any

from genlab import visualize
from genlab.api import Nearest
from genlab.library import Entry
from genlab.models.base import Card
from genlab.numbers import brief, count, duration, millions, whole
from genlab.sampling import Samples

HOW_TO_READ = (
    "Lower is better for distance and KL (how uneven the ten digits are). Precision: the share of samples "
    "that look real; recall: the share of real digits that the samples cover. Few samples overestimate "
    "distance, KL and recall alike: the last column shows as many real training digits (for the nearest "
    "training image: test digits)."
)
FARTHEST = 1000.0  # times the floor: the right end of a distance bar


def heading(card: Card) -> str:
    """Title, year and idea."""
    return (
        f'<div class="gl-title"><h2>{escape(card.title)}</h2><span class="gl-year">{card.year}</span></div>'
        f'<p class="gl-idea">{escape(card.idea)}</p>'
    )


def paper(card: Card) -> str:
    return (
        f'<div class="gl-paper"><a href="{escape(card.url)}" target="_blank" rel="noopener noreferrer">'
        f"{escape(card.paper)}</a></div>"
    )


def note(message: str, *, plain: bool = False) -> str:
    """One sentence next to where it happened; an error unless ``plain``."""
    if not message:
        return ""
    return note_of(escape(message), plain=plain)


def note_of(body: str, *, plain: bool = True) -> str:
    """The same of HTML that is ours."""
    kind, role = (" plain", "status") if plain else ("", "alert")
    return f'<div class="gl-note{kind}" role="{role}">{body}</div>'


def chip(text: str, tip: str, kind: str = "") -> str:
    return f'<span class="gl-chip {kind}" title="{escape(tip)}">{escape(text)}</span>'


def distance(metrics: dict[str, Any]) -> str:
    """The Frechet distance as a bar from the floor to a thousand times the floor (logarithmic)."""
    value, floor = metrics.get("frechet"), metrics.get("frechet_floor")
    tip = "Fréchet distance to real test digits in a classifier's features: lower is better; "
    if value is None or not floor:
        return f'<div class="gl-distance" title="{tip}">Fréchet distance: not measured yet</div>'
    share = math.log(max(value / floor, 1.0)) / math.log(FARTHEST)
    text = f"Fréchet distance {brief(value)}, floor {brief(floor)}, N = {whole(metrics.get('n', 0))}"
    return (
        f'<div class="gl-distance" title="{tip}the floor is real digits against real digits. '
        f'The bar is logarithmic.">{text}<div class="gl-track"><i style="width:{100 * min(share, 1):.0f}%">'
        "</i></div></div>"
    )


def chips(samples: Samples, entry: Entry) -> str:
    """The bill of some pictures and what is known of the model that drew them."""
    drawn = count(len(samples.images), "image")
    parts = [
        chip(f"{drawn} in {duration(samples.seconds)}", "Time to draw these pictures on this machine"),
        chip(
            count(samples.evaluations, "evaluation"),
            "Runs of the network for one picture; with guidance it runs twice a step",
        ),
        chip(f"{brief(samples.images_per_second)} images/s", "Pictures drawn in a second, this time"),
        chip(f"{millions(entry.model.size)} parameters", "Trained numbers in the model"),
    ]
    if entry.origin != "shipped":
        parts.insert(0, chip(entry.origin, "This model lives in your session alone", "own"))
    # The time makes every bill another text: the browser leaves equal ones untouched, as if undrawn.
    return f'<div class="gl-chips" data-drawn="{time.monotonic_ns()}">{"".join(parts)}</div>'


def drawing(step: int = 0) -> str:
    """In place of the chips while pictures form."""
    said = f"drawing, step {step}" if step else "drawing"
    return f'<div class="gl-chips"><span class="gl-chip">{said}</span></div>'


def bar(share: float | None, text: str) -> str:
    """A progress bar; None while nobody knows how far."""
    now = "" if share is None else f' aria-valuenow="{100 * share:.0f}"'
    width = "" if share is None else f' style="width:{100 * share:.1f}%"'
    kind = " unknown" if share is None else ""
    return (
        f'<div class="gl-progress{kind}" role="progressbar" aria-label="Progress" aria-valuemin="0" '
        f'aria-valuemax="100"{now}><i{width}></i></div><div>{escape(text)}</div>'
    )


def left(share: float | None, passed: float) -> str:
    """What is left of work that has done its ``share`` in ``passed`` seconds; "" if unknown."""
    return f"{duration(passed * (1 / share - 1))} left" if share else ""


def quality_table(metrics: dict[str, Any], real: dict[str, Any]) -> str:
    """The measurements with what real digits reach beside each."""
    if "frechet" not in metrics:
        return '<p class="gl-live">Not measured yet; press Measure now.</p>'
    rows = [
        ("Fréchet distance", "frechet", metrics.get("frechet_floor")),
        ("precision", "precision", real.get("precision")),
        ("recall", "recall", real.get("recall")),
        ("coverage", "coverage", real.get("coverage")),
        ("digits, KL to even (nats)", "digits_kl", real.get("digits_kl")),
        ("drew the digit asked for", "label_accuracy", real.get("test_accuracy")),
        ("distance to nearest training image", "nearest_train", real.get("nearest_train")),
        ("seconds for 1,000", "seconds_per_1000", None),
    ]
    body = "".join(
        f'<tr><th scope="row">{name}</th><td>{brief(metrics[key])}</td><td>{brief(floor)}</td></tr>'
        for name, key, floor in rows
        if metrics.get(key) is not None
    )
    return (
        f'<table class="gl-table"><thead><tr><th scope="col">N = {whole(metrics.get("n", 0))}, seed '
        f'{metrics.get("seed", "–")}</th><th scope="col">model</th><th scope="col">real digits</th></tr>'
        f"</thead><tbody>{body}</tbody></table>"
        f'<p class="gl-live">{HOW_TO_READ}</p>'
    )


def pairs(found: Nearest) -> str:
    """Every sample beside the training image nearest to it."""
    figures = []
    both = zip(
        found.samples.images, found.images, found.neighbours.index, found.neighbours.distance, strict=True
    )
    for sample, image, index, far in both:
        sides = "".join(
            f'<img src="{visualize.data_uri(visualize.picture(side))}" alt="{alt}">'
            for side, alt in ((sample, "sample"), (image, f"training image {int(index)}"))
        )
        figures.append(f"<figure><div>{sides}</div><figcaption>{brief(float(far))}</figcaption></figure>")
    return f'<div class="gl-pairs">{"".join(figures)}</div>'
