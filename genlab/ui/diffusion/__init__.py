"""The tab Diffusion: what happens inside, from picture to noise and back."""

import gradio as gr

from genlab.ui.diffusion import duel, editing, guidance, latents, measured, noising, reverse
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
        with gr.Tab("Steps", id="steps"):
            measured.build_steps(app, sessions)
        with gr.Tab("Guidance", id="guidance"):
            guidance.build(app, sessions)
        with gr.Tab("Interpolate", id="interpolate"):
            latents.build_interpolate(sessions)
        with gr.Tab("Invert", id="invert"):
            latents.build_invert(app, sessions)
        with gr.Tab("Inpaint", id="inpaint"):
            editing.build_inpaint(app, sessions)
        with gr.Tab("Image to image", id="image-to-image"):
            editing.build_vary(app, sessions)
