"""A damaged weights file is named in its own card; the other families draw."""

import shutil
from pathlib import Path

from playwright.sync_api import Browser

from genlab.api import SETTINGS, make_store
from genlab.checkpoints import MODEL, WEIGHTS
from genlab.library import Library
from genlab.ui import LAUNCH, build_app
from tests.server import free_port
from tests.visitor import Visitor


def test_one_truncated_file_leaves_the_others_working(browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(WEIGHTS, folder)
    whole = (folder / "gan" / MODEL).read_bytes()
    (folder / "gan" / MODEL).write_bytes(whole[: len(whole) // 2])
    store = make_store(SETTINGS, Library(folder))
    app = build_app(store).queue(max_size=64)
    try:
        _, url, _ = app.launch(prevent_thread_lock=True, quiet=True, server_port=free_port(), **LAUNCH)
        visitor = Visitor(browser, url)
        for name in ("vae", "wgan_gp", "ddpm"):
            visitor.wait_drawn(name)
            assert len(set(visitor.pixels(name))) > 1
        said = visitor.page.locator("#note-gan").inner_text()
        assert f"gan/{MODEL}" in said and "truncated" in said and "Traceback" not in said
        visitor.context.close()
    finally:
        app.close()
