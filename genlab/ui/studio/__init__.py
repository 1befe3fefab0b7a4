"""The tab Studio: Stable Diffusion from words, pictures, holes and outlines."""

from collections.abc import Callable
from html import escape
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.config import check_choice
from genlab.errors import InvalidInput, ModelUnavailable
from genlab.studio import links, recipe
from genlab.studio.axes import Axes, Plan, plan_in
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine
from genlab.studio.request import Request
from genlab.ui import html
from genlab.ui.card import sentence
from genlab.ui.diffusion.pieces import question
from genlab.ui.knobs import NOW, Values
from genlab.ui.panels import Panel, press
from genlab.ui.places import KEY
from genlab.ui.session import Sessions
from genlab.ui.studio import editing, inside, outlines, sheets, words
from genlab.ui.studio.form import FIRST, Form

INSIDE = "studio/inside"
OF_TASK = {"text_to_image": "text", "image_to_image": "image", "inpaint": "hole", "control": "control"}


def build(app: gr.Blocks, tabs: gr.Tabs, link: Component, sessions: Sessions, engine: Engine) -> list[Panel]:
    """All panels.

    Args:
        app: The page.
        tabs: Its own, in which a link opens the tab "studio".
        link: Where the page's address stands if it is such a link, hidden and outside of the tabs.
        sessions: The visitors.
        engine: What draws.
    """
    question("From words to pictures: what does Stable Diffusion do with yours?")
    model, dropped, note = build_head(engine)
    with gr.Tabs() as panels:
        forms: dict[str, Form] = {}
        described: list[Panel] = []
        made: list[tuple[str, str, Callable[[], Form]]] = [
            ("text", "Text to image", lambda: words.build(model, sessions, engine)),
            ("sweep", "Guidance sweep", lambda: sheets.build_sweep(model, sessions, engine)),
            ("grid", "Grid", lambda: sheets.build_grid(model, sessions, engine)),
            ("image", "Image to image", lambda: editing.build_image(app, model, sessions, engine)),
            ("hole", "Inpaint", lambda: editing.build_inpaint(app, model, sessions, engine)),
            ("control", "Control", lambda: outlines.build(app, model, sessions, engine)),
            ("inside", "Inside", lambda: inside.build(model, sessions, engine)),
        ]
        for panel, title, make in made:
            with gr.Tab(title, id=panel):
                forms[panel] = make()
                described.append(forms[panel].described())
    listen(app, engine, tabs, link, panels, forms, model, dropped, note)
    return described


def build_head(engine: Engine) -> tuple[Component, Component, Component]:
    """The choice of model, the place to drop a picture that was drawn here, and what is said about it."""
    ready = [card for card in CATALOG.values() if engine.unavailable(card) is None]
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=3, min_width=260):
            model = gr.Dropdown(
                [(card.title, card.name) for card in ready],
                value=FIRST,
                label="model",
                info="Which network draws; every tab below uses it",
                elem_id="studio-model",
            )
            others = [card for card in CATALOG.values() if card not in ready]
            gr.HTML(unavailable([(card.title, engine.unavailable(card) or "") for card in others]))
        with gr.Column(scale=2, min_width=220):
            dropped = gr.File(
                label="Restore: a picture drawn here, or its recipe",
                type="binary",
                file_types=[".png", ".json"],
                height=118,
                elem_id="studio-restore",
            )
            note = gr.HTML("", elem_classes="gl-quiet", elem_id="studio-note")
    return model, dropped, note


def panel_of(request: Request, axes: Axes | None) -> str:
    """Where ``request``, or its sheet over ``axes``, is drawn."""
    if axes is None:
        return OF_TASK[request.task]
    if request.task != "text_to_image":
        raise InvalidInput(f"task is {request.task!r}; a sheet on this page is of text_to_image.")
    return "sweep" if axes.x.name == sheets.SWEPT and not axes.y.name else "grid"


def unavailable(models: list[tuple[str, str]]) -> str:
    """The models that cannot run here, greyed, with the reason."""
    if not models:
        return ""
    items = "".join(f"<li>{escape(title)}: {escape(reason)}</li>" for title, reason in models)
    head = f"<summary>{len(models)} more models cannot run here</summary>"
    return f'<details class="gl-greyed">{head}<ul>{items}</ul></details>'


def listen(
    app: gr.Blocks,
    engine: Engine,
    tabs: gr.Tabs,
    link: Component,
    panels: gr.Tabs,
    forms: dict[str, Form],
    model: Component,
    dropped: Component,
    note: Component,
) -> None:
    """A new model brings its own knobs; a dropped picture and a link bring a setting back."""
    parts = [part for form in forms.values() for part in form.restored]

    def adopt(name: Any) -> dict[Any, Any]:
        card = CATALOG[check_choice("model", name, tuple(CATALOG))]
        return {part: update for form in forms.values() for part, update in form.adopt(card).items()}

    def restored(found: Request | Plan, said: str, current: Any = None, place: str = "") -> dict[Any, Any]:
        request, axes = found if isinstance(found, Plan) else (found, None)
        if reason := engine.unavailable(CATALOG[request.model]):
            raise ModelUnavailable(f"It was drawn by {CATALOG[request.model].title}. {reason}")
        panel = panel_of(request, axes)
        if (panel, place) == (OF_TASK["text_to_image"], INSIDE):
            panel = "inside"  # which draws by the same controls
        own = {"image_to_image": "picture", "inpaint": "picture and mask", "control": "outline"}.get(
            request.task
        )
        picture = f" Bring its {own} again: a recipe holds none." if own else ""
        return {
            model: request.model,
            panels: gr.Tabs(selected=panel),
            note: html.note(said + picture, plain=True),
            **({} if request.model == current else adopt(request.model)),
            **forms[panel].restore(request, axes),
        }

    def drop(values: Values) -> dict[Any, Any]:
        try:
            made = api.studio_recipe(values[dropped] or b"")
            request = recipe.settings(made)
            said = "Restored; press Draw for the same picture."
            found = restored(plan_in(made, request) or request, said, values[model])
        except Exception as error:
            found = {note: html.note(sentence(error))}
        return {dropped: None} | found  # empty again, ready for the next

    def arrive(request: gr.Request) -> Any:
        params = dict(request.query_params)
        return urlencode(params) if links.KEY in params else gr.skip()

    def follow(query: str) -> dict[Any, Any]:
        try:
            given = dict(parse_qsl(query))
            told, place = links.read(given), given.get(KEY, "")
            found = restored(told, "As in the link; press Draw.", place=place) if told else {note: ""}
        except Exception as error:
            found = {note: html.note(sentence(error))}
        return {tabs: gr.Tabs(selected="studio")} | found

    targets = [model, panels, note, *parts]
    decoded = {**NOW, "preprocess": True}
    model.input(adopt, model, parts, **NOW)  # type: ignore[attr-defined]
    dropped.upload(drop, {dropped, model}, [dropped, *targets], **decoded)  # type: ignore[attr-defined]
    # The browser takes long over so many outputs: only a page that was opened by a link has them updated.
    app.load(arrive, None, link, **NOW)
    link.change(follow, link, [tabs, *targets], **NOW).then(  # type: ignore[attr-defined]
        None, link, None, js=press("#studio [id$='-run']"), api_visibility="private"
    )
