"""The tab GAN lab: why does a GAN forget some of what it is shown, and what helps?"""

import gradio as gr

from genlab.ui.ganlab import modes, ring, verdict
from genlab.ui.panels import Panel
from genlab.ui.session import Sessions

QUESTION = "Why does a GAN forget some of what it is shown, and what helps?"


def build(app: gr.Blocks, sessions: Sessions) -> list[Panel]:
    """All panels: the game on the plane and on digits, and what the opponents of trained GANs say."""
    gr.HTML(f'<p class="gl-question">{QUESTION}</p>')
    with gr.Tabs():
        with gr.Tab("Ring of Gaussians", id="ring"):
            found = [ring.build(sessions)]
        with gr.Tab("MNIST", id="modes"):
            found.append(modes.build(sessions))
        with gr.Tab("Verdict", id="verdict") as panel:
            found.append(verdict.build(app, panel, sessions))
    return found
