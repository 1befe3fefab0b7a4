"""A catalogue of texts and how to look one up; ``language.js`` does the same in the browser.

A text is a key itself, or fits a pattern such as "step {n} of {n2}", or falls into parts that are known:
sentences, or what stands between ;, : and commas. In a pattern {n}, {n2}, ... are numbers, {any}, {any2}, ...
anything, and any other name is a text that must be known in its turn.
"""

import html
import json
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

HOLE = re.compile(r"\{(\w+)\}")
NUMBER = r"([-−+±]?\d[\d,.]*(?:e[-+]?\d+)?%?|–|nan|inf)"
WORD = re.compile(r"[A-Za-z]{2}")
SEAMS = (r"(?:(?<=[.!?…])|(?<=[.!?]\)))( )(?=[A-Z0-9])", r"(; )", r"(: )", r"(, )", r"( – | · | / )")
TAG = re.compile(r"(<[^>]*>|\$\$.*?\$\$|\$[^$]+\$)", re.DOTALL)
SAID = re.compile(r'\b(title|aria-label|alt|placeholder)="([^"]*)"')


def is_number(hole: str) -> bool:
    return re.fullmatch(r"n\d*", hole) is not None


def is_free(hole: str) -> bool:
    """May anything stand there, as it is?"""
    return is_number(hole) or re.fullmatch(r"any\d*", hole) is not None


class Catalogue:
    """Translations of texts.

    Args:
        page: Of the texts that the page is built with.
        run: Of what is said while it runs; keys may be patterns.
        gradio: Of gradio's own that its translation lacks.
        same: Texts that stay as they are: names, mostly.
    """

    def __init__(
        self, page: dict[str, str], run: dict[str, str], gradio: dict[str, str], same: list[str]
    ) -> None:
        self.page, self.run, self.gradio, self.same = page, run, gradio, same
        self.texts = page | run | gradio | {text: text for text in same}
        self.used: set[str] = set()  # the keys that were of use up to now
        keys = [key for key in self.texts if HOLE.search(key)]
        keys.sort(key=lambda key: (-len(HOLE.sub("", key)), "{any" in key, key))  # what says most, first
        self.patterns = [(re.compile(self._pattern(key), re.DOTALL), key) for key in keys]
        self.translate: Callable[[str], str | None] = lru_cache(4096)(self._translate)

    @staticmethod
    def _pattern(key: str) -> str:
        parts = HOLE.split(key)
        holes = [NUMBER if is_number(name) else "(.+?)" for name in parts[1::2]]
        return "".join(re.escape(said) + hole for said, hole in zip(parts[::2], [*holes, ""], strict=True))

    def _translate(self, text: str) -> str | None:
        """The translation of ``text``, or None if it is not known."""
        said = text.strip()
        if not WORD.search(said):
            return text
        found = self.texts.get(said)
        if found is not None:
            self.used.add(said)
        else:
            found = self._fitting(said) or self._parts(said)
        return None if found is None else text.replace(said, found)

    def _fitting(self, said: str) -> str | None:
        for pattern, key in self.patterns:
            if fits := pattern.fullmatch(said):
                held = dict(zip(HOLE.findall(key), fits.groups(), strict=True))
                known = {name: said if is_free(name) else self.translate(said) for name, said in held.items()}
                if None not in known.values():
                    self.used.add(key)
                    return HOLE.sub(lambda hole, known=known: known[hole[1]] or "", self.texts[key])  # type: ignore
        return None

    def _parts(self, said: str) -> str | None:
        for seam in SEAMS:
            parts = re.split(seam, said)
            if len(parts) > 1:
                found = [self.translate(part) for part in parts]
                if all(part is not None for part in found):
                    return "".join(part or "" for part in found)
        return None

    def unknown(self, text: str) -> list[str]:
        """The sentences of ``text`` that are not known."""
        return [said.strip() for said in re.split(SEAMS[0], text) if self.translate(said) is None]

    def markup(self, value: str) -> tuple[str, list[str]]:
        """HTML or Markdown in translation, and the texts in it that are not known."""
        missing: list[str] = []

        def known(text: str) -> str:
            plain = html.unescape(text)
            found = self.translate(plain)
            if found is None:
                missing.extend(self.unknown(plain))
            return text if found is None or found == plain else html.escape(found, quote=True)

        pieces = TAG.split(value)
        code = 0  # what stands in <code> stays
        for i, piece in enumerate(pieces):
            if i % 2:
                code += piece.startswith("<code") - piece.startswith("</code")
                pieces[i] = SAID.sub(lambda said: f'{said[1]}="{known(said[2])}"', piece)
            elif not code:
                pieces[i] = known(piece)
        return "".join(pieces), missing


def read(path: Path) -> Catalogue:
    return Catalogue(**json.loads(path.read_text(encoding="utf-8")))


KOREAN = read(Path(__file__).parent / "ko.json")
