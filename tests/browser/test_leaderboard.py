"""The tab Leaderboard in a real browser."""

import json

from genlab.checkpoints import WEIGHTS

BOARD = json.loads((WEIGHTS / "leaderboard.json").read_text())["models"]


def order(page):
    found = page.locator("#board tbody tr[data-model]").evaluate_all("rows => rows.map(r => r.dataset.model)")
    assert page.locator("#board tbody tr").first.locator("th").inner_text() == "real digits (floor)"
    return found


def by(key, reverse=False):
    return [line["name"] for line in sorted(BOARD, key=lambda line: line["mean"][key], reverse=reverse)]


def sort_by(page, name):
    page.locator("#board th").get_by_role("button", name=name, exact=True).click()


def test_the_table_sorts_and_its_plot_names_every_model(visit):
    visitor = visit()
    page = visitor.page
    visitor.open_tab("Leaderboard")
    page.locator("#board tbody tr[data-model]").first.wait_for()
    assert order(page) == by("frechet")
    sort_by(page, "recall")
    assert order(page) == by("recall", reverse=True), "the better end first"
    sort_by(page, "recall")
    assert order(page) == by("recall")
    sort_by(page, "right digit")
    asked = [line["name"] for line in BOARD if line["mean"]["label_accuracy"] is not None]
    assert set(order(page)[: len(asked)]) == set(asked), "who has no figure is last"
    assert page.locator("#board-plot circle").count() == len(BOARD)
    with page.expect_download() as download:
        page.locator("#board-json").click()
    assert json.loads(download.value.path().read_text())["models"] == BOARD


def test_a_claim_opens_the_panel_that_shows_it_on_a_narrow_page(visit):
    visitor = visit(400)
    page = visitor.page
    page.goto(f"{visitor.url}?tab=leaderboard/models", wait_until="domcontentloaded")
    page.locator("#board tbody tr[data-model]").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    assert page.evaluate("document.querySelector('#board .gl-scroll').scrollWidth") <= 400
    visitor.open_tab("Families")
    row = page.locator("#families-table tr.gl-ddpm")
    row.locator(".katex").first.wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.evaluate("window.here = true")
    row.get_by_role("link", name="Diffusion: Steps").first.click()
    page.locator("#curve-steps-n").wait_for()
    assert page.evaluate("window.here"), "without a reload"
    assert not page.locator("#families-table").is_visible()
