"""From a checked request to the arguments of its pipelines."""

from typing import Any, NamedTuple

import torch

from genlab.studio.request import REFINED_FROM, ControlKnobs, Request


class Stage(NamedTuple):
    """One pipeline's part of a drawing: it takes the noise away from the share ``start`` to ``end``."""

    start: float = 0.0
    end: float = 1.0

    @property
    def refines(self) -> bool:
        return self.start > 0


def stages(request: Request) -> list[Stage]:
    """The pipelines that a drawing goes through: one, or the base and its refiner."""
    if "refiner" in request.roles():
        return [Stage(end=REFINED_FROM), Stage(start=REFINED_FROM)]
    return [Stage()]


def arguments(request: Request, seeds: list[int], stage: Stage, latents: Any = None) -> dict[str, Any]:
    """What the pipeline of ``stage`` is called with for the pictures of ``seeds``.

    Every picture has a generator of its own, so that it does not depend on the others of its batch.
    A refiner goes on from ``latents``. Pictures come as tensors in [0, 1], which tell whether they
    are numbers at all.
    """
    knobs, n = request.knobs, len(seeds)
    given: dict[str, Any] = {
        "prompt": [request.prompt] * n,
        # None and not "": SDXL was trained with zeros for no words, and takes "" for words.
        "negative_prompt": [request.negative_prompt] * n if request.negative_prompt else None,
        "num_inference_steps": knobs.steps,
        "guidance_scale": knobs.guidance,
        "generator": [torch.Generator().manual_seed(seed) for seed in seeds],
        "output_type": "pt" if stage.end == 1 else "latent",
    }
    if stage.refines:
        return given | {"image": latents, "denoising_start": stage.start}
    if stage.end < 1:
        given["denoising_end"] = stage.end
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
