"""Requests, their results, and the same drawn by diffusers alone."""

from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
from PIL import Image

from genlab.studio.engine import Drawn, Engine
from genlab.studio.request import PICTURES, TASKS, Request
from genlab.studio.schedulers import SCHEDULERS
from genlab.studio.worker import Progress
from tests.studio.tiny import SIDE

PIPELINES = {
    "text_to_image": "Pipeline",
    "image_to_image": "Img2ImgPipeline",
    "inpaint": "InpaintPipeline",
    "control": "ControlNetPipeline",
}


def ask(task: str, model: str = "sd", images: Any = None, **values: Any) -> Request:
    """A request of 4 steps; ``images``: picture and mask, of which it takes what its task needs."""
    own = {k: values.pop(k) for k in ("prompt", "negative_prompt", "n", "seed") if k in values}
    knobs = TASKS[task](**{"steps": 4, "width": SIDE, "height": SIDE} | values)
    given = {name: image for name, image in (images or {}).items() if name in PICTURES[task]}
    return Request(task, model, own.pop("prompt", "a red seven"), knobs, **own, **given)


def followed(engine: Engine, request: Request) -> tuple[Drawn, list[Progress]]:
    """The result, and what was told on the way; what is told again as a sign of life, once."""
    stream, told = engine.draw(request), []
    while True:
        try:
            progress = next(stream)
            if not told or progress is not told[-1]:
                told.append(progress)
        except StopIteration as end:
            return end.value, told


def draw(engine: Engine, request: Request) -> Drawn:
    return followed(engine, request)[0]


def arrays(pictures: list[Image.Image]) -> np.ndarray:
    """(N, H, W, 3), signed so that differences make sense."""
    return np.stack([np.asarray(one) for one in pictures]).astype(np.int16)


def plain_pipe(models: Path, request: Request) -> Any:
    """The pipeline of ``request`` as diffusers loads it, with the scheduler asked for."""
    kind = "StableDiffusionXL" if request.model == "sdxl" else "StableDiffusion"
    folder = "sdxl" if request.model == "sdxl" else "sd"
    given: dict[str, Any] = {} if folder == "sdxl" else {"safety_checker": None}
    if request.task == "control":
        given["controlnet"] = diffusers.ControlNetModel.from_pretrained(models / f"{folder}-control")
    pipe = getattr(diffusers, kind + PIPELINES[request.task]).from_pretrained(models / folder, **given)
    return scheduled(pipe, request)


def scheduled(pipe: Any, request: Request) -> Any:
    sampler = SCHEDULERS[request.knobs.scheduler]
    pipe.scheduler = getattr(diffusers, sampler.type).from_config(pipe.scheduler.config, **sampler.changes)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def plain(pipe: Any, request: Request, **changes: Any) -> list[Image.Image]:
    """What ``pipe`` makes of ``request`` when called by hand."""
    knobs = request.knobs
    given: dict[str, Any] = {
        "prompt": [request.prompt] * request.n,
        "num_inference_steps": knobs.steps,
        "guidance_scale": knobs.guidance,
        "generator": [torch.Generator().manual_seed(request.seed + i) for i in range(request.n)],
    }
    if request.negative_prompt:
        given["negative_prompt"] = [request.negative_prompt] * request.n
    if request.task != "image_to_image":
        given |= {"width": knobs.width, "height": knobs.height}
    if request.picture:
        given["image"] = [request.picture] * request.n
    if request.mask:
        given["mask_image"] = [request.mask] * request.n
    for name in ("strength", "control_scale"):
        if hasattr(knobs, name):
            key = {"control_scale": "controlnet_conditioning_scale"}.get(name, name)
            given[key] = getattr(knobs, name)
    drawn = pipe(**given | changes).images
    if request.mask and request.picture:  # what is not painted over stays
        return [Image.composite(one, request.picture, request.mask) for one in drawn]
    return drawn
