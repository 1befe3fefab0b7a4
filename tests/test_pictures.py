"""Pictures reach the browser whole, however many visitors are shown the same one."""

import threading
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from genlab.ui.pictures import write_whole


@pytest.mark.parametrize("component", [gr.Image, gr.Gallery])
def test_who_reads_while_another_is_shown_the_same_gets_all_of_it(component: type, tmp_path: Path) -> None:
    write_whole()
    noise = np.random.default_rng(0).integers(0, 256, (500, 500), dtype=np.uint8)
    picture = Image.fromarray(noise)
    shown = component(format="png")
    shown.GRADIO_CACHE = str(tmp_path)

    def show() -> Path:
        found = shown.postprocess([picture] if component is gr.Gallery else picture)
        return Path((found.root[0].image if component is gr.Gallery else found).path)

    path = show()
    whole, over, seen = path.read_bytes(), threading.Event(), set()

    def read() -> None:
        while not over.is_set():
            seen.add(len(path.read_bytes()))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        assert all(show() == path for _ in range(60))
    finally:
        over.set()
        reader.join()
    assert seen == {len(whole)}
    assert np.array_equal(np.asarray(Image.open(path)), noise)
    assert [p.name for p in path.parent.iterdir()] == [path.name], "nothing is left behind"
