"""The GAN lab's panel Verdict in a real browser."""

import pytest


def spots(page, family):
    """The numbers of the marked pictures, as the table tells them."""
    rows = page.locator(f"#verdict-shown .gl-{family} tr[data-spot]")
    return {row.get_attribute("data-spot"): row.locator("td").all_inner_texts() for row in rows.all()}


@pytest.mark.parametrize("width", [1400, 400])
def test_a_click_on_a_plane_looks_closer(visit, width):
    visitor = visit(width, "?tab=gan-lab/verdict")
    page = visitor.page
    planes = page.locator("#verdict-shown svg.gl-verdict[role=img]")
    planes.nth(2).wait_for()
    before = spots(page, "wgan_gp")
    assert [*before] == ["first", "other", "sample", "place"]
    said = planes.nth(2).get_attribute("aria-label")
    assert said.startswith("WGAN-GP") and before["place"][0] in said
    plane = planes.nth(1)
    plane.scroll_into_view_if_needed()
    size = plane.bounding_box()
    plane.click(position={"x": 0.3 * size["width"], "y": 0.2 * size["height"]})
    page.wait_for_function("document.querySelector('#verdict-x input[type=number]').value === '0.3'")
    y = float(page.locator("#verdict-y input[type=number]").input_value())
    assert y == pytest.approx(0.8, abs=0.02)
    after = spots(page, "wgan_gp")
    assert after["place"] != before["place"]
    assert {**after, "place": 0} == {**before, "place": 0}
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_bad_digit_is_said_and_the_plane_stays(visit):
    visitor = visit(query="?tab=gan-lab/verdict")
    page = visitor.page
    page.locator("#verdict-shown svg.gl-verdict").nth(2).wait_for()
    visitor.type(page.locator("#verdict-other input"), "-3")
    page.locator("#verdict-note", has_text="other_index is -3").wait_for()
    assert page.locator("#verdict-shown svg.gl-verdict").count() == 3
