"""The tab Diffusion: noising answers every move, the reverse process can be walked through."""

import io

import numpy as np
from PIL import Image

from genlab import api


def open_panel(visitor, name):
    """Open a panel of the tab Diffusion."""
    visitor.open_tab("Diffusion")
    visitor.page.locator("#noise-t").wait_for()
    visitor.open_tab(name)


def shown(visitor):
    return visitor.page.locator("#noise-shown").inner_text()


def pictures(visitor, selector):
    return visitor.page.locator(f"{selector} img").evaluate_all("all => all.map(e => e.src)")


def drop_picture(visitor, name, data):
    """Hand a file to the upload button, as a visitor who picks it."""
    with visitor.page.expect_file_chooser() as chosen:
        visitor.page.get_by_role("button", name="Upload a picture").click()
    chosen.value.set_files({"name": name, "mimeType": "image/png", "buffer": data})


def paint(visitor, pad):
    """A stroke from top to bottom in the middle of a drawing pad."""
    page = visitor.page
    canvas = page.locator(f"{pad} canvas").first
    canvas.wait_for()
    page.wait_for_timeout(1000)  # the pad sizes itself
    page.locator(pad).get_by_role("button", name="Brush", exact=True).click()
    page.wait_for_timeout(500)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"]
    page.mouse.move(x, y + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(x, y + 0.7 * box["height"], steps=10)
    page.mouse.up()
    page.wait_for_timeout(500)


def test_noising_follows_t_the_schedule_and_the_picture(visit):
    visitor = visit()
    open_panel(visitor, "Noising")
    page = visitor.page
    page.locator("#noise-shown .gl-plots").wait_for()
    first = pictures(visitor, "#noise-shown")
    assert "0.886" in shown(visitor) and "301 steps" in shown(visitor)  # cosine, t = 300
    visitor.type(page.locator("#noise-t input[type=number]"), "600")
    page.locator("#noise-t input[type=number]").press("Enter")
    page.locator("#noise-shown", has_text="chain, 601 steps").wait_for()
    page.locator("#noise-schedule").get_by_label("linear", exact=True).check()
    page.locator("#noise-shown", has_text="0.160").wait_for()  # sqrt(alpha_bar_600), linear
    visitor.type(page.locator("#noise-seed input"), "-1")
    page.locator("#noise-seed input").press("Tab")
    page.locator("#noise-note", has_text="seed is -1").wait_for()
    visitor.type(page.locator("#noise-seed input"), "0")
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
    paint(visitor, "#noise-pad")
    page.locator("#noise-draw").click()
    page.locator("#noise-shown", has_text="Your picture: brought from 280x280 to 28x28").wait_for()


def test_the_reverse_process_is_walked_through(visit):
    visitor = visit(400)
    open_panel(visitor, "Reverse")
    page = visitor.page
    page.locator("#reverse-run").click()
    page.locator("#reverse-shown", has_text="the finished picture").wait_for()
    assert len(pictures(visitor, "#reverse-shown")) == 2
    visitor.type(page.locator("#reverse-step input[type=number]"), "0")
    page.locator("#reverse-step input[type=number]").press("Enter")
    page.locator("#reverse-shown", has_text="t = 999").wait_for()
    assert len(pictures(visitor, "#reverse-shown")) == 4
    page.locator("#reverse-files", has_text="gif").wait_for()
    page.locator("#reverse-play").click()
    page.locator("#reverse-shown", has_text="the finished picture").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    visitor.type(page.locator("#reverse-knobs").get_by_label("number input for steps"), "1000")
    page.locator("#reverse-run").click()
    page.locator("#reverse-note [aria-valuenow]").wait_for()
    page.locator("#reverse-stop").click()
    page.locator("#reverse-note", has_text="Stopped").wait_for()
    page.locator("#reverse-shown", has_text="of 50").wait_for()


def test_a_duel_shows_both_and_what_is_chance(visit):
    visitor = visit(400)
    open_panel(visitor, "Duel")
    page = visitor.page
    for side in "AB":
        steps = page.locator(f"#duel-{side}").get_by_label("number input for steps")
        visitor.type(steps, "5")
        steps.press("Enter")
    page.locator("#duel-run").click()
    page.locator("#duel-shown", has_text="ddpm, 5 steps").wait_for()
    assert len(set(pictures(visitor, "#duel-shown"))) == 2
    page.locator("#duel-repeat").click()
    text = page.locator("#duel-shown", has_text="8 runs from one start").inner_text()
    spreads = [float(line.rsplit(" ", 1)[1]) for line in text.splitlines() if "mean distance" in line]
    assert spreads[0] == 0 and spreads[1] > 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
    visitor.type(page.locator("#duel-seed input"), "-3")
    page.locator("#duel-run").click()
    page.locator("#duel-note", has_text="seed is -3").wait_for()


def test_guidance_is_swept_and_taken_apart(visit):
    visitor = visit(1400)
    open_panel(visitor, "Guidance")
    page = visitor.page
    page.locator("#curve-guidance-shown svg").first.wait_for()
    knobs = page.locator("#guidance-knobs")
    for label, value in (("steps", "4"), ("guidance", "3")):
        visitor.type(knobs.get_by_label(f"number input for {label}"), value)
        knobs.get_by_label(f"number input for {label}").press("Enter")
    visitor.type(page.locator("#guidance-scales textarea"), "0, 1, 7")
    page.locator("#guidance-run").click()
    page.locator("#guidance-shown", has_text="w = 7").wait_for()
    assert len(set(pictures(visitor, "#guidance-shown"))) == 3
    page.locator("#guidance-parts", has_text="step 2 of 4").wait_for()
    seen = pictures(visitor, "#guidance-parts")
    assert len(set(seen)) == 5 and "w = 3" in page.locator("#guidance-parts").inner_text()
    visitor.type(page.locator("#guidance-step input[type=number]"), "4")
    page.locator("#guidance-step input[type=number]").press("Enter")
    page.locator("#guidance-parts", has_text="step 4 of 4").wait_for()
    assert set(pictures(visitor, "#guidance-parts")).isdisjoint(seen)
    visitor.type(page.locator("#guidance-scales textarea"), "zero")
    page.locator("#guidance-run").click()
    page.locator("#guidance-note", has_text="scales is 'zero'").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1400


def test_a_curve_is_measured_and_stopped(visit):
    visitor = visit()
    open_panel(visitor, "Steps")
    page = visitor.page
    page.locator("#curve-steps-shown", has_text="shipped weights").wait_for()
    assert page.locator("#curve-steps-shown svg").count() == 3
    visitor.type(page.locator("#curve-steps-n input[type=number]"), "50")
    page.locator("#curve-steps-n input[type=number]").press("Enter")
    for count in ("5", "10", "20"):
        page.get_by_label(count, exact=True).uncheck()
    page.locator("#curve-steps-measure").click()
    page.locator("#curve-steps-shown", has_text="N = 50").wait_for()
    page.locator("#curve-steps-progress .gl-progress").wait_for(state="hidden")
    page.get_by_text("All figures").first.click()
    assert page.locator("#curve-steps-shown tbody tr").count() == 2
    page.get_by_label("1000", exact=True).check()
    page.locator("#curve-steps-measure").click()
    page.locator("#curve-steps-progress [aria-valuenow]").wait_for()
    page.locator("#curve-steps-stop").click()
    page.locator("#curve-steps-note", has_text="Stopped").wait_for()
    page.get_by_label("1000", exact=True).uncheck()
    page.get_by_label("2", exact=True).uncheck()
    page.locator("#curve-steps-measure").click()
    page.locator("#curve-steps-note", has_text="steps is []").wait_for()


def test_between_two_starts(visit):
    visitor = visit()
    open_panel(visitor, "Interpolate")
    page = visitor.page
    visitor.type(page.locator("#between-knobs").get_by_label("number input for steps"), "3")
    page.locator("#between-run").click()
    page.locator("#between-shown", has_text="linear").wait_for()
    seen = pictures(visitor, "#between-shown")
    assert len(seen) == 18 and seen[0] == seen[9] and seen[8] == seen[17] and seen[4] != seen[13]
    visitor.type(page.locator("#between-other input"), "-1")
    page.locator("#between-run").click()
    page.locator("#between-note", has_text="other_seed is -1").wait_for()


def test_a_digit_is_inverted(visit):
    visitor = visit()
    open_panel(visitor, "Invert")
    page = visitor.page
    labels = api.dataset("test").labels.tolist()  # the server has the same data
    other = next(i for i, label in enumerate(labels) if label != labels[0])
    page.locator("#invert-chosen", has_text=f"test digit, a {labels[0]}").wait_for()
    visitor.type(page.locator("#invert-index input"), str(other))
    page.locator("#invert-index input").press("Tab")
    page.locator("#invert-chosen", has_text=f"test digit, a {labels[other]}").wait_for()
    page.locator("#invert-run").click()
    page.locator("#invert-shown", has_text="root mean square").wait_for()
    assert len(set(pictures(visitor, "#invert-shown"))) == 4
    assert pictures(visitor, "#invert-shown")[0] == pictures(visitor, "#invert-chosen")[0]
    visitor.type(page.locator("#invert-index input"), "-5")
    page.locator("#invert-index input").press("Tab")
    page.locator("#invert-note", has_text="test digit is -5").wait_for()
    page.locator("#invert-run").click()
    page.locator("#invert-stop:disabled").wait_for()
    page.locator("#invert-note", has_text="test digit is -5").wait_for()


def test_a_part_is_drawn_anew(visit):
    visitor = visit()
    open_panel(visitor, "Inpaint")
    page = visitor.page
    page.locator("#inpaint-chosen img").wait_for()
    visitor.type(page.locator("#inpaint-knobs").get_by_label("number input for steps"), "3")
    page.locator("#inpaint-run").click()
    page.locator("#inpaint-shown", has_text="completed").wait_for()
    half = pictures(visitor, "#inpaint-shown")
    page.get_by_label("painted", exact=True).check()
    page.locator("#inpaint-run").click()
    page.locator("#inpaint-note", has_text="The mask is empty").wait_for()
    page.get_by_label("right half", exact=True).check()
    page.get_by_role("button", name="Paint the mask").click()
    paint(visitor, "#inpaint-mask")
    page.wait_for_function("document.querySelector('#inpaint-region input[value=painted]').checked")
    page.locator("#inpaint-run").click()
    page.locator("#inpaint-note .gl-note").wait_for(state="hidden")
    page.wait_for_function("old => document.querySelector('#inpaint-shown img').src !== old", arg=half[0])
    assert set(pictures(visitor, "#inpaint-shown")).isdisjoint(half)


def test_a_digit_is_varied(visit):
    visitor = visit(400)
    open_panel(visitor, "Image to image")
    page = visitor.page
    page.locator("#vary-chosen img").wait_for()
    visitor.type(page.locator("#vary-knobs").get_by_label("number input for strength"), "0")
    page.locator("#vary-run").click()
    page.locator("#vary-shown", has_text="strength 0").wait_for()
    kept = pictures(visitor, "#vary-shown")
    visitor.type(page.locator("#vary-knobs").get_by_label("number input for strength"), "0.8")
    page.locator("#vary-run").click()
    page.locator("#vary-shown", has_text="strength 0.8").wait_for()
    assert pictures(visitor, "#vary-shown")[1] != kept[1]
    assert page.evaluate("document.documentElement.scrollWidth") <= 400
