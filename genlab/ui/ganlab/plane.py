"""What an opponent says over a plane of pictures, as one SVG: colours, contour lines, the marked places."""

import math
from html import escape

import numpy as np
from contourpy import contour_generator
from PIL import Image

from genlab import visualize
from genlab.data import to_uint8
from genlab.lab.verdict import SIDE, Spot, Survey
from genlab.numbers import brief
from genlab.ui.diffusion.pieces import figure, img, small

PART = {"first": "A", "other": "B", "sample": "C", "place": "+"}  # how each marked picture is named
EDGE = 300.0  # of the drawing
THUMB = 36.0  # edge of a corner's picture
AWAY = 36.0  # how far outside of the triangle it stands
GAP = 6.0  # between it and its letter
LINES = 10  # contour lines, about


def heat(survey: Survey) -> Image.Image:
    """The surface: orange for generated, near white for neither, blue for real."""
    return visualize.diverging((survey.surface - survey.middle) / survey.reach)


def slopes(spot: Spot) -> Image.Image:
    """The gradient: blue where more ink looks more real, orange where less does."""
    gradient = spot.gradient[0]
    return visualize.diverging(gradient / gradient.abs().max().clamp(min=1e-12))


def tiles(survey: Survey) -> Image.Image:
    """Pictures of the plane, each where it lies in the window."""
    return visualize.grid(survey.tiles, side=480)


def step(survey: Survey) -> float:
    """Between two contour lines: 1, 2 or 5 times a power of ten; of probabilities a tenth."""
    if survey.probability:
        return 0.1
    rough = float(survey.surface.max() - survey.surface.min()) / LINES or 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(k * power for k in (1, 2, 5, 10) if k * power >= rough * 0.999)


def contours(survey: Survey) -> str:
    """Lines of equal verdict; that of the middle is bold."""
    apart, middle = step(survey), survey.middle
    places = (np.arange(SIDE) + 0.5) / SIDE * EDGE
    lines = contour_generator(places, places, survey.surface.double().numpy())
    lo, hi = (float(end) for end in (survey.surface.min(), survey.surface.max()))
    found = ""
    for k in range(math.ceil((lo - middle) / apart), math.floor((hi - middle) / apart) + 1):
        for line in lines.lines(middle + k * apart):
            points = " ".join(f"{x:.1f},{y:.1f}" for x, y in np.asarray(line))
            found += f'<polyline points="{points}" class="gl-contour{"" if k else " gl-bold"}"/>'
    return found


def on(at: tuple[float, float]) -> tuple[float, float]:
    """Where a place of the window lies in the drawing."""
    return EDGE * at[0], EDGE * (1 - at[1])


def corner(letter: str, spot: Spot, middle: tuple[float, float]) -> str:
    """A dot at the corner, and its picture farther from the ``middle`` of the triangle."""
    (x, y), half = on(spot.at), THUMB / 2
    dx, dy = x - middle[0], y - middle[1]
    far = math.hypot(dx, dy) or 1.0
    left = min(max(x + AWAY * dx / far, half + 1), EDGE - half - 1) - half
    top = min(max(y + AWAY * dy / far, half + 1), EDGE - half - 1) - half
    base = top - GAP if top > 16 else top + THUMB + 9 + GAP
    picture = visualize.data_uri(visualize.picture(to_uint8(spot.picture[None])[0]))
    return (
        f'<path d="M{x:.1f} {y:.1f}L{left + half:.1f} {top + half:.1f}" class="gl-string"/>'
        f'<image href="{picture}" x="{left:.1f}" y="{top:.1f}" width="{THUMB}" height="{THUMB}"/>'
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>'
        f'<text x="{left + half:.1f}" y="{base:.1f}">{letter}</text>'
    )


def drawing(title: str, survey: Survey, spots: dict[str, Spot]) -> str:
    """The plane as SVG; ``spots`` are its corners and, last, a place."""
    *corners, place = spots.values()
    around = [on(spot.at) for spot in corners]
    middle = sum(x for x, _ in around) / 3, sum(y for _, y in around) / 3
    letters = "".join(corner(PART[name], spots[name], middle) for name in survey.corners)
    outline = " ".join(f"{x:.1f},{y:.1f}" for x, y in around)
    x, y = on(place.at)
    numbers = ", ".join(f"{PART[name]} {brief(spot.verdict)}" for name, spot in spots.items())
    said = escape(f"{title}: verdicts on the plane: {numbers}")
    return (
        f'<svg class="gl-plane gl-verdict" viewBox="0 0 {EDGE:.0f} {EDGE:.0f}" role="img" '
        f'aria-label="{said}">'
        f'<image href="{visualize.data_uri(heat(survey))}" width="{EDGE:.0f}" height="{EDGE:.0f}" '
        f'class="gl-heat" preserveAspectRatio="none"/>{contours(survey)}'
        f'<polygon points="{outline}" class="gl-triangle"/>{letters}'
        f'<path d="M{x - 7:.1f} {y:.1f}h14M{x:.1f} {y - 7:.1f}v14" class="gl-cross"/></svg>'
    )


def scale(survey: Survey) -> str:
    """What the colours mean."""
    lo, hi = survey.middle - survey.reach, survey.middle + survey.reach
    name = "D(x), 1 for real" if survey.probability else "critic's value"
    return (
        f'<div class="gl-scale"><span>{name}</span><span>{brief(lo)}</span><i class="gl-diverging"></i>'
        f"<span>{brief(hi)}</span><span>a line every {brief(step(survey))}</span></div>"
    )


def closer(spots: dict[str, Spot]) -> str:
    """Each marked picture above the gradient of the verdict there."""
    pictures = [
        figure(small(spot.picture, f"picture {PART[name]}"), f"<b>{PART[name]}</b>")
        for name, spot in spots.items()
    ]
    gradients = [
        figure(img(slopes(spot), f"gradient at {PART[name]}"), brief(spot.size))
        for name, spot in spots.items()
    ]
    return f'<div class="gl-spots">{"".join(pictures + gradients)}</div>'


def table(survey: Survey, spots: dict[str, Spot]) -> str:
    """The numbers of the marked pictures."""
    verdict = "D(x)" if survey.probability else "value"
    heads = ("", verdict, "gradient", "in the plane", "pull")
    rows = "".join(
        f'<tr data-spot="{name}"><th scope="row">{PART[name]}</th>'
        + "".join(f"<td>{brief(n)}</td>" for n in (spot.verdict, spot.size, spot.within, spot.pull))
        + "</tr>"
        for name, spot in spots.items()
    )
    head = "".join(f'<th scope="col">{said}</th>' if said else "<td></td>" for said in heads)
    return f'<table class="gl-table"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
