"""Does mini-SD draw what its prompts say? Digit, ink and background of fixed prompts, and its cost.

The reading of a picture knows nothing of its prompt: the background is what the frame shows, the ink
what differs most from it, and the digit what the shipped classifier sees in the ink's share.
"""

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from statistics import median
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.checkpoints import sha256
from genlab.config import MAX_SEED, Config, knob
from genlab.data import Dataset
from genlab.models import Classifier
from genlab.studio.mini.captions import NUMBERS, caption
from genlab.studio.mini.pictures import COLOURS, PAD, RGB, ColouredDigits
from genlab.studio.mini.vae import psnr
from genlab.training import mix

CHUNK = 25
INK_SHARE = 0.8  # pixels this close to the farthest from the background are all ink
RED = COLOURS.index("red")
TIMED = 5  # single pictures, of which the median time counts


@dataclass(frozen=True)
class EvaluationConfig(Config):
    n: int = knob(500, 10, 100_000, "Prompts")
    steps: int = knob(25, 1, 1000, "Denoising steps")
    guidance: float = knob(3.0, 1.0, 20.0, "Guidance scale")
    seed: int = knob(0, 0, MAX_SEED, "Seed of the starting noise")


class Reading(NamedTuple):
    """What pictures show, each int64 (N,)."""

    digit: Tensor
    ink: Tensor  # index into COLOURS
    background: Tensor


class Prompt(NamedTuple):
    text: str
    digit: int
    ink: int
    background: int


def prompts(n: int) -> list[Prompt]:
    """The first n fixed prompts: each tells a digit and both colours, some also stroke or slant."""
    rng = Random(0)
    made = []
    for i in range(n):
        digit, ink = i % len(NUMBERS), i // len(NUMBERS) % len(COLOURS)
        background = (ink + rng.randrange(1, len(COLOURS))) % len(COLOURS)
        fact = (digit, ink, background, rng.choice((-1, 0, 1)), rng.choice((-1, 0, 1)))
        made.append(Prompt(caption(fact, rng, complete=True), digit, ink, background))
    return made


def nearest_colour(rgb: Tensor) -> Tensor:
    """Index int64 (N,) of the colour of the palette closest to ``rgb`` (N, 3) in [-1, 1]."""
    return torch.cdist(rgb, RGB.to(rgb.device)).argmin(1)


def read(pictures: Tensor, classifier: Classifier) -> Reading:
    """What ``pictures`` (N, 3, 32, 32) in [-1, 1] show."""
    frame = torch.ones(pictures.shape[2:], dtype=torch.bool)
    frame[PAD:-PAD, PAD:-PAD] = False
    background = pictures[:, :, frame].median(2).values  # (N, 3)
    offset = pictures - background[:, :, None, None]
    distance = offset.norm(dim=1)  # (N, 32, 32)
    inked = (distance >= INK_SHARE * distance.amax((1, 2), keepdim=True)).float()
    towards = (offset * inked[:, None]).sum((2, 3)) / inked.sum((1, 2))[:, None]  # ink - background
    share = (offset * towards[:, :, None, None]).sum(1) / towards.square().sum(1).clamp(min=1e-6)[
        :, None, None
    ]
    digits = share[:, None, PAD:-PAD, PAD:-PAD].clamp(0, 1) * 2 - 1  # MNIST's grey again
    digit = classifier.predict(classifier.features(digits))
    return Reading(digit, nearest_colour(background + towards), nearest_colour(background))


def draw(
    pipe: Any,
    texts: list[str],
    config: EvaluationConfig,
    negative: str = "",
    hints: Tensor | None = None,
    **knobs: Any,
) -> Iterator[Tensor]:
    """Pictures (n, 3, 32, 32) in [-1, 1] in chunks; picture i has its own noise, from the seed and i.

    ``hints``: what a ControlNet is shown, (n, 3, 32, 32) in [0, 1]. ``knobs``: more for the pipeline.
    """
    for first in range(0, len(texts), CHUNK):
        part = texts[first : first + CHUNK]
        seeds = [mix(config.seed, i) for i in range(first, first + len(part))]
        shown = {} if hints is None else {"image": hints[first : first + CHUNK]}
        result = pipe(
            part,
            negative_prompt=[negative] * len(part),
            num_inference_steps=config.steps,
            guidance_scale=config.guidance,
            generator=[torch.Generator().manual_seed(seed) for seed in seeds],
            output_type="pt",
            **shown,
            **knobs,
        )
        yield result.images.float().cpu() * 2 - 1


@torch.no_grad()
def reconstruction(autoencoder: Any, test: Dataset) -> float:
    """PSNR in dB over all coloured test digits, encoded and decoded."""
    torch.manual_seed(0)
    digits, errors = ColouredDigits.of(test), []
    for index in torch.arange(len(test)).split(500):
        x, _ = digits.draw(index)
        decoded = autoencoder.decode(autoencoder.encode(x).latent_dist.mean).sample.clamp(-1, 1)
        errors.append((decoded - x).square().mean((1, 2, 3)))
    return float(psnr(torch.cat(errors).mean()))


def seconds_per_image(pipe: Any, config: EvaluationConfig) -> float:
    """The median time of single pictures."""
    times = []
    for _ in range(TIMED):
        began = time.perf_counter()
        pipe("a red 7", num_inference_steps=config.steps, guidance_scale=config.guidance)
        times.append(time.perf_counter() - began)
    return median(times)


def red_share(reading: Reading) -> float:
    """How many pictures have a red ink or a red background."""
    return float(((reading.ink == RED) | (reading.background == RED)).float().mean())


def negative_prompt(pipe: Any, classifier: Classifier, config: EvaluationConfig) -> dict[str, Any]:
    """How often red appears where any colour fits, without and with the negative prompt "red"."""
    texts = [f"a {NUMBERS[i % len(NUMBERS)]}" for i in range(max(CHUNK, config.n // 5))]
    shares = {
        name: red_share(read(torch.cat(list(draw(pipe, texts, config, negative))), classifier))
        for name, negative in (("red_share", ""), ("red_share_negative", "red"))
    }
    return {**shares, "red_prompts": len(texts)}


def obedience(seen: Reading, asked: list[Prompt]) -> dict[str, float]:
    """The share of pictures that show the digit, the ink, the background, and all that they were to."""
    right = {
        name: getattr(seen, name) == torch.tensor([getattr(p, name) for p in asked]) for name in seen._fields
    }
    right["all"] = torch.stack(list(right.values())).all(0)
    return {f"{name}_right": float(ok.float().mean()) for name, ok in right.items()}


def fingerprints(pipe: Any, folder: Path) -> dict[str, str]:
    """The sha256 of the weights in ``folder`` that ``pipe`` is made of, by their path."""
    files = [path for part in pipe.components for path in (folder / part).glob("*.safetensors")]
    return {str(path.relative_to(folder)): sha256(path) for path in sorted(files)}


def evaluate(
    pipe: Any, classifier: Classifier, test: Dataset, folder: Path, config: EvaluationConfig
) -> Iterator[dict[str, Any]]:
    """Measure the pipeline of ``folder``; yields {"sampled": k} while drawing and last the figures."""
    asked, parts = prompts(config.n), []
    for pictures in draw(pipe, [prompt.text for prompt in asked], config):
        parts.append(read(pictures, classifier))
        yield {"sampled": sum(len(part.digit) for part in parts)}
    seen = Reading(*map(torch.cat, zip(*parts, strict=True)))
    yield {
        **obedience(seen, asked),
        **negative_prompt(pipe, classifier, config),
        "psnr": reconstruction(pipe.vae, test),
        "psnr_images": len(test),
        "seconds_per_image": seconds_per_image(pipe, config),
        "threads": torch.get_num_threads(),
        **asdict(config),
        "sha256": fingerprints(pipe, folder),
    }
