"""What a visitor may ask of the studio: the knobs of each task with their ranges, and all checks."""

import dataclasses
import math
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from genlab.config import MAX_SEED, Config, check_choice, check_number, choice, knob, quote
from genlab.errors import InvalidInput
from genlab.studio.edges import HIGH, LOW, MAX_THRESHOLD
from genlab.studio.schedulers import SCHEDULERS

SOURCES = EDGES, DRAWN, AS_IT_IS = "edges", "drawn", "as it is"  # of an outline
MAX_PROMPT = 10_000  # characters
MAX_PICTURES = 8
MAX_EDGE = 2048
LONGEST = 4  # times the shorter edge


@dataclass(frozen=True)
class Knobs(Config):
    """What every task has."""

    steps: int = knob(25, 1, 150, "Denoising steps: more are finer and slower")
    guidance: float = knob(3.0, 1.0, 20.0, "1: the prompt alone; more: closer to the prompt, less variety")
    scheduler: str = choice("ddim", tuple(SCHEDULERS), "The sampler that walks from noise to picture")
    width: int = knob(32, 8, MAX_EDGE, "Pixels across: models draw best at the size they learned", step=8)
    height: int = knob(32, 8, MAX_EDGE, "Pixels down", step=8)
    few_steps: str = choice("off", ("off", "lcm"), "lcm: 4 to 8 steps suffice, by weights added (LoRA)")


@dataclass(frozen=True)
class TextKnobs(Knobs):
    """Text to image."""

    refiner: str = choice("off", ("off", "on"), "on: a second U-Net takes the last fifth of the noise away")


@dataclass(frozen=True)
class ImageKnobs(Knobs):
    """Image to image (Meng et al., "SDEdit", 2022)."""

    strength: float = knob(0.6, 0.0, 1.0, "How much of the picture is replaced: 1 keeps nothing")


@dataclass(frozen=True)
class InpaintKnobs(Knobs):
    """A part of a picture drawn anew."""

    strength: float = knob(1.0, 0.0, 1.0, "How much of the masked part is replaced: 1 keeps nothing")


@dataclass(frozen=True)
class ControlKnobs(Knobs):
    """ControlNet (Zhang et al., 2023)."""

    control_scale: float = knob(1.0, 0.0, 2.0, "How strictly the outline is followed: 0 ignores it")
    source: str = choice("edges", SOURCES, "Whether the picture's edges are followed, or it is an outline")
    low: int = knob(LOW, 0, MAX_THRESHOLD, "A lower one follows edges further")
    high: int = knob(HIGH, 0, MAX_THRESHOLD, "A lower one finds more edges")


TASKS: dict[str, type[Knobs]] = {
    "text_to_image": TextKnobs,
    "image_to_image": ImageKnobs,
    "inpaint": InpaintKnobs,
    "control": ControlKnobs,
}
PICTURES: dict[str, dict[str, str]] = {  # what a task is given, and its mode
    "text_to_image": {},
    "image_to_image": {"picture": "RGB"},
    "inpaint": {"picture": "RGB", "mask": "L"},
    "control": {"picture": "RGB"},
}
REFINED_FROM = 0.8  # the share of the noise that the base takes away before a refiner (Podell et al., 2023)
FEWEST_REFINED = round(1 / (1 - REFINED_FROM))


@dataclass(frozen=True)
class Request:
    """One drawing as asked for; ``n`` pictures of the seeds ``seed``, ``seed`` + 1, ...

    Every value is checked when it is made; that nothing is missing, when it is to be drawn (``check``).
    """

    task: str  # a key of TASKS
    model: str  # a key of the catalog
    prompt: str
    knobs: Knobs  # of the task's type; plain Knobs take the task's own from their defaults
    negative_prompt: str = ""
    n: int = 1
    seed: int = 0
    picture: Image.Image | None = None  # RGB, of the size drawn: what is changed, or the outline
    mask: Image.Image | None = None  # L, of the same size: white is drawn anew
    notices: tuple[str, ...] = field(default=())  # what had to be done to the visitor's input

    def __post_init__(self) -> None:
        self._widen_knobs()
        whole = {"n": (1, MAX_PICTURES), "seed": (0, MAX_SEED)}
        for name, (lo, hi) in whole.items():
            checked = check_number(name, getattr(self, name), lo, hi, whole=True)
            object.__setattr__(self, name, checked)
        for name in ("prompt", "negative_prompt"):
            object.__setattr__(self, name, clean_prompt(name, getattr(self, name)))
        check_shape(self.knobs.width, self.knobs.height)

    def _widen_knobs(self) -> None:
        wanted = TASKS[check_choice("task", self.task, tuple(TASKS))]
        if type(self.knobs) is Knobs:
            object.__setattr__(self, "knobs", wanted(**vars(self.knobs)))
        if type(self.knobs) is not wanted:
            raise InvalidInput(f"knobs are {quote(self.knobs)}; {self.task} takes {wanted.__name__}.")

    def check(self) -> None:
        """InvalidInput if a picture is missing or does not fit, or if there are too few or many steps."""
        for name in ("picture", "mask"):
            check_image(name, getattr(self, name), self)
        check_steps(self.knobs)

    def roles(self) -> list[str]:
        """The parts it needs beside the model's own."""
        asked = {
            "control": self.task == "control",
            "refiner": getattr(self.knobs, "refiner", "off") != "off",
            "few_steps": self.knobs.few_steps != "off",
        }
        return [role for role, wanted in asked.items() if wanted]

    def seeds(self) -> list[int]:
        """One for each picture; the first follows the last."""
        return [(self.seed + i) % (MAX_SEED + 1) for i in range(self.n)]

    def change(self, **values: Any) -> "Request":
        """The same with other values of its own or of its knobs, checked again."""
        own = {f.name for f in dataclasses.fields(self)}
        knobs = dataclasses.replace(self.knobs, **{k: v for k, v in values.items() if k not in own})
        return dataclasses.replace(self, knobs=knobs, **{k: v for k, v in values.items() if k in own})


def clean_prompt(name: str, text: Any) -> str:
    """``text`` without control characters (NUL and its kind), or InvalidInput."""
    if not isinstance(text, str):
        raise InvalidInput(f"{name} is {quote(text)}; it must be a text.")
    if len(text) > MAX_PROMPT:
        raise InvalidInput(f"{name} has {len(text):,} characters; it must have at most {MAX_PROMPT:,}.")
    return "".join(" " if unicodedata.category(c) in ("Cc", "Cs") else c for c in text).strip()


def check_shape(width: int, height: int) -> None:
    """InvalidInput if one edge is more than four times the other."""
    if max(width, height) > LONGEST * min(width, height):
        raise InvalidInput(
            f"The size is {width}x{height}; one edge must be at most {LONGEST} times the other."
        )


def check_image(name: str, image: Any, request: Request) -> None:
    """InvalidInput if the picture or mask of ``request`` is missing, or of another kind or size."""
    mode = PICTURES[request.task].get(name)
    if (mode is None) != (image is None):
        taken = " and ".join(f"a {one}" for one in PICTURES[request.task]) or "none"
        raise InvalidInput(f"{name} is {'missing' if mode else 'given'}; {request.task} takes {taken}.")
    if mode is None:
        return
    size = request.knobs.width, request.knobs.height
    if not isinstance(image, Image.Image) or (image.mode, image.size) != (mode, size):
        raise InvalidInput(f"{name} is {quote(image)}; it must be {mode} of {size[0]}x{size[1]} pixels.")


def check_steps(knobs: Knobs) -> None:
    """InvalidInput if no step is left for what is asked, or the scheduler has not as many."""
    steps = knobs.steps
    strength = getattr(knobs, "strength", 1.0)
    if int(steps * strength) < 1:
        raise InvalidInput(
            f"strength is {strength:g}; with {steps} steps it must be at least "
            f"{math.ceil(100 / steps) / 100:g}, or no step is left."
        )
    if getattr(knobs, "refiner", "off") != "off" and steps < FEWEST_REFINED:
        raise InvalidInput(f"steps is {steps}; with a refiner it must be at least {FEWEST_REFINED}.")
    most = SCHEDULERS[knobs.scheduler].max_steps
    if most is not None and steps > most:
        raise InvalidInput(f"steps is {steps}; {knobs.scheduler} takes at most {most}.")
