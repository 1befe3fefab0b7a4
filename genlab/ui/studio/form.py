"""The controls of a task, how its run is told, and how its pictures are shown."""

import json
from collections.abc import Callable, Generator, Iterable
from html import escape
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from gradio.components import Component

from genlab import api, visualize
from genlab.calls import Call, call
from genlab.errors import GenlabError
from genlab.numbers import brief, duration
from genlab.studio import links
from genlab.studio.axes import Axes
from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Drawn, Engine
from genlab.studio.request import MAX_PICTURES, TASKS, Knobs, Request
from genlab.studio.worker import Progress
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import Runner, Work, img
from genlab.ui.knobs import NOW, STUDIO, Values, components, read, seed_box
from genlab.ui.panels import Panel, Recall, told_as
from genlab.ui.places import KEY
from genlab.ui.session import Session, Sessions

ROLES = {"few_steps", "refiner"}  # knobs that a model has only with further weights
FOLDED = ("width", "height", "few_steps", "refiner")
SIZES = ("width", "height")
SMALL = 128  # pixels: pictures up to this are shown with crisp pixels
FIRST = "mini-sd"

Drawing = Generator[Progress, None, Updates]


class Form:
    """Inputs in the order of the laboratory: prompt, number, seed, steps, guidance, sampler, the rest.

    Args:
        panel: Begins the elements' ids.
        task: A key of ``TASKS``; its knobs are inputs.
        model: The choice of model, shared by all forms.
        number: Pictures at first; None where the panel decides.
        left_out: Knobs that the panel sets itself.
    """

    def __init__(
        self,
        panel: str,
        task: str,
        model: Component,
        *,
        number: int | None = 4,
        left_out: tuple[str, ...] = (),
        prompt: str = api.PROMPT,
    ) -> None:
        self.panel, self.task, self.model = panel, task, model
        self.more: set[Any] = set()  # what the panel reads besides
        self.asked: Callable[[Values], Call] = lambda values: call(task, **self.read(values))
        self.link: Callable[[Values], str] = lambda values: self.query(
            api.studio_request(task, **self.read(values))
        )
        self.own: dict[str, Component] = {}
        names = [name for name in TASKS[task].__dataclass_fields__ if name not in left_out]
        with gr.Column(scale=3, min_width=210):
            self.own["prompt"] = gr.Textbox(
                prompt, lines=2, label="prompt", info="What to draw, in words", elem_id=f"{panel}-prompt"
            )
            self.own["negative_prompt"] = gr.Textbox(
                "",
                label="negative prompt",
                info="What to keep away from; works with guidance above 1",
                elem_id=f"{panel}-negative",
            )
            if number:
                self.own["n"] = gr.Slider(
                    1,
                    MAX_PICTURES,
                    number,
                    step=1,
                    label="number of images (n)",
                    info="Picture i has the seed + i",
                    elem_id=f"{panel}-n",
                )
            self.own["seed"] = seed_box("Another seed, other noise", f"{panel}-seed")
        with gr.Column(scale=3, min_width=210, elem_id=f"{panel}-knobs"):
            self.knobs = components(TASKS[task], names=[name for name in names if name not in FOLDED])
            with gr.Accordion("Size and more", open=False):
                self.knobs |= components(TASKS[task], names=FOLDED)
        card = CATALOG[FIRST]
        for name in SIZES:
            self.knobs[name].info = size_help(card)
        scheduler: Any = self.knobs["scheduler"]
        scheduler.choices = [(name, name) for name in card.schedulers()]
        for role in ROLES & self.knobs.keys():
            self.knobs[role].visible = bool(card.repositories(role))

    @property
    def parts(self) -> dict[str, Component]:
        return self.own | self.knobs

    @property
    def inputs(self) -> set[Any]:
        return {self.model, *self.parts.values()}

    def read(self, values: Values) -> dict[str, Any]:
        """The arguments of the call."""
        return {"model": values[self.model]} | read(values, self.parts)

    @property
    def place(self) -> str:
        return f"studio/{self.panel}"

    def query(self, request: Request, axes: Axes | None = None) -> str:
        """Of the address that brings ``request``, or its sheet over ``axes``, back to this panel."""
        number = {"n": request.n} if "n" in self.own else {}
        return urlencode({KEY: self.place} | links.told(request, axes) | number, safe="/,")

    def first(self) -> dict[str, str]:
        """What an address of this panel need not tell, as it would; the knobs are the model's own."""
        return {name: told_as(part.value) for name, part in self.own.items()}

    def described(self, recall: Recall) -> Panel:
        """What the panel can say of itself; its links are the studio's own, as ``recall`` reads them."""
        return Panel(
            self.place,
            {"model": self.model, **self.parts},
            lambda values: [self.asked(values)],
            self.inputs | self.more,
            run=f"{self.panel}-run",
            link=self.link,
            recall=recall,
            painted=True,
        )

    def adopt(self, card: ModelCard, knobs: Knobs | None = None) -> Updates:
        """The controls as ``card`` wants them, with the values of ``knobs`` (None: the card's own).

        What the knobs do not tell is left as it is.
        """
        values = vars(knobs or card.knobs)
        found: dict[str, Any] = {name: values[name] for name in self.knobs.keys() & values}
        for name in SIZES:
            found[name] = gr.Number(values[name], info=size_help(card))
        found["scheduler"] = gr.Radio(card.schedulers(), value=values["scheduler"])
        for role in ROLES & self.knobs.keys():
            found[role] = gr.Radio(visible=bool(card.repositories(role)), value=values.get(role, "off"))
        return {self.knobs[name]: value for name, value in found.items()}

    @property
    def restored(self) -> list[Component]:
        """What ``restore`` sets."""
        return list(self.parts.values())

    def restore(self, request: Request, axes: Axes | None = None) -> Updates:
        """The controls as they were for ``request``, or for a sheet of it over ``axes``."""
        own = {part: getattr(request, name) for name, part in self.own.items()}
        return own | self.adopt(CATALOG[request.model], request.knobs)


def size_help(card: ModelCard) -> str:
    """What is said of width and height."""
    return f"Pixels, {card.edges[0]} to {card.edges[1]}: {card.title} learned at {card.knobs.width}"


class Cost:
    """The line that tells what a run will take; made where this is called.

    Args:
        engine: What will draw.
        inputs: The controls.
        wanted: The requests that they ask for.
    """

    def __init__(
        self, engine: Engine, inputs: set[Any], wanted: Callable[[Values], Iterable[Request]]
    ) -> None:
        self.engine, self.wanted = engine, wanted
        self.line = gr.HTML(self.told({part: part.value for part in inputs}), elem_classes="gl-live")
        changes = [part.change for part in inputs]
        gr.on(changes, self.told, inputs, self.line, trigger_mode="always_last", **NOW)

    def told(self, values: Values) -> str:
        """In words; nothing for values that cannot be used, which Draw will name."""
        try:
            estimates = [self.engine.estimate(request) for request in self.wanted(values)]
        except GenlabError:
            return ""
        seconds = [estimate.seconds for estimate in estimates if estimate.seconds is not None]
        time = f"about {duration(sum(seconds))}" if len(seconds) == len(estimates) else "time unknown"
        gigabytes = max(estimate.gigabytes for estimate in estimates)
        return f"<p>{time} ({estimates[0].basis}), {brief(gigabytes)} GB of memory</p>"


def summary(*parts: str) -> str:
    """What came out, in one line."""
    return f'<p class="gl-live">{escape("; ".join(parts))}.</p>'


class StudioRunner(Runner):
    """Run and Stop, what is to be expected before, and what forms meanwhile."""

    def told(self, done: Progress, passed: float) -> str:
        previews = "".join(img(visualize.enlarge(image, 96), "forming") for image in done.previews)
        return html.bar(done.share, done.text) + (
            f'<div class="gl-forming">{previews}</div>' if previews else ""
        )

    def ended(self, session: Session) -> str:
        return ""


class RecipeFold:
    """How to draw it again, folded, for what was drawn last; made where this is called."""

    def __init__(self, panel: str) -> None:
        with gr.Accordion("Recipe: draw it again, send it on", open=False, visible=False) as self.fold:
            self.link = gr.HTML("", elem_id=f"{panel}-link")
            self.text = gr.Code(
                "",
                language="json",
                interactive=False,
                max_lines=16,
                show_line_numbers=False,  # wrapped lines would not stand beside their numbers
                label="Recipe (JSON)",
                wrap_lines=True,
            )

    @property
    def parts(self) -> list[Component]:
        return [self.fold, self.link, self.text]

    def show(self, made: dict[str, Any], query: str) -> Updates:
        """The recipe ``made``, and the link with ``query``."""
        link = (
            f'<a href="?{escape(query)}">Link to this setting</a>: copy its address to send it on. The PNG '
            "carries the recipe, too; drop it on the field beside the model to restore it."
        )
        return {
            self.fold: gr.Accordion(visible=True),
            self.link: f'<p class="gl-live">{link}</p>',
            self.text: json.dumps(made, indent=2, ensure_ascii=False),
        }


class Results:
    """The column of a panel where a run is begun and its pictures appear; made where this is called.

    Args:
        panel: Begins the elements' ids.
        hint: What to press, and what will come.
        form: The panel's controls, whose cost is told before a run.
        engine: What draws.
        sessions: Whose visitor's work is run.
        more: Makes further components above the pictures.
    """

    def __init__(
        self,
        panel: str,
        hint: str,
        form: Form,
        engine: Engine,
        sessions: Sessions,
        more: Callable[[], None] = lambda: None,
    ) -> None:
        self.query = form.query
        with gr.Column(scale=4, min_width=300):
            self.runner = StudioRunner(panel, sessions, "Draw")
            self.cost = Cost(
                engine, form.inputs, lambda values: [api.studio_request(form.task, **form.read(values))]
            )
            self.runner.note.render()
            more()
            self.said = gr.HTML(html.note(hint, plain=True), elem_id=f"{panel}-said")
            self.gallery = gr.Gallery(
                format="png",
                show_label=False,
                visible=False,
                object_fit="contain",
                height="auto",
                columns=2,
                interactive=False,
                elem_id=f"{panel}-gallery",
            )
            self.recipe = RecipeFold(panel)

    @property
    def outputs(self) -> list[Component]:
        return [self.cost.line, self.said, self.gallery, *self.recipe.parts]

    def listen(self, work: Work, inputs: set[Any], more: list[Component], **options: Any) -> None:
        """Do ``work`` when Draw is pressed."""
        self.runner.listen(work, inputs, [*more, *self.outputs], **{**STUDIO, **options})

    def show(self, drawn: Drawn, request: Request) -> Updates:
        """The pictures, each of which carries its recipe, and what they cost."""
        captions = [f"seed {recipe['seed']}" for recipe in drawn.recipes]
        for i in drawn.withheld:
            captions[i] += ": withheld by the model's safety checker"
        size = f"{request.knobs.width}x{request.knobs.height}"
        said = summary(f"{len(drawn.pictures)} of {size}, {duration(drawn.seconds)}", *drawn.notices)
        crisp = max(drawn.pictures[0].size) <= SMALL
        return {
            self.cost.line: "",
            self.said: said,
            self.gallery: gr.Gallery(
                list(zip(drawn.pictures, captions, strict=True)),
                visible=True,
                columns=min(2, len(captions)),
                elem_classes="gl-crisp" if crisp else "gl-smooth",
            ),
            **self.recipe.show(drawn.recipes[0], self.query(request)),
        }
