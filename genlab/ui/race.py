"""The tab Race: given the same seconds of compute, which idea comes furthest?"""

from dataclasses import dataclass
from functools import lru_cache
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import visualize
from genlab.calls import call
from genlab.jobs import Look, RaceWork
from genlab.jobs.job import STOPPING
from genlab.models import FIRST, MODELS
from genlab.numbers import brief, count, duration, whole
from genlab.race import Frame, RaceConfig, RaceRecord, Standing
from genlab.ui import html, progress
from genlab.ui.card import Updates
from genlab.ui.curves import Line, line_plot
from genlab.ui.job_view import JobView, small_button
from genlab.ui.knobs import NOW, NOW_TOO, Values, components, read
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions
from genlab.visualize import colour

QUESTION = "Given the same seconds of compute, which idea comes furthest?"
HOW = (
    "Whoever has used the least compute takes the next step, so all have always had the same. Drawing and "
    "measuring in between do not count. Nobody knows before how many steps a budget holds, so the learning "
    "rates do not fade; the VAE draws from N(0, I)."
)
HINT = "Press Race: each family's pictures and its distance to real digits appear here while it trains."
NAME = RaceWork.name
# An address with a race and nothing else opens this tab; the race's box is the last one.
OPEN = """(...ids) => {
    const tab = [...document.querySelectorAll('button[role=tab]')].find(b => b.textContent.trim() === 'Race');
    if (tab && ids.at(-1) && ids.filter(Boolean).length === 1) tab.click();
}"""


def title(name: str) -> str:
    return MODELS[name].card.title


def family(name: str, standing: Standing, frame: Frame | None, record: RaceRecord, *, replayed: bool) -> str:
    """One family: its pictures at this moment, and what they have cost; ``replayed``: a moment gone by."""
    chips, picture = [], '<div class="gl-blank"></div>'
    if frame:
        said = f"{title(name)} after {brief(frame.seconds)} seconds of compute"
        uri = visualize.data_uri(visualize.grid(frame.images, side=480))
        picture = f'<img src="{uri}" alt="{said}" title="{said}, always from the same noise">'
        ratio = f", {brief(frame.frechet / record.floor)} × floor" if record.floor else ""
        chips = [
            html.chip(f"distance {brief(frame.frechet)}{ratio}", "Fréchet distance: lower is better"),
            html.chip(f"{brief(frame.seconds)} s", "Seconds of compute used for these pictures"),
            html.chip(count(frame.step, "step"), "Optimisation steps taken for these pictures"),
            html.chip(f"{whole(frame.images_seen)} images seen", "Training pictures, repeated ones counted"),
        ]
        if frame.loss is not None:
            chips.append(
                html.chip(f"loss {brief(frame.loss)}", "Its own loss: no family's compares with another's")
            )
    out = html.note(standing.message) if standing.message else ""
    seconds = frame.seconds if frame and replayed else standing.seconds
    share = min(seconds / record.config.seconds, 1.0)
    used = f"{brief(seconds)} of {brief(record.config.seconds)} s of compute"
    if record.looking == name:
        used += ", being looked at"
    return (
        f'<div class="gl-card gl-{name}" data-family="{name}" data-state="{standing.state}">'
        f'<div class="gl-title"><h2>{escape(title(name))}</h2></div>{html.bar(share, used)}{out}'
        f'{picture}<div class="gl-chips">{"".join(chips)}</div></div>'
    )


def plots(record: RaceRecord, moment: int) -> str:
    """Distance over compute for all, and each family's own loss."""
    budget = record.config.seconds
    lines = [Line(title(n), s.distances, colour(n)) for n, s in record.families.items() if s.frames]
    if not lines:
        return ""
    if record.floor:
        lines.append(
            Line("real digits", [(0.0, record.floor), (budget, record.floor)], "currentColor", "5 3")
        )
    at = budget * moment / record.config.frames
    name = f"Fréchet distance, N = {record.config.samples}"
    found = line_plot(name, lines, "seconds of compute", log=True, marker=at)
    for name in record.families:
        if curve := record.loss_curve(name):
            found += line_plot(
                f"loss of {title(name)}", [Line("loss", curve, colour(name))], "seconds of compute"
            )
    return f'<div class="gl-plots">{found}</div>'


def verdict(record: RaceRecord) -> str:
    """Who came nearest, and what the distances are to be held against."""
    if record.nearest is None:
        return ""
    name, distance = record.nearest
    said = f"{title(name)} came nearest to real digits, at a distance of {brief(distance)}"
    if record.floor:
        said += f"; two sets of {record.config.samples} real digits are {brief(record.floor)} apart"
    return f"{said}. With fewer samples all distances are larger."


def left(record: RaceRecord) -> str:
    """How long it will take at least: what is left of the budgets, for one family steps at a time."""
    running = [s.seconds for s in record.families.values() if s.state == "running"]
    seconds = sum(max(0.0, record.config.seconds - used) for used in running)
    return f" At least {duration(seconds)} left." if seconds else ""


@lru_cache(maxsize=64)  # several viewers of one look share its pictures
def shown(look: Look, moment: int | None = None) -> str:
    """A race as it is now, or as it was at ``moment``."""
    record: RaceRecord = look.view
    at = record.moments if moment is None else min(moment, record.moments)
    frames = record.at(at)
    replayed = at < record.moments
    cards = "".join(
        family(n, s, frames.get(n), record, replayed=replayed) for n, s in record.families.items()
    )
    if look.state == "waiting":
        head = progress.waiting(look.place)
    elif look.ended:
        head = progress.ended(look, verdict(record))
    else:
        head = f"<p>{escape(look.message)}{'' if look.message == STOPPING else left(record)}</p>"
    notice = html.note(look.notice) if look.notice else ""
    return (
        f'<div class="gl-live gl-race" data-state="{look.state}" data-job="{look.id}" data-moment="{at}">'
        f'{head}{notice}<div class="gl-lanes">{cards}</div>{plots(record, at)}</div>'
    )


@dataclass(frozen=True)
class RacePanel:
    """The components of the tab."""

    view: JobView
    families: Component
    knobs: dict[str, Component]
    moment: Component
    film: Component

    @property
    def inputs(self) -> set[Any]:
        return {self.families, *self.knobs.values()}

    def look(self, session: Session) -> Updates:
        """Once it is over: the scrubber and the animated picture."""
        job = session.jobs.get(NAME)
        look = job.look() if job else None
        last = look.view.moments if look and look.ended else -1
        film = next((path for path in look.files if path.endswith(".gif")), None) if look else None
        return {
            self.moment: gr.Slider(0, max(last, 1), max(last, 0), step=1, visible=last > 0),
            self.film: gr.Image(film, visible=film is not None),
        }


def build(jobs: dict[str, Component], sessions: Sessions) -> Panel:
    """The whole tab with its events; ``jobs`` are the hidden boxes of the page."""
    gr.HTML(f'<p class="gl-question">{QUESTION}</p><p>{HOW}</p>')
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=3, min_width=260):
            families = gr.CheckboxGroup(
                [(title(name), name) for name in MODELS],
                value=list(FIRST),
                label="families",
                info="Two or more; each begins with random weights",
                elem_id="race-families",
            )
        with gr.Column(scale=2, min_width=220):
            knobs = components(RaceConfig, names=["seconds"])
            with gr.Accordion("More", open=False, elem_id="race-more"):
                knobs |= components(RaceConfig, names=["frames", "samples", "seed"])
        with gr.Column(scale=1, min_width=160):
            start = gr.Button("Race", variant="primary", elem_id="race-start")
            stop = small_button("Stop", "race-stop", variant="stop", visible=False)
            resume = small_button("Go on", "race-resume", visible=False)
    moment = gr.Slider(
        0, 1, 0, step=1, visible=False, label="moment", info="Drag to replay the race", elem_id="race-moment"
    )
    live = gr.HTML(html.note(HINT, plain=True), elem_id="race-live")
    film = gr.Image(
        format="gif",
        visible=False,
        interactive=False,
        label="The race as an animated picture",
        show_label=False,
        elem_id="race-film",
        buttons=["download", "fullscreen"],
    )
    files = gr.File(
        file_count="multiple",
        visible=False,
        interactive=False,
        label="Animated picture and record",
        elem_id="race-files",
    )
    panel = RacePanel(
        JobView(NAME, jobs[NAME], start, stop, live, resume, files), families, knobs, moment, film
    )
    listen(panel, sessions)
    jobs[NAME].change(None, list(jobs.values()), None, js=OPEN, api_visibility="private")  # type: ignore[attr-defined]
    fields = {"families": families, **knobs}
    return Panel(
        "race", fields, lambda values: [call("race", **read(values, fields))], run="race-start", exact=False
    )


def listen(panel: RacePanel, sessions: Sessions) -> None:
    """Connect the buttons and the scrubber."""
    view = panel.view

    def start(values: Values, request: gr.Request) -> Updates:
        session = sessions.get(request.session_hash)
        names, knobs = values[panel.families], read(values, panel.knobs)
        return view.begin(lambda: session.submit_race(names, **knobs))

    def resume(request: gr.Request) -> Updates:
        session = sessions.get(request.session_hash)
        return view.begin(lambda: session.resume(NAME))

    def settle(request: gr.Request) -> Updates:
        return panel.look(sessions.get(request.session_hash))

    def replay(moment: Any, request: gr.Request) -> Any:
        job = sessions.get(request.session_hash).jobs.get(NAME)
        if job is None or not isinstance(moment, int) or moment < 0:
            return gr.skip()
        return shown(job.look(), moment)

    shows = [panel.moment, panel.film]
    view.start.click(start, panel.inputs, view.begun, **NOW).then(settle, None, shows, **NOW)
    view.resume.click(resume, None, view.begun, **NOW)
    ended = view.listen(sessions, shown, lambda _: {}, [])
    ended.then(settle, None, shows, **NOW_TOO)
    panel.moment.input(replay, panel.moment, view.live, trigger_mode="always_last", **NOW)  # type: ignore[attr-defined]
