"""The panel MNIST: the families' own games on digits, and what their opponents do."""

from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.calls import Call, call
from genlab.lab.games import has_critic
from genlab.lab.modes import DIGITS, PAIRS, SAMPLES, SHOWN, Histogram, ModesConfig
from genlab.ui import html
from genlab.ui.curves import histogram_line, line_plot
from genlab.ui.diffusion.pieces import sheet
from genlab.ui.ganlab.pieces import Arena, Course, card, meter, plots, pulled
from genlab.ui.knobs import NOW, Values, components, read, seed_box
from genlab.ui.panels import Panel
from genlab.ui.progress import diagnosis
from genlab.ui.session import Session, Sessions

NAME = "modes"
HOW = (
    "Two GANs learn MNIST from scratch before your eyes. A digit counts as covered once at least 5 of 200 "
    "samples, a quarter of its fair share, are clearly it: not grey, and the classifier is 90% sure. "
    "(98.7% of real test digits are clear; it takes many a blob, and specks, for an 8.) The pull is the "
    "length of the gradient, with respect to a sample, of what the generator minimises: where it is near 0, "
    "nothing is learned."
)
HINT = "Press Play both: two games, a step of each in turn. On two free CPU cores this takes about a minute."
SIDES = ("A", "B")
REAL, GENERATED = "#0072B2", "#D55E00"
COMMON = ("steps", "seed")  # knobs that both games share


def scores(course: Course) -> str:
    """What the opponent says of real and of generated digits."""
    found: Histogram = course.now.scores
    value = "critic's value" if has_critic(course.config.game) else "D(x), 1 for real"
    lines = [
        histogram_line(name, found.shares[name], found.lo, found.hi, colour)
        for name, colour in (("real", REAL), ("generated", GENERATED))
    ]
    return line_plot(f"what it says of {SAMPLES} digits: share", lines, value)


def critic(course: Course) -> str:
    """Where a critic's weights lie, and how steep it is."""
    weights, slopes = course.now.weights, course.now.slopes
    if weights is None or slopes is None:
        return ""
    name = "clipped" if course.config.game == "wgan" else "not clipped"
    spread = histogram_line(name, weights.shares["weights"], weights.lo, weights.hi, course.hue)
    found = line_plot("critic's weights: share", [spread], "weight")
    name = "between real and generated digits"
    line = histogram_line(name, slopes.shares["slopes"], slopes.lo, slopes.hi, course.hue)
    line = line._replace(points=[(10**x, share) for x, share in line.points])
    return found + line_plot(
        "critic's gradient norm: share", [line], "gradient norm; dashed: 1", log_x=True, marker=1.0
    )


def lane(side: str, course: Course) -> str:
    """One game as it is now."""
    now = course.now
    said = (
        f"<p><b>{now.covered} of {DIGITS} digits covered</b>, {now.clear} of {SAMPLES} samples are clearly a "
        f"digit; {pulled(course)}</p>"
    )
    picture = sheet(now.images[:SHOWN], f"Samples of {side} at step {now.step}, always from the same noise")
    cells = meter(now.counts, SAMPLES, "samples", map(str, range(DIGITS)))
    doctor = "".join(map(diagnosis, now.diagnoses))
    found = plots(course, side, DIGITS, "digits covered") + scores(course) + critic(course)
    body = f'{picture}{cells}{said}{doctor}<div class="gl-plots">{found}</div>'
    return card(side, course, now.broken, body)


def told(pair: str) -> str:
    """What two games show."""
    return html.note(PAIRS[pair].says, plain=True)


def build(sessions: Sessions) -> Panel:
    """The whole panel with its events."""
    gr.HTML(f"<p>{HOW}</p>")
    first = next(iter(PAIRS))
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=3, min_width=260):
            chosen = gr.Dropdown([*PAIRS], value=first, label="two games", elem_id="modes-pair")
            says = gr.HTML(told(first), elem_id="modes-says")
        with gr.Column(scale=2, min_width=200, elem_id="modes-steps"):
            common = components(ModesConfig, PAIRS[first].games[0], ("steps",))
        with gr.Column(scale=2, min_width=160):
            common["seed"] = seed_box("The same seed plays the same games", "modes-seed")
        with gr.Column(scale=1, min_width=160):
            arena = Arena(NAME, sessions)
    with gr.Row(elem_classes="gl-controls"):
        knobs = {side: build_side(side, found) for side, found in zip(SIDES, PAIRS[first].games, strict=True)}
    arena.place(HINT)
    turned = [common["steps"], *(c for found in knobs.values() for c in found.values())]

    def turn(name: str) -> list[Any]:
        games = [ModesConfig(**found) for found in PAIRS[name].games]
        values = [
            getattr(game, knob) for game, side in zip(games, SIDES, strict=True) for knob in knobs[side]
        ]
        return [told(name), games[0].steps, *values]

    def begin(values: Values, session: Session) -> dict[str, Course]:
        shared = read(values, common)
        wanted = {side: shared | read(values, found) for side, found in knobs.items()}
        return {
            side: Course(ModesConfig(**found), api.modes(library=session.library, **found))
            for side, found in wanted.items()
        }

    chosen.input(turn, chosen, [says, *turned], **{**NOW, "trigger_mode": "always_last"})
    arena.listen({*turned, common["seed"]}, begin, lane)

    def calls(values: Values) -> list[Call]:
        return [call(NAME, **read(values, common | found)) for found in knobs.values()]

    fields = common | {f"{side}.{name}": part for side, own in knobs.items() for name, part in own.items()}
    looks = ((told, chosen, says),)
    return Panel("gan-lab/modes", {"pair": chosen} | fields, calls, run=f"{NAME}-run", looks=looks)


def build_side(side: str, defaults: dict[str, Any]) -> dict[str, Component]:
    """The knobs of one game, folded."""
    names = [name for name in ModesConfig.__dataclass_fields__ if name not in COMMON]
    with (
        gr.Column(min_width=260),
        gr.Accordion(f"Knobs of {side}", open=False, elem_id=f"modes-{side}-knobs"),
    ):
        return components(ModesConfig, defaults, names)
