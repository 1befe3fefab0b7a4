"""One engine for every model: it keeps one model in memory and draws every task with its weights."""

import contextlib
import dataclasses
import os
import time
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from genlab.errors import ModelUnavailable
from genlab.studio import loading, memory, recipe, speed, zero
from genlab.studio.catalog import CATALOG, ModelCard
from genlab.studio.previews import Previewer
from genlab.studio.request import Request
from genlab.studio.schedulers import make as make_scheduler
from genlab.studio.tasks import arguments, check_steps, truncation
from genlab.studio.worker import Progress, Report, Stream, Worker

PREVIEW_SECONDS = 0.15  # at least, between two previews
GPU_ONLY = "needs a GPU, and this machine has none"


class Drawn(NamedTuple):
    """What came out; picture i is of seed i of the request and carries its recipe."""

    pictures: list[Image.Image]
    recipes: list[dict[str, Any]]
    seconds: float
    notices: tuple[str, ...]
    withheld: tuple[int, ...]  # blackened by the model's safety checker


class Estimate(NamedTuple):
    """What a request will cost."""

    seconds: float | None  # None: nobody has measured this model yet
    gigabytes: float
    basis: str  # where the seconds come from


@dataclasses.dataclass
class Resident:
    """The model in memory."""

    card: ModelCard
    base: loading.Base
    previewer: Previewer
    work: float  # gigabytes to compute one picture of the model's own size
    placement: str = ""
    prompts: speed.PromptCache = dataclasses.field(default_factory=speed.PromptCache)
    active: tuple[str, Any] | None = None  # the task whose pipeline holds the hooks, and that pipeline


class Engine:
    """Draws requests, one after another.

    Args:
        device: Where the networks run; the GPU where there is one.
        catalog: The models.
        public: Whether strangers use it: hub models then keep their safety checker.
    """

    def __init__(
        self,
        device: torch.device | None = None,
        catalog: dict[str, ModelCard] = CATALOG,
        public: bool = "SPACE_ID" in os.environ,
    ) -> None:
        # First, for it brings in ``spaces``, which must be there before anything looks for a GPU.
        on_gpu = zero.on_gpu(self._here, self._gpu_seconds, self._ready)
        self._stream = self._here if device is not None and device.type == "cpu" else on_gpu
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.catalog, self.public = catalog, public
        self.worker = Worker()
        self.resident: Resident | None = None
        self.rates: dict[str, float] = {}  # model -> seconds for one step of one megapixel, measured

    # What can be had

    def unavailable(self, card: ModelCard) -> str | None:
        """Why ``card`` cannot run here, or None."""
        if card.needs_gpu and self.device.type == "cpu":
            return GPU_ONLY
        return None

    def estimate(self, request: Request) -> Estimate:
        """Time and memory of ``request``: from this device's own runs, else from the card."""
        card = self.catalog[request.model]
        gigabytes = card.gigabytes(request, number_bytes=2 if self.device.type == "cuda" else 4)
        work = _work(request)
        if request.model in self.rates:
            return Estimate(self.rates[request.model] * work, gigabytes, "measured here")
        if card.seconds is None:
            return Estimate(None, gigabytes, "not measured yet")
        own = dataclasses.replace(request, n=1, knobs=card.knobs, task="text_to_image")
        return Estimate(card.seconds * work / _work(own), gigabytes, f"on {card.reference}")

    # Drawing

    def draw(self, request: Request) -> Stream[Drawn]:
        """Draw ``request``; closing the stream stops it within one step.

        Raises:
            InvalidInput: The model cannot do what is asked.
            ModelUnavailable: It cannot be had, or its memory does not suffice.
        """
        card = self.catalog[request.model]
        card.check(request)
        check_steps(request)
        if (reason := self.unavailable(card)) is not None:
            raise ModelUnavailable(f"{card.title} {reason}; mini-SD runs anywhere.")
        return self._timed(request)

    def _timed(self, request: Request) -> Stream[Drawn]:
        drawn = yield from self._stream(request)
        self.rates[request.model] = drawn.seconds / _work(request)
        return drawn

    def _here(self, request: Request) -> Stream[Drawn]:
        return (yield from self.worker.stream(lambda report: self._draw(request, report)))

    def _ready(self, request: Request) -> Stream[None]:
        """Read the weights into this process's memory: what is forked off inherits them."""
        card = self.catalog[request.model]
        yield from self.worker.stream(
            lambda report: speed.prepare(self._load(card, report).base.parts, self.device)
        )

    def _gpu_seconds(self, request: Request) -> int:
        return zero.duration(request, self.estimate(request).seconds)

    def _draw(self, request: Request, report: Report) -> Drawn:
        try:
            return self._attempt(request, report, frugal=False)
        except (RuntimeError, MemoryError) as error:
            if not memory.out_of_memory(error):
                raise
        # Outside the handler, whose traceback would keep the tensors of the failed attempt alive.
        memory.collect()
        report(Progress(None, "Memory ran out; once more, one picture at a time and in tiles."))
        try:
            return self._attempt(request, report, frugal=True)
        except (RuntimeError, MemoryError) as error:
            if not memory.out_of_memory(error):
                raise
        self._release()
        raise ModelUnavailable(self._what_fits(request))

    def _what_fits(self, request: Request) -> str:
        card, knobs = self.catalog[request.model], request.knobs
        smaller = request.change(n=1, width=card.knobs.width // 2, height=card.knobs.height // 2)
        return (
            f"Memory ran out: {request.n} of {knobs.width}x{knobs.height} by {card.title} take about "
            f"{card.gigabytes(request):.1f} GB; one of {smaller.knobs.width}x{smaller.knobs.height} takes "
            f"{card.gigabytes(smaller):.1f} GB, and mini-SD next to nothing."
        )

    def _attempt(self, request: Request, report: Report, frugal: bool) -> Drawn:
        resident = self._load(self.catalog[request.model], report)
        pipe = self._pipeline(resident, request.task, frugal)
        pipe.scheduler = make_scheduler(request.knobs.scheduler, resident.base.parts["scheduler"].config)
        began = time.monotonic()
        seeds = request.seeds()
        groups = [[seed] for seed in seeds] if frugal else [seeds]
        pictures: list[Image.Image] = []
        withheld: list[int] = []
        for group in groups:
            watch = _Watch(resident.previewer, report, len(pictures) / len(seeds), len(group) / len(seeds))
            result = pipe(**arguments(request, group), callback_on_step_end=watch)
            flags = getattr(result, "nsfw_content_detected", None) or [False] * len(group)
            withheld += [len(pictures) + i for i, flagged in enumerate(flags) if flagged]
            pictures += result.images
        seconds = time.monotonic() - began
        recipes = [recipe.make(request, seed, resident.base.files.source()) for seed in seeds]
        for picture, made in zip(pictures, recipes, strict=True):
            recipe.attach(picture, made)
        notices = (*request.notices, *truncation(pipe, request))
        return Drawn(pictures, recipes, seconds, notices, tuple(withheld))

    # The model in memory

    def _load(self, card: ModelCard, report: Report) -> Resident:
        if self.resident is not None and self.resident.card.name == card.name:
            return self.resident
        self._release()
        report(Progress(None, f"Loading {card.title}."))
        dtype = loading.precision(self.device)
        base = loading.load_base(card, dtype, checked=self.public and card.needs_gpu)
        tiny = None
        if card.repositories("preview"):
            with contextlib.suppress(ModelUnavailable):  # latents are shown in their linear colours then
                tiny = loading.load_part(card, "preview", dtype).to(self.device)
        self.resident = Resident(card, base, Previewer(base.parts["vae"], tiny), card.work_gigabytes)
        return self.resident

    def _release(self) -> None:
        """Forget the model in memory."""
        if self.resident is not None and self.resident.active is not None:
            self.resident.active[1].remove_all_hooks()
        self.resident = None
        memory.collect()

    def _pipeline(self, resident: Resident, task: str, frugal: bool) -> Any:
        """The pipeline of ``task`` around the resident weights, placed on the device."""
        parts = resident.base.parts
        if task == "control" and "controlnet" not in parts:
            dtype = parts["unet"].dtype
            parts["controlnet"] = loading.load_part(resident.card, "control", dtype)
        if resident.active is not None and resident.active[0] == task and not frugal:
            return resident.active[1]
        if resident.active is not None:
            resident.active[1].remove_all_hooks()
        speed.prepare(parts, self.device)
        pipe = loading.assemble(resident.card, task, parts)
        resident.prompts.attach(pipe)
        self._place(resident, pipe, frugal)
        resident.active = (task, pipe)
        return pipe

    def _place(self, resident: Resident, pipe: Any, frugal: bool) -> None:
        """Bring the parts where they fit; ``frugal`` one step more sparing than last time."""
        vae = resident.base.parts["vae"]
        (vae.enable_tiling if frugal else vae.disable_tiling)()
        if self.device.type != "cuda":
            return
        if frugal:
            following = memory.PLACEMENTS.index(resident.placement) + 1
            resident.placement = memory.PLACEMENTS[min(following, len(memory.PLACEMENTS) - 1)]
        else:
            sizes = memory.weights_gigabytes(pipe.components)
            held = sum(sizes.values()) if resident.placement == "full" else 0.0
            free = memory.free_gigabytes(self.device) + held
            resident.placement = memory.choose(free, sizes, resident.work)
        memory.place(pipe, self.device, resident.placement)

    def bytes(self) -> int:
        """What the networks of the resident model take."""
        parts: dict[str, Any] = self.resident.base.parts if self.resident else {}
        return round(sum(memory.weights_gigabytes(parts).values()) * memory.GIGABYTE)


def _work(request: Request) -> float:
    """Steps times megapixels."""
    knobs = request.knobs
    steps = knobs.steps * getattr(knobs, "strength", 1.0)
    return max(1.0, steps) * request.n * knobs.width * knobs.height / 1e6


class _Watch:
    """Called by a pipeline after each step: tells how far it is, and what forms.

    Args:
        previewer: Latents to pictures.
        report: Raises where the work is to stop.
        start: The share that is done already.
        span: The share that this run makes up.
    """

    def __init__(self, previewer: Previewer, report: Report, start: float, span: float) -> None:
        self.previewer, self.report, self.start, self.span = previewer, report, start, span
        self.calls, self.began, self.shown = 0, time.monotonic(), 0.0

    def __call__(self, pipe: Any, step: int, t: Any, values: dict[str, Tensor]) -> dict[str, Tensor]:
        self.calls += 1
        total = pipe.num_timesteps  # of the scheduler: PNDM and others call more often than steps were asked
        latents = values["latents"]
        now = time.monotonic()
        previews: tuple[Image.Image, ...] = ()
        if now - self.shown > PREVIEW_SECONDS:
            previews, self.shown = tuple(self.previewer.pictures(latents)), now
        left = (now - self.began) / self.calls * (total - self.calls)
        share = self.start + self.span * self.calls / total
        self.report(Progress(share, f"step {self.calls} of {total}, {left:.1f} s left", previews))
        if self.calls >= total and not bool(latents.isfinite().all()):
            raise ModelUnavailable("The model gave numbers that are not finite; its weights are damaged.")
        return values
