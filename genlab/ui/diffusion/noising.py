"""Forward noising: how a digit drowns, in closed form and step by step, under every schedule."""

from functools import lru_cache
from typing import Any

import gradio as gr
from torch import Tensor

from genlab.api.checks import check_seed
from genlab.calls import Call, call
from genlab.config import check_number
from genlab.data import to_float
from genlab.diffusion.schedules import SCHEDULES, Schedule
from genlab.lab import noising
from genlab.lab.pictures import Digit
from genlab.models.denoising import T
from genlab.numbers import brief, whole
from genlab.ui import html
from genlab.ui.card import sentence
from genlab.ui.curves import Line, line_plot
from genlab.ui.diffusion.pieces import figure, question, small
from genlab.ui.diffusion.source import Source, told, usable
from genlab.ui.knobs import NOW, Values, read, seed_box
from genlab.ui.panels import Panel

STRIP = (0, 100, 250, 400, 550, 700, 850, 999)  # times of the filmstrips
LOOKS = {"linear": ("#56B4E9", ""), "cosine": ("#E69F00", ""), "sigmoid": ("currentColor", "5 3")}
EVERY = 8  # of the 1,000 times, one is drawn in the plots


@lru_cache(maxsize=1)
def tables() -> dict[str, Schedule]:
    return {name: make(T) for name, make in SCHEDULES.items()}


def filmstrip(name: str, schedule: Schedule, x_0: Tensor, seed: int) -> str:
    frames = "".join(
        figure(small(noising.jump(schedule, x_0, t, seed).x_t[0], f"{name}, t = {t}"), str(t)) for t in STRIP
    )
    return f'<div class="gl-strip"><b>{name}</b><div>{frames}</div></div>'


def equation(noised: noising.Noised) -> str:
    """The closed form with its numbers filled in."""
    return (
        f'<p class="gl-filled"><span>x<sub>{noised.t}</sub> = √ᾱ x<sub>0</sub> + √(1 − ᾱ) ε = '
        f"{brief(noised.alpha)} x<sub>0</sub> + {brief(noised.sigma)} ε</span>"
        f'<span title="Signal-to-noise ratio: alpha-bar / (1 - alpha-bar)">SNR {brief(noised.snr)}</span></p>'
    )


def ways(schedule: Schedule, x_0: Tensor, t: int, seed: int) -> str:
    """The jump beside the walk: other noise, the same moments."""
    jumped, walked = noising.jump(schedule, x_0, t, seed), noising.walk(schedule, x_0, t, seed)
    figures, rows = [], []
    for title, noised in (("closed form, 1 step", jumped), (f"chain, {whole(t + 1)} steps", walked)):
        found = noising.moments(x_0, noised)
        figures.append(figure(small(noised.x_t[0], title), title))
        rows.append((title, brief(found.mean), brief(found.std)))
    rows.append(("theory", "0", brief(jumped.sigma)))
    body = "".join(f'<tr><th scope="row">{a}</th><td>{b}</td><td>{c}</td></tr>' for a, b, c in rows)
    return (
        f'<div class="gl-ways">{figures[0]}{figures[1]}<div>{equation(jumped)}<table class="gl-table"><thead>'
        '<tr><th scope="col">x<sub>t</sub> − √ᾱ x<sub>0</sub>, over 784 pixels</th><th scope="col">mean</th>'
        f'<th scope="col">std</th></tr></thead><tbody>{body}</tbody></table></div></div>'
    )


def plots(t: int) -> str:
    """beta, alpha-bar and SNR of every schedule, with a line at t."""
    times = [*range(0, T, EVERY), T - 1]

    def plot(title: str, values: dict[str, Tensor], log: bool) -> str:
        lines = [Line(n, [(k, float(v[k])) for k in times], *LOOKS[n]) for n, v in values.items()]
        return line_plot(title, lines, "t", marker=t, log=log)

    found = tables()
    return (
        '<div class="gl-plots">'
        + plot("beta: noise added at t", {n: s.betas for n, s in found.items()}, True)
        + plot("alpha-bar: picture left at t", {n: s.alpha_bar for n, s in found.items()}, False)
        + plot("SNR: picture against noise", {n: s.snr() for n, s in found.items()}, True)
        + "</div>"
    )


def show(digit: Digit, t: Any, schedule: str, seed: Any) -> str:
    """The whole panel for one picture, time and schedule."""
    t = int(check_number("t", t, 0, T - 1, whole=True))
    seed = check_seed(seed)
    x_0 = to_float(digit.image[None])
    strips = "".join(filmstrip(n, s, x_0, seed) for n, s in tables().items())
    return f"{told(digit)}{ways(tables()[schedule], x_0, t, seed)}{strips}{plots(t)}"


def build(app: gr.Blocks) -> Panel:
    """The panel with its events."""
    question("How does a picture turn into noise? Move t: the same noise ε grows, the picture fades.")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=2, min_width=220):
            t = gr.Slider(
                0, T - 1, 300, step=1, label="t", info="0 is almost clean, 999 pure noise", elem_id="noise-t"
            )
            schedule = gr.Radio(
                list(SCHEDULES),
                value="cosine",
                label="schedule",
                info="How fast the noise grows with t",
                elem_id="noise-schedule",
            )
            seed = seed_box("Another seed, other noise", "noise-seed")
        with gr.Column(scale=2, min_width=220):
            source = Source("noise")
    note = gr.HTML("", elem_classes="gl-quiet", elem_id="noise-note")
    shown = gr.HTML("", elem_id="noise-shown")
    knobs = [t, schedule, seed]

    def look(digit: Digit | str | None, *values: Any) -> tuple[Any, str]:
        try:
            return show(usable(digit), *values), ""
        except Exception as error:
            return gr.skip(), html.note(sentence(error))

    def taken(digit: Digit, *values: Any) -> tuple[str]:
        return (show(digit, *values),)

    changes: list[Any] = [part.change for part in knobs]  # type: ignore[attr-defined]
    gr.on(changes, look, [source.digit, *knobs], [shown, note], trigger_mode="always_last", **NOW)
    source.listen(app, taken, knobs, [shown], note)
    fields = {"t": t, "schedule": schedule, "seed": seed}

    def calls(values: Values) -> list[Call]:
        return [call("noise", **read(values, fields), **source.arguments(values))]

    return Panel("diffusion/noising", fields | source.fields, calls, {source.digit}, looks=(source.again,))
