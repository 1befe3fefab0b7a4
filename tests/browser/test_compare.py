"""The tab Compare in a real browser."""

import pytest

from genlab.models import MODELS

FAMILIES = ("vae", "gan", "wgan_gp", "ddpm")


def train_vae(visitor, steps, lr=None):
    visitor.open_fold("vae", "Train")
    visitor.fill("steps", str(steps), "#train-vae")
    if lr is not None:
        visitor.fill("lr", lr, "#train-vae")
    visitor.page.locator("#start-vae").click()


def wait_state(visitor, state):
    visitor.page.locator(f"#live-vae [data-state={state}]").wait_for()


def test_page_opens_with_pictures(visit):
    visitor = visit()
    visitor.wait_ready()
    for name in FAMILIES:
        assert len(set(visitor.pixels(name))) > 2, name
    visitor.page.locator("#status", has_text="MNIST").wait_for()


def test_seed_decides_the_pictures(visit):
    visitor = visit()
    visitor.wait_ready()
    before = {name: visitor.pixels(name) for name in FAMILIES}
    for seed, same in (("7", False), ("0", True)):
        visitor.fill("seed", seed, "#seed")
        visitor.page.evaluate(
            "document.querySelectorAll('.gl-chips').forEach(e => e.setAttribute('data-old', '1'))"
        )
        visitor.page.locator("#sample-all").click()
        visitor.page.wait_for_function(
            "document.querySelectorAll('.gl-chips[data-drawn]:not([data-old])').length == 4"
        )
        visitor.page.wait_for_timeout(500)
        for name in FAMILIES:
            assert (visitor.pixels(name) == before[name]) is same, name


def test_training_stops_serves_and_downloads(visit):
    visitor, other = visit(), visit()
    visitor.wait_ready()
    other.wait_ready()
    theirs = other.pixels("vae")
    train_vae(visitor, 5000)
    visitor.page.locator("#live-vae", has_text="images/s").wait_for()
    assert visitor.page.locator("#live-vae svg").count() > 0
    visitor.page.locator("#stop-vae").click()
    wait_state(visitor, "stopped")
    visitor.page.locator("#files-vae a[download='model.safetensors']").wait_for()
    visitor.page.locator("#files-vae a[download='config.json']").wait_for()
    visitor.page.locator("#chips-vae", has_text="trained here").wait_for()
    # The other visitor still has the shipped model
    assert other.sample("vae") == theirs
    assert "trained here" not in other.page.locator("#chips-vae").inner_text()
    # and the way back leads there
    visitor.page.locator("#back-vae").click()
    visitor.page.wait_for_function("!document.querySelector('#chips-vae').innerText.includes('trained here')")
    assert visitor.sample("vae") == theirs


def test_training_to_the_end_shows_a_preview(visit):
    visitor = visit()
    visitor.wait_ready()
    train_vae(visitor, 12)
    wait_state(visitor, "finished")
    assert visitor.page.locator("#live-vae img").count() == 1
    assert "12 steps" in visitor.page.locator("#chips-vae", has_text="trained here").inner_text()


def test_empty_knob_is_said_in_one_sentence(visit):
    visitor = visit()
    visitor.wait_ready()
    train_vae(visitor, 10, lr="")
    wait_state(visitor, "refused")
    said = visitor.page.locator("#live-vae").inner_text()
    assert said.startswith("lr is ") and "1e-06" in said and "Traceback" not in said
    assert visitor.page.locator("#start-vae").is_enabled()


def test_bad_seed_is_said_in_the_cards(visit):
    visitor = visit()
    visitor.wait_ready()
    visitor.fill("seed", "-1", "#seed")
    visitor.page.locator("#sample-gan").click()
    visitor.page.locator("#note-gan", has_text="seed is -1; it must be").wait_for()


def test_python_fold_follows_the_controls(visit):
    visitor = visit()
    visitor.wait_ready()
    visitor.fill("seed", "42", "#seed")
    visitor.open_fold("ddpm", "Use from Python")
    code = visitor.page.locator("#python-ddpm", has_text="seed=42").inner_text()
    knobs = MODELS["ddpm"].Sampling()
    assert 'model="ddpm"' in code and f"steps={knobs.steps}" in code and visitor.url in code


def test_pictures_of_earlier_settings_say_so(visit):
    """Until they are drawn anew; a family that is chosen draws with the present ones at once."""
    visitor = visit()
    visitor.wait_ready()
    page = visitor.page
    visitor.type(page.locator("#seed input[type=number]"), "7")
    for name in FAMILIES:
        page.locator(f"#earlier-{name}", has_text="earlier settings").wait_for()
    page.locator("#sample-gan").click()
    page.locator("#picture-gan img[alt='16 digits drawn by GAN, seed 7']").wait_for()
    assert not page.locator("#earlier-gan").is_visible()
    assert page.locator("#earlier-vae").is_visible()
    page.locator("#sample-all").click()
    page.locator("#picture-ddpm img[alt='16 digits drawn by DDPM, seed 7']").wait_for()
    choose(page, "DCGAN")
    page.locator("#picture-dcgan img[alt='16 digits drawn by DCGAN, seed 7']").wait_for()
    assert not page.locator("[data-earlier]").count()
    visitor.open_fold("vae", "Train")
    visitor.fill("steps", "50", "#train-vae")  # which draws nothing
    page.wait_for_url("**vae.train.steps=50*")
    assert not page.locator("[data-earlier]").count()


@pytest.mark.parametrize("width", [400, 1400])
def test_no_sideways_scroll(visit, width):
    visitor = visit(width)
    visitor.wait_ready()
    for name in FAMILIES:
        for title in ("Sampling", "Train", "Quality", "Is it copying?", "Use from Python"):
            visitor.open_fold(name, title)
    visitor.page.wait_for_timeout(1000)
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= width


def shown(page):
    return page.locator("[id^=card-]").evaluate_all("all => all.map(e => e.id.slice(5))")


def choose(page, *titles):
    for title in titles:
        page.locator("#families input").click()
        page.get_by_role("option", name=title, exact=True).click()


def remove(page, title):
    token = page.locator("#families .token").filter(has=page.get_by_text(title, exact=True))
    token.get_by_role("button").click()


def test_two_to_six_families_stand_side_by_side(visit):
    visitor = visit()
    page = visitor.page
    visitor.wait_ready()
    assert shown(page) == ["vae", "gan", "wgan_gp", "ddpm"]
    choose(page, "Autoencoder", "Flow matching")
    visitor.wait_drawn("autoencoder")
    visitor.wait_drawn("flow")
    assert shown(page) == ["autoencoder", "vae", "gan", "wgan_gp", "ddpm", "flow"]
    choose(page, "WGAN")
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    assert "wgan" not in shown(page), "six are enough"
    for title in ("VAE", "WGAN-GP", "DDPM", "Flow matching"):
        remove(page, title)
    page.locator("#card-flow").wait_for(state="detached")
    assert shown(page) == ["autoencoder", "gan"]
    page.locator("#sample-all").click()
    page.wait_for_timeout(300)
    for name in ("autoencoder", "gan"):
        visitor.wait_drawn(name)
    remove(page, "GAN")
    page.locator("#families-note", has_text="2 to 6").wait_for()
    assert shown(page) == ["autoencoder", "gan"], "the last good choice stays"


def test_the_address_of_a_training_shows_its_family(visit):
    visitor, other = visit(), visit(400)
    page = visitor.page
    visitor.wait_ready()
    choose(page, "Autoencoder")
    visitor.wait_drawn("autoencoder")
    visitor.open_fold("autoencoder", "Train")
    visitor.fill("steps", "30", "#train-autoencoder")
    page.locator("#start-autoencoder").click()
    page.locator("#live-autoencoder [data-state=finished]").wait_for()
    page.wait_for_url("**job=*")
    other.page.goto(page.url, wait_until="domcontentloaded")
    other.page.locator("#live-autoencoder [data-state=finished]").wait_for()
    assert "autoencoder" in shown(other.page)
    assert other.page.evaluate("document.documentElement.scrollWidth") <= 400


def test_a_family_in_colour_draws_trains_and_refuses_what_it_cannot_have(visit):
    visitor = visit()
    page = visitor.page
    visitor.wait_ready()
    choose(page, "VAE in colour", "Conditional GAN")
    visitor.wait_drawn("cgan")
    visitor.wait_drawn("conv_vae")
    visitor.source("conv_vae")
    page.wait_for_function("document.querySelector('#picture-conv_vae img').naturalWidth > 0")
    coloured = page.evaluate(
        """() => {
            const image = document.querySelector('#picture-conv_vae img');
            const canvas = document.createElement('canvas');
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const context = canvas.getContext('2d');
            context.drawImage(image, 0, 0);
            const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
            let found = 0;
            for (let i = 0; i < data.length; i += 4) found += Math.abs(data[i] - data[i + 2]) > 40;
            return found;
        }"""
    )
    assert coloured > 1000
    visitor.open_fold("cgan", "Train")
    page.locator("#train-cgan").get_by_role("radio", name="cifar10").check()
    page.locator("#start-cgan").click()
    page.locator("#card-cgan", has_text="this family draws grey pictures of 28 x 28").wait_for()
    visitor.open_fold("conv_vae", "Train")
    visitor.fill("steps", "20", "#train-conv_vae")
    page.locator("#start-conv_vae").click()
    page.locator("#live-conv_vae [data-state=finished]").wait_for()
    page.locator("#chips-conv_vae", has_text="trained here, 20 steps").wait_for()
