"""The panel Ring of Gaussians: the game on the plane, where one sees every move."""

from typing import Any

import gradio as gr
from gradio.components import Component
from PIL import Image
from torch import Tensor

from genlab import api, visualize
from genlab.calls import Call, call
from genlab.lab.ring import EXTENT, MODES, NEAR, POINTS, PRESETS, RingConfig, centres
from genlab.ui import html
from genlab.ui.ganlab.pieces import Arena, Course, card, meter, plots, pulled
from genlab.ui.knobs import NOW, Values, components, read
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions

NAME = "ring"
HOW = (
    "The generator is to place its points (colour) on all eight circles; the background is what its opponent "
    "says there, light for real. A mode counts as covered from a quarter of its fair share on. The pull is "
    "the length of the gradient by which a point is told where to go: where it is near 0, nothing is learned."
)
HINT = "Press Play both: two games from the same seed, side by side, in about a minute."
SIDES = {"A": "collapse: the generator runs ahead", "B": "cure: WGAN-GP"}


def surface(values: Tensor) -> str:
    """What the opponent says of each place, from its lowest value (dark) to its highest."""
    lo, hi = values.min(), values.max()
    grey = ((values - lo) / (hi - lo).clamp(min=1e-9) * 190 + 40).round().byte()
    return visualize.data_uri(Image.fromarray(grey.numpy()))


def plane(course: Course) -> str:
    """The ring from above, as SVG."""
    now, scale = course.now, 300 / (2 * EXTENT)

    def at(x: float, y: float) -> str:
        return f'cx="{150 + scale * x:.1f}" cy="{150 - scale * y:.1f}"'

    rings = "".join(
        f'<circle {at(x, y)} r="{scale * NEAR:.1f}" class="gl-mode"/>' for x, y in centres().tolist()
    )
    dots = "".join(f'<circle {at(x, y)} r="2"/>' for x, y in now.points.tolist())
    said = f"{now.covered} of {MODES} modes covered, {now.good:.0%} of {POINTS} points on a mode"
    return (
        f'<svg class="gl-plane" viewBox="0 0 300 300" role="img" aria-label="{said}">'
        f'<image href="{surface(now.surface)}" width="300" height="300" preserveAspectRatio="none"/>'
        f'{rings}<g fill="{course.hue}">{dots}</g></svg>'
    )


def lane(side: str, course: Course) -> str:
    """One game as it is now."""
    now = course.now
    broken = "a number was not finite: the game is over" if now.broken else ""
    said = (
        f"<p><b>{now.covered} of {MODES} modes covered</b>, {now.good:.0%} of {POINTS} points on a "
        f"mode; {pulled(course)}</p>"
    )
    body = plane(course) + meter(now.counts, POINTS, "points") + said
    return card(side, course, broken, body + plots(course, side, MODES, "modes covered"))


def build(sessions: Sessions) -> Panel:
    """The whole panel with its events."""
    gr.HTML(f"<p>{HOW}</p>")
    knobs: dict[str, dict[str, Component]] = {}
    chosen: dict[str, Component] = {}
    says: list[Component] = []
    with gr.Row(elem_classes="gl-controls"):
        for side, preset in SIDES.items():
            with gr.Column(scale=3, min_width=260):
                chosen[f"{side}.preset"], said, knobs[side] = build_side(side, preset)
                says.append(said)
        with gr.Column(scale=1, min_width=160):
            arena = Arena(NAME, sessions)
    arena.place(HINT)

    def begin(values: Values, session: Session) -> dict[str, Course]:
        wanted = {side: read(values, found) for side, found in knobs.items()}
        return {side: Course(RingConfig(**found), api.ring(**found)) for side, found in wanted.items()}

    def calls(values: Values) -> list[Call]:
        return [call(NAME, **read(values, found)) for found in knobs.values()]

    fields = {f"{side}.{name}": part for side, found in knobs.items() for name, part in found.items()}
    arena.listen({*fields.values()}, begin, lane)
    looks = ((lambda *names: [told(name) for name in names], list(chosen.values()), says),)
    return Panel("gan-lab/ring", chosen | fields, calls, run=f"{NAME}-run", looks=looks)


def told(preset: str) -> str:
    """What a preset shows."""
    return html.note(PRESETS[preset].says, plain=True)


def build_side(side: str, preset: str) -> tuple[Component, Component, dict[str, Component]]:
    """A preset to choose, what it shows, and the knobs that it turns."""
    chosen = gr.Dropdown([*PRESETS], value=preset, label=side, elem_id=f"ring-{side}-preset")
    says = gr.HTML(told(preset), elem_id=f"ring-{side}-says")
    with gr.Accordion("Knobs", open=False, elem_id=f"ring-{side}-knobs"):
        knobs = components(RingConfig, PRESETS[preset].knobs)

    def turn(name: str) -> list[Any]:
        config = RingConfig(**PRESETS[name].knobs)
        return [told(name), *(getattr(config, knob) for knob in knobs)]

    chosen.input(turn, chosen, [says, *knobs.values()], **NOW)
    return chosen, says, knobs
