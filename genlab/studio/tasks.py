"""From a checked request to the arguments of its pipeline."""

from typing import Any

import torch

from genlab.errors import InvalidInput
from genlab.studio.request import ControlKnobs, Request


def check_steps(request: Request) -> None:
    """InvalidInput if so little is to be replaced that no step is left."""
    strength = getattr(request.knobs, "strength", 1.0)
    steps = request.knobs.steps
    if int(steps * strength) < 1:
        raise InvalidInput(
            f"strength is {strength:g}; with {steps} steps it must be at least {1 / steps:.2g}, "
            "or no step is left."
        )


def arguments(request: Request, seeds: list[int]) -> dict[str, Any]:
    """What the pipeline of ``request.task`` is called with for the pictures of ``seeds``.

    Every picture has a generator of its own, so that it does not depend on the others of its batch.
    """
    knobs, n = request.knobs, len(seeds)
    given: dict[str, Any] = {
        "prompt": [request.prompt] * n,
        "negative_prompt": [request.negative_prompt] * n,
        "num_inference_steps": knobs.steps,
        "guidance_scale": knobs.guidance,
        "generator": [torch.Generator().manual_seed(seed) for seed in seeds],
        "output_type": "pil",
    }
    if request.task != "image_to_image":  # whose size is its picture's
        given |= {"width": knobs.width, "height": knobs.height}
    if request.picture is not None:
        given["image"] = [request.picture] * n
    if request.mask is not None:
        given["mask_image"] = [request.mask] * n
    if hasattr(knobs, "strength"):
        given["strength"] = knobs.strength
    if isinstance(knobs, ControlKnobs):
        given["controlnet_conditioning_scale"] = knobs.control_scale
    return given


def truncation(pipe: Any, request: Request) -> list[str]:
    """What of the prompts the text encoder does not get to see, in words."""
    said = []
    for name in ("prompt", "negative_prompt"):
        text, limit = getattr(request, name), pipe.tokenizer.model_max_length
        ids = pipe.tokenizer(text).input_ids
        if len(ids) > limit:
            lost = pipe.tokenizer.decode(ids[limit - 1 : -1], skip_special_tokens=True).strip()
            said.append(
                f"{name.replace('_', ' ')}: {limit} of {len(ids)} tokens are read; "
                f'not "{lost[:40]}{"..." if len(lost) > 40 else ""}"'
            )
    return said
