"""mini-SD: a complete Stable Diffusion, trained here on captioned digits in colour."""
