"""One engine for every model: it keeps one model in memory and draws every task with its weights."""

import dataclasses
import operator
import time
from typing import Any, NamedTuple

import torch
from PIL import Image

from genlab.config import check_choice
from genlab.errors import ModelUnavailable
from genlab.host import is_space, zero_gpu
from genlab.studio import loading, memory, recipe, zero
from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.drawing import Call, paint
from genlab.studio.remarks import remarks
from genlab.studio.request import Request
from genlab.studio.resident import Resident
from genlab.studio.worker import Progress, Report, Stream, Worker

GPU_ONLY = "needs a GPU, and this machine has none"


class Drawn(NamedTuple):
    """What came out; picture i is of seed i of the request and carries its recipe."""

    pictures: list[Image.Image]
    recipes: list[dict[str, Any]]
    seconds: float
    notices: tuple[str, ...]
    withheld: tuple[int, ...]  # blackened by the model's safety checker
    evaluations: int  # of the U-Net for each picture


class Estimate(NamedTuple):
    """What a request will cost."""

    seconds: float | None  # None: nobody has measured this model yet
    gigabytes: float
    basis: str  # where the seconds come from


class Engine:
    """Draws requests, one after another.

    Args:
        device: Where the networks run; the GPU where there is one.
        catalog: The models.
        public: Whether strangers use it, as in a Space: hub models then keep their safety checker.
    """

    def __init__(
        self,
        device: torch.device | None = None,
        catalog: dict[str, ModelCard] = CATALOG,
        public: bool | None = None,
    ) -> None:
        on_gpu = zero.on_gpu(self._here, self._gpu_seconds, self._fetched)
        self._stream = on_gpu if device is None or device.type == "cuda" else self._here
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.catalog = catalog
        self.public = is_space() if public is None else public
        self.worker = Worker()
        self.resident: Resident | None = None
        self.rates: dict[str, float] = {}  # model -> seconds for one unit of _work, measured
        # On ZeroGPU, small models draw on the host's own processor, which costs nobody GPU time.
        lent = zero_gpu() and self.device.type == "cuda"
        self.host = Engine(torch.device("cpu"), catalog, public) if lent else None

    # What can be had

    def unavailable(self, card: ModelCard) -> str | None:
        """Why ``card`` cannot run here, or None."""
        return GPU_ONLY if card.needs_gpu and self.device.type == "cpu" else None

    def _card(self, request: Request) -> ModelCard:
        return self.catalog[check_choice("model", request.model, tuple(self.catalog))]

    def estimate(self, request: Request) -> Estimate:
        """Time and memory of ``request``: from this device's own runs, else from the card."""
        card = self._card(request)
        gigabytes = card.gigabytes(request, number_bytes=2 if self.device.type == "cuda" else 4)
        work = _work(request)
        if request.model in self.rates:
            return Estimate(self.rates[request.model] * work, gigabytes, "measured here")
        if card.seconds is None:
            return Estimate(None, gigabytes, "not measured yet")
        own = Request("text_to_image", card.name, "", card.knobs)
        return Estimate(card.seconds * work / _work(own), gigabytes, f"on {card.reference}")

    def of(self, request: Request) -> "Engine":
        """The engine that draws ``request``: this one, or that of the host's own processor."""
        small = not self._card(request).needs_gpu
        return self.host if self.host is not None and small else self

    def bytes(self) -> int:
        """What the networks of the model in memory take."""
        networks = self.resident.networks() if self.resident else {}
        return sum(memory.network_bytes(net) for net in networks.values())

    # Drawing

    def draw(self, request: Request, call: Call = operator.call) -> Stream[Drawn]:
        """Draw ``request``; closing the stream stops it within one step.

        Args:
            request: What to draw.
            call: Calls the pipeline, its first argument, with the others; on the worker's thread.

        Raises:
            InvalidInput: The model cannot do what is asked.
            ModelUnavailable: It cannot be had, or its memory does not suffice.
        """
        card = self._card(request)
        card.check(request)
        if (reason := self.unavailable(card)) is not None:
            raise ModelUnavailable(f"{card.title} {reason}; mini-SD runs anywhere.")
        if (other := self.of(request)) is not self:
            return other.draw(request, call)
        if call is operator.call:
            return self._timed(request)
        if self.host is not None:
            raise ModelUnavailable(f"{card.title} runs on a lent GPU, where nothing can look on.")
        return self.worker.stream(lambda report: self._draw(request, report, call))

    def _timed(self, request: Request) -> Stream[Drawn]:
        drawn = yield from self._stream(request)
        self.rates[request.model] = drawn.seconds / _work(request)
        return drawn

    def _here(self, request: Request) -> Stream[Drawn]:
        return (yield from self.worker.stream(lambda report: self._draw(request, report, operator.call)))

    def _fetched(self, request: Request) -> Stream[None]:
        """Bring the files of ``request`` onto this disk."""
        card, dtype = self.catalog[request.model], loading.precision(self.device)
        yield Progress(None, f"Fetching {card.title}.")
        yield from self.worker.stream(lambda report: loading.download(card, request.roles(), dtype))

    def _gpu_seconds(self, request: Request) -> int:
        return zero.duration(request, self.estimate(request).seconds)

    def _draw(self, request: Request, report: Report, call: Call) -> Drawn:
        try:
            return self._attempt(request, report, call, frugal=False)
        except (RuntimeError, MemoryError) as error:
            if not memory.out_of_memory(error):
                raise
        # Outside the handler, whose traceback would keep the tensors of the failed attempt alive.
        memory.collect()
        report(Progress(None, "Memory ran out; once more, one picture at a time and in tiles."))
        try:
            return self._attempt(request, report, call, frugal=True)
        except (RuntimeError, MemoryError) as error:
            if not memory.out_of_memory(error):
                raise
        self._release()
        raise ModelUnavailable(self._what_fits(request))

    def _attempt(self, request: Request, report: Report, call: Call, frugal: bool) -> Drawn:
        resident = self._load(request, report)
        began = time.monotonic()
        painted = paint(resident, request, report, frugal, call)
        seconds = time.monotonic() - began
        source = resident.sources(request.roles())
        recipes = [recipe.make(request, seed, source) for seed in request.seeds()]
        for picture, made in zip(painted.pictures, recipes, strict=True):
            recipe.attach(picture, made)
        notices = (*request.notices, *remarks(resident.card, resident.parts["tokenizer"], request))
        return Drawn(painted.pictures, recipes, seconds, notices, painted.withheld, painted.evaluations)

    def _load(self, request: Request, report: Report) -> Resident:
        """The model of ``request`` with all parts that it needs."""
        card = self.catalog[request.model]
        if self.resident is None or self.resident.card is not card:
            self._release()
            report(Progress(None, f"Loading {card.title}."))
            self.resident = Resident(card, self.device, checked=self.public and card.folder is None)
        self.resident.require(request.roles(), report)
        return self.resident

    def _release(self) -> None:
        """Forget the model in memory."""
        self.resident = None
        memory.collect()

    def _what_fits(self, request: Request) -> str:
        """The sentence for a request that memory does not suffice for."""
        card = self.catalog[request.model]
        least = card.edges[0]
        smaller = dataclasses.replace(request.change(width=least, height=least), n=1)

        def told(one: Request) -> str:
            knobs = one.knobs
            return f"{one.n} of {knobs.width}x{knobs.height} take{'' if one.n > 1 else 's'} about " + (
                f"{self.estimate(one).gigabytes:.2g} GB"
            )

        return f"Memory ran out: {told(request)} with {card.title}, {told(smaller)}; mini-SD next to none."


def _work(request: Request) -> float:
    """U-Net evaluations times megapixels, the unit of time."""
    knobs = request.knobs
    steps = max(1.0, knobs.steps * getattr(knobs, "strength", 1.0))
    guided = 2 if knobs.guidance > 1 else 1  # with and without the prompt
    return steps * guided * request.n * knobs.width * knobs.height / 1e6
