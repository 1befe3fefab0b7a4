"""The catalogue of translations: complete, without what nobody says, and exact about what it fills in."""

import json
import re
from functools import cache
from pathlib import Path

import gradio
import gradio as gr
import pytest

from genlab.lessons import LESSONS, Lesson, Step
from genlab.ui import build_app, lessons
from genlab.ui.translations import I18N, KOREAN, missing, sources, texts
from genlab.ui.translations.catalogue import HOLE, Catalogue

FRONTEND = Path(gradio.__file__).parent / "templates" / "frontend" / "assets"
HANGUL = re.compile("[가-힣]")
NUMBER = re.compile(r"\d[\d,.]*\d")  # two digits or more; "a step of 1" may become a word


@pytest.fixture(scope="module")
def app() -> gr.Blocks:
    return build_app()


def test_nothing_is_missing(app: gr.Blocks) -> None:
    found = missing(app)
    assert not found, f"fill these in and put them into genlab/ui/translations/ko.json:\n{found}"


def test_the_sources_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is handed to pieces of the page, under a name or one of two, and what is not."""
    (tmp_path / "panel.py").write_text(
        "def show(n, kind):\n"
        "    told = f'the moon, {n} times'\n"
        "    other = 'near' if n else f'far, {n} km'\n"
        "    log.info('nobody sees this')\n"
        "    chip('data-kind', kind)\n"
        "    return figure(img(picture, 'moon'), told) + one(picture, other) + note('Not ' + 'yet.')\n"
    )
    monkeypatch.setattr(sources, "GENLAB", tmp_path)
    assert set(sources.said()) == {"moon", "the moon, 7 times", "near", "far, 7 km", "Not yet."}
    known = Catalogue({"near": "가까운"}, {"far, {n} km": "{n} km 떨어진"}, {}, ["moon"])
    assert set(sources.unknown(known)) == {"the moon, 7 times", "Not yet."}


def test_what_is_missing_is_listed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A question is part of the page, and the sources hand it to what shows it."""
    (tmp_path / "panel.py").write_text(
        "def build():\n    question('Why is the moon round?')\n    return note('Wax wanes.')\n"
    )
    monkeypatch.setattr(sources, "GENLAB", tmp_path)
    with gr.Blocks() as page:
        gr.HTML("<p>Why is the moon round?</p>")
        gr.HTML("<p>And the earth?</p>")
    found = json.loads(missing(page))
    assert {section: [*texts] for section, texts in found.items()} == {
        "page": ["And the earth?", "Why is the moon round?"],
        "run": ["Wax wanes."],
    }


@pytest.mark.parametrize("section", ["page", "run", "gradio", "same"])
def test_sections_are_sorted(section: str) -> None:
    """So that nobody looks for a place, and two who add a text seldom meet."""
    found = [*getattr(KOREAN, section)]
    assert found == sorted(found)


def test_every_text_of_the_page_is_used(app: gr.Blocks) -> None:
    texts(app)
    unused = sorted(KOREAN.page.keys() - KOREAN.used)
    assert not unused, f"no component has these; if the sources say them, they belong under run: {unused}"


def test_a_lesson_without_translation_is_found(app: gr.Blocks) -> None:
    """Lessons are too long for gradio's keys: the script shows each of their texts by itself."""
    new = Step("compare", {}, "Look at the moon.", "Is it far?", "384,400 km: twice what is written here.")
    unheard = Lesson("A lesson of tests", LESSONS[0].idea, (new,))
    with gr.Blocks() as page:
        gr.HTML(lessons.lesson(1, unheard, {"compare": "Compare"}))
    assert texts(page)[1] == ["A lesson of tests", *new[2:5]]
    said = [str(part.value) for part in app.blocks.values() if isinstance(part, gr.HTML)]
    long = [text for text in said if LESSONS[-1].steps[-1].look in text]
    assert len(long) == 2  # the tab, and the box that goes along
    assert not any("__i18n__" in text for text in long)


@cache
def spoken() -> str:
    return plain(sources.literals())


def plain(text: str) -> str:
    return " ".join(re.findall(r"[\w'ᾱε₀ₜ]+", text.replace("_", " ").lower()))


def said_somewhere(key: str) -> bool:
    """Do two words of its longest stretch stand beside one another in the sources, or its only word?"""
    words = max((plain(part) for part in re.split("[|.,;:()]", HOLE.sub("|", key))), key=len).split()
    words = [word for word in words if len(word) > 1]
    pairs = [" ".join(words[i : i + 2]) for i in range(max(1, len(words) - 1))]
    return not words or any(f" {pair} " in f" {spoken()} " for pair in pairs)


def test_what_is_said_while_it_runs_stands_in_the_sources() -> None:
    stale = [key for key in (*KOREAN.run, *KOREAN.same) if not said_somewhere(key)]
    assert not stale, f"nobody says {stale}"
    assert not said_somewhere("nobody wrote this {n} times")


def test_what_is_of_gradio_stands_in_gradio() -> None:
    scripts = "\n".join(path.read_text(encoding="utf-8", errors="ignore") for path in FRONTEND.glob("*.js"))
    for key in KOREAN.gradio:
        assert max(HOLE.split(key)[::2], key=len).strip() in scripts, key


@pytest.mark.parametrize("section", ["page", "run", "gradio"])
def test_translations_fill_in_the_same(section: str) -> None:
    for english, korean in getattr(KOREAN, section).items():
        said = HOLE.sub("", english)
        assert sorted(HOLE.findall(english)) == sorted(HOLE.findall(korean)), english
        assert HANGUL.search(korean) or not re.search("[a-z]{5}", said), f"{english!r} is not translated"
        assert set(NUMBER.findall(said)) <= set(NUMBER.findall(korean)), f"{english!r} loses a number"


def test_sections_do_not_overlap() -> None:
    sections = [set(KOREAN.page), set(KOREAN.run), set(KOREAN.gradio), set(KOREAN.same)]
    assert sum(map(len, sections)) == len(set().union(*sections))


def test_lookup() -> None:
    catalogue = Catalogue(
        {"seed": "시드", "Stop": "정지", "It stops. Then it waits.": "멈추고 기다려요."},
        {
            "step {n} of {n2}": "{n2}단계 중 {n}단계",
            "loss of {text}": "{text}의 손실",
            "{any} is wrong.": "{any}: 틀림.",
        },
        {},
        ["VAE"],
    )
    expected = {
        "Stop": "정지",
        "  Stop ": "  정지 ",
        "step 1,200 of 4,000": "4,000단계 중 1,200단계",
        "loss of VAE": "VAE의 손실",
        "loss of Heaven": None,  # a text in a pattern must be known
        "'seven' is wrong.": "'seven': 틀림.",
        "step 1 of 2; loss of VAE": "2단계 중 1단계; VAE의 손실",
        "step 1 of 2; who knows": None,
        "It stops. Then it waits.": "멈추고 기다려요.",
        "3 × 4 = 12": "3 × 4 = 12",
        "unheard of": None,
    }
    assert {text: catalogue.translate(text) for text in expected} == expected


def test_markup_keeps_tags_code_and_formulas() -> None:
    catalogue = Catalogue({"Stop & go": "정지 & 출발", "seed": "시드"}, {}, {}, [])
    value = '<p title="seed">Stop &amp; go<code>seed</code> $seed$ <b>new</b></p>'
    found, unknown = catalogue.markup(value)
    assert found == '<p title="시드">정지 &amp; 출발<code>seed</code> $seed$ <b>new</b></p>'
    assert unknown == ["new"]


def test_values_of_choices_stay_english(app: gr.Blocks) -> None:
    """What the server gets back is what it knows, whatever the page shows."""
    choices = [b for b in app.blocks.values() if isinstance(b, gr.Dropdown | gr.Radio | gr.CheckboxGroup)]
    shown = [(str(name), str(value)) for b in choices for name, value in b.choices]
    assert any("__i18n__" in name for name, _ in shown)
    assert not any("__i18n__" in value or HANGUL.search(value) for _, value in shown)


def test_the_api_speaks_english(app: gr.Blocks) -> None:
    told = str(app.get_api_info())
    assert "seed" in told
    assert "__i18n__" not in told
    assert not HANGUL.search(told)


def test_gradio_finds_every_key_in_both_languages(app: gr.Blocks) -> None:
    config = str(app.get_config_file())
    keys = I18N.translations["en"].keys()
    assert len(keys) > 300
    assert keys <= I18N.translations["ko"].keys()
    assert config.count("__i18n__") > 1000
    assert not [key for key in keys if "}" in key]  # gradio reads a key up to the first one
