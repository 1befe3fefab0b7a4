"""Measured curves: those that come with the weights, and the same measured again on the page."""

import itertools
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.calls import Call, call
from genlab.diffusion.samplers import SAMPLERS
from genlab.lab.curves import SAMPLES
from genlab.lab.sweeps import FLOORS, SCALES, STEPS, Point, Progress
from genlab.library import Library
from genlab.numbers import brief, whole
from genlab.ui import html
from genlab.ui.card import Updates, sentence
from genlab.ui.curves import Line, line_plot
from genlab.ui.diffusion.pieces import credit, question
from genlab.ui.knobs import MEASURING, NOW, SAMPLING, Values
from genlab.ui.panels import Panel
from genlab.ui.session import Sessions

OKABE_ITO = ("#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#0072B2", "#F0E442")
COLOURS = dict(zip(SAMPLERS, itertools.cycle(OKABE_ITO)))  # the colours never end
MOST = 500  # samples for each point on the page
FIGURES = {
    "frechet": "Fréchet distance",
    "label_accuracy": "drew the digit asked for",
    "diversity": "diversity (real digits: 1)",
    "precision": "precision",
    "recall": "recall",
}
DIVERSITY = (
    "What N = 10,000 says is on DDPM's card in the tab Compare. Diversity is the mean distance between two "
    "samples of one digit in the classifier's features, over that of real digits; without guidance (w = 0) "
    "the samples of a digit are any digits."
)
Curve = dict[str, Any]
Measure = Callable[[Any, Values, Library], Generator[Progress]]  # (n, values, library)


def level(name: str, value: float, points: Sequence[tuple[float, float]]) -> Line:
    """A dashed line at what real digits reach."""
    ends = [x for x, _ in points]
    return Line(name, [(min(ends), value), (max(ends), value)], "currentColor", "4 3")


def by_sampler(points: list[Point], x: str, y: str) -> list[Line]:
    names = [name for name in SAMPLERS if any(p["sampler"] == name for p in points)]
    return [
        Line(name, sorted((p[x], p[y]) for p in points if p["sampler"] == name), COLOURS[name])
        for name in names
    ]


def steps_plots(curve: Curve) -> str:
    """Distance and accuracy against steps, distance against evaluations."""
    points = curve["points"]
    plots = ""
    for title, x, y in (
        ("Fréchet distance against steps", "steps", "frechet"),
        ("Fréchet distance against cost", "evaluations", "frechet"),
        ("share of the digit asked for", "steps", "label_accuracy"),
    ):
        lines = by_sampler(points, x, y)
        if y == "frechet":
            lines.append(level("real", curve["real"][y], [p for line in lines for p in line.points]))
        label = "network evaluations a picture" if x == "evaluations" else x
        plots += line_plot(title, lines, label, log=y == "frechet", log_x=True)
    return plots


def guidance_plots(curve: Curve) -> str:
    """Accuracy, diversity and distance against the scale of guidance."""
    plots = ""
    for key, log in (("label_accuracy", False), ("diversity", False), ("frechet", True)):
        line = Line("samples", sorted((p["guidance"], p[key]) for p in curve["points"]), COLOURS["ddim"])
        lines = [line]
        real = {"diversity": 1.0} | curve["real"]
        if key in real:
            lines.append(level("real", real[key], line.points))
        plots += line_plot(FIGURES[key], lines, "guidance w", log=log)
    return plots


def cell(value: str | int | float) -> str:
    return value if isinstance(value, str) else whole(value) if isinstance(value, int) else brief(value)


def table(curve: Curve, columns: tuple[str, ...]) -> str:
    """Every figure of every point."""
    heads = {name: name for name in columns} | {"evaluations": "evaluations"} | FIGURES
    head = "".join(f'<th scope="col">{title}</th>' for title in heads.values())
    body = "".join(
        "<tr>" + "".join(f"<td>{cell(p[k])}</td>" for k in heads) + "</tr>" for p in curve["points"]
    )
    figures = f'<table class="gl-table"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
    return f'<details class="gl-all"><summary>All figures</summary><div>{figures}</div></details>'


def caption(curve: Curve) -> str:
    """What was measured, how exactly, and how to get the same."""
    real = curve["real"]
    n = f"N = {whole(curve['n'])} samples for each point, seed {curve['seed']}"
    just_now = ", measured just now (the shipped curve is back when the page is loaded again)"
    by = f", shipped weights, <code>{curve['command']}</code>" if "command" in curve else just_now
    return (
        f'<p class="gl-live">{n}{by}. As many real digits have a distance of {brief(real["frechet"])} ± '
        f"{brief(real['frechet_std'])} ({FLOORS} sets of them): smaller differences are chance, also below "
        f"the line of the real ones, and distances of different N do not compare. {DIVERSITY}</p>"
    )


class MeasuredCurve:
    """The shipped curve ``name``, and a button that measures one anew; made where this is called.

    Args:
        name: Of the curve.
        sessions: Whose visitor's work is run.
        draw: The plots of a curve.
        columns: The knobs that differ between its points.
        choices: Inputs of ``measure`` besides the number of samples, not rendered yet.
        measure: ``(n, values, library)`` to the progress of a sweep.
    """

    def __init__(
        self,
        name: str,
        sessions: Sessions,
        draw: Callable[[Curve], str],
        columns: tuple[str, ...],
        choices: list[Component],
        measure: Measure,
    ) -> None:
        self.name, self.sessions, self.panel = name, sessions, f"curve-{name}"
        self.draw, self.columns, self.choices, self.measure = draw, columns, choices, measure
        with gr.Row(elem_classes="gl-controls"):
            with gr.Column(scale=3, min_width=200):
                self.n: Component = gr.Slider(
                    SAMPLES[0],
                    MOST,
                    100,
                    step=50,
                    label="samples",
                    info="For each point",
                    elem_id=f"{self.panel}-n",
                )
            for choice in choices:
                with gr.Column(scale=3, min_width=200):
                    choice.render()
            with gr.Column(scale=1, min_width=140):
                self.start = gr.Button("Measure", elem_id=f"{self.panel}-measure")
                self.stop = gr.Button(
                    "Stop", variant="stop", size="sm", interactive=False, elem_id=f"{self.panel}-stop"
                )
        self.note = gr.HTML("", elem_classes="gl-quiet", elem_id=f"{self.panel}-note")
        self.progress = gr.HTML("", elem_id=f"{self.panel}-progress")
        self.shown = gr.HTML("", elem_id=f"{self.panel}-shown")

    def show(self, curve: Curve) -> str:
        if not curve.get("points"):
            return html.note("Not measured yet for these weights; press Measure.", plain=True)
        return f'<div class="gl-plots">{self.draw(curve)}</div>{caption(curve)}{table(curve, self.columns)}'

    def shipped(self, request: gr.Request) -> str:
        library = self.sessions.get(request.session_hash).library
        return self.show(api.shipped_curve(self.name, library=library))

    def run(self, values: Values, request: gr.Request) -> Iterator[Updates]:
        """The curve as it grows."""
        loading = html.bar(None, "Loading the judge and the real digits.")
        yield {self.progress: loading, self.note: "", self.stop: gr.Button(interactive=True)}
        session, began, known, said = self.sessions.get(request.session_hash), time.monotonic(), 0, ""
        try:
            done = None
            for done in session.work(self.panel, self.measure(values[self.n], values, session.library)):
                passed = time.monotonic() - began
                out: Updates = {self.progress: html.bar(done.share, html.left(done.share, passed))}
                if len(done.points) > known:
                    known = len(done.points)
                    curve = {"n": values[self.n], "seed": 0, "real": done.real, "points": done.points}
                    out[self.shown] = self.show(curve)
                yield out
            if done and done.share < 1 - 1e-9:
                said = html.note("Stopped; what was measured stays.", plain=True)
            said += credit(session)
        except Exception as error:
            said = html.note(sentence(error))
        yield {self.progress: "", self.note: said, self.stop: gr.Button(interactive=False)}

    def interrupt(self, request: gr.Request) -> None:
        self.sessions.get(request.session_hash).interrupt(self.panel)

    def listen(self, app: gr.Blocks) -> None:
        """Connect it; the shipped curve is there when the page opens."""
        outputs = [self.shown, self.progress, self.note, self.stop]
        self.start.click(self.run, {self.n, *self.choices}, outputs, **MEASURING)
        self.stop.click(self.interrupt, None, None, **NOW)
        app.load(self.shipped, None, self.shown, **SAMPLING)


def build_steps(app: gr.Blocks, sessions: Sessions) -> Panel:
    """The panel Steps."""
    question("How many steps does each sampler need, and what does a better picture cost?")
    samplers = gr.CheckboxGroup(
        list(SAMPLERS), value=["ddim", "dpmpp"], label="samplers", info="Which to measure", render=False
    )
    steps = gr.CheckboxGroup(
        list(map(str, STEPS)),
        value=["2", "5", "10", "20"],
        label="steps",
        info="1000 takes a hundred times as long as 10",
        render=False,
    )

    def counts(values: Values) -> list[int]:
        return [int(s) for s in values[steps]]

    def measure(n: Any, values: Values, library: Library) -> Generator[Progress]:
        return api.steps_curve(n, 0, values[samplers], counts(values), library=library)

    columns = ("sampler", "steps")
    curve = MeasuredCurve("steps", sessions, steps_plots, columns, [samplers, steps], measure)
    curve.listen(app)

    def calls(values: Values) -> list[Call]:
        wanted = {"n": values[curve.n], "seed": 0, "samplers": values[samplers], "steps": counts(values)}
        return [call("steps_curve", **wanted)]

    fields = {"n": curve.n, "samplers": samplers, "steps": steps}
    return Panel("diffusion/steps", fields, calls, run="curve-steps-measure")


def build_guidance(app: gr.Blocks, sessions: Sessions) -> None:
    """The measured part of the panel Guidance."""
    question("Measured: stronger guidance draws the right digit more often, and fewer kinds of it.")
    scales = gr.CheckboxGroup(
        [f"{w:g}" for w in SCALES],
        value=["0", "1", "2", "4", "8"],
        label="scales",
        info="The w to measure; each costs two evaluations a step, but 0 and 1",
        render=False,
    )

    def measure(n: Any, values: Values, library: Library) -> Generator[Progress]:
        return api.guidance_curve(n, 0, [float(w) for w in values[scales]], library=library)

    MeasuredCurve("guidance", sessions, guidance_plots, ("guidance",), [scales], measure).listen(app)
