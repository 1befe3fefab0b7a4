"""The panel Inside: one run of mini-SD, walked through step by step."""

from tests.browser.test_studio import open_panel, run_and_stop


def pictures(page):
    return page.locator("#inside-shown img").evaluate_all("all => all.map(e => e.src)")


def test_a_run_is_walked_through(visit):
    visitor = visit(400)
    page = visitor.page
    open_panel(visitor, "Inside")
    visitor.type(page.locator("#inside-prompt textarea"), "a red seven on blue")
    steps = page.locator("#inside-knobs").get_by_label("number input for steps")
    visitor.type(steps, "5")
    steps.press("Enter")
    page.locator("#inside-run").click()
    page.locator("#inside-shown", has_text="step 5 of 5").wait_for()
    last = pictures(page)
    assert len(last) == 2 + 4 + 1 + 5 + 2
    visitor.type(page.locator("#inside-step input[type=number]"), "1")
    page.locator("#inside-step input[type=number]").press("Enter")
    page.locator("#inside-shown", has_text="t = 999").wait_for()
    first = pictures(page)
    assert first[0] != last[0] and first[1] == last[1] and first[7:] == last[7:], "the words' maps are means"
    page.get_by_label("this step", exact=True).check()
    page.wait_for_function(
        "old => document.querySelectorAll('#inside-shown img')[7].src !== old", arg=last[7]
    )
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    run_and_stop(visitor, "inside", "[aria-valuenow]")
    page.locator("#inside-shown", has_text="of 5").wait_for()
