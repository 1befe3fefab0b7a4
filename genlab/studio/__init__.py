"""Stable Diffusion in all sizes through one engine: the shipped mini-SD, SD 1.5, SD 2.1 and SDXL."""
