"""The GAN lab's panel MNIST in a real browser."""


def open_panel(visitor, steps):
    visitor.open_tab("GAN lab")
    visitor.open_tab("MNIST")
    visitor.page.locator("#modes-run").wait_for()
    visitor.type(visitor.page.locator("#modes-steps input[type=number]"), steps)


def open_knobs(visitor, side):
    fold = visitor.page.locator(f"#modes-{side}-knobs")
    fold.get_by_role("button").first.click()
    return fold


def test_two_games_are_played_and_stopped(visit):
    visitor = visit(400)
    page = visitor.page
    visitor.open_tab("GAN lab")
    visitor.open_tab("MNIST")
    page.locator("#modes-pair input").click()
    page.get_by_role("option", name="WGAN with clipped weights, WGAN-GP", exact=True).click()
    page.locator("#modes-says", has_text="clip").wait_for()
    open_panel(visitor, "2")
    page.locator("#modes-run").click()
    for side, game in (("A", "wgan"), ("B", "wgan-gp")):
        lane = page.locator(f"#modes-shown [data-side={side}][data-step='2']")
        lane.wait_for()
        assert lane.locator("h2").inner_text() == f"{side}: {game}"
        assert lane.locator(".gl-meter i").count() == 10
        found = [plot.get_attribute("aria-label") for plot in lane.locator("svg.gl-plot").all()]
        said = ("digits covered", "pull", "what it says", "critic's weights", "critic's gradient norm")
        assert len(found) == 5 and all(a.startswith(b) for a, b in zip(found, said, strict=True))
        assert lane.locator("img").evaluate("image => image.naturalWidth") > 200
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    open_panel(visitor, "2000")
    page.locator("#modes-run").click()
    page.locator("#modes-shown [data-side=A]", has_text="of 2,000").wait_for()
    page.locator("#modes-stop").click()
    page.locator("#modes-stop[disabled]").wait_for()
    assert int(page.locator("#modes-shown [data-side=A]").get_attribute("data-step")) < 2000


def test_a_bad_knob_is_said(visit):
    visitor = visit()
    open_panel(visitor, "5")
    visitor.type(open_knobs(visitor, "B").get_by_label("lr", exact=True).first, "7")
    visitor.page.locator("#modes-run").click()
    visitor.page.locator("#modes-note", has_text="lr is 7").wait_for()
