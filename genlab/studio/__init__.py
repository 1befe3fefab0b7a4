"""Stable Diffusion, from a pipeline of a few million parameters on a CPU to SDXL on a GPU."""
