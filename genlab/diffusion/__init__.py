"""Three nouns: a schedule t -> (alpha, sigma), a denoiser (x_t, t) -> eps, and a sampler."""
