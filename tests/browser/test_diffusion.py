"""The tab Diffusion: noising answers every move, the reverse process can be walked through."""

import io

import numpy as np
from PIL import Image


def open_panel(visitor, name):
    visitor.page.get_by_role("tab", name="Diffusion").click()
    visitor.page.get_by_role("tab", name=name).click()


def shown(visitor):
    return visitor.page.locator("#noise-shown").inner_text()


def pictures(visitor, selector):
    return visitor.page.locator(f"{selector} img").evaluate_all("all => all.map(e => e.src)")


def drop_picture(visitor, name, data):
    """Hand a file to the upload button, as a visitor who picks it."""
    with visitor.page.expect_file_chooser() as chosen:
        visitor.page.get_by_role("button", name="Upload a picture").click()
    chosen.value.set_files({"name": name, "mimeType": "image/png", "buffer": data})


def test_noising_follows_t_the_schedule_and_the_picture(visit):
    visitor = visit()
    open_panel(visitor, "Noising")
    page = visitor.page
    page.locator("#noise-shown .gl-plots").wait_for()
    first = pictures(visitor, "#noise-shown")
    assert "0.886" in shown(visitor) and "301 steps" in shown(visitor)  # cosine, t = 300
    page.locator("#noise-t input[type=number]").fill("600")
    page.locator("#noise-t input[type=number]").press("Enter")
    page.locator("#noise-shown", has_text="chain, 601 steps").wait_for()
    page.locator("#noise-schedule").get_by_label("linear", exact=True).check()
    page.locator("#noise-shown", has_text="0.160").wait_for()  # sqrt(alpha_bar_600), linear
    page.locator("#noise-seed input").fill("-1")
    page.locator("#noise-seed input").press("Tab")
    page.locator("#noise-note", has_text="seed is -1").wait_for()
    page.locator("#noise-seed input").fill("0")
    page.locator("#noise-seed input").press("Tab")
    page.locator("#noise-note .gl-note").wait_for(state="hidden")

    sheet = np.full((200, 300), 255, np.uint8)
    sheet[20:180, 140:160] = 0  # a one, dark on white
    buffer = io.BytesIO()
    Image.fromarray(sheet).save(buffer, "PNG")
    drop_picture(visitor, "one.png", buffer.getvalue())
    page.locator("#noise-shown", has_text="inverted to white on black").wait_for()
    assert pictures(visitor, "#noise-shown")[2] != first[2]
    drop_picture(visitor, "not.png", b"hello")
    page.locator("#noise-note", has_text="no picture").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1400


def test_a_drawing_is_taken(visit):
    visitor = visit()
    open_panel(visitor, "Noising")
    page = visitor.page
    page.locator("#noise-shown .gl-plots").wait_for()
    page.get_by_role("button", name="Draw a digit").click()
    canvas = page.locator("#noise-pad canvas").first
    canvas.wait_for()
    page.wait_for_timeout(1000)  # the pad sizes itself
    page.get_by_role("button", name="Brush").click()
    page.wait_for_timeout(500)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"]
    page.mouse.move(x, y + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(x, y + 0.7 * box["height"], steps=10)
    page.mouse.up()
    page.wait_for_timeout(500)
    page.locator("#noise-draw").click()
    page.locator("#noise-shown", has_text="Your picture: brought from 280x280 to 28x28").wait_for()


def test_the_reverse_process_is_walked_through(visit):
    visitor = visit(400)
    open_panel(visitor, "Reverse")
    page = visitor.page
    page.locator("#reverse-run").click()
    page.locator("#reverse-shown", has_text="the finished picture").wait_for()
    assert len(pictures(visitor, "#reverse-shown")) == 2
    page.locator("#reverse-step input[type=number]").fill("0")
    page.locator("#reverse-step input[type=number]").press("Enter")
    page.locator("#reverse-shown", has_text="t = 999").wait_for()
    assert len(pictures(visitor, "#reverse-shown")) == 4
    page.locator("#reverse-files", has_text="gif").wait_for()
    page.locator("#reverse-play").click()
    page.locator("#reverse-shown", has_text="the finished picture").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_duel_shows_both_and_what_is_chance(visit):
    visitor = visit(400)
    open_panel(visitor, "Duel")
    page = visitor.page
    for side in "AB":
        steps = page.locator(f"#duel-{side}").get_by_label("number input for steps")
        steps.fill("5")
        steps.press("Enter")
    page.locator("#duel-run").click()
    page.locator("#duel-shown", has_text="ddpm, 5 steps").wait_for()
    assert len(set(pictures(visitor, "#duel-shown"))) == 2
    page.locator("#duel-repeat").click()
    text = page.locator("#duel-shown", has_text="8 runs from one start").inner_text()
    spreads = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if "mean distance" in line]
    assert spreads[0] == 0 and spreads[1] > 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    page.locator("#duel-seed input").fill("-3")
    page.locator("#duel-run").click()
    page.locator("#duel-note", has_text="seed is -3").wait_for()
