"""The tab Studio: Stable Diffusion from words, pictures, holes and outlines."""

from collections.abc import Callable
from html import escape

import gradio as gr
from gradio.components import Component

from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine
from genlab.ui.diffusion.pieces import question
from genlab.ui.panels import Panel
from genlab.ui.session import Sessions
from genlab.ui.studio import editing, inside, outlines, sheets, words
from genlab.ui.studio.form import FIRST, Form
from genlab.ui.studio.restoring import Studio


def build(app: gr.Blocks, sessions: Sessions, engine: Engine) -> list[Panel]:
    """All panels.

    Args:
        app: The page.
        sessions: The visitors.
        engine: What draws.
    """
    question("From words to pictures: what does Stable Diffusion do with yours?")
    model, dropped, note = build_head(engine)
    studio = Studio(engine, model, dropped, note)
    with gr.Tabs() as panels:
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
                studio.forms[panel] = form = make()
                described.append(form.described(studio.recall(panel)))
    studio.listen(panels)
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


def unavailable(models: list[tuple[str, str]]) -> str:
    """The models that cannot run here, greyed, with the reason."""
    if not models:
        return ""
    items = "".join(f"<li>{escape(title)}: {escape(reason)}</li>" for title, reason in models)
    head = f"<summary>{len(models)} more models cannot run here</summary>"
    return f'<details class="gl-greyed">{head}<ul>{items}</ul></details>'
