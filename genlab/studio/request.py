"""What a visitor may ask of the studio: the knobs of each task with their ranges, and all checks."""

import dataclasses
import unicodedata
from dataclasses import dataclass, field
from typing import Any

from PIL import Image

from genlab.config import MAX_SEED, Config, check_number, choice, knob, quote
from genlab.errors import InvalidInput
from genlab.studio.schedulers import SCHEDULERS

MAX_PROMPT = 10_000  # characters
MAX_PICTURES = 8
MAX_EDGE = 2048
LONGEST = 4  # times the shorter edge


@dataclass(frozen=True)
class Knobs(Config):
    """Text to image, and what every task has."""

    steps: int = knob(25, 1, 150, "Denoising steps: more are finer and slower")
    guidance: float = knob(3.0, 1.0, 20.0, "1: the prompt alone; more: closer to the prompt, less variety")
    scheduler: str = choice("ddim", tuple(SCHEDULERS), "The sampler that walks from noise to picture")
    width: int = knob(32, 8, MAX_EDGE, "Pixels across: models draw best at the size they learned", step=8)
    height: int = knob(32, 8, MAX_EDGE, "Pixels down", step=8)


@dataclass(frozen=True)
class ImageKnobs(Knobs):
    """Image to image (Meng et al., "SDEdit", 2022)."""

    strength: float = knob(0.6, 0.01, 1.0, "How much of the picture is replaced: 1 keeps nothing")


@dataclass(frozen=True)
class InpaintKnobs(Knobs):
    """A part of a picture drawn anew."""

    strength: float = knob(1.0, 0.01, 1.0, "How much of the masked part is replaced: 1 keeps nothing")


@dataclass(frozen=True)
class ControlKnobs(Knobs):
    """ControlNet (Zhang et al., 2023)."""

    control_scale: float = knob(1.0, 0.0, 2.0, "How strictly the outline is followed: 0 ignores it")


TASKS: dict[str, type[Knobs]] = {
    "text_to_image": Knobs,
    "image_to_image": ImageKnobs,
    "inpaint": InpaintKnobs,
    "control": ControlKnobs,
}


@dataclass(frozen=True)
class Request:
    """One drawing as asked for, checked; ``n`` pictures of the seeds ``seed``, ``seed`` + 1, ..."""

    task: str  # a key of TASKS
    model: str  # a key of the catalog
    prompt: str
    knobs: Knobs
    negative_prompt: str = ""
    n: int = 1
    seed: int = 0
    picture: Image.Image | None = None  # RGB, of the size drawn: what is changed, or the outline
    mask: Image.Image | None = None  # L, of the same size: white is drawn anew
    notices: tuple[str, ...] = field(default=())  # what had to be done to the visitor's input

    def __post_init__(self) -> None:
        whole = {"n": (1, MAX_PICTURES), "seed": (0, MAX_SEED)}
        for name, (lo, hi) in whole.items():
            checked = check_number(name, getattr(self, name), lo, hi, whole=True)
            object.__setattr__(self, name, checked)
        for name in ("prompt", "negative_prompt"):
            object.__setattr__(self, name, clean_prompt(name, getattr(self, name)))
        check_shape(self.knobs.width, self.knobs.height)

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
