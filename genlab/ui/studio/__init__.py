"""The tab Studio: Stable Diffusion from words, pictures, holes and outlines."""

from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.config import check_choice
from genlab.studio import links, recipe
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine
from genlab.studio.request import Request
from genlab.ui import html
from genlab.ui.card import sentence
from genlab.ui.diffusion.pieces import question
from genlab.ui.knobs import NOW
from genlab.ui.session import Sessions
from genlab.ui.studio import editing, inside, outlines, words
from genlab.ui.studio.form import FIRST, Form

PANELS = ("text", "sweep", "grid", "image", "hole", "control", "inside")
OF_TASK = {"text_to_image": "text", "image_to_image": "image", "inpaint": "hole", "control": "control"}
TITLES = ("Text to image", "Guidance sweep", "Grid", "Image to image", "Inpaint", "Control", "Inside")


def build(app: gr.Blocks, tabs: gr.Tabs, sessions: Sessions, engine: Engine) -> None:
    """All panels. ``tabs`` are the page's own, in which a link opens the tab "studio"."""
    question("From words to pictures: what does Stable Diffusion do with yours?")
    model, dropped, note = build_head(engine)
    with gr.Tabs() as panels:
        forms: dict[str, Form] = {}
        made: list[Any] = [
            lambda: words.build_text(model, sessions, engine),
            lambda: words.build_sweep(model, sessions, engine),
            lambda: words.build_grid(model, sessions, engine),
            lambda: editing.build_image(app, model, sessions, engine),
            lambda: editing.build_inpaint(app, model, sessions, engine),
            lambda: outlines.build(app, model, sessions, engine),
            lambda: inside.build(model, sessions, engine),
        ]
        for panel, title, make in zip(PANELS, TITLES, made, strict=True):
            with gr.Tab(title, id=panel):
                forms[panel] = make()
    listen(app, tabs, panels, forms, model, dropped, note)


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
            dropped = gr.UploadButton(
                "Restore the settings of a picture drawn here",
                type="binary",
                file_types=[".png", ".json"],
                size="sm",
                elem_id="studio-restore",
            )
            note = gr.HTML("", elem_classes="gl-quiet", elem_id="studio-note")
    return model, dropped, note


def unavailable(models: list[tuple[str, str]]) -> str:
    """The models that cannot run here, greyed, with the reason."""
    if not models:
        return ""
    items = "".join(f"<li>{escape(title)}: {escape(reason)}</li>" for title, reason in models)
    head = f"<summary>{len(models)} more models cannot run here</summary>"
    return f'<details class="gl-greyed">{head}<ul>{items}</ul></details>'


def listen(
    app: gr.Blocks,
    tabs: gr.Tabs,
    panels: gr.Tabs,
    forms: dict[str, Form],
    model: Component,
    dropped: Component,
    note: Component,
) -> None:
    """A new model brings its own knobs; a dropped picture and a link bring a setting back."""
    parts = [part for form in forms.values() for part in form.parts.values()]

    def adopt(name: Any) -> dict[Any, Any]:
        check_choice("model", name, tuple(CATALOG))
        updates: dict[Any, Any] = {}
        for form in forms.values():
            updates |= form.adopt(CATALOG[name])
        return updates

    def restored(request: Request, said: str) -> dict[Any, Any]:
        panel = OF_TASK[request.task]
        return {
            model: request.model,
            panels: gr.Tabs(selected=panel),
            note: html.note(said, plain=True),
            **forms[panel].restore(request),
        }

    def drop(data: bytes | None) -> dict[Any, Any]:
        try:
            found = recipe.settings(api.studio_recipe(data or b""))
        except Exception as error:
            return {note: html.note(sentence(error))}
        picture = "" if found.task == "text_to_image" else " Choose its picture again: it is not in the file."
        return restored(found, f"Restored; press Draw for the same picture.{picture}")

    def follow(request: gr.Request) -> dict[Any, Any]:
        try:
            found = links.read(dict(request.query_params))
        except Exception as error:
            return {tabs: gr.Tabs(selected="studio"), note: html.note(sentence(error))}
        if found is None:
            return {note: ""}
        return {tabs: gr.Tabs(selected="studio")} | restored(found, "As in the link; press Draw.")

    targets = [model, panels, note, *parts]
    model.input(adopt, model, parts, **NOW)  # type: ignore[attr-defined]
    dropped.upload(drop, dropped, targets, **{**NOW, "preprocess": True})  # type: ignore[attr-defined]
    app.load(follow, None, [tabs, *targets], **NOW)
