"""How the page looks: one colour for each family everywhere, crisp pixels, light and dark."""

from pathlib import Path

import gradio as gr

from genlab.models import MODELS
from genlab.visualize import colour

HERE = Path(__file__).parent
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
    link_text_color_dark="*primary_300",
    link_text_color_hover_dark="*primary_200",
    link_text_color_active_dark="*primary_200",
    link_text_color_visited="*primary_700",
    link_text_color_visited_dark="*primary_300",
    button_cancel_background_fill="#b91c1c",
    button_cancel_background_fill_hover="#991b1b",
)

HEAD = '<meta name="description" content="How images are generated: VAE, GAN, WGAN-GP, DDPM and more">'

HEAD += f"<script>{(HERE / 'keys.js').read_text(encoding='utf-8')}</script>"
CSS = (HERE / "style.css").read_text(encoding="utf-8")
CSS += "".join(f".gl-{name} {{ --gl-colour: {colour(name)}; }}\n" for name in MODELS)
