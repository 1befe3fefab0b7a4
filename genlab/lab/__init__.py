"""Experiments with diffusion, from the inside: what the Diffusion tab shows, without gradio."""
