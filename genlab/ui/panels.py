"""What every panel can say of itself: the call from Python, a link, a receipt; and how a link is read.

An address holds the place of a panel and, of its inputs, those that are not as at first:
``?tab=diffusion/reverse&seed=3&steps=20``. With ``run`` it is run on arrival.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr
from gradio.components import Component

from genlab.api.receipts import digits_sha256, drawn_by, shows_digits
from genlab.calls import Call, curl, files, receipt, snippet
from genlab.config import check_choice, check_number, quote
from genlab.errors import GenlabError, InvalidInput
from genlab.flags import number
from genlab.models import MODELS
from genlab.ui import html
from genlab.ui.card import Updates, before, origin, returned_by, sentence
from genlab.ui.knobs import NOW, SAMPLING, Values, read
from genlab.ui.places import CLICKED, KEY, RUN, values_in
from genlab.ui.session import Session, Sessions

LONGEST = 2000  # characters of a text in an address
OWN_PICTURE = "Your own picture is not in the link; the receipt has it."
# Waits until a panel that is being opened is there: before, its inputs are read as they were at first.
SEEN = """() => new Promise(done => {
    const began = Date.now(), timer = setInterval(() => {
        if (!document.getElementById('%s')?.offsetParent && Date.now() - began < 30000) return;
        clearInterval(timer);
        setTimeout(done, 300);
    }, 100);
})"""
NO_RECEIPT = "There is no receipt: another time something else may come out."


# Each a function, or JavaScript that is waited for, with its inputs and its outputs.
Looks = tuple[tuple[Callable[..., Any] | str, Any, Any], ...]


@dataclass(frozen=True)
class Recall:
    """How a link is read where a panel's fields are not all there is to restore.

    Args:
        read: The updates that the query asks for, by the present values of ``inputs``.
        outputs: What may be updated; asked for when the page is complete.
        names: What an address may tell besides the panel's fields.
    """

    read: Callable[[Values, Mapping[str, str]], Updates]
    inputs: set[Any]
    outputs: Callable[[], list[Component]]
    names: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Panel:
    """A panel's inputs, and what they ask for; its button is made where this is made.

    Args:
        place: Its address: the ids of its tabs with a slash between.
        fields: Its inputs by the names that they have in an address.
        calls: The calls that do what the panel would do now.
        more: Inputs that ``calls`` reads besides; no address holds them.
        run: The id of the button that runs it; empty where it follows its inputs.
        looks: What shows a restored setting, one after the other.
        link: The query of the address, where ``fields`` are not all there is to say.
        recall: How such an address is read.
        exact: Does the same call make the same pixels?
        painted: Is there a pad among ``more``, which gradio has to read?
    """

    place: str
    fields: dict[str, Component]
    calls: Callable[[Values], list[Call]]
    more: set[Any] = field(default_factory=set)
    run: str = ""
    looks: Looks = ()
    link: Callable[[Values], str] | None = None
    recall: Recall | None = None
    exact: bool = True
    painted: bool = False
    open: gr.Button = field(init=False)

    def __post_init__(self) -> None:
        button = gr.Button(
            "Python, link, receipt", size="sm", elem_id=f"call-{self.id}", elem_classes="gl-call"
        )
        object.__setattr__(self, "open", button)

    @property
    def id(self) -> str:
        return self.place.replace("/", "-")

    @property
    def inputs(self) -> set[Any]:
        return set(self.fields.values()) | self.more

    def query(self, values: Values) -> str:
        """The address of the present setting: what differs from the first one."""
        if self.link is not None:
            return self.link(values)
        found = read(values, self.fields)
        told = {name: told_as(found[name]) for name, part in self.fields.items() if found[name] != part.value}
        return urlencode({KEY: self.place} | told, safe="/,")

    def unknown(self, query: Mapping[str, str]) -> list[str]:
        """What an address tells that is no input of this panel."""
        known = self.fields.keys() | (self.recall.names if self.recall else set())
        return [name for name in values_in(query) if name not in known]

    @property
    def restored(self) -> list[Component]:
        """What ``restore`` sets."""
        return list(self.fields.values()) if self.recall is None else self.recall.outputs()

    def restore(self, query: Mapping[str, str], values: Values | None = None) -> tuple[Updates, list[str]]:
        """Every input as the address says, the others as at first; and what is wrong with which values.

        InvalidInput where a bad value leaves nothing to restore: the studio's values are told together.
        """
        if self.recall is not None:
            return self.recall.read(values or {}, query), []
        found, wrong = {}, []
        for name, part in self.fields.items():
            found[part] = part.value
            try:
                if name in query:
                    found[part] = understood(name, part, query[name])
            except InvalidInput as error:
                wrong.append(str(error))
        return found, wrong


def told_as(value: Any) -> str:
    """A value as it stands in an address."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return "" if value is None else str(value)


def understood(name: str, part: Any, text: str) -> Any:
    """The value of ``part`` that stands as ``text`` in an address; InvalidInput if it can be none."""
    if isinstance(part, gr.CheckboxGroup | gr.Radio | gr.Dropdown):
        known = tuple(str(value) for _, value in part.choices)
        if isinstance(part, gr.CheckboxGroup) or getattr(part, "multiselect", False):
            return [check_choice(name, one, known) for one in text.split(",") if one]
        return check_choice(name, text, known)
    if isinstance(part, gr.Slider):
        return _number(name, text, part.minimum, part.maximum)
    if isinstance(part, gr.Number):
        return _number(name, text, *part.ends(), whole=part.step == 1)  # type: ignore[attr-defined]
    return text[:LONGEST]


def _number(name: str, text: str, lo: float, hi: float, *, whole: bool = False) -> float | int:
    value = number(text)
    found = check_number(name, value, lo, hi, whole=whole)
    return int(found) if isinstance(value, int) else found


def press(selector: str) -> str:
    """JavaScript that presses the one button of ``selector`` that is seen, once it can be pressed, if an
    address says so and nothing is wrong with it: something else than was meant would be run."""
    return f"""said => {{
        if (!new URLSearchParams(said).has('{RUN}') || document.querySelector('#arrived .gl-note')) return;
        const began = Date.now(), timer = setInterval(() => {{
            const seen = [...document.querySelectorAll({json.dumps(selector)})].find(b => b.offsetParent);
            const ready = seen && !seen.disabled;
            if (ready) genlabPanels.forget('{RUN}');
            if (ready) seen.click();
            if (ready || Date.now() - began > 30000) clearInterval(timer);
        }}, 200);
    }}"""


def remember(panel: Panel) -> str:
    """JavaScript that keeps the page's address at the present setting."""
    first = [part.value for part in panel.fields.values()]
    told = ", ".join(json.dumps(x) for x in (panel.place, panel.open.elem_id, list(panel.fields), first))
    return f"(...values) => genlabPanels.remember({told}, values)"


def _code(language: Any, label: str, *, show_line_numbers: bool = False, **options: Any) -> gr.Code:
    """A text of the dock, to be copied."""
    return gr.Code(
        "",
        language=language,
        label=label,
        interactive=False,
        show_line_numbers=show_line_numbers,  # wrapped lines would not stand beside their numbers
        wrap_lines=True,
        elem_id=f"dock-{label.lower()}",
        **options,
    )


class Dock:
    """Where a panel is put into words, below all tabs; made where this is called."""

    def __init__(self) -> None:
        with gr.Accordion("Python, link, receipt", visible=False, elem_id="dock") as self.fold:
            self.note = gr.HTML("", elem_classes="gl-quiet", elem_id="dock-note")
            self.python = _code("python", "Python", show_line_numbers=True)
            self.link = gr.Textbox(
                "",
                label="link",
                info="Opens the page with these settings; with &run at its end they are run as well",
                lines=2,
                interactive=False,
                buttons=["copy"],
                elem_id="dock-link",
            )
            with gr.Accordion("Receipt: the same pixels again", open=False, elem_id="dock-more"):
                gr.Markdown(
                    "Keep it (the button on its right downloads it). `python -m genlab replay file.json` "
                    "makes the same again, and says so if weights or versions are others."
                )
                self.receipt = _code("json", "receipt", max_lines=20)
            with gr.Accordion("The same with curl", open=False):
                self.curl = _code("shell", "curl")

    @property
    def parts(self) -> list[Component]:
        return [self.fold, self.note, self.python, self.link, self.receipt, self.curl]

    def show(
        self, panel: Panel, values: Values, session: Session, url: str, returned: dict[str, tuple[str, ...]]
    ) -> Updates:
        """The present setting of ``panel`` in words, for the page at ``url``."""
        calls = panel.calls(values)
        weights = {name: session.digest(name) for c in calls for name in drawn_by(c.endpoint, c.arguments)}
        warning, first = before(session, [name for name in weights if name in MODELS])
        said = [OWN_PICTURE] * any(map(files, calls)) + [NO_RECEIPT] * (not panel.exact)
        digits = digits_sha256() if any(shows_digits(c.endpoint) for c in calls) else None
        made = json.dumps(receipt(calls, weights, digits), indent=2) if panel.exact else ""
        return {
            self.fold: gr.Accordion(visible=True, open=True),
            self.note: html.note(" ".join(said), plain=True),
            self.python: warning + snippet([*first, *calls], returned, url),
            self.link: f"{url}?{panel.query(values)}",
            self.receipt: made,
            self.curl: curl(calls, url),
        }


def listen(
    app: gr.Blocks, panels: Iterable[Panel], note: Component, sessions: Sessions
) -> dict[str, Component]:
    """Connect every panel; call it outside of all tabs.

    Args:
        app: The page.
        panels: What its tabs hold.
        note: Where it is said what is wrong with an address.
        sessions: The visitors.

    Returns:
        For every place a hidden box: a query that is put into it is restored.
    """
    dock, boxes = Dock(), dict[str, Component]()
    for panel in panels:
        box = boxes[panel.place] = gr.Textbox("", visible="hidden", elem_id=f"recall-{panel.id}")
        _listen(app, panel, box, dock, note, sessions)
    return boxes


def _listen(
    app: gr.Blocks, panel: Panel, box: gr.Textbox, dock: Dock, note: Component, sessions: Sessions
) -> None:
    def show(values: Values, request: gr.Request) -> Updates:
        try:
            session = sessions.get(request.session_hash)
            return dock.show(panel, values, session, origin(request), returned_by(app))
        except Exception as error:
            return {dock.fold: gr.Accordion(visible=True, open=True), dock.note: html.note(sentence(error))}

    def restore(values: Values) -> dict[Any, Any]:
        try:
            query = dict(parse_qsl(values[box]))
            # A clicked link asks for another picture than the one that was brought before it; on a page that
            # an address opens, what was brought came after.
            brought: dict[Any, Any] = dict.fromkeys(chosen) if CLICKED in query else {}
            found, wrong = panel.restore(query, values)
            said = [f"The link cannot be followed in full: {error}" for error in wrong]
            if vain := ", ".join(map(quote, panel.unknown(query))):
                said.append(f"The link tells {vain}, but nothing here is called so.")
            return {note: "".join(map(html.note, said)), **brought, **found}
        except GenlabError as error:
            return {note: html.note(f"The link cannot be followed: {error}")}

    latest: dict[str, Any] = {**NOW, "trigger_mode": "always_last"}
    shown = f"() => genlabPanels.show('{panel.place}')"
    decoded = {**latest, "preprocess": panel.painted}
    panel.open.click(show, panel.inputs, dock.parts, **decoded).then(
        None, None, None, js=shown, api_visibility="private"
    )
    parts = list(panel.fields.values())
    changes: list[Any] = [part.change for part in parts]  # type: ignore[attr-defined]
    if parts and panel.link is None:
        gr.on(changes, None, parts, None, js=remember(panel), api_visibility="private")
    elif parts:
        gr.on(changes, None, None, None, js="() => genlabPanels.goOn()", api_visibility="private")
    chosen = [part for part in panel.more if isinstance(part, gr.State)] if panel.recall is None else []
    known = {box} | (panel.recall.inputs if panel.recall else set())
    restored = box.change(restore, known, [note, *chosen, *panel.restored], **latest).then(
        None, None, None, js=SEEN % panel.open.elem_id, api_visibility="private"
    )
    for fn, inputs, outputs in panel.looks:
        if isinstance(fn, str):
            restored = restored.then(None, inputs, outputs, js=fn, api_visibility="private")
        else:
            restored = restored.then(fn, inputs, outputs, **{**SAMPLING, "trigger_mode": "always_last"})
    if panel.run:
        restored.then(None, box, None, js=press(f"#{panel.run}"), api_visibility="private")
