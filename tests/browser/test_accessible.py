"""Everybody can use the page: axe-core finds nothing serious, it fits 400 px, and the keyboard is enough."""

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Page

from genlab.lessons import KEY, steps
from tests.test_panels import PLACES

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
NARROW, WIDE = 400, 1400
# What shows that a panel has been opened and, where it draws by itself, that it has drawn.
SEEN = {
    "lessons": "#lessons",
    "leaderboard/families": ".gl-families",
    "compare": "#chips-ddpm [data-drawn]",
    "diffusion/noising": ".gl-ways table",
    "latent-space/map": "#map-scatter .scatterlayer",
}
FOLDS = {  # opened as well: what is folded away is not looked at
    "compare": ["#card-vae .label-wrap", "#call-compare"],
    "diffusion/inpaint": [".label-wrap:visible"],
}
DARK = ["compare", "diffusion/noising", "diffusion/inpaint", "latent-space/map", "studio/text", "lessons"]
# The whole page once, then each panel: what is outside of the panels stays the same.
CHECK = """async whole => {
    const panels = [...document.querySelectorAll('[role=tabpanel]')].filter(panel => panel.offsetParent);
    const found = await axe.run(whole ? document : panels.at(-1), {
        runOnly: ['wcag2a', 'wcag2aa'], resultTypes: ['violations'], elementRef: false,
    });
    return found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).flatMap(
        v => v.nodes.map(node => [v.id, node.target.join(' '), node.html.slice(0, 200),
            node.failureSummary]));
}"""
FOLLOW = """place => {
    const link = document.createElement('a');
    link.href = '?tab=' + place;
    document.body.append(link);
    link.click();
    link.remove();
}"""


def wait_seen(page: Page, place: str) -> None:
    page.locator(SEEN.get(place, f"#call-{place.replace('/', '-')}")).first.wait_for()


def unfold(page: Page, place: str) -> None:
    for selector in FOLDS.get(place, ()):
        for button in page.locator(selector).all():
            if button.get_attribute("aria-expanded") != "true":
                button.click()
    if place == "compare":
        page.locator("#dock-python").wait_for()
    page.wait_for_timeout(300)  # colours that fade in


@pytest.mark.parametrize(
    ("theme", "width", "places"),
    [("light", NARROW, [*PLACES, "leaderboard/families", "lessons"]), ("dark", WIDE, DARK)],
)
def test_nothing_serious(visit, theme, width, places):
    visitor = visit(width=width, query=f"?__theme={theme}&tab={places[0]}")
    page, wrong = visitor.page, []
    wait_seen(page, places[0])
    page.evaluate(AXE)
    for i, place in enumerate(places):
        if i:
            page.evaluate(FOLLOW, place)
            wait_seen(page, place)
        unfold(page, place)
        wrong += [(place, *found) for found in page.evaluate(CHECK, not i)]
        wide = page.evaluate("document.scrollingElement.scrollWidth")
        if wide > width:
            wrong.append((place, f"scrolls sideways: {wide} px"))
    assert not wrong, "\n".join(map(str, wrong))
    assert visitor.hosts <= {"127.0.0.1", None, ""}, visitor.hosts


def walk(page: Page, selector: str, key: str = "Tab", most: int = 60) -> None:
    """Press ``key`` until what ``selector`` says has the focus, which is to be seen."""
    way = []
    for _ in range(most):
        page.keyboard.press(key)
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
            return
        way.append(page.evaluate("document.activeElement.outerHTML.slice(0, 80)"))
    pytest.fail(f"no {selector} on the way {way}")


def test_the_keyboard_is_enough(visit):
    visitor = visit()
    page = visitor.page
    visitor.wait_ready()
    before = visitor.pixels("vae")
    walk(page, "#seed input")
    page.keyboard.type("7")
    walk(page, "#sample-all")
    page.evaluate("document.querySelectorAll('.gl-chips').forEach(e => e.setAttribute('data-old', '1'))")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.gl-chips[data-drawn]:not([data-old])').length == 4")
    page.wait_for_timeout(500)
    assert visitor.pixels("vae") != before
    walk(page, "#train-vae > button")
    for key, state in (("Enter", "true"), ("Space", "false")):
        page.keyboard.press(key)
        page.locator(f"#train-vae > button[aria-expanded={state}]").wait_for()
    walk(page, "[role=tab][aria-selected=true]", "Shift+Tab")
    walk(page, "[role=tab][data-tab-id=gan-lab]", "ArrowRight", 4)
    page.keyboard.press("Enter")
    page.locator("#call-gan-lab-ring").wait_for()


def test_a_lesson_is_left_with_escape(visit):
    name = next(iter(steps()))
    visitor = visit(query="?tab=lessons")
    page = visitor.page
    page.locator("#lessons a.gl-open").first.click()
    box = page.locator(f"#guide [data-step='{name}']")
    box.wait_for()
    page.wait_for_function("document.activeElement.closest('#guide')")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.matches('[data-close]')")
    assert f"{KEY}={name}" in page.url
    page.keyboard.press("Escape")
    box.wait_for(state="hidden")
    assert f"{KEY}=" not in page.url
    assert page.evaluate("document.activeElement.role") == "tab"
