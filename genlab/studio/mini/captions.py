"""Captions of coloured digits in varied words: each says some of what is true, and nothing else.

The grammar is small: a subject ("a thick red seven"), perhaps a place ("on a blue background"),
in one of several orders. The empty caption is the unconditional one that guidance needs (Ho &
Salimans, "Classifier-free diffusion guidance", 2022).
"""

from random import Random
from typing import NamedTuple

from genlab.studio.mini.pictures import COLOURS, Facts

NUMBERS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
STROKES = {-1: "thin", 1: "thick"}
SLANTS = {-1: "upright", 1: "slanted"}
NOUNS = ("digit", "number")
OPENINGS = ("", "", "", "a picture of ", "an image of ", "a drawing of ")
PREPOSITIONS = ("on", "over", "against")
MENTION = 0.75  # how often a caption tells each of digit, ink and background
DESCRIBE = 0.4  # how often it tells stroke or slant, where they are marked
KEYWORDS = 0.15  # captions that are a list of keywords
SINGLE = 0.06  # captions of one word


class Said(NamedTuple):
    """The words a caption may use; None is left out."""

    number: str | None
    ink: str | None
    background: str | None
    adjectives: list[str]


def _choose(fact: tuple[int, ...], rng: Random, complete: bool) -> Said:
    digit, ink, background, stroke, slant = fact

    def mentioned() -> bool:
        return complete or rng.random() < MENTION

    adjectives = [
        words[value]
        for words, value in ((STROKES, stroke), (SLANTS, slant))
        if value in words and rng.random() < DESCRIBE
    ]
    rng.shuffle(adjectives)
    return Said(
        rng.choice((NUMBERS[digit], str(digit))) if mentioned() else None,
        COLOURS[ink] if mentioned() else None,
        COLOURS[background] if mentioned() else None,
        adjectives,
    )


def _article(words: str) -> str:
    return f"{'an' if words[0] in 'aeiou8' and not words.startswith('one') else 'a'} {words}"


def _place(background: str, rng: Random) -> str:
    """ "on blue", "over a blue background"."""
    where = rng.choice((background, _article(f"{background} background"), f"{background} background"))
    return f"{rng.choice(PREPOSITIONS)} {where}"


def _sentence(said: Said, rng: Random) -> str:
    number = said.number or rng.choice(NOUNS)
    if said.number and rng.random() < 0.2:
        number = f"{rng.choice(NOUNS)} {number}"
    trailing = said.ink is not None and rng.random() < 0.15  # "a thick seven in red"
    before = [*said.adjectives, *([said.ink] if said.ink and not trailing else [])]
    if rng.random() < 0.15:
        rng.shuffle(before)  # "a red thick seven"
    subject = " ".join([*before, number])
    if rng.random() < 0.75:
        subject = rng.choice(OPENINGS) + _article(subject)
    if trailing:
        subject += f" in {said.ink}"
    if not said.background:
        return subject
    if rng.random() < 0.25:
        return f"{said.background} background, {subject}"
    return f"{subject} {_place(said.background, rng)}"


def _keywords(said: Said, rng: Random) -> str:
    words = [*said.adjectives, said.number or rng.choice(NOUNS)]
    if said.ink:
        words.append(rng.choice((said.ink, f"{said.ink} ink")))
    if said.background:
        words.append(f"{said.background} background")
    rng.shuffle(words)
    return ", ".join(words)


def _single(fact: tuple[int, ...], rng: Random) -> str:
    """One word that fits; a colour alone is that of the ink or of the background."""
    digit, ink, background, stroke, slant = fact
    words = [
        NUMBERS[digit],
        str(digit),
        COLOURS[ink],
        COLOURS[background],
        f"{COLOURS[background]} background",
    ]
    words += [table[value] for table, value in ((STROKES, stroke), (SLANTS, slant)) if value in table]
    return rng.choice(words)


def caption(fact: tuple[int, ...], rng: Random, *, complete: bool = False) -> str:
    """A caption for one row of ``Facts``; a ``complete`` one is a sentence with digit and both colours."""
    said = _choose(fact, rng, complete)
    if complete:
        return _sentence(said, rng)
    form = rng.random()
    if form < SINGLE:
        return _single(fact, rng)
    return _keywords(said, rng) if form < SINGLE + KEYWORDS else _sentence(said, rng)


def captions(facts: Facts, rng: Random, drop: float = 0.0) -> list[str]:
    """One caption for each picture; a share ``drop`` of them is empty."""
    return ["" if rng.random() < drop else caption(fact, rng) for fact in facts.rows()]


def vocabulary() -> list[str]:
    """Every word of the grammar."""
    words = {*NUMBERS, *COLOURS, *STROKES.values(), *SLANTS.values(), *NOUNS, *PREPOSITIONS}
    return sorted(words | {"a", "an", "in", "of", "ink", "background", "picture", "image", "drawing"})
