"""Train all and Stop all, measuring: what lasts longer than one click."""

FAMILIES = ("vae", "gan", "wgan_gp", "ddpm")


def set_steps(visitor, steps):
    for name in FAMILIES:
        visitor.open_fold(name, "Train")
        visitor.fill("steps", str(steps), f"#train-{name}")
        visitor.fill("batch size", "8", f"#train-{name}")


def test_train_all_goes_through_the_families(visit):
    visitor = visit()
    visitor.wait_ready()
    set_steps(visitor, 2)
    visitor.page.locator("#train-all").click()
    for name in FAMILIES:
        visitor.page.locator(f"#live-{name} [data-state=finished]").wait_for()
        visitor.page.locator(f"#chips-{name}", has_text="trained here").wait_for()
    visitor.page.wait_for_function("!document.querySelector('#train-all').disabled")


def test_stop_all_ends_the_round(visit):
    visitor = visit()
    visitor.wait_ready()
    set_steps(visitor, 5000)
    visitor.page.locator("#train-all").click()
    visitor.page.locator("#live-vae", has_text="images/s").wait_for()
    visitor.page.locator("#stop-all").click()
    visitor.page.locator("#live-vae [data-state=stopped]").wait_for()
    visitor.page.wait_for_function("!document.querySelector('#train-all').disabled")
    assert not visitor.page.locator("#live-gan").is_visible()


def test_a_diverged_training_keeps_the_previous_model(visit):
    visitor = visit()
    visitor.wait_ready()
    before = visitor.pixels("vae")
    visitor.open_fold("vae", "Train")
    visitor.fill("steps", "60", "#train-vae")
    visitor.fill("lr", "1", "#train-vae")
    visitor.page.locator("#start-vae").click()
    ended = visitor.page.locator("#live-vae :is([data-state=diverged], [data-state=finished])")
    ended.wait_for()
    state = visitor.page.locator("#live-vae .gl-live").get_attribute("data-state")
    assert state == "diverged", visitor.page.locator("#live-vae").inner_text()
    assert "try a lower learning rate" in visitor.page.locator("#live-vae").inner_text()
    assert visitor.sample("vae") == before


def test_measure_now_and_nearest(visit):
    visitor = visit()
    visitor.wait_ready()
    visitor.open_fold("vae", "Quality")
    # The shipped figures first: they move the button down when they come.
    visitor.page.locator("#quality-vae table", has_text="N = 10,000").wait_for()
    visitor.type(visitor.page.locator("#quality-vae input[type=number]"), "100")
    visitor.page.locator("#quality-vae input[type=number]").press("Tab")
    visitor.page.locator("#measure-vae").click()
    visitor.page.locator("#quality-vae table", has_text="N = 100").wait_for()
    assert visitor.page.locator("#quality-vae svg[role=img] rect").count() == 10
    visitor.open_fold("vae", "Is it copying?")
    visitor.page.locator("#nearest-vae").click()
    visitor.page.locator("#copying-vae figure").first.wait_for()
    assert visitor.page.locator("#copying-vae figure").count() == 12
