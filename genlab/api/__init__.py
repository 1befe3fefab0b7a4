"""Every capability of genlab as one plain typed function. The page, the endpoints and the command
line only call these; they know nothing of gradio.
"""

from genlab.api.curves import guidance_curve, shipped_curve, steps_curve
from genlab.api.diffusion import (
    MAX_PICTURES,
    NoisedDigit,
    compare_samplers,
    digit,
    guidance,
    noise,
    outcomes,
    reverse,
)
from genlab.api.families import (
    MAX_IMAGES,
    SHIPPED,
    STARTS,
    Nearest,
    dataset,
    describe,
    evaluate,
    models,
    nearest,
    reference,
    sample,
    sampling_parameters,
    train,
)
from genlab.api.latents import interpolate, invert, repaint, vary

__all__ = [
    "MAX_IMAGES",
    "MAX_PICTURES",
    "SHIPPED",
    "STARTS",
    "Nearest",
    "NoisedDigit",
    "compare_samplers",
    "dataset",
    "describe",
    "digit",
    "evaluate",
    "guidance",
    "guidance_curve",
    "interpolate",
    "invert",
    "models",
    "nearest",
    "noise",
    "outcomes",
    "reference",
    "repaint",
    "reverse",
    "sample",
    "sampling_parameters",
    "shipped_curve",
    "steps_curve",
    "train",
    "vary",
]
