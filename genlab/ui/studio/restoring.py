"""A setting of the studio brought back: from a link, from a dropped picture or recipe."""

from collections.abc import Mapping
from typing import Any

import gradio as gr
from gradio.components import Component

from genlab import api
from genlab.config import check_choice
from genlab.errors import InvalidInput, ModelUnavailable
from genlab.studio import links, recipe
from genlab.studio.axes import Axes, Plan, plan_in
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine
from genlab.studio.request import TASKS, Request
from genlab.ui import html
from genlab.ui.card import Updates, sentence
from genlab.ui.knobs import NOW, Values
from genlab.ui.panels import Recall
from genlab.ui.places import OLD
from genlab.ui.studio import sheets
from genlab.ui.studio.form import Form

OF_TASK = {"text_to_image": "text", "image_to_image": "image", "inpaint": "hole", "control": "control"}
OWN = {"image_to_image": "picture", "inpaint": "picture and mask", "control": "outline"}


def panel_of(request: Request, axes: Axes | None) -> str:
    """Where ``request``, or its sheet over ``axes``, is drawn."""
    if axes is None:
        return OF_TASK[request.task]
    if request.task != "text_to_image":
        raise InvalidInput(f"task is {request.task!r}; a sheet on this page is of text_to_image.")
    return "sweep" if axes.x.name == sheets.SWEPT and not axes.y.name else "grid"


def parts_of(found: Request | Plan) -> tuple[Request, Axes | None]:
    return found if isinstance(found, Plan) else (found, None)


def place_of(query: Mapping[str, str]) -> str:
    """The panel that an address with ``OLD`` means; InvalidInput says what is wrong with it."""
    task = check_choice(OLD, query[OLD], tuple(TASKS))
    return f"studio/{panel_of(*parts_of(links.read(task, query)))}"


class Studio:
    """The panels' forms, and what they share.

    Args:
        engine: What draws.
        model: The choice of model.
        dropped: Where a picture or a recipe is dropped.
        note: What is said about it.
    """

    def __init__(self, engine: Engine, model: Component, dropped: Component, note: Component) -> None:
        self.engine, self.model, self.dropped, self.note = engine, model, dropped, note
        self.forms: dict[str, Form] = {}

    @property
    def parts(self) -> list[Component]:
        return [part for form in self.forms.values() for part in form.restored]

    def adopt(self, name: Any) -> Updates:
        """All forms as the model ``name`` wants them."""
        card = CATALOG[check_choice("model", name, tuple(CATALOG))]
        return {part: update for form in self.forms.values() for part, update in form.adopt(card).items()}

    def show(self, panel: str, found: Request | Plan, said: str, current: Any) -> Updates:
        """The setting ``found`` in ``panel``; where ``current`` is another model, the other forms follow."""
        request, axes = parts_of(found)
        if reason := self.engine.unavailable(CATALOG[request.model]):
            raise ModelUnavailable(f"It was drawn by {CATALOG[request.model].title}. {reason}")
        own = OWN.get(request.task)
        picture = f" Bring its {own} again: a recipe holds none." if own else ""
        return {
            self.model: request.model,
            self.note: html.note(said + picture, plain=True),
            **({} if request.model == current else self.adopt(request.model)),
            **self.forms[panel].restore(request, axes),
        }

    def recall(self, panel: str) -> Recall:
        """How the links of ``panel`` are read; what one with ``OLD`` does not tell is a request's own."""

        def read(values: Values, query: Mapping[str, str]) -> Updates:
            form = self.forms[panel]
            first = {} if OLD in query else form.first()
            if links.AXES.keys() & query.keys():  # they are told together
                first = {name: text for name, text in first.items() if name in form.own}
            found = links.read(form.task, first | dict(query))
            return self.show(panel, found, "As in the link; press Draw.", values.get(self.model))

        names = frozenset(links.AXES) | frozenset(links.AXES.values())
        return Recall(read, {self.model}, lambda: [self.model, self.note, *self.parts], names)

    def listen(self, panels: gr.Tabs) -> None:
        """A new model brings its own knobs; a dropped picture brings its setting, and opens its panel."""

        def drop(values: Values) -> dict[Any, Any]:
            updates: dict[Any, Any]
            try:
                made = api.studio_recipe(values[self.dropped] or b"")
                request = recipe.settings(made)
                found = plan_in(made, request) or request
                panel = panel_of(*parts_of(found))
                said = "Restored; press Draw for the same picture."
                restored = self.show(panel, found, said, values[self.model])
                updates = {panels: gr.Tabs(selected=panel), **restored}
            except Exception as error:
                updates = {self.note: html.note(sentence(error))}
            return {self.dropped: None} | updates  # empty again, ready for the next

        targets = [self.dropped, self.model, panels, self.note, *self.parts]
        self.model.input(self.adopt, self.model, self.parts, **NOW)  # type: ignore[attr-defined]
        self.dropped.upload(  # type: ignore[attr-defined]
            drop, {self.dropped, self.model}, targets, **{**NOW, "preprocess": True}
        )
