"""One attempt at a request: its pipelines called in turn, watched step by step."""

import math
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from genlab.errors import ModelUnavailable
from genlab.studio.previews import Previewer
from genlab.studio.request import Request
from genlab.studio.resident import Resident
from genlab.studio.tasks import arguments, stages
from genlab.studio.worker import Progress, Report

Call = Callable[..., Any]  # of a pipeline, its first argument, with the others
PREVIEW_SECONDS = 0.15  # at least, between two previews


class Painted(NamedTuple):
    """The pictures of a request, in the order of its seeds."""

    pictures: list[Image.Image]
    withheld: tuple[int, ...]  # blackened by the model's safety checker
    evaluations: int  # of the U-Net for each picture


def paint(resident: Resident, request: Request, report: Report, frugal: bool, call: Call) -> Painted:
    """Draw ``request``; ``frugal``: one picture at a time and in tiles; ``call`` calls the pipelines.

    Raises:
        ModelUnavailable: The pictures are not numbers.
        Exception: What ``report`` raises where the work is to stop; out of memory.
    """
    seeds = request.seeds()
    groups = [[seed] for seed in seeds] if frugal else [seeds]
    outputs: list[Any] = [None] * len(groups)
    calls = 0
    for stage in stages(request):
        span = (stage.end - stage.start) / len(groups)
        with resident.pipeline(request, stage, frugal) as pipe:
            for i, group in enumerate(groups):
                watch = Watch(resident.previewer, report, stage.start + i * span, span)
                latents = outputs[i].images if stage.refines else None
                wanted = arguments(request, group, stage, latents)
                outputs[i] = call(pipe, **wanted, callback_on_step_end=watch)
                calls += watch.calls
    flags = [flag for output in outputs for flag in _flags(output)]
    pictures = [kept(picture, request) for output in outputs for picture in to_pictures(output.images)]
    return Painted(pictures, tuple(i for i, flag in enumerate(flags) if flag), calls // len(groups))


def _flags(output: Any) -> list[bool]:
    """What the safety checker, where there is one, says of each picture."""
    return getattr(output, "nsfw_content_detected", None) or [False] * len(output.images)


def kept(picture: Image.Image, request: Request) -> Image.Image:
    """``picture`` where the mask is white, and the visitor's own elsewhere.

    Encoding and decoding changes every pixel, that of the smallest models most.
    """
    if request.mask is None or request.picture is None:
        return picture
    return Image.composite(picture, request.picture, request.mask)


def to_pictures(images: Tensor) -> list[Image.Image]:
    """Tensors (N, 3, H, W) in [0, 1] as diffusers turns them into pictures.

    Raises:
        ModelUnavailable: Some are not numbers; diffusers would draw them black.
    """
    from diffusers.image_processor import VaeImageProcessor

    if not bool(torch.isfinite(images).all()):
        raise ModelUnavailable("The model gave numbers that are not finite: its weights are damaged.")
    return VaeImageProcessor.numpy_to_pil(VaeImageProcessor.pt_to_numpy(images))


class Watch:
    """Called by a pipeline after each step: tells how far it is, and what forms.

    Args:
        previewer: Latents to pictures.
        report: Raises where the work is to stop.
        start: The share that is done already.
        span: The share that this call of the pipeline makes up.
    """

    def __init__(self, previewer: Previewer, report: Report, start: float, span: float) -> None:
        self.previewer, self.report, self.start, self.span = previewer, report, start, span
        self.calls, self.began, self.shown = 0, time.monotonic(), -math.inf
        self.previews: tuple[Image.Image, ...] = ()  # in every report: who listens may skip some
        report(Progress(start, "Drawing."))

    def __call__(self, pipe: Any, step: int, t: Any, values: dict[str, Tensor]) -> dict[str, Tensor]:
        self.calls += 1
        total = pipe.num_timesteps  # of the scheduler: PNDM and others call more often than steps were asked
        now = time.monotonic()
        if now - self.shown > PREVIEW_SECONDS:
            self.previews, self.shown = tuple(self.previewer.pictures(values["latents"])), now
        left = (now - self.began) / self.calls * (total - self.calls)
        share = self.start + self.span * self.calls / total
        self.report(Progress(share, f"step {self.calls} of {total}, {left:.1f} s left", self.previews))
        return values
