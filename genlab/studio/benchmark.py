"""The speed ladder: what each option of ``speed`` gains, one on top of the other, over plain diffusers.

Full-size networks with random weights, one picture at a time. Every rung draws the same picture from
the same weights, and its final latents are held against plain's: none may be faster by being wrong.
"""

import copy
import dataclasses
import statistics
import time
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.config import Config, choice, knob
from genlab.studio import loading, memory, speed
from genlab.studio.catalog import CATALOG
from genlab.studio.ladder import COMPILED, LADDER, Parts, Rung
from genlab.studio.published import PUBLISHED, parts
from genlab.studio.request import Knobs, Request
from genlab.studio.schedulers import make as make_scheduler
from genlab.studio.tasks import Stage, arguments

TARGET = 1.5  # times plain's speed, pictures unchanged
CUT_OFF = 0.5  # the share of steps that are guided on the last rung
GUIDANCE = 7.5
PROMPT, NEGATIVE = "a lighthouse on a cliff in the evening sun", "blurred, dark"
# Of the latents' standard deviation. Set by reasoning, not yet by a measurement on a GPU: half
# precision carries 3 digits, and the sums of some thousand products in another order keep 2 of them.
TOLERANCE = {torch.float16: 0.1, torch.float32: 1e-3}


@dataclasses.dataclass(frozen=True)
class BenchmarkConfig(Config):
    """What is measured, and how long."""

    model: str = choice("sd15", tuple(PUBLISHED), "The networks; tiny ones run on a CPU in seconds")
    steps: int = knob(30, 2, 150, "Denoising steps of a picture (DPM-Solver++)")
    repeats: int = knob(5, 1, 100, "Pictures timed on each rung; the median counts")
    compiled: str = choice("unet", ("none", "blocks", "unet"), "How far to go; compiling takes minutes")


class Measured(NamedTuple):
    """What one rung gave."""

    name: str
    seconds: float  # for a picture, median
    steps_per_second: float  # of the denoising loop, median
    first_seconds: float  # for the first picture: compiling included
    peak_gigabytes: float | None  # None on a CPU
    ratio: float  # plain's seconds to these
    difference: float  # largest of the final latents from plain's, in their standard deviation
    right: bool | None  # whether that is rounding; None where another picture is meant to come out


class _Clock:
    """Called after each step; tells the speed of the loop without making it wait."""

    tensor_inputs: tuple[str, ...] = ()  # of the pipeline's variables: none

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.marks: list[Any] = []

    def __call__(self, pipe: Any, step: int, t: Any, values: dict[str, Tensor]) -> dict[str, Tensor]:
        if self.device.type == "cuda":
            event = torch.cuda.Event(enable_timing=True)
            event.record()
            self.marks.append(event)
        else:
            self.marks.append(time.perf_counter())
        return values

    def steps_per_second(self) -> float:
        """From the end of the first step to that of the last; the device must have finished."""
        first, last = self.marks[0], self.marks[-1]
        passed = first.elapsed_time(last) / 1000 if self.device.type == "cuda" else last - first
        return (len(self.marks) - 1) / passed


class _Runner:
    """The pipeline of one rung, ready to draw.

    Args:
        rung: What is done to a copy of the networks.
        pristine: The parts on the CPU, which stay as they are.
        config: The model and its steps.
        device: Where it runs.
    """

    def __init__(self, rung: Rung, pristine: Parts, config: BenchmarkConfig, device: torch.device) -> None:
        self.rung, self.config, self.device = rung, config, device
        nets = {
            name: copy.deepcopy(part).to(device) if isinstance(part, torch.nn.Module) else part
            for name, part in pristine.items()
        }
        for change in rung.changes:
            change(nets, device)
        self.model = PUBLISHED[config.model]
        card = next(card for card in CATALOG.values() if card.kind == self.model.kind)
        self.pipe = loading.assemble(card, "text_to_image", nets)
        if rung.cached:
            speed.PromptCache().attach(self.pipe)

    def draw(self, output: str, clock: _Clock) -> Any:
        """One picture (``output`` "pil") or its latents ("latent"), called as the studio calls it."""
        from diffusers.callbacks import MultiPipelineCallbacks

        self.pipe.scheduler = make_scheduler("dpmpp", self.pipe.scheduler.config)
        side = self.model.side
        knobs = Knobs(self.config.steps, GUIDANCE, "dpmpp", side, side)
        request = Request("text_to_image", self.config.model, PROMPT, knobs, NEGATIVE)
        callbacks: list[Any] = [_cut_off(self.model.kind), clock] if self.rung.cut_off else [clock]
        given = arguments(request, request.seeds(), Stage()) | {"output_type": output}
        return self.pipe(**given, callback_on_step_end=MultiPipelineCallbacks(callbacks)).images

    def timed(self) -> tuple[float, float]:
        """Seconds of one picture, and steps in a second of its loop."""
        clock = _Clock(self.device)
        _synchronize(self.device)
        began = time.perf_counter()
        self.draw("pil", clock)
        _synchronize(self.device)
        return time.perf_counter() - began, clock.steps_per_second()


def _cut_off(kind: str) -> Any:
    """diffusers' callback that ends guidance half way: the U-Net then sees half the batch."""
    from diffusers.callbacks import SDCFGCutoffCallback, SDXLCFGCutoffCallback

    return (SDXLCFGCutoffCallback if kind == "sdxl" else SDCFGCutoffCallback)(cutoff_step_ratio=CUT_OFF)


def _synchronize(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(
    config: BenchmarkConfig, device: torch.device, ladder: tuple[Rung, ...] = LADDER
) -> Iterator[Measured]:
    """Climb ``ladder`` as far as ``config.compiled`` goes; all is held against the first rung."""
    dtype = loading.precision(device)
    pristine = parts(PUBLISHED[config.model], device, dtype)
    plain: tuple[float, Tensor] | None = None
    for rung in ladder:
        if rung.compiles not in COMPILED[config.compiled]:
            continue
        memory.collect()
        runner = _Runner(rung, pristine, config, device)
        first_seconds, _ = runner.timed()
        latents = runner.draw("latent", _Clock(device)).float()
        if device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(device)
        runs = [runner.timed() for _ in range(config.repeats)]
        peak = torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None
        seconds, rate = (statistics.median(values) for values in zip(*runs, strict=True))
        plain = plain or (seconds, latents)
        difference = float((latents - plain[1]).abs().max() / plain[1].std())
        yield Measured(
            rung.name,
            seconds,
            rate,
            first_seconds,
            peak / memory.GIGABYTE if peak is not None else None,
            plain[0] / seconds,
            difference,
            None if rung.cut_off else difference <= TOLERANCE[dtype],
        )
        del runner
        torch.compiler.reset()  # what is compiled counts towards a limit, which belongs to each rung


def report(config: BenchmarkConfig, device: torch.device, rungs: list[Measured]) -> dict[str, Any]:
    """All figures with what they depend on, fit for JSON."""
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    best = max(rung.ratio for rung in rungs if rung.right)
    return {
        **dataclasses.asdict(config),
        "side": PUBLISHED[config.model].side,
        "device": name,
        "dtype": str(loading.precision(device)).removeprefix("torch."),
        "versions": {library: version(library) for library in ("torch", "diffusers", "transformers")},
        "target": TARGET,
        "best": best,
        "met": best >= TARGET,
        "rungs": [rung._asdict() for rung in rungs],
    }
