"""The texts of the finished page as keys of gradio's translation."""

import json
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from genlab.ui.translations.catalogue import KOREAN

# gradio translates any value that is a key, also one that the server must get back: none begins like this.
PREFIX = "gl:"
LONGEST = 4000  # a longer value is left to the script, for gradio would hold it three times
CHOOSING = (gr.Dropdown, gr.Radio, gr.CheckboxGroup)
SAYING = (gr.Button, gr.HTML, gr.Markdown)
BUTTONS = {"en": "English", "ko": "한국어"}
SWITCH = '<div class="gl-language" role="group" aria-label="Language">{}</div>'.format(
    "".join(
        f'<button type="button" lang="{code}" data-language="{code}">{name}</button>'
        for code, name in BUTTONS.items()
    )
)
SCRIPT = f"<script>{(Path(__file__).parent / 'language.js').read_text(encoding='utf-8')}</script>"

# Filled by ``mark``; the script reads the whole catalogue from it.
I18N = gr.I18n(en={}, ko={PREFIX + text: said for text, said in KOREAN.texts.items()})


MARKER = re.compile(r"__i18n__(\{.*\})", re.DOTALL)


def _original(text: str) -> str:
    """What a marker stands for."""
    marked = MARKER.fullmatch(text)
    return json.loads(marked[1])["key"].removeprefix(PREFIX) if marked else text


def _published(app: gr.Blocks) -> set[int]:
    """The components that the API tells of; it speaks English."""
    shown = [f for f in app.fns.values() if f.api_visibility != "private"]
    return {part._id for f in shown for part in (*f.inputs, *f.outputs)}


def _answers(app: gr.Blocks) -> set[int]:
    """The components whose value changes: gradio would put its first value back when the language changes."""
    return {part._id for f in app.fns.values() for part in f.outputs}


def _each(app: gr.Blocks) -> Iterator[tuple[Any, str, str, Callable[[str], Any]]]:
    """Every text that the page is built with: its component, attribute, text, and how to set it."""
    published, answers = _published(app), _answers(app)
    for block in app.blocks.values():
        if block._id in published or type(block).__name__ == "Api":
            continue
        names = ["label", "info", "placeholder"]
        if isinstance(block, SAYING) and block._id not in answers:
            names.append("value")
        for name in names:
            text = getattr(block, name, None)
            if isinstance(text, str) and text:
                yield block, name, _original(text), partial(setattr, block, name)
        if isinstance(block, CHOOSING):
            for i, (shown, _) in enumerate(block.choices):
                yield block, "choice", _original(str(shown)), partial(_rename, block, i)


def _rename(block: Any, i: int, name: str) -> None:
    """Show choice i as ``name``; its value, which the server gets back, stays."""
    block.choices[i] = (name, block.choices[i][1])


def _translated(block: Any, name: str, text: str) -> tuple[str, list[str]]:
    if isinstance(block, gr.HTML | gr.Markdown) and name == "value":
        return KOREAN.markup(text)
    found = KOREAN.translate(text)
    return (text, KOREAN.unknown(text)) if found is None else (found, [])


def mark(app: gr.Blocks) -> None:
    """Make each text of the page that has a translation a key of gradio's; call it with the page complete."""
    for block, name, text, put in _each(app):
        korean, missing = _translated(block, name, text)
        key = PREFIX + text
        # gradio reads a key up to the first closing brace
        if korean == text or missing or "}" in text or len(text) > LONGEST:
            continue
        I18N.translations["en"][key] = text
        I18N.translations["ko"][key] = korean
        put(str(I18N(key)))


def texts(app: gr.Blocks) -> tuple[set[str], list[str]]:
    """All texts that a page is built with, and those of them without a translation."""
    seen: set[str] = set()
    unknown: dict[str, None] = {}
    for block, name, text, _ in _each(app):
        seen.add(text)
        unknown |= dict.fromkeys(_translated(block, name, text)[1])
    return seen, list(unknown)
