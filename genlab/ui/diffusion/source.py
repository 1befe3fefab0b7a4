"""Where a panel's digit comes from: the test set, an upload or a drawing."""

from collections.abc import Callable
from html import escape
from typing import Any

import gradio as gr
from gradio.components import Component
from gradio.utils import LRUCache
from PIL import Image

from genlab import api, visualize
from genlab.calls import Call, Own, call
from genlab.config import Config, check_number
from genlab.errors import InvalidInput
from genlab.lab.pictures import Digit, read_digit, to_digit
from genlab.ui import html
from genlab.ui.card import sentence
from genlab.ui.diffusion.pieces import Controls, Runner, figure, img
from genlab.ui.knobs import NOW, SAMPLING, Values, within
from genlab.ui.panels import Panel
from genlab.ui.session import Sessions

PAD = 280  # pixels of a drawing pad's edge
INK = "#1f77b4"  # a pen's colour
PADS = 32  # visitors whose strokes a pad of the page holds until they are read


def last() -> int:
    """The last image of the test set."""
    return len(api.dataset("test")) - 1


def held_out(index: Any) -> Digit:
    return api.digit(int(check_number("test digit", index, 0, last(), whole=True)))


def pad(elem_id: str, width: int, colour: str = INK, edge: int = PAD) -> gr.ImageEditor:
    """Where a visitor draws with a pen ``width`` pixels wide; ``strokes`` reads what is drawn."""
    editor = gr.ImageEditor(
        type="pil",
        sources=(),
        canvas_size=(edge, edge),
        layers=False,
        transforms=(),
        brush=gr.Brush(width, [colour], color_mode="fixed"),
        show_label=False,
        elem_id=elem_id,
    )
    editor.blob_storage = LRUCache(PADS)  # else each stroke of each visitor is kept until it is read
    return editor


def strokes(value: dict[str, Any] | None, size: tuple[int, int] = (PAD, PAD)) -> Image.Image:
    """The ink of a drawing pad, white on black: where a stroke is opaque, whatever its colour."""
    ink = Image.new("L", size)
    for layer in (value or {}).get("layers") or []:
        ink.paste(255, (0, 0), layer.getchannel("A").resize(ink.size))
    return ink


def drawn(value: dict[str, Any] | None) -> Digit:
    return to_digit(strokes(value))


def told(digit: Digit) -> str:
    """What had to be done to a visitor's picture."""
    return html.note(f"Your picture: {'; '.join(digit.notices)}.", plain=True) if digit.notices else ""


def preview(digit: Digit) -> str:
    caption = f"test digit, a {digit.label}" if digit.label is not None else "your picture"
    picture = img(visualize.picture(digit.image), caption)
    return f'<div class="gl-source">{figure(picture, escape(caption))}</div>{told(digit)}'


def usable(chosen: Digit | str | None) -> Digit:
    """The chosen digit, the first where none was chosen yet; a sentence says why it cannot be used."""
    if isinstance(chosen, str):
        raise InvalidInput(chosen)
    return chosen or api.digit()


def own(chosen: Digit | str | None) -> bool:
    """Is it what the visitor has brought, usable or not?"""
    return isinstance(chosen, str) or (chosen is not None and chosen.label is None)


class Turn:
    """Counts how often a visitor has chosen a digit: one object for a page, seen by all of its events."""

    count = 0


class Source:
    """The components that choose a digit, made in the column where this is called.

    Args:
        panel: Begins the elements' ids.
        index: The test image to begin with.
    """

    def __init__(self, panel: str, index: int = 0) -> None:
        self.digit = gr.State(None)
        self.turn = gr.State(Turn())
        self.again: tuple[Any, ...]  # what takes the page's test digit: (fn, inputs, outputs)
        self.index = gr.Number(
            index,
            step=1,
            label="test digit",
            info="Which image of the test set, from 0 on",
            elem_id=f"{panel}-index",
        )
        within(self.index, lambda: (0, last()))
        self.upload = gr.UploadButton("Upload a picture", type="binary", file_types=["image"], size="sm")
        with gr.Accordion("Draw a digit", open=False):
            gr.Markdown(
                "Choose the brush on the left, draw, then press the button: only what it takes over is used."
            )
            self.pad = pad(f"{panel}-pad", 18)
            self.use = gr.Button("Use the drawing", size="sm", elem_id=f"{panel}-draw")

    @property
    def fields(self) -> dict[str, Component]:
        """What an address can say of it: a picture of the visitor's own is in none."""
        return {"index": self.index}

    def arguments(self, values: Values) -> dict[str, Any]:
        """The parameters of a call that choose the same digit."""
        digit = usable(values[self.digit])
        if digit.label is not None:
            return {"index": values[self.index]}
        return {"picture": Own(visualize.png(visualize.picture(digit.image)))}

    def listen(
        self,
        app: gr.Blocks,
        show: Callable[..., tuple[Any, ...]],
        inputs: list[Any],
        outputs: list[Component],
        note: Component,
    ) -> None:
        """For every new digit, the one the page opens with too: ``show(digit, *inputs)`` to ``outputs``."""

        def take(read: Callable[[Any], Digit]) -> Any:
            def taken(turn: Turn, value: Any, *values: Any) -> tuple[Any, ...]:
                turn.count += 1
                try:
                    digit = read(value)
                    return digit, *show(digit, *values), ""
                except Exception as error:  # what cannot be used is not replaced by what was there before
                    said = sentence(error)
                    return said, *[gr.skip()] * len(outputs), html.note(said)

            return taken

        def again(turn: Turn, chosen: Digit | str | None, index: Any, *values: Any) -> tuple[Any, ...]:
            """What a page or a link asks for; what the visitor has brought since stays."""
            skipped, began = (gr.skip(),) * len(targets), turn.count
            if own(chosen):
                return skipped
            found = take(held_out)(Turn(), index, *values)
            return found if turn.count == began else skipped

        targets = [self.digit, *outputs, note]
        decoded = {**NOW, "preprocess": True}  # gradio checks and reads the uploaded file
        numbered: list[Any] = [self.index.input, self.index.submit]
        gr.on(numbered, take(held_out), [self.turn, self.index, *inputs], targets, **NOW)
        self.upload.upload(take(read_digit), [self.turn, self.upload, *inputs], targets, **decoded)
        self.use.click(take(drawn), [self.turn, self.pad, *inputs], targets, **decoded)
        self.again = again, [self.turn, self.digit, self.index, *inputs], targets
        app.load(*self.again, **SAMPLING)


class PicturePanel:
    """A panel that does something with a digit: its source, controls, Run, and what comes out.

    Args:
        panel: Begins the elements' ids.
        sessions: Whose visitor's work is run.
        knobs: Each field is an input.
        hint: What to press, and what will come.
        more: Makes further components under the source.
        controls: As for ``Controls``.
    """

    def __init__(
        self,
        panel: str,
        sessions: Sessions,
        knobs: type[Config],
        hint: str,
        *,
        more: Callable[[], None] = lambda: None,
        **controls: Any,
    ) -> None:
        with gr.Row(elem_classes="gl-controls"):
            with gr.Column(scale=2, min_width=220):
                self.source = Source(panel)
                self.chosen = gr.HTML("", elem_id=f"{panel}-chosen")
                more()
            self.controls = Controls(panel, knobs, digit="none", **controls)
            with gr.Column(scale=1, min_width=160):
                self.runner = Runner(panel, sessions)
        self.runner.note.render()
        self.shown = gr.HTML(html.note(hint, plain=True), elem_id=f"{panel}-shown")

    @property
    def inputs(self) -> set[Any]:
        return self.controls.inputs | {self.source.digit}

    def digit(self, values: Values) -> Digit:
        return usable(values[self.source.digit])

    def panel(self, place: str, endpoint: str) -> Panel:
        """What it can say of itself, where all that it asks for are its digit and controls."""

        def calls(values: Values) -> list[Call]:
            return [call(endpoint, **self.source.arguments(values), **self.controls.read(values))]

        run = str(self.runner.run.elem_id)
        fields, looks = self.controls.fields | self.source.fields, (self.source.again,)
        return Panel(place, fields, calls, {self.source.digit}, run=run, looks=looks)
