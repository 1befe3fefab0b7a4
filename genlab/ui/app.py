"""The page as a whole: a head with the status line, one tab for each question, the endpoints."""

from typing import Any

import gradio as gr
from PIL import Image

from genlab.api import SHIPPED, STUDIO
from genlab.library import Library
from genlab.studio.engine import Engine
from genlab.ui import compare, diffusion, endpoints, status, studio
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


def build_app(library: Library = SHIPPED, engine: Engine = STUDIO) -> gr.Blocks:
    """The whole application, ready for ``queue`` and ``launch``.

    Args:
        library: The families' models.
        engine: The studio's.
    """
    Image.MAX_IMAGE_PIXELS = MAX_SIDE**2 // 2  # Pillow refuses twice as many, also where gradio decodes
    sessions = Sessions(library)
    with gr.Blocks(title="genlab", analytics_enabled=False, fill_width=True, delete_cache=CACHE) as app:
        gr.HTML(
            '<header class="gl-head"><h1>genlab</h1>'
            "<p>Four ideas for drawing a digit, trained and measured side by side.</p></header>"
        )
        status.build(app, sessions)
        with gr.Tabs() as tabs:
            with gr.Tab("Compare", id="compare"):
                compare.build(app, sessions)
            with gr.Tab("Diffusion", id="diffusion"):
                diffusion.build(app, sessions)
            with gr.Tab("Studio", id="studio"):
                studio.build(app, tabs, sessions, engine)
        endpoints.expose(sessions, engine)

        def leave(request: gr.Request) -> None:
            sessions.close(request.session_hash)

        app.unload(leave)
    return app
