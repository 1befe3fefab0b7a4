"""The tab GAN lab in a real browser."""


def open_lab(visitor):
    visitor.open_tab("GAN lab")
    visitor.page.locator("#ring-run").wait_for()


def lane(page, side, name):
    return int(page.locator(f"[data-side={side}]").get_attribute(name))


def choose(page, side, preset):
    page.locator(f"#ring-{side}-preset input").click()
    page.get_by_role("option", name=preset, exact=True).click()


def steps(visitor, side, value):
    """Fewer than the preset's: nothing here tests how a game ends."""
    fold = visitor.page.locator(f"#ring-{side}-knobs")
    fold.get_by_role("button").first.click()
    visitor.type(fold.get_by_label("steps", exact=True).first, value)


def test_two_games_are_played_and_stopped(visit):
    visitor = visit(400)
    page = visitor.page
    open_lab(visitor)
    choose(page, "B", "saturation: minimax, a sure opponent")
    page.locator("#ring-B-says", has_text="flat there").wait_for()
    steps(visitor, "A", "40")
    steps(visitor, "B", "60")
    page.locator("#ring-run").click()
    page.locator("[data-side=B][data-step='60']").wait_for()
    assert lane(page, "A", "data-step") == 40 and "minimax" in page.locator("[data-side=B]").inner_text()
    assert page.locator("[data-side=A] .gl-plane g circle").count() == 512
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    visitor.type(page.locator("#ring-A-knobs").get_by_label("steps", exact=True).first, "10000")
    page.locator("#ring-run").click()
    page.locator("[data-side=A]", has_text="of 10,000").wait_for()
    page.locator("#ring-stop").click()
    page.locator("#ring-stop[disabled]").wait_for()
    page.locator("#ring-note", has_text="Stopped.").wait_for()
    assert 0 < lane(page, "A", "data-step") < 10_000


def test_a_bad_knob_is_said(visit):
    visitor = visit()
    page = visitor.page
    open_lab(visitor)
    page.locator("#ring-A-knobs").get_by_role("button").first.click()
    visitor.type(page.locator("#ring-A-knobs").get_by_label("lr", exact=True).first, "7")
    page.locator("#ring-run").click()
    page.locator("#ring-note", has_text="lr is 7").wait_for()
