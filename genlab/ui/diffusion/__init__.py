"""The tab Diffusion: what happens inside, from picture to noise and back."""

import gradio as gr

from genlab.ui.diffusion import duel, noising, reverse
from genlab.ui.session import Sessions


def build(app: gr.Blocks, sessions: Sessions) -> None:
    """All panels, in the order of understanding."""
    with gr.Tabs():
        with gr.Tab("Noising", id="noising"):
            noising.build(app)
        with gr.Tab("Reverse", id="reverse"):
            reverse.build(sessions)
        with gr.Tab("Duel", id="duel"):
            duel.build(sessions)
