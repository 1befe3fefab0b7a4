"""Trainings and races outlive the page: a reload, another browser, a second visitor, a cure."""

import re

import pytest

STEP = re.compile(r"step ([\d,]+)", re.I)


def train(visitor, name="vae", more=False, **knobs):
    visitor.open_fold(name, "Train")
    if more:
        visitor.page.locator(f"#train-{name}").get_by_role("button", name="More knobs").click()
    for label, value in ({"steps": 200_000, "batch size": 8} | knobs).items():
        visitor.fill(label, str(value), f"#train-{name}")
    visitor.page.locator(f"#start-{name}").click()
    visitor.page.locator(f"#live-{name} .gl-live[data-job]").wait_for()


def until_steps(visitor, name="vae"):
    visitor.page.locator(f"#live-{name}", has_text="images/s").wait_for()


def until_step(visitor, above):
    """Until the page shows a later step of the VAE's training than this one."""
    visitor.page.wait_for_function(
        r"""above => {
            const said = document.querySelector('#live-vae')?.innerText.match(/step ([\d,]+)/i);
            return said && Number(said[1].replaceAll(',', '')) > above;
        }""",
        arg=above,
    )


def wait_state(visitor, state, name="vae"):
    visitor.page.locator(f"#live-{name} [data-state={state}]").wait_for()


def job_of(visitor, name="vae"):
    return visitor.page.locator(f"#live-{name} .gl-live").get_attribute("data-job")


def step_of(visitor):
    """The step in what the page says of a training at work, or of one that has ended."""
    said = visitor.page.locator("#live-vae .gl-live").inner_text()
    return int(STEP.search(said)[1].replace(",", ""))


@pytest.fixture
def coming(visit, browser, server):
    """A second visitor at an address."""
    from tests.browser.conftest import Visitor

    opened = []

    def come(address):
        opened.append(Visitor(browser, address))
        return opened[-1]

    yield come
    for visitor in opened:
        visitor.context.close()


def test_a_reload_and_another_browser_find_the_training(visit, coming):
    visitor = visit()
    visitor.wait_ready()
    train(visitor)
    until_steps(visitor)
    id = job_of(visitor)
    visitor.page.wait_for_function(f"location.search.includes('job={id}')")
    before = step_of(visitor)
    visitor.page.reload(wait_until="domcontentloaded")
    until_step(visitor, before)
    assert job_of(visitor) == id
    first = visitor.page.locator("#live-vae svg polyline").first.get_attribute("points").split()[0]
    assert float(first.split(",")[0]) < 53, "the curve begins at the left end, at step 0"
    other = coming(visitor.page.url)
    until_steps(other)
    assert job_of(other) == id
    # Stopped in one, it is seen to have stopped in both, and both draw from what it learned
    other.page.locator("#stop-vae").click()
    for page in (visitor, other):
        wait_state(page, "stopped")
        page.page.locator("#chips-vae", has_text="trained here").wait_for()
        page.page.locator("#files-vae a[download='model.safetensors']").wait_for()
    # Go on where it was
    at = step_of(visitor)
    visitor.page.locator("#resume-vae").click()
    until_step(visitor, at)
    assert job_of(visitor) == id
    visitor.page.locator("#stop-vae").click()
    wait_state(visitor, "stopped")
    # Back to shipped takes it out of the address
    visitor.page.locator("#back-vae").click()
    visitor.page.wait_for_function("!location.search.includes('job=')")
    # of the reload itself: the stream of the old page is cut
    visitor.errors = [e for e in visitor.errors if "abort" not in e and "Connection errored" not in e]


def test_an_expired_address_is_said_in_a_sentence(coming, server):
    visitor = coming(f"{server}?job=AAAAAAAAAAAAAAAAAAAAAA")
    visitor.page.locator("#arrived", has_text="there is no such job, or it has expired").wait_for()
    visitor.wait_drawn("vae")
    assert not visitor.page.locator("#live-vae").is_visible()


def test_the_second_in_line_sees_its_place_and_can_leave(visit):
    first, second = visit(), visit()
    for visitor in (first, second):
        visitor.wait_ready()
    train(first)
    train(second)
    second.page.locator("#live-vae", has_text="Waiting for the one at work to end").wait_for()
    second.page.locator("#status", has_text="1, and 1 waiting").wait_for()
    second.page.locator("#stop-vae").click()
    wait_state(second, "stopped")
    assert "before it began" in second.page.locator("#live-vae").inner_text()
    first.page.locator("#stop-vae").click()
    wait_state(first, "stopped")


def test_the_doctor_names_a_failure_and_one_click_cures_it(visit):
    visitor = visit()
    visitor.wait_ready()
    train(visitor, more=True, **{"beta": 50, "batch size": 64, "preview every": 1000})
    found = visitor.page.locator("#live-vae [data-diagnosis='posterior collapse']")
    found.wait_for()
    assert "step" in found.inner_text()
    collapsed = job_of(visitor)
    visitor.page.locator("#cure-vae", has_text="beta").click()
    visitor.page.wait_for_function(
        f"document.querySelector('#live-vae .gl-live[data-job]')?.dataset.job != '{collapsed}'"
    )
    until_steps(visitor)
    beta = visitor.page.locator("#train-vae").get_by_label("beta", exact=True).first.input_value()
    assert float(beta) < 5
    visitor.page.locator("#stop-vae").click()
    wait_state(visitor, "stopped")


def test_a_race_is_run_replayed_and_found_again(visit):
    visitor = visit()
    visitor.open_tab("Race")
    page = visitor.page
    page.locator("#race-start").wait_for()
    for name in ("WGAN-GP", "DDPM"):
        page.get_by_label(name, exact=True).uncheck()
    visitor.type(page.get_by_label("seconds", exact=True).first, "1")
    page.keyboard.press("Tab")
    page.locator("#race-start").click()
    page.locator("#race-live .gl-race[data-state=finished]").wait_for()
    assert page.locator("#race-live [data-family]").count() == 2
    pictures = "[...document.querySelectorAll('#race-live [data-family] img')].map(i => i.src)"
    last = page.evaluate(pictures)
    assert "real digits" in page.locator("#race-live").inner_text()
    visitor.type(page.locator("#race-moment input[type=number]"), "0")
    page.keyboard.press("Tab")
    page.locator("#race-live [data-moment='0']").wait_for()
    first = page.evaluate(pictures)
    assert len(first) == len(last) == 2 and not set(first) & set(last)
    page.locator("#race-files a[download='race.gif']").wait_for()
    page.locator("#race-files a[download='race.json']").wait_for()
    page.reload(wait_until="domcontentloaded")
    page.locator("#race-live .gl-race[data-state=finished]").wait_for()  # its tab opens by itself
    assert page.evaluate(pictures) == last
    visitor.errors = [e for e in visitor.errors if "abort" not in e and "Connection errored" not in e]


def test_a_race_of_one_is_refused(visit):
    visitor = visit()
    visitor.open_tab("Race")
    for name in ("WGAN-GP", "DDPM", "GAN"):
        visitor.page.get_by_label(name, exact=True).uncheck()
    visitor.page.locator("#race-start").click()
    visitor.page.locator("#race-live [data-state=refused]", has_text="families is").wait_for()
