"""Addresses: what is set stands in them, comes back from them, and is run where they say so."""

import json
from typing import Any

from playwright.sync_api import Page

from genlab import api


def address(page: Page, text: str) -> None:
    """Wait until the page's address ends so."""
    page.wait_for_function("text => decodeURIComponent(location.href).endsWith(text)", arg=text)


def link(page: Page) -> str:
    return page.locator("#dock-link").locator("input, textarea").first.input_value()


def test_a_setting_is_sent_on(visit: Any, server: str) -> None:
    """One visitor turns a knob and copies the link; another opens it and sees the same picture drawn."""
    first = visit()
    page = first.page
    first.open_tab("Diffusion")
    address(page, "?tab=diffusion/noising")
    first.open_tab("Reverse")
    address(page, "?tab=diffusion/reverse")
    first.type(page.get_by_label("number input for steps").locator("visible=true").first, "4")
    first.type(page.locator("#reverse-seed input"), "7")
    address(page, "?tab=diffusion/reverse&seed=7&steps=4")
    page.locator("#call-diffusion-reverse").click()
    page.locator("#dock-python", has_text="steps=4").wait_for()
    assert link(page) == f"{server}?tab=diffusion/reverse&seed=7&steps=4"
    first.type(page.locator("#reverse-seed input"), "8")  # an open dock follows
    page.locator("#dock-python", has_text="seed=8").wait_for()
    sent = link(page)
    page.locator("#dock-more button").first.click()
    page.locator("#dock-receipt", has_text="weights").wait_for()
    page.locator("#reverse-run").click()
    page.locator("#reverse-shown", has_text="the finished picture").wait_for()
    picture = page.locator("#reverse-shown img").first.get_attribute("src")
    first.open_tab("Duel")
    address(page, "?tab=diffusion/duel")
    page.locator("#dock").wait_for(state="hidden")

    second = visit(query=sent.removeprefix(server) + "&run")
    page = second.page
    page.locator("#reverse-shown", has_text="the finished picture").wait_for()
    assert page.locator("#reverse-seed input").input_value() == "8"
    assert page.locator("#reverse-shown img").first.get_attribute("src") == picture


def test_links_to_panels_that_follow_their_inputs(visit: Any) -> None:
    """What has no Run is shown as the link says; a bad link says what is wrong with it."""
    page = visit(query="?tab=diffusion/noising&t=700&index=4").page
    page.locator("#noise-shown", has_text="x700").wait_for()
    page.wait_for_function("!document.querySelector('#noise-shown .gl-ways img').alt.includes('undefined')")
    page = visit(query="?tab=latent-space/arithmetic&plus=3&minus=5&index=12").page
    page.locator("#arithmetic-shown", has_text="mean of 3s").first.wait_for()
    page.locator("#arithmetic-chosen", has_text=f"test digit, a {api.digit(12).label}").wait_for()
    page = visit(query="?tab=compare&families=flow,cgan&digit=4").page
    page.locator("#card-cgan").wait_for()
    page.locator("#card-vae").wait_for(state="hidden")
    page = visit(query="?tab=diffusion/reverse&steps=many&seed=5&eta=9&run").page
    said = page.locator("#arrived", has_text="The link cannot be followed in full: steps is 'many'")
    said.filter(has_text="The link cannot be followed in full: eta is 9").wait_for()
    page.wait_for_function("document.querySelector('#reverse-seed input')?.value === '5'")
    page.wait_for_timeout(3000)
    assert "run" in page.url and not page.locator("#reverse-shown img").count(), "not what was meant"


def test_a_visitors_picture_is_in_the_receipt(visit: Any, tmp_path: Any) -> None:
    from PIL import Image, ImageDraw

    ink = Image.new("L", (28, 28))
    ImageDraw.Draw(ink).line((8, 6, 20, 22), fill=255, width=3)
    ink.save(tmp_path / "mine.png")
    visitor = visit()
    page = visitor.page
    visitor.open_tab("Diffusion")
    visitor.open_tab("Image to image")
    visitor.type(page.locator("#vary-knobs").get_by_label("number input for strength"), "0.4")
    page.locator("#vary-chosen img").wait_for()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Upload a picture").locator("visible=true").first.click()
    chooser.value.set_files(tmp_path / "mine.png")
    page.locator("#vary-chosen", has_text="your picture").wait_for()
    page.locator("#call-diffusion-image-to-image").click()
    page.locator("#dock-python", has_text='handle_file("picture.png")').wait_for()
    page.locator("#dock-note", has_text="not in the link").wait_for()
    page.locator("#dock-more button").first.click()
    with page.expect_download() as download:
        page.locator("#dock-receipt").get_by_role("link").or_(
            page.locator("#dock-receipt").get_by_label("Download")
        ).first.click()
    receipt = json.loads(download.value.path().read_text())
    arguments = receipt["calls"][0]["arguments"]
    assert arguments["strength"] == 0.4 and arguments["picture"]["png"] and receipt["weights"]["ddpm"]


def length(page: Page) -> int:
    return page.evaluate("history.length")


def test_back_goes_to_the_panel_before(visit: Any) -> None:
    """Back and Forward walk through the panels as they were set; a turned knob is no step of the way."""
    visitor = visit()
    page = visitor.page
    came, entries = page.url, length(page)
    visitor.open_tab("Diffusion")
    address(page, "?tab=diffusion/noising")
    index = page.locator("#noise-index input")
    visitor.type(index, "4")
    address(page, "?tab=diffusion/noising&index=4")
    visitor.open_tab("Reverse")
    address(page, "?tab=diffusion/reverse")
    visitor.type(page.locator("#reverse-seed input"), "8")
    address(page, "?tab=diffusion/reverse&seed=8")
    assert length(page) == entries + 2

    visitor.open_tab("Noising")
    address(page, "?tab=diffusion/noising&index=4")
    visitor.type(index, "5")
    address(page, "?tab=diffusion/noising&index=5")
    visitor.open_tab("Leaderboard")
    page.wait_for_function("location.search.startsWith('?tab=leaderboard')")
    left = length(page)

    page.go_back()
    index.wait_for(state="visible")
    address(page, "?tab=diffusion/noising&index=5")
    page.go_back()
    page.locator("#reverse-run").wait_for(state="visible")
    address(page, "?tab=diffusion/reverse&seed=8")
    assert page.locator("#reverse-seed input").input_value() == "8"
    page.go_back()
    page.wait_for_function("document.querySelector('#noise-index input').value == '4'")  # as it was then
    index.wait_for(state="visible")
    address(page, "?tab=diffusion/noising&index=4")
    page.go_back()
    page.locator("#families").wait_for(state="visible")
    assert page.url == came
    page.go_forward()
    index.wait_for(state="visible")
    assert index.input_value() == "4"
    page.go_forward()
    page.locator("#reverse-run").wait_for(state="visible")
    address(page, "?tab=diffusion/reverse&seed=8")
    assert length(page) == left  # what was restored has not been written as something new


def test_a_link_without_a_place_is_of_the_first_one(visit: Any) -> None:
    visitor = visit(query="?families=vae,gan&digits=7")
    page = visitor.page
    page.locator("#card-ddpm").wait_for(state="hidden")
    visitor.wait_drawn("gan")
    assert "tells 'digits', but nothing here is called so" in page.locator("#arrived").inner_text()
    visitor.type(page.locator("#seed input"), "3")
    page.wait_for_url("**/?tab=compare&families=vae,gan&seed=3")


def test_what_was_wrong_with_a_link_goes(visit: Any) -> None:
    for way in ("a place", "a control", "a run"):
        visitor = visit(query="?tab=diffusion/reverse&steps=many")
        page = visitor.page
        page.locator("#arrived", has_text="steps is 'many'").wait_for()
        page.locator("#reverse-run").wait_for(state="visible")
        if way == "a place":
            visitor.open_tab("Duel")
        elif way == "a run":
            page.locator("#reverse-run").click()
        else:
            visitor.type(page.locator("#reverse-seed input"), "3")
        page.locator("#arrived .gl-note").wait_for(state="detached")


def test_a_training_is_sent_on(visit: Any) -> None:
    """Its knobs are in the link, which shows them; nobody else's training begins."""
    visitor = visit(query="?tab=compare&families=vae,gan&gan.train.steps=60&gan.train.loss=minimax")
    page = visitor.page
    steps = page.locator("#train-gan").get_by_label("steps", exact=True)
    steps.wait_for(state="visible")
    assert steps.input_value() == "60" and not page.locator("#stop-gan").is_visible()
    page.locator("#train-gan").get_by_role("button", name="More knobs").click()
    assert page.locator("#train-gan").get_by_label("minimax", exact=True).is_checked()
    assert not page.locator("#train-vae").get_by_label("start").first.is_visible()
    visitor.type(steps, "80")
    page.wait_for_url("**&gan.train.steps=80&gan.train.loss=minimax")
