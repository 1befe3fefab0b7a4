"""The page in Korean, in a real browser: by its language, by the address, by the switch."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from genlab.ui.translations import KOREAN
from tests.visitor import PATIENCE

TABS = ["비교", "경주", "확산", "잠재 공간", "GAN 실험실", "스튜디오", "순위표", "수업"]
HANGUL = re.compile("[가-힣]")
NOT_OURS = "script, style, textarea, code, pre, .katex, .file-preview, .cm-editor, [data-language], footer"
# Visible texts with two Latin words in a row that are no Korean: sentences that were left.
SENTENCES = """skip => {
    const found = [], page = document.querySelector('gradio-app');
    const each = document.createTreeWalker(page, NodeFilter.SHOW_TEXT);
    while (each.nextNode()) {
        const {nodeValue, parentElement} = each.currentNode;
        if (parentElement.closest(skip) || !parentElement.checkVisibility()) continue;
        if (/[가-힣]/.test(nodeValue)) continue;
        if (/[A-Za-z]{2,} [A-Za-z]{2,}/.test(nodeValue)) found.push(nodeValue.trim());
    }
    return found;
}"""


def visit(browser: Browser, url: str, locale: str) -> Page:
    page = browser.new_context(locale=locale, viewport={"width": 1400, "height": 1000}).new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(url, wait_until="domcontentloaded")
    return page


@pytest.fixture
def korean(browser: Browser, server: str) -> Iterator[Page]:
    """The page of a visitor whose browser speaks Korean."""
    page = visit(browser, server, "ko-KR")
    expect_language(page, "ko")
    yield page
    page.context.close()


@pytest.fixture
def asked(browser: Browser, server: str) -> Iterator[Page]:
    """The page in Korean because the address says so."""
    page = visit(browser, f"{server}?lang=ko", "en-US")
    expect_language(page, "ko")
    yield page
    page.context.close()


def left(page: Page) -> list[str]:
    """The English sentences that are seen."""
    return [text for text in page.evaluate(SENTENCES, NOT_OURS) if text not in KOREAN.same]


def expect_language(page: Page, language: str) -> None:
    first = TABS[0] if language == "ko" else "Compare"
    expect(page.get_by_role("tab").first).to_have_text(first, timeout=PATIENCE)
    expect(page.locator("#status b").first).to_have_text("장치" if language == "ko" else "Device")
    expect(page.locator("html")).to_have_attribute("lang", re.compile(f"^{language}"))
    expect(page.locator(f"[data-language={language}]")).to_have_attribute(
        "aria-pressed", "true", timeout=PATIENCE
    )


def open_tab(page: Page, tab: Locator) -> None:
    tab.click()
    expect(tab).to_have_attribute("aria-selected", "true", timeout=PATIENCE)
    expect(page.locator(".gl-question:visible").last).to_have_text(HANGUL, timeout=PATIENCE)


def test_every_tab_is_korean(korean: Page) -> None:
    tabs = korean.get_by_role("tablist").first.get_by_role("tab")
    assert tabs.all_inner_texts() == TABS
    for outer in tabs.all():
        open_tab(korean, outer)
        lists = [found for found in korean.get_by_role("tablist").all()[1:] if found.is_visible()]
        for inner in [tab for found in lists for tab in found.get_by_role("tab").all()]:
            open_tab(korean, inner)
            assert HANGUL.search(inner.inner_text()) or inner.inner_text() in KOREAN.same
            assert not left(korean), inner.inner_text()
        assert not left(korean), outer.inner_text()


def test_switch_and_reload(korean: Page) -> None:
    korean.locator("[data-language=en]").click()
    expect_language(korean, "en")
    korean.reload(wait_until="domcontentloaded")
    expect_language(korean, "en")
    korean.locator("[data-language=ko]").click()
    expect_language(korean, "ko")


def test_server_gets_its_values_and_address_keeps_the_language(asked: Page) -> None:
    asked.get_by_role("tab", name="확산", exact=True).click()
    asked.get_by_role("tab", name="역과정", exact=True).click()
    asked.locator("#reverse-digit input").click()
    asked.get_by_role("option", name="없음", exact=True).click()
    asked.locator("#reverse-knobs").get_by_label("단계 수").first.fill("2")
    asked.wait_for_url("**/?lang=ko&tab=diffusion/reverse&label=none&steps=2")
    asked.locator("#reverse-run").click()
    asked.locator("#reverse-shown", has_text="2단계 중 2단계: 완성된 그림").wait_for()
    asked.locator("[data-language=en]").click()
    asked.locator("#reverse-shown", has_text="step 2 of 2: the finished picture").wait_for()
    asked.wait_for_url("**/?lang=en&tab=diffusion/reverse&label=none&steps=2")


def test_lesson_and_dock(asked: Page) -> None:
    """A lesson's step goes along to its panel, which puts itself into words, all in Korean."""
    asked.get_by_role("tab", name="수업", exact=True).click()
    asked.get_by_role("link", name="잠재 공간: 지도 열기", exact=True).click()
    box = asked.locator("#guide section:visible")
    expect(box.locator("summary b")).to_have_text("수업 2.1")
    expect(box.get_by_text("다음 단계")).to_be_visible()
    asked.locator("#call-latent-space-map").click()
    link = asked.locator("#dock-link").locator("textarea, input")
    expect(link).to_have_value(re.compile(r"tab=latent-space/map"), timeout=PATIENCE)
    assert not left(asked)
    asked.wait_for_url(re.compile(r"\?lang=ko&.*lesson=2\.1"))


def test_both_lookups_agree(asked: Page) -> None:
    """That of the script and that of Python, on every text of the catalogue with its holes filled."""
    texts = [re.sub(r"\{\w+\}", "7", key) for key in KOREAN.texts]
    shown = asked.evaluate(
        """async texts => {
            const box = document.createElement('div');
            for (const text of texts) {
                const p = document.createElement('p');
                p.textContent = text;
                box.append(p);
            }
            document.body.append(box);
            await new Promise(done => setTimeout(done));  // the watcher hears of it before
            return [...box.children].map(p => p.textContent);
        }""",
        texts,
    )
    assert shown == [KOREAN.translate(text) or text for text in texts]
