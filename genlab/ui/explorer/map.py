"""The plane of a VAE with two latents: a map to click on, and where the test digits lie on it."""

import json
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.components.plot import PlotData
from PIL import Image, ImageDraw
from torch import Tensor

from genlab import api, visualize
from genlab.calls import call
from genlab.lab.manifold import AROUND, FARTHEST, Map, Place, place, share
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import question
from genlab.ui.explorer.pieces import follows, one
from genlab.ui.knobs import NOW, SAMPLING, Values
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions

HOW = (
    "This VAE squeezes every digit into two numbers, x and y. The map shows what it draws of each pair: "
    "click on it. Its pictures are at quantiles of N(0, 1), from which a VAE draws: each part of the map is "
    "as likely as any other. The plot beside it shows where the encoder puts real digits that it never saw."
)
MARK = "#E69F00"
LIKELY = 0.05  # a chance that is told
# Of the digits 0 to 9: colours that stand out on white and on black, and a shape for who sees no colours.
LOOKS = (
    ("#0072B2", "circle"),
    ("#D55E00", "square"),
    ("#009E73", "diamond"),
    ("#CC79A7", "cross"),
    ("#56B4E9", "x"),
    ("#E69F00", "triangle-up"),
    ("#8C6D46", "triangle-down"),
    ("#8A8A2B", "star"),
    ("#808080", "pentagon"),
    ("#9467BD", "hexagram"),
)


def picture(found: Map, x: float, y: float) -> Image.Image:
    """The map with a mark at the place (x, y)."""
    sheet = visualize.grid(found.images, gap=0).convert("RGB")
    across, down = share(x, y)
    left, top = across * sheet.width, down * sheet.height
    pen = ImageDraw.Draw(sheet)
    for radius, ink in ((13, "black"), (11, MARK), (9, MARK)):
        pen.ellipse((left - radius, top - radius, left + radius, top + radius), outline=ink, width=2)
    return sheet


def scatter(found: Map) -> PlotData:
    """Where the test digits lie, as a figure of plotly.js: one trace for each digit."""
    lines = {"gridcolor": "rgba(128,128,128,.25)", "zerolinecolor": "rgba(128,128,128,.6)"}
    traces: list[dict[str, Any]] = []
    for digit, (colour, symbol) in enumerate(LOOKS):
        index = (found.labels == digit).nonzero()[:, 0]
        x, y = (found.codes[index] * 1000).round().div(1000).double().T.tolist()
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": str(digit),
                "x": [round(v, 3) for v in x],
                "y": [round(v, 3) for v in y],
                "customdata": index.tolist(),
                "marker": {"color": colour, "symbol": symbol, "size": 6, "opacity": 0.8},
                "hovertemplate": f"<b>{digit}</b>, test digit %{{customdata}}<br>x %{{x:.2f}}, y %{{y:.2f}}"
                "<extra></extra>",
            }
        )
    layout = {
        "title": {"text": f"{len(found.labels):,} test digits, encoded", "font": {"size": 14}},
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "xaxis": {"title": {"text": "x, the first latent"}, **lines},
        "yaxis": {"title": {"text": "y, the second latent"}, **lines},
        "legend": {"title": {"text": "digit"}, "itemsizing": "constant"},
        "margin": {"l": 50, "r": 10, "t": 40, "b": 45},
        "height": 560,
    }
    return PlotData(type="plotly", plot=json.dumps({"data": traces, "layout": layout}))


def likely(chances: Tensor) -> str:
    """The digits that a picture may show, the likeliest first."""
    order = chances.argsort(descending=True).tolist()
    told = [d for d in order if chances[d] >= LIKELY] or order[:1]
    return ", ".join(f"<b>{d}</b> ({chances[d]:.0%})" for d in told)


def told(found: Place, on_map: Map, x: float, y: float) -> str:
    """What is drawn at a place, what it shows, and which real digits are close to it."""
    digit, there = int(on_map.labels[found.nearest]), on_map.codes[found.nearest].tolist()
    real = api.digit(found.nearest).image
    order = found.around.argsort(descending=True).tolist()
    around = ", ".join(f"{found.around[d]} <b>{d}s</b>" for d in order if found.around[d])
    return (
        f'<div class="gl-two" data-x="{x:.3f}" data-y="{y:.3f}">'
        + one(found.image, f"x = {x:.2f}, y = {y:.2f}")
        + one(real, f"closest test digit, a {digit}: x = {there[0]:.2f}, y = {there[1]:.2f}")
        + f"</div><p>Of the {AROUND} closest test digits there are {around}.</p>"
        f"<p>The classifier, which has never seen blurred digits, reads {likely(found.sharp)} where each "
        f"pixel is made black or white, and {likely(found.chances)} in the picture as it is.</p>"
    )


def on_the_map(value: Any) -> Any:
    """What the slider makes of a number that was typed into its box."""
    return min(max(value, -FARTHEST), FARTHEST) if isinstance(value, int | float) else value


def build(tab: gr.Tab, sessions: Sessions) -> Panel:
    """The panel with its events; drawn when ``tab`` is opened."""
    question("Where do digits lie in a space of two numbers, and what lies between them?")
    gr.HTML(f"<p>{HOW}</p>")
    opened = gr.State(False)
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=4, min_width=300):
            view = gr.Image(
                type="pil",
                format="png",
                interactive=False,
                buttons=[],
                label="Map",
                show_label=False,
                alt_text="The map: click on it, or move x and y",
                elem_id="map-view",
                elem_classes="gl-crisp gl-map",
            )
        with gr.Column(scale=2, min_width=220):
            x, y = (
                gr.Slider(-FARTHEST, FARTHEST, 0, step=0.01, label=name, info=info, elem_id=f"map-{name}")
                for name, info in (("x", "To the right on the map"), ("y", "Upwards"))
            )
            shown = gr.HTML("", elem_id="map-shown")
        with gr.Column(scale=4, min_width=300):
            plot = gr.Plot(show_label=False, elem_id="map-scatter", elem_classes="gl-scatter")
    note = gr.HTML("", elem_classes="gl-quiet", elem_id="map-note")

    def draw(values: Values, session: Session) -> Updates:
        left, up = on_the_map(values[x]), on_the_map(values[y])
        found, on_map = api.decode(left, up, library=session.library), api.plane(session.library)
        return {shown: told(found, on_map, left, up), view: picture(on_map, left, up)}

    outputs: list[Component] = [shown, view]
    look = go, inputs, targets = follows([x.input, y.input], draw, {x, y}, outputs, note, sessions)

    def click(event: gr.SelectData, request: gr.Request) -> Updates:
        side = visualize.grid(api.plane(sessions.get(request.session_hash).library).images, gap=0).width
        across, down = event.index
        left, up = (round(v, 2) for v in place((across + 0.5) / side, (down + 0.5) / side))
        chosen: Updates = {x: left, y: up}
        return chosen | go(chosen, request)

    def arrive(values: Values, request: gr.Request) -> Updates:
        if values[opened]:
            return {opened: True}
        result = go(values, request)
        if result[note]:
            return {opened: False, **result}
        on_map = api.plane(sessions.get(request.session_hash).library)
        return {opened: True, plot: scatter(on_map), **result}

    view.select(click, None, [x, y, *targets], trigger_mode="always_last", **NOW)
    tab.select(arrive, {opened, *inputs}, [opened, plot, *targets], **SAMPLING)
    return Panel(
        "latent-space/map",
        {"x": x, "y": y},
        lambda values: [call("decode", x=values[x], y=values[y])],
        looks=(look,),
    )
