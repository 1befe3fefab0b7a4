"""The page in other languages: one catalogue of English texts, for gradio's translation and for a script.

What the page is built with (labels, help, explanations, names of choices) becomes keys of gradio's
translation, in one pass over the finished page. What the server says later, with numbers in it, reaches the
browser in English, like the answers of the API; ``language.js`` shows it in the visitor's language, by the
same catalogue.
"""

import json

import gradio as gr

from genlab.ui.translations import sources
from genlab.ui.translations.catalogue import KOREAN, Catalogue
from genlab.ui.translations.marking import I18N, SCRIPT, SWITCH, mark, texts

__all__ = ["I18N", "KOREAN", "SCRIPT", "SWITCH", "Catalogue", "mark", "missing", "texts"]


def missing(app: gr.Blocks) -> str:
    """JSON to be filled and put into ko.json: what page or sources say without a translation, if anything.

    Each text once, sorted as in ko.json.
    In what the sources say, 7 stands for a value: name it {n} if it is a number, {any} if it may be anything,
    and otherwise if it is a text that has a translation of its own.
    """
    page = {*texts(app)[1]}
    run = {*sources.unknown(KOREAN)} - page
    found = {"page": dict.fromkeys(sorted(page), ""), "run": dict.fromkeys(sorted(run), "")}
    return json.dumps(found, ensure_ascii=False, indent=2) if any(found.values()) else ""
