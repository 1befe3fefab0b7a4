"""Addresses of the page's tabs: ``?tab=diffusion/steps`` opens one; a link on the page, without a reload."""

from collections.abc import Callable, Iterator, Mapping
from html import escape
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
BOX = "place"  # the element that hears of a click

# A click on a link to a tab of this page is an event of the page; with a modifier key it is the browser's.
# genlabPanels keeps the address at what is open and set, once the visitor has touched the page: what it
# opens by itself has not been chosen. ``told`` are the keys that the present panel wrote.
SCRIPT = f"""<script>document.addEventListener('click', event => {{
    const link = event.target.closest && event.target.closest('a[href^="?{KEY}="]');
    const box = document.querySelector('#{BOX} textarea, #{BOX} input');
    if (!link || !box || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    genlabPanels.arrive(link.getAttribute('href').slice(1));
    box.value = link.getAttribute('href').slice(1) + '&at=' + Date.now();
    box.dispatchEvent(new Event('input', {{bubbles: true}}));
}});
window.genlabPanels = {{
    kept: ['{KEY}', '{LESSON}', 'job', 'lang'],
    told: [],
    touched: false,
    arrive(query) {{
        const given = new URLSearchParams(query), address = new URL(window.location);
        address.searchParams.delete('{LESSON}');
        if (given.has('{LESSON}')) address.searchParams.set('{LESSON}', given.get('{LESSON}'));
        this.put(address);
        genlabGuide.show(given.get('{LESSON}'))?.focus({{preventScroll: true}});
        const own = [...given].filter(([key]) => !this.kept.includes(key) && key !== 'run');
        this.write(given.get('{KEY}'), own);
    }},
    put(address) {{
        const query = address.search.replaceAll('%2F', '/').replaceAll('%2C', ',');
        window.history.replaceState(null, '', address.pathname + query + address.hash);
    }},
    write(place, pairs) {{
        const address = new URL(window.location);
        for (const key of [...this.told, 'run', 'at']) address.searchParams.delete(key);
        address.searchParams.set('{KEY}', place);
        for (const [key, value] of pairs) address.searchParams.set(key, value);
        this.told = pairs.map(([key]) => key);
        this.put(address);
        if (document.body.dataset.dock !== place) delete document.body.dataset.dock;
    }},
    forget(key) {{
        const address = new URL(window.location);
        address.searchParams.delete(key);
        this.put(address);
    }},
    visit(place) {{
        if (!this.touched) return;
        if (place === 'lessons') genlabGuide.close();
        const at = new URLSearchParams(window.location.search).get('{KEY}') || '';
        if (at !== place && !at.startsWith(place + '/')) this.write(place, []);
    }},
    remember(place, button, names, first, values) {{
        const panel = document.getElementById(button);
        if (!this.touched || !panel?.offsetParent) return;
        const same = (a, b) => JSON.stringify(a) === JSON.stringify(b);
        const text = value => Array.isArray(value) ? value.join(',') : value ?? '';
        const changed = names.map((name, i) => [name, values[i], first[i]]).filter(f => !same(f[1], f[2]));
        this.write(place, changed.map(([name, now]) => [name, text(now)]));
        if (document.body.dataset.dock === place) panel.click();
    }},
    open(place) {{
        document.body.dataset.dock = place;
        document.getElementById('dock')?.scrollIntoView({{behavior: 'smooth', block: 'nearest'}});
    }},
}};
for (const kind of ['pointerdown', 'keydown']) document.addEventListener(
    kind, () => genlabPanels.touched = true, {{capture: true}});
{{
    const given = new URLSearchParams(window.location.search);
    if (given.has('{KEY}')) genlabPanels.told = [...given.keys()].filter(
        key => !genlabPanels.kept.includes(key) && key !== 'run' && !key.startsWith('__'));
}}</script>"""


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


def listen(
    app: gr.Blocks,
    tabs: gr.Tabs,
    boxes: dict[str, Component],
    note: Component,
    older: Mapping[str, Callable[[Mapping[str, str]], str]],
) -> None:
    """Open the tab that the page's address names, and those that are clicked; call it with all tabs built.

    Args:
        app: The page.
        tabs: The outer ones.
        boxes: For the place of a panel, where a query is put to be restored.
        note: Where it is said that an address names no tab.
        older: By a key of an address that names none: which place it means.
    """
    known = places(tabs)
    within = {str(tab.id): panels for tab in named(tabs) if (panels := inner(tab)) is not None}
    box = gr.Textbox("", visible="hidden", elem_id=BOX)

    def arrive(request: gr.Request) -> str:
        given = dict(request.query_params)
        return urlencode(given) if {KEY, *older} & given.keys() else ""

    def meant(given: Mapping[str, str]) -> str:
        key = next((key for key in older if key in given), "")
        return given.get(KEY, "") if KEY in given or not key else older[key](given)

    def follow(said: str) -> dict[Any, Any]:
        try:
            place = meant(dict(parse_qsl(said)))
        except GenlabError as error:
            return {note: html.note(f"The link cannot be followed: {error}")}
        if place not in known:
            return {
                note: html.note(f"The link cannot be followed: there is no tab {quote(place)}.")
                if place
                else ""
            }
        outer, _, panel = place.partition("/")
        found: dict[Any, Any] = {tabs: gr.Tabs(selected=outer)}
        found |= {within[outer]: gr.Tabs(selected=panel)} if panel else {}
        return found | ({boxes[place]: said} if place in boxes else {})

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
