"""Addresses of the page's tabs: ``?tab=diffusion/steps`` opens one; a link on the page, without a reload."""

from collections.abc import Iterator
from html import escape
from typing import Any

import gradio as gr

from genlab.ui.knobs import NOW

KEY = "tab"  # of the page's address
BOX = "place"  # the element that hears of a click

# A click on a link to a tab of this page is an event of the page; with a modifier key it is the browser's.
SCRIPT = f"""<script>document.addEventListener('click', event => {{
    const link = event.target.closest && event.target.closest('a[href^="?{KEY}="]');
    const box = document.querySelector('#{BOX} textarea, #{BOX} input');
    if (!link || !box || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    box.value = new URLSearchParams(link.getAttribute('href')).get('{KEY}') + ' ' + Date.now();
    box.dispatchEvent(new Event('input', {{bubbles: true}}));
}});</script>"""


def link(place: str, text: str) -> str:
    """A link to the tab ``place``: its id, or outer and inner id with a slash between."""
    return f'<a href="?{KEY}={escape(place)}">{escape(text)}</a>'


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


def listen(app: gr.Blocks, tabs: gr.Tabs) -> None:
    """Open the tab that the page's address names, and those that are clicked; call it with all tabs built."""
    known = places(tabs)
    within = {str(tab.id): panels for tab in named(tabs) if (panels := inner(tab)) is not None}
    box = gr.Textbox("", visible="hidden", elem_id=BOX)

    def arrive(request: gr.Request) -> str:
        return request.query_params.get(KEY, "")

    def follow(said: str) -> dict[Any, Any]:
        place = str(said).split(" ")[0]
        if place not in known:
            return {tabs: gr.skip()}
        outer, _, panel = place.partition("/")
        found: dict[Any, Any] = {tabs: gr.Tabs(selected=outer)}
        return found | ({within[outer]: gr.Tabs(selected=panel)} if panel else {})

    app.load(arrive, None, box, **NOW)
    box.change(follow, box, [tabs, *within.values()], **{**NOW, "trigger_mode": "always_last"})
