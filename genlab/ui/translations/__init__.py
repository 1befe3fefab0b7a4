"""The page in other languages: one catalogue of English texts, for gradio's translation and for a script.

What the page is built with (labels, help, explanations, names of choices) becomes keys of gradio's translation,
in one pass over the finished page. What the server says later, with numbers in it, reaches the browser in English,
like the answers of the API; ``language.js`` shows it in the visitor's language, by the same catalogue.
"""

from genlab.ui.translations.catalogue import KOREAN, Catalogue
from genlab.ui.translations.marking import I18N, SCRIPT, SWITCH, mark, texts

__all__ = ["I18N", "KOREAN", "SCRIPT", "SWITCH", "Catalogue", "mark", "texts"]
