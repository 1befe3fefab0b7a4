"""The page as a whole: a head with the status line, one tab for each question, the endpoints."""

from typing import Any

import gradio as gr
from PIL import Image

from genlab.api import SHIPPED
from genlab.library import Library
from genlab.ui import compare, diffusion, endpoints, status
from genlab.ui.session import Sessions
from genlab.ui.theme import CSS, HEAD, THEME
from genlab.uploads import MAX_SIDE

# Gradio 6 takes the look at launch, not with the blocks.
LAUNCH: dict[str, Any] = {
    "theme": THEME,
    "css": CSS,
    "head": HEAD,
    "show_error": True,
    "footer_links": ["api", "gradio", "settings"],
    "ssr_mode": False,
    "max_file_size": "20mb",
    "enable_monitoring": False,
}
CACHE = (3600, 86400)  # every hour, delete served files older than a day


def build_app(library: Library = SHIPPED) -> gr.Blocks:
    """The whole application on the models of ``library``, ready for ``queue`` and ``launch``."""
    Image.MAX_IMAGE_PIXELS = MAX_SIDE**2 // 2  # Pillow refuses twice as many, also where gradio decodes
    sessions = Sessions(library)
    with gr.Blocks(title="genlab", analytics_enabled=False, fill_width=True, delete_cache=CACHE) as app:
        gr.HTML(
            '<header class="gl-head"><h1>genlab</h1>'
            "<p>Four ideas for drawing a digit, trained and measured side by side.</p></header>"
        )
        status.build(app, sessions)
        with gr.Tabs():
            with gr.Tab("Compare", id="compare"):
                compare.build(app, sessions)
            with gr.Tab("Diffusion", id="diffusion"):
                diffusion.build(app, sessions)
        endpoints.expose(sessions)

        def leave(request: gr.Request) -> None:
            sessions.close(request.session_hash)

        app.unload(leave)
    return app
