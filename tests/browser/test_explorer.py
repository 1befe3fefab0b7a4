"""The tab Latent space in a real browser."""

from statistics import NormalDist

import pytest

from tests.browser.test_diffusion import paint


def open_panel(visitor, name=None):
    """Open a panel of the tab Latent space; the map is the first."""
    visitor.open_tab("Latent space")
    visitor.page.locator("#map-shown figure").first.wait_for()
    if name:
        visitor.open_tab(name)


def at(page):
    """The place that is shown."""
    return [float(v) for v in page.locator("#map-shown .gl-two").evaluate("e => [e.dataset.x, e.dataset.y]")]


def sources(page, selector):
    return page.locator(f"{selector} img").evaluate_all("all => all.map(e => e.src)")


def changed(page, selector, before):
    """Wait until the pictures are others than ``before``."""
    page.wait_for_function(
        "([s, old]) => { const now = [...document.querySelectorAll(s + ' img')].map(e => e.src);"
        " return now.length && now.join() !== old; }",
        arg=[selector, ",".join(before)],
    )


@pytest.mark.parametrize("width", [1400, 400])
def test_the_map_is_there_and_a_click_goes_to_its_place(visit, width):
    visitor = visit(width)
    page = visitor.page
    open_panel(visitor)
    page.locator("#map-scatter .scatterlayer .trace").nth(9).wait_for(state="attached")
    assert page.locator("#map-scatter .scatterlayer .point").count() >= 500  # the embedded test digits
    assert at(page) == [0, 0]
    view = page.locator("#map-view img")
    view.scroll_into_view_if_needed()
    size = view.bounding_box()
    across, down = 0.2, 0.65
    view.click(position={"x": across * size["width"], "y": down * size["height"]})
    page.wait_for_function("document.querySelector('#map-shown .gl-two').dataset.x !== '0.000'")
    x, y = NormalDist().inv_cdf(across), NormalDist().inv_cdf(1 - down)
    assert at(page) == pytest.approx([x, y], abs=0.03)
    shown = page.locator("#map-x input[type=number]").input_value(), page.locator("#map-y input[type=number]")
    assert [float(shown[0]), float(shown[1].input_value())] == pytest.approx(at(page), abs=0.006)
    page.locator("#map-shown", has_text="closest test digits").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_place_is_typed_and_stays_when_the_tab_is_left(visit):
    visitor = visit()
    page = visitor.page
    open_panel(visitor)
    visitor.type(page.locator("#map-y input[type=number]"), "-1.5")
    page.locator("#map-shown", has_text="y = -1.50").wait_for()
    visitor.open_tab("GAN lab")
    page.locator("#ring-run").wait_for()
    open_panel(visitor)
    page.locator("#map-scatter .scatterlayer .point").first.wait_for(state="attached")
    assert at(page) == [0, -1.5]
    box = page.locator("#map-x input[type=number]")
    box.fill("99")
    box.press("Tab")
    page.locator("#map-shown", has_text="x = 4.00").wait_for()  # where the slider ends


def test_the_plot_tells_the_digit_under_the_mouse(visit):
    visitor = visit()
    page = visitor.page
    open_panel(visitor)
    point = page.locator("#map-scatter .scatterlayer .trace").first.locator(".point").first
    point.wait_for(state="attached")
    page.locator("#map-scatter").scroll_into_view_if_needed()
    page.wait_for_timeout(1000)  # the plot finds its size
    box = point.bounding_box()
    page.mouse.move(box["x"] - 30, box["y"] - 30)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=5)
    page.locator("#map-scatter .hoverlayer .hovertext", has_text="test digit").wait_for()


def test_ways_between_a_picture_and_a_sample(visit):
    visitor = visit(400)
    page = visitor.page
    open_panel(visitor, "Interpolate")
    page.locator("#way-last-kind").get_by_label("a sample", exact=True).check()
    page.locator("#way-last-seed input").wait_for()
    page.locator("#way-last-index").wait_for(state="hidden")
    visitor.type(page.locator("#way-last-seed input"), "7")
    for name in ("GAN", "DDPM"):
        page.locator("#way-families").get_by_label(name, exact=True).uncheck()
    page.locator("#way-run").click()
    page.locator("#way-shown .gl-vae .gl-way").nth(1).wait_for()
    assert page.locator("#way-shown .gl-card").count() == 2
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    visitor.type(page.locator("#way-last-seed input"), "-1")
    page.locator("#way-run").click()
    page.locator("#way-note", has_text="last is -1").wait_for()


def test_sliders_move_the_picture(visit):
    visitor = visit()
    page = visitor.page
    open_panel(visitor, "Directions")
    page.locator("#directions-shown .gl-row").nth(11).wait_for()
    begun, rows = sources(page, "#directions-now"), sources(page, "#directions-shown")
    visitor.type(page.locator("#directions-2 input[type=number]"), "2.5")
    changed(page, "#directions-now", begun)
    moved = sources(page, "#directions-now")
    assert sources(page, "#directions-shown") == rows and all(
        a != b for a, b in zip(begun, moved, strict=True)
    )
    page.locator("#directions-reset").click()
    changed(page, "#directions-now", moved)
    assert sources(page, "#directions-now") == begun
    page.locator("#directions-start").get_by_label("a picture", exact=True).check()
    changed(page, "#directions-shown", rows)
    rows = sources(page, "#directions-shown")
    visitor.type(page.locator("#directions-index input"), "5")
    page.locator("#directions-index input").press("Enter")
    changed(page, "#directions-shown", rows)


def test_a_sum_of_nothing_is_the_start(visit):
    visitor = visit(400)
    page = visitor.page
    open_panel(visitor, "Arithmetic")
    page.locator("#arithmetic-shown .gl-vae .gl-sum img").nth(3).wait_for()
    start, plus, minus, result = sources(page, "#arithmetic-shown .gl-vae")
    assert len({start, plus, minus, result}) == 4
    page.locator("#arithmetic-minus input").click()
    page.get_by_role("option", name="7", exact=True).click()
    changed(page, "#arithmetic-shown .gl-vae", [start, plus, minus, result])
    assert sources(page, "#arithmetic-shown .gl-vae") == [start, plus, plus, start]
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_drawing_is_reconstructed_by_every_family(visit):
    visitor = visit()
    page = visitor.page
    open_panel(visitor, "Reconstruct")
    page.get_by_role("button", name="Draw a digit").click()
    paint(visitor, "#reconstruct-pad")
    page.locator("#reconstruct-draw").click()
    page.locator("#reconstruct-chosen", has_text="brought from 280x280").wait_for()
    page.locator("#reconstruct-run").click()
    page.locator("#reconstruct-shown [data-family=flow][data-done=True]").wait_for()
    found = page.locator("#reconstruct-shown [data-done=True]")
    assert found.evaluate_all("all => all.map(e => e.dataset.family)") == [
        "autoencoder", "vae", "gan", "wgan", "wgan_gp", "ddpm", "flow"
    ]  # fmt: skip
    errors = dict(found.evaluate_all("all => all.map(e => [e.dataset.family, +e.dataset.error])"))
    assert max(errors.values()) < 0.3 and errors["flow"] < errors["vae"]


def test_a_search_is_seen_and_stopped(visit):
    visitor = visit()
    page = visitor.page
    open_panel(visitor, "Reconstruct")
    page.locator("#reconstruct-chosen img").wait_for()
    page.locator("#reconstruct-more").get_by_role("button").first.click()
    visitor.type(page.locator("#reconstruct-more").get_by_label("number input for search"), "1000")
    visitor.type(page.locator("#reconstruct-more").get_by_label("number input for starts"), "32")
    page.locator("#reconstruct-run").click()
    page.locator("#reconstruct-shown [data-family=gan]", has_text="the closest by now").wait_for()
    page.locator("#reconstruct-note [aria-valuenow]").wait_for()
    page.locator("#reconstruct-stop").click()
    page.locator("#reconstruct-note", has_text="Stopped").wait_for()
    assert page.locator("#reconstruct-shown [data-family=vae][data-done=True]").count() == 1, (
        "what was found stays"
    )
    assert page.locator("#reconstruct-shown [data-family=flow]").count() == 0
