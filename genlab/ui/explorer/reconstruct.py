"""Draw a digit, and see what every family makes of it."""

from collections.abc import Generator

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.calls import Call, call
from genlab.lab.codes import FAMILIES, CodeKnobs
from genlab.lab.reconstruction import Progress, Reconstruction
from genlab.numbers import brief, duration
from genlab.ui import html
from genlab.ui.card import Updates
from genlab.ui.diffusion.pieces import Runner, credit, question
from genlab.ui.diffusion.source import Source, preview, usable
from genlab.ui.explorer.pieces import card, families, one, side_by_side
from genlab.ui.knobs import Values, components, read
from genlab.ui.panels import Panel
from genlab.ui.session import Session, Sessions

HOW = (
    "Each family looks for the code of your picture, and draws the picture of that code. An autoencoder and "
    "a VAE have an encoder for it. A GAN has none: its noise is moved, step by step, until it draws "
    "something close. Diffusion and flow matching walk their own way back to noise."
)


def result(name: str, found: Reconstruction) -> str:
    """One family's picture, and its bill."""
    chips = [
        html.chip(f"error {brief(found.error)}", "Root mean square over pixels from 0 to 1; 0 is the same"),
        html.chip(f"by {found.how}", "How its code is found"),
        html.chip(duration(found.seconds), "To find the code and to draw from it, on this machine"),
    ]
    if found.norm is not None:
        chips.append(html.chip(f"norm {brief(found.norm)}", "Length of the code"))
    state = f'data-family="{name}" data-done="{found.done}" data-error="{found.error:.4f}"'
    body = f'<div class="gl-large" {state}>{one(found.image, found.shows)}</div>'
    return card(name, f'{body}<div class="gl-chips">{"".join(chips)}</div>')


def results(found: dict[str, Reconstruction]) -> str:
    return side_by_side(result(*item) for item in found.items())


class Watched(Runner):
    """Run and Stop, and what each family has by now."""

    shown: Component

    def told(self, done: Progress, passed: float) -> str:
        return super().told(done.share, passed)

    def meanwhile(self, done: Progress) -> Updates:
        return {self.shown: results(done.found)}


def build(app: gr.Blocks, sessions: Sessions) -> Panel:
    """The panel with its events."""
    question("Draw a digit: what does each family make of it?")
    gr.HTML(f"<p>{HOW}</p>")
    with gr.Row(elem_classes="gl-controls"):
        with gr.Column(scale=2, min_width=220):
            source = Source("reconstruct")
            chosen = gr.HTML("", elem_id="reconstruct-chosen")
        with gr.Column(scale=3, min_width=240, elem_id="reconstruct-knobs"):
            names = families(FAMILIES, FAMILIES, "reconstruct-families")
            with gr.Accordion("More", open=False, elem_id="reconstruct-more"):
                knobs = components(CodeKnobs)
        with gr.Column(scale=1, min_width=160):
            runner = Watched("reconstruct", sessions)
    runner.note.render()
    hint = "Press Run: the digit through each family's latent space and back."
    runner.shown = shown = gr.HTML(html.note(hint, plain=True), elem_id="reconstruct-shown")

    def walk(values: Values, session: Session) -> Generator[Progress, None, Updates]:
        picture, wanted = usable(values[source.digit]), read(values, knobs)
        found = {}
        for progress in api.reconstruct(picture, values[names], library=session.library, **wanted):
            found = progress.found
            yield progress
        return {shown: results(found), runner.note: credit(session, *found)}

    runner.listen(walk, {source.digit, names, *knobs.values()}, [shown])
    source.listen(app, lambda digit: (preview(digit),), [], [chosen], runner.note)
    shared = {"families": names, **knobs}

    def calls(values: Values) -> list[Call]:
        return [call("reconstruct", **source.arguments(values), **read(values, shared))]

    fields = source.fields | shared
    return Panel(
        "latent-space/reconstruct",
        fields,
        calls,
        {source.digit},
        run="reconstruct-run",
        looks=(source.again,),
    )
