"""Addresses of the page's tabs: ``?tab=diffusion/steps`` opens one; a link on the page, without a reload."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import gradio as gr
from gradio.components import Component

from genlab.config import quote
from genlab.errors import GenlabError
from genlab.lessons import KEY as LESSON
from genlab.ui import html
from genlab.ui.knobs import NOW

KEY = "tab"  # of the page's address
OLD = "studio"  # of older addresses, in its place: a task of the studio
RUN = "run"  # press the panel's button
STILL = "still"  # open the tab, its values are as they should be
CLICKED = "at"  # when a link on the page was clicked
PAGE = ("job", "lang")  # of the page, whatever is open
BOX = "place"  # the element that hears of a click

HERE = Path(__file__).parent
WORDS: dict[str, Any] = {
    "KEY": KEY,
    "LESSON": LESSON,
    "OLD": OLD,
    "RUN": RUN,
    "STILL": STILL,
    "CLICKED": CLICKED,
    "PAGE": PAGE,
    "BOX": BOX,
}
SCRIPT = "".join(f"const {name} = {json.dumps(value)};" for name, value in WORDS.items())
SCRIPT = f"<script>{{{SCRIPT}\n{(HERE / 'places.js').read_text(encoding='utf-8')}}}</script>"


def link(place: str, text: str) -> str:
    """A link to the tab ``place``: its id, or outer and inner id with a slash between."""
    return f'<a href="?{KEY}={escape(place)}">{escape(text)}</a>'


def values_in(query: Iterable[str]) -> list[str]:
    """The keys of an address that are to name an input of the panel: all but the page's own and a host's."""
    own = {KEY, LESSON, OLD, RUN, STILL, CLICKED, *PAGE}
    return [key for key in query if key not in own and not key.startswith("__")]


def inner(tab: gr.Tab) -> gr.Tabs | None:
    """The tabs within a tab."""
    parts: list[Any] = list(tab.children)
    while parts:
        part = parts.pop(0)
        if isinstance(part, gr.Tabs):
            return part
        parts += getattr(part, "children", [])
    return None


def named(tabs: gr.Tabs) -> Iterator[gr.Tab]:
    return (tab for tab in tabs.children if isinstance(tab, gr.Tab))


def places(tabs: gr.Tabs) -> dict[str, str]:
    """The title of every tab by its address, those within it right after it."""
    found = {}
    for tab in named(tabs):
        found[str(tab.id)] = str(tab.label)
        if (within := inner(tab)) is not None:
            found |= {f"{tab.id}/{panel.id}": f"{tab.label}: {panel.label}" for panel in named(within)}
    return found


def listen(
    app: gr.Blocks,
    tabs: gr.Tabs,
    boxes: dict[str, Component],
    note: Component,
    older: Callable[[Mapping[str, str]], str],
    home: tuple[str, Collection[str]],
) -> None:
    """Open the tab that the page's address names, and those that are clicked; call it with all tabs built.

    Args:
        app: The page.
        tabs: The outer ones.
        boxes: For the place of a panel, where a query is put to be restored.
        note: Where it is said that an address names no tab.
        older: Which place an address with ``OLD`` means.
        home: The place that the page opens with, and what an address that names none may tell of it.
    """
    known = places(tabs)
    within = {str(tab.id): panels for tab in named(tabs) if (panels := inner(tab)) is not None}
    box = gr.Textbox("", visible="hidden", elem_id=BOX)

    def arrive(request: gr.Request) -> str:
        given = dict(request.query_params)
        told = {KEY, OLD} & given.keys() or given.keys() & set(home[1])
        return urlencode(given) if told else ""

    def meant(given: Mapping[str, str]) -> str:
        if KEY in given:
            return given[KEY]
        return older(given) if OLD in given else home[0] if given.keys() - {CLICKED} else ""

    def follow(said: str) -> dict[Any, Any]:
        given = dict(parse_qsl(said))
        try:
            place = meant(given)
        except GenlabError as error:
            return {note: html.note(f"The link cannot be followed: {error}")}
        outer, _, panel = place.partition("/")
        found: dict[Any, Any] = {tabs: gr.Tabs(selected=outer)} if outer in known else {}
        if place not in known:
            wrong = html.note(f"The link cannot be followed: there is no tab {quote(place)}.")
            return {note: wrong if place else ""} | found
        found |= {within[outer]: gr.Tabs(selected=panel)} if panel else {}
        return found | ({boxes[place]: said} if place in boxes and STILL not in given else {})

    app.load(arrive, None, box, **NOW)
    latest: dict[str, Any] = {**NOW, "trigger_mode": "always_last"}
    box.change(follow, box, [tabs, note, *within.values(), *boxes.values()], **latest)
    for tab in named(tabs):
        _keep(tab, str(tab.id))
        for panel in named(within[str(tab.id)]) if str(tab.id) in within else ():
            _keep(panel, f"{tab.id}/{panel.id}")


def _keep(tab: gr.Tab, place: str) -> None:
    """The page's address names the tab that is open."""
    tab.select(None, None, None, js=f"() => genlabPanels.visit('{place}')", api_visibility="private")
