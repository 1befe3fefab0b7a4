"""How the page looks: one colour for each family everywhere, crisp pixels, light and dark."""

from pathlib import Path

import gradio as gr

from genlab.models import MODELS
from genlab.visualize import colour

FONTS = ["Inter", "system-ui", "-apple-system", "Segoe UI", "Helvetica", "Arial", "sans-serif"]
MONO = ["ui-monospace", "Menlo", "Consolas", "DejaVu Sans Mono", "monospace"]

THEME = gr.themes.Default(
    primary_hue="blue", neutral_hue="slate", radius_size="md", font=FONTS, font_mono=MONO
).set(  # the usual greys are too pale to read (WCAG AA)
    block_info_text_color="*neutral_600",
    block_info_text_color_dark="*neutral_300",
    block_title_text_color="*neutral_800",
    block_title_text_color_dark="*neutral_100",
    body_text_color_subdued="*neutral_600",
    body_text_color_subdued_dark="*neutral_300",
    button_primary_background_fill="*primary_600",
    button_primary_background_fill_dark="*primary_600",
)

HEAD = '<meta name="description" content="How images are generated: VAE, GAN, WGAN-GP, DDPM and more">'

CSS = (Path(__file__).parent / "style.css").read_text()
CSS += "".join(f".gl-{name} {{ --gl-colour: {colour(name)}; }}\n" for name in MODELS)
