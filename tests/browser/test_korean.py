"""The page in Korean, in a real browser: by its language, by the address, by the switch."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from genlab.ui.translations import KOREAN
from tests.visitor import PATIENCE

TABS = ["비교", "경주", "확산", "잠재 공간", "GAN 실험실", "스튜디오", "순위표"]
NOT_OURS = "script, style, textarea, code, pre, .katex, .file-preview, [data-language], footer"
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
def korean(browser: Browser, url: str) -> Iterator[Page]:
    page = visit(browser, url, "ko-KR")
    yield page
    page.context.close()


def expect_language(page: Page, language: str) -> None:
    first = TABS[0] if language == "ko" else "Compare"
    expect(page.get_by_role("tab").first).to_have_text(first, timeout=PATIENCE)
    expect(page.locator("#status b").first).to_have_text("장치" if language == "ko" else "Device")
    expect(page.locator("html")).to_have_attribute("lang", re.compile(f"^{language}"))
    expect(page.locator(f"[data-language={language}]")).to_have_attribute(
        "aria-pressed", "true", timeout=PATIENCE
    )


def test_every_tab_is_korean(korean: Page) -> None:
    expect_language(korean, "ko")
    outer = korean.get_by_role("tablist").first
    assert [tab.inner_text() for tab in outer.get_by_role("tab").all()] == TABS
    for name in TABS:
        outer.get_by_role("tab", name=name, exact=True).click()
        korean.wait_for_timeout(1500)
        lists = korean.get_by_role("tablist").all()
        inner = [tab for tabs in lists[1:] if tabs.is_visible() for tab in tabs.get_by_role("tab").all()]
        for tab in inner or [None]:
            if tab is not None:
                tab.click()
                korean.wait_for_timeout(1000)
            left = [text for text in korean.evaluate(SENTENCES, NOT_OURS) if text not in KOREAN.same]
            assert not left, f"{name}: {left}"


def test_switch_and_reload(korean: Page) -> None:
    expect_language(korean, "ko")
    korean.locator("[data-language=en]").click()
    expect_language(korean, "en")
    korean.reload(wait_until="domcontentloaded")
    expect_language(korean, "en")
    korean.locator("[data-language=ko]").click()
    expect_language(korean, "ko")


def test_address_decides_and_the_server_gets_its_values(browser: Browser, url: str) -> None:
    page = visit(browser, f"{url}?lang=ko", "en-US")
    expect_language(page, "ko")
    page.get_by_role("tab", name="확산", exact=True).click()
    page.get_by_role("tab", name="역과정", exact=True).click()
    page.locator("#reverse-digit input").click()
    page.get_by_role("option", name="없음", exact=True).click()
    page.locator("#reverse-knobs").get_by_label("단계 수").first.fill("2")
    page.locator("#reverse-run").click()
    page.locator("#reverse-shown", has_text="2단계 중 2단계: 완성된 그림").wait_for()
    page.locator("[data-language=en]").click()
    page.locator("#reverse-shown", has_text="step 2 of 2: the finished picture").wait_for()
    assert "lang=en" in page.url
    page.context.close()


def test_both_lookups_agree(browser: Browser, url: str) -> None:
    """That of the script and that of Python, on every text of the catalogue with its holes filled."""
    page = visit(browser, f"{url}?lang=ko", "en-US")
    expect_language(page, "ko")
    texts = [re.sub(r"\{\w+\}", "7", key) for key in KOREAN.texts]
    shown = page.evaluate(
        """texts => {
            const box = document.createElement('div');
            for (const text of texts) {
                const p = document.createElement('p');
                p.textContent = text;
                box.append(p);
            }
            document.body.append(box);
            const said = () => [...box.children].map(p => p.textContent);
            return new Promise(done => setTimeout(() => done(said()), 500));
        }""",
        texts,
    )
    expected = [KOREAN.translate(text) or text for text in texts]
    assert shown == expected
    page.context.close()
