"""The tab Studio in a real browser: words, a painted mask, outlines, recipes and links, drawn by mini-SD."""

import io
import urllib.request
from urllib.parse import urljoin

import numpy as np
from PIL import Image

from genlab import api
from genlab.walks import finish
from tests.browser.test_diffusion import paint


def open_panel(visitor, name, query=""):
    """Open a panel of the tab Studio, or what ``query`` brings."""
    page = visitor.page
    if query:
        page.goto(urljoin(visitor.url, query), wait_until="domcontentloaded")
    else:
        visitor.open_tab("Studio")
    page.locator("#studio-model").wait_for()
    if name is not None:
        visitor.open_tab(name)


def draw(visitor, panel):
    """Press Draw and wait for new pictures: the files that the page shows."""
    page = visitor.page
    page.locator(f"#{panel}-run").click()
    page.locator(f"#{panel}-said", has_text=" s").wait_for()
    page.locator(f"#{panel}-gallery img").first.wait_for()
    page.wait_for_function(f"document.querySelector('#{panel}-stop').disabled")
    sources = page.locator(f"#{panel}-gallery img").evaluate_all("all => all.map(e => e.src)")
    return [urllib.request.urlopen(source).read() for source in sources]


def drop(visitor, name, data):
    """Drop a file on the field that restores, as a hand with a mouse does."""
    page = visitor.page
    transfer = page.evaluate_handle(
        """([name, bytes]) => {
            const transfer = new DataTransfer();
            const type = name.endsWith(".png") ? "image/png" : "application/json";
            transfer.items.add(new File([new Uint8Array(bytes)], name, {type}));
            return transfer;
        }""",
        [name, list(data)],
    )
    page.locator("#studio-restore button").first.dispatch_event("drop", {"dataTransfer": transfer})
    page.locator("#studio-note", has_text="Restored").wait_for()


def pixels(data):
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB"), int)


def set_number(visitor, panel, label, value):
    visitor.fill(label, value, f"#{panel}-knobs")


def test_words_become_pictures_that_bring_themselves_back(visit):
    visitor = visit()
    open_panel(visitor, "Text to image")
    page = visitor.page
    visitor.type(page.locator("#text-prompt textarea"), "a green two on a white background")
    visitor.type(page.locator("#text-n input[type=number]"), "2")
    visitor.type(page.locator("#text-seed input"), "7")
    page.locator("#text-seed input").press("Tab")
    page.wait_for_timeout(300)
    files = draw(visitor, "text")
    expected = finish(api.text_to_image(prompt="a green two on a white background", n=2, seed=7))
    assert len(files) == 2
    for data, image in zip(files, expected.pictures, strict=True):
        assert np.array_equal(pixels(data), np.asarray(image, int))
    page.get_by_role("button", name="Recipe").click()
    query = page.locator("#text-link a").get_attribute("href")

    # A file drawn here brings its setting back to another visitor.
    other = visit()
    open_panel(other, "Grid")
    drop(other, "two.png", files[1])
    assert other.page.locator("#text-prompt textarea").input_value() == "a green two on a white background"
    assert other.page.locator("#text-seed input").input_value() == "8"
    (again,) = draw(other, "text")
    assert abs(pixels(again) - pixels(files[1])).max() <= 1

    # So does a link.
    third = visit()
    open_panel(third, None, query)
    third.page.locator("#studio-note", has_text="As in the link").wait_for()
    assert third.page.locator("#text-seed input").input_value() == "7"
    assert np.array_equal(pixels(draw(third, "text")[0]), pixels(files[0]))


def test_a_painted_mask_is_drawn_anew(visit):
    visitor = visit()
    open_panel(visitor, "Inpaint")
    page = visitor.page
    page.locator("#hole-run").click()
    page.locator("#hole-note", has_text="Nothing is painted yet").wait_for()
    paint(visitor, "#hole-pad")
    files = draw(visitor, "hole")
    spread = np.stack([pixels(data) for data in files]).std(0).mean(2)
    assert spread[12:20, 14:18].mean() > 3 * spread[:, :6].mean(), "only what was painted over"


def test_the_outline_is_shown_before_it_is_followed(visit):
    visitor = visit()
    open_panel(visitor, "Control")
    page = visitor.page
    outline = page.locator("#control-edges img")
    outline.wait_for()
    before = outline.get_attribute("src")
    visitor.type(page.locator("#control-thresholds input[type=number]").first, "255")
    page.locator("#control-thresholds input[type=number]").first.press("Tab")
    page.locator("#control-edges", has_text="low is 255; it must not be above high").wait_for()
    visitor.type(page.locator("#control-thresholds input[type=number]").first, "0")
    page.locator("#control-thresholds input[type=number]").first.press("Tab")
    outline.wait_for()
    assert outline.get_attribute("src") is not None and before is not None
    files = draw(visitor, "control")
    assert len(files) == 4
    low = page.locator("#control-thresholds input[type=number]").first
    visitor.type(low, "90")
    drop(visitor, "one.png", files[0])
    page.wait_for_function("e => e.value === '0'", arg=low.element_handle())
    page.locator("#studio-note", has_text="Bring its outline again").wait_for()


def test_image_to_image_slides_from_before_to_after(visit):
    visitor = visit()
    open_panel(visitor, "Image to image")
    files = draw(visitor, "image")
    visitor.page.locator("#image-slider img").first.wait_for()
    assert len(files) == 4 and visitor.page.locator("#image-slider img").count() == 2


def run_and_stop(visitor, panel, sign):
    """Begin the longest run of a picture that mini-SD offers, and press Stop at the first ``sign`` of it."""
    page = visitor.page
    set_number(visitor, panel, "number input for steps", "150")
    page.locator(f"#{panel}-knobs").get_by_role("button", name="Size and more").click()
    for edge in ("width", "height"):
        set_number(visitor, panel, edge, "96")
    page.locator(f"#{panel}-run").click()
    page.wait_for_function(  # at once: between two messages to a browser on a busy machine, a run may end
        """([sign, stop]) => {
            const begun = document.querySelector(sign) && !document.querySelector(stop).disabled;
            if (begun) document.querySelector(stop).click();
            return begun;
        }""",
        arg=[f"#{panel}-note {sign}", f"#{panel}-stop"],
    )
    page.locator(f"#{panel}-note", has_text="Stopped.").wait_for()


def test_stop_ends_a_run_and_the_page_goes_on(visit):
    visitor = visit()
    open_panel(visitor, "Text to image")
    visitor.type(visitor.page.locator("#text-n input[type=number]"), "8")
    run_and_stop(visitor, "text", "img")  # it forms
    set_number(visitor, "text", "number input for steps", "2")
    assert len(draw(visitor, "text")) == 8


def test_a_sweep_on_a_narrow_page(visit):
    visitor = visit(400)
    open_panel(visitor, "Guidance sweep")
    (sheet,) = draw(visitor, "sweep")
    assert Image.open(io.BytesIO(sheet)).width > 5 * 128
    assert visitor.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_sheet_brings_its_axes_back(visit):
    visitor = visit()
    open_panel(visitor, "Grid")
    page = visitor.page
    visitor.type(page.locator("#grid-x-values textarea, #grid-x-values input").first, "1, 4")
    visitor.type(page.locator("#grid-y-values textarea, #grid-y-values input").first, "3, 5")
    visitor.type(page.locator("#grid-prompt textarea"), "a blue three")
    (sheet,) = draw(visitor, "grid")
    page.get_by_role("button", name="Recipe").click()
    query = page.locator("#grid-link a").get_attribute("href")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").last.click()
    written = download.value.path().read_bytes()

    other = visit()
    for come_back in (
        lambda: (open_panel(other, "Text to image"), drop(other, "recipe.json", written)),
        lambda: (open_panel(other, "Text to image"), drop(other, "sheet.png", sheet)),
        lambda: open_panel(other, None, query),
    ):
        come_back()
        other.page.locator("#grid-run").wait_for()
        values = other.page.locator("#grid-x-values textarea, #grid-x-values input").first
        other.page.wait_for_function("e => e.value === '1, 4'", arg=values.element_handle())
        assert other.page.locator("#grid-prompt textarea").input_value() == "a blue three"
        visitor.type(values, "7")
    visitor.type(values, "1, 4")
    assert np.array_equal(pixels(draw(other, "grid")[0]), pixels(sheet))
