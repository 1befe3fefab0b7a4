"""The tab GAN lab: why does a GAN forget some of what it is shown, and what helps?"""

import gradio as gr

from genlab.ui.ganlab import modes, ring
from genlab.ui.panels import Panel
from genlab.ui.session import Sessions

QUESTION = "Why does a GAN forget some of what it is shown, and what helps?"


def build(sessions: Sessions) -> list[Panel]:
    """Both panels: the game on the plane, and on digits."""
    gr.HTML(f'<p class="gl-question">{QUESTION}</p>')
    with gr.Tabs():
        with gr.Tab("Ring of Gaussians", id="ring"):
            found = [ring.build(sessions)]
        with gr.Tab("MNIST", id="modes"):
            found.append(modes.build(sessions))
    return found
