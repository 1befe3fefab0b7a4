"""Loading from the hub, signing in and saving to it, as on a Space; only the hub is a stand-in."""

import hashlib
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from genlab import checkpoints
from genlab.checkpoints import CONFIG, MODEL, WEIGHTS
from tests.browser.conftest import end_jobs
from tests.helpers import scrambled, tiny
from tests.server import serving
from tests.standin_hub import Repository, StandIn, standing_in
from tests.visitor import Visitor


@pytest.fixture(scope="module")
def hub() -> Iterator[StandIn]:
    with standing_in() as found:
        yield found


@pytest.fixture(scope="module")
def space(hub: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of ``python app.py`` as on a Space with hf_oauth."""
    env = {"SYSTEM": "spaces", "SPACE_ID": "ada/genlab", "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1"}
    env |= {"OAUTH_CLIENT_ID": "genlab", "OAUTH_CLIENT_SECRET": "secret", "OPENID_PROVIDER_URL": hub.url}
    env |= {"OAUTH_SCOPES": "openid profile contribute-repos", "HF_TOKEN": "hf_bob"}  # the Space's own
    with serving(tmp_path_factory.mktemp("space") / "log.txt", env) as found:
        yield found.url
        assert "hf_ada" not in found.log.read_text()


@pytest.fixture
def visitor(browser: Browser, space: str) -> Iterator[Visitor]:
    found = Visitor(browser, space)
    found.wait_ready()
    yield found
    end_jobs(found)
    found.context.close()
    # On a Space, gradio's page would ask the hub for the Space's name, and another site for fonts, which the
    # page's policy forbids.
    known = ("ERR_NAME_NOT_RESOLVED", "Space not found", "fonts.googleapis.com", "/api/spaces/ada/genlab")
    assert not [error for error in found.errors if not any(one in error for one in known)]


def load(visitor: Visitor, repository: str) -> None:
    visitor.page.locator("#hub-vae").get_by_label("load from").fill(repository)
    visitor.page.locator("#load-vae").click()


def said(visitor: Visitor, text: str) -> str:
    return visitor.page.locator("#said-vae .gl-note", has_text=text).inner_text()


def test_a_model_by_its_id_draws_and_tells_where_it_is_from(visitor: Visitor, hub: StandIn) -> None:
    vae = {name: (WEIGHTS / "vae2d" / name).read_bytes() for name in (CONFIG, MODEL)}
    hub.repositories |= {
        "ada/plane": Repository(vae),
        "ada/gan": Repository(checkpoints.packed("gan", scrambled(tiny("gan")), {})),
        "ada/broken": Repository(vae | {MODEL: vae[MODEL][:-1]}),
    }
    shipped = visitor.pixels("vae")
    visitor.open_fold("vae", "Hugging Face")
    for repository, wrong in (
        ("nothing", "must be the id of one on the hub, like user/name"),
        ("ada/none", "it is not on the hub, or it is private"),
        ("ada/gan", "which holds the family gan; it must be vae"),
        ("ada/broken", "does not have the sha256 that its config.json gives"),
    ):
        load(visitor, repository)
        said(visitor, wrong)
        assert visitor.pixels("vae") == shipped
    load(visitor, "ada/plane")
    visitor.page.locator("#chips-vae", has_text="from ada/plane at ").wait_for()
    visitor.wait_drawn("vae")
    commit = hub.repositories["ada/plane"].sha
    assert commit[:7] in said(visitor, "draws now")
    drawn = visitor.sample("vae")
    assert drawn != shipped
    visitor.open_fold("vae", "Use from Python")
    code = visitor.page.locator("#python-vae .cm-content", has_text="load_from_hub").inner_text()
    assert 'repository="ada/plane"' in code and f'revision="{commit}"' in code
    visitor.page.locator("#back-vae").click()
    visitor.page.wait_for_function("!document.querySelector('#chips-vae').innerText.includes('ada/plane')")
    assert visitor.sample("vae") == shipped


def test_who_signs_in_saves_what_he_trained_to_his_account(visitor: Visitor, hub: StandIn) -> None:
    page = visitor.page
    visitor.open_fold("vae", "Train")
    visitor.fill("steps", "3", "#train-vae")
    page.locator("#start-vae").click()
    page.locator("#chips-vae", has_text="trained here").wait_for()
    visitor.open_fold("vae", "Hugging Face")
    page.locator("#hub-vae").get_by_label("save as").fill("my-vae")
    page.locator("#save-vae").click()
    said(visitor, "Sign in with Hugging Face first")
    assert "ada/my-vae" not in hub.repositories and hub.tokens == set(), "nor is the Space's own token used"
    page.wait_for_function("window.location.search.includes('job=')")
    before = page.evaluate("window.location.search")
    page.get_by_role("button", name="Sign in with Hugging Face").click()
    page.get_by_role("button", name="Sign out (ada)").wait_for()
    assert page.evaluate("window.location.search") == before
    page.locator("#chips-vae", has_text="trained here").wait_for()
    visitor.open_fold("vae", "Hugging Face")
    page.locator("#hub-vae").get_by_label("save as").fill("my-vae")
    page.locator("#save-vae").click()
    assert "ada/my-vae holds your model now; only you see it" in said(visitor, "holds")
    there = hub.repositories["ada/my-vae"]
    with page.expect_download() as download:
        page.locator("#files-vae a[download='model.safetensors']").click()
    assert download.value.path().read_bytes() == there.files[MODEL]
    assert (
        there.private and hashlib.sha256(there.files[MODEL]).hexdigest() in there.files["README.md"].decode()
    )
    load(visitor, "ada/my-vae")  # private: read with his own eyes
    page.locator("#chips-vae", has_text="from ada/my-vae").wait_for()
    page.get_by_role("button", name="Sign out (ada)").click()
    page.get_by_role("button", name="Sign in with Hugging Face").wait_for()
    visitor.open_fold("vae", "Hugging Face")
    load(visitor, "ada/my-vae")
    said(visitor, "it is not on the hub, or it is private")
    assert hub.tokens == {"hf_ada"}
