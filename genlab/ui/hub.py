"""The fold of a card that loads a model from the Hugging Face hub, and saves one's own to it."""

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.hub import Saved
from genlab.hub.edge import Token
from genlab.ui import account, html
from genlab.ui.card import Card, Updates, sentence
from genlab.ui.job_view import small_button
from genlab.ui.knobs import HUB, NOW, SAMPLING, Values
from genlab.ui.session import Session, Sessions


@dataclass(frozen=True)
class HubFold:
    """The components of one family's fold."""

    card: Card
    repository: Component
    load: gr.Button
    name: Component
    private: Component
    save: gr.Button
    said: Component
    came: Component  # did the last load put a model in place?

    def loaded(self, values: Values, session: Session, token: Token) -> Iterator[Updates]:
        """Put the model of a repository in the family's place."""
        yield {self.said: working("Asking the hub.")}
        try:
            found = api.load_from_hub(values[self.repository], model=self.card.name, token=token)
            session.take(found)
        except Exception as error:
            yield {self.said: html.note(sentence(error)), self.came: False}
            return
        told = f"The model {found.origin} draws now, in this page alone; its sha256 is {found.sha256[:12]}..."
        shown = {self.said: html.note(told, plain=True), self.came: True}
        yield shown | {self.card.back: gr.Button(visible=True)}

    def saved(self, values: Values, session: Session, token: gr.OAuthToken | None) -> Iterator[Updates]:
        """Save what was trained here."""
        yield {self.said: working("Saving to the hub.")}
        try:
            private = values[self.private] is not False
            done = save(session, self.card.name, values[self.name], account.writing(token), private)
        except Exception as error:
            yield {self.said: html.note(sentence(error))}
            return
        link = f'<a href="{escape(done.url)}" target="_blank" rel="noopener noreferrer">'
        seen = "only you see it" if done.private else "everybody sees it"
        yield {self.said: html.note_of(f"{link}{escape(done.repository)}</a> holds your model now; {seen}.")}


def working(text: str) -> str:
    return f'<div class="gl-live">{html.bar(None, text)}</div>'


def save(session: Session, name: str, repository: Any, token: Token, private: bool) -> Saved:
    """Save what was trained here, by way of a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="genlab-hub-") as scratch:
        folder = Path(scratch) / name
        folder.mkdir()
        for file, content in session.trained_files(name).items():
            (folder / file).write_bytes(content)
        return api.save_to_hub(folder, repository, token=token, private=private)


def build(card: Card, sessions: Sessions) -> None:
    """The fold in the card."""
    name = card.name
    with gr.Accordion("Hugging Face", open=False, elem_id=f"hub-{name}"):
        repository = gr.Textbox(
            "",
            label="load from",
            placeholder="user/name",
            info="Any repository with a model of this family that genlab saved: numbers are read, never code",
            max_length=200,
        )
        load = small_button("Load", f"load-{name}")
        target = gr.Textbox(
            "", label="save as", placeholder="name", info="A repository of yours for what you trained here"
        )
        private = gr.Checkbox(True, label="private", info="Only you see it")
        save = small_button("Save", f"save-{name}")
        said = gr.HTML("", elem_id=f"said-{name}", elem_classes="gl-quiet")
        came = gr.State(False)
    listen(HubFold(card, repository, load, target, private, save, said, came), sessions)


def listen(fold: HubFold, sessions: Sessions) -> None:
    """Connect both buttons."""

    def load(values: Values, request: gr.Request, token: gr.OAuthToken | None) -> Iterator[Updates]:
        session = sessions.get(request.session_hash)
        yield from fold.loaded(values, session, account.reading(token))

    def draw(values: Values, request: gr.Request) -> Iterator[Updates]:
        yield {fold.card.note: ""}
        if values[fold.came]:
            yield from fold.card.draw(sessions.get(request.session_hash), values)

    def save(values: Values, request: gr.Request, token: gr.OAuthToken | None) -> Iterator[Updates]:
        yield from fold.saved(values, sessions.get(request.session_hash), token)

    def leave() -> str:
        return ""

    outputs = [fold.said, fold.came, fold.card.back]
    loaded = fold.load.click(load, {fold.repository}, outputs, **HUB)
    loaded.then(draw, fold.card.inputs | {fold.came}, fold.card.outputs, **SAMPLING)
    fold.card.back.click(leave, None, fold.said, **NOW)
    fold.save.click(save, {fold.name, fold.private}, fold.said, **HUB)
