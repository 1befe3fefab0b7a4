"""The tab Latent space: where pictures lie in it, and what lies between them."""

import gradio as gr

from genlab.ui.explorer import arithmetic, directions, interpolate, map, reconstruct
from genlab.ui.panels import Panel
from genlab.ui.session import Sessions


def build(app: gr.Blocks, tab: gr.Tab, sessions: Sessions) -> list[Panel]:
    """All panels, in the order of understanding; ``tab`` is the one they are in."""
    found = []
    with gr.Tabs():
        with gr.Tab("Map", id="map"):
            found.append(map.build(tab, sessions))
        with gr.Tab("Interpolate", id="way"):
            found.append(interpolate.build(app, sessions))
        with gr.Tab("Directions", id="directions") as panel:
            found.append(directions.build(app, panel, sessions))
        with gr.Tab("Arithmetic", id="arithmetic") as panel:
            found.append(arithmetic.build(app, panel, sessions))
        with gr.Tab("Reconstruct", id="reconstruct"):
            found.append(reconstruct.build(app, sessions))
    return found
