"""The tab Diffusion: what happens inside, from picture to noise and back."""

import gradio as gr

from genlab.ui.diffusion import duel, editing, guidance, latents, measured, noising, reverse
from genlab.ui.panels import Panel
from genlab.ui.session import Sessions


def build(app: gr.Blocks, sessions: Sessions) -> list[Panel]:
    """All panels, in the order of understanding."""
    found = []
    with gr.Tabs():
        with gr.Tab("Noising", id="noising"):
            found.append(noising.build(app))
        with gr.Tab("Reverse", id="reverse"):
            found.append(reverse.build(sessions))
        with gr.Tab("Duel", id="duel"):
            found.append(duel.build(sessions))
        with gr.Tab("Steps", id="steps"):
            found.append(measured.build_steps(app, sessions))
        with gr.Tab("Guidance", id="guidance"):
            found.append(guidance.build(app, sessions))
        with gr.Tab("Interpolate", id="interpolate"):
            found.append(latents.build_interpolate(sessions))
        with gr.Tab("Invert", id="invert"):
            found.append(latents.build_invert(app, sessions))
        with gr.Tab("Inpaint", id="inpaint"):
            found.append(editing.build_inpaint(app, sessions))
        with gr.Tab("Image to image", id="image-to-image"):
            found.append(editing.build_vary(app, sessions))
    return found
