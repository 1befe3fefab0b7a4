"""Does mini-SD draw along the lines that it is given? Outlines of test digits, and their centre lines.

The prompts tell the background alone, so that digit and place come from the lines. The same prompts
and noise without any lines give the comparison.
"""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.config import knob
from genlab.data import Dataset
from genlab.models import Classifier
from genlab.studio.mini.evaluation import EvaluationConfig, Reading, draw, fingerprints, read
from genlab.studio.mini.hints import as_hints, centre_lines, outlines
from genlab.studio.mini.pictures import COLOURS, blend

PROMPT = "a digit on a {} background"
ROWS = 3  # pictures of one test digit: from its outlines, from its centre lines, from nothing


@dataclass(frozen=True)
class ControlEvaluationConfig(EvaluationConfig):
    scale: float = knob(1.0, 0.0, 2.0, "Conditioning scale: how much the lines count")


class Trial(NamedTuple):
    """n test digits in colours, and what is asked for."""

    labels: Tensor  # int64 (n,), as the background
    background: Tensor
    originals: Tensor  # float (n, 3, 32, 32) in [-1, 1]
    outlines: Tensor  # bool (n, 32, 32), as the strokes
    strokes: Tensor
    texts: list[str]


def trial(test: Dataset, n: int) -> Trial:
    """The first n of ``test``, evenly in all 90 pairs of colours."""
    index = torch.arange(min(n, len(test)))
    background = index % len(COLOURS)
    ink = (background + 1 + index // len(COLOURS) % (len(COLOURS) - 1)) % len(COLOURS)
    digits = test.images[index]
    originals = blend(digits, ink, background)
    texts = [PROMPT.format(COLOURS[i]) for i in background.tolist()]
    return Trial(test.labels[index], background, originals, outlines(originals), centre_lines(digits), texts)


def iou(a: Tensor, b: Tensor) -> Tensor:
    """Intersection over union, (N,), of ``a`` and ``b`` bool (N, H, W); 1 where both are empty."""
    union = (a | b).sum((1, 2))
    return torch.where(union > 0, (a & b).sum((1, 2)) / union.clamp(min=1), 1.0)


def grown(lines: Tensor) -> Tensor:
    """``lines`` bool (N, H, W) and every pixel that touches them, corners included."""
    return F.max_pool2d(lines[:, None].float(), 3, stride=1, padding=1)[:, 0] > 0


def follows(pictures: Tensor, lines: Tensor) -> dict[str, float]:
    """How well the outlines of ``pictures`` lie on ``lines``: exactly, and with all lines a pixel thicker
    to either side."""
    drawn = outlines(pictures)
    return {
        "iou": float(iou(drawn, lines).mean()),
        "iou_1px": float(iou(grown(drawn), grown(lines)).mean()),
    }


def agrees(seen: Reading, asked: Trial) -> dict[str, float]:
    """The share of pictures with the digit of the lines, and with the background of the prompt."""
    return {
        "digit_right": float((seen.digit == asked.labels).float().mean()),
        "background_right": float((seen.background == asked.background).float().mean()),
    }


@torch.no_grad()
def decoded(autoencoder: Any, pictures: Tensor) -> Tensor:
    """``pictures`` after encoding and decoding: no picture of this autoencoder can be more exact."""
    return autoencoder.decode(autoencoder.encode(pictures).latent_dist.mean).sample.clamp(-1, 1)


def evaluate_control(
    pipe: Any,
    plain: Any,
    classifier: Classifier,
    test: Dataset,
    folder: Path,
    config: ControlEvaluationConfig,
) -> Iterator[dict[str, Any]]:
    """Measure ``pipe``, the ControlNet pipeline of ``folder``, beside ``plain``, the one without.

    Yields {"sampled": k} while drawing, ROWS times n pictures in all, and last the figures.
    """
    asked = trial(test, config.n)
    guided: dict[str, Any] = {"controlnet_conditioning_scale": config.scale}
    drawn: dict[str, Tensor] = {}
    for name, parts in (
        ("outlines", draw(pipe, asked.texts, config, hints=as_hints(asked.outlines), **guided)),
        ("strokes", draw(pipe, asked.texts, config, hints=as_hints(asked.strokes), **guided)),
        ("unconditioned", draw(plain, asked.texts, config)),
    ):
        drawn[name] = torch.empty(0, *asked.originals.shape[1:])
        for part in parts:
            drawn[name] = torch.cat([drawn[name], part])
            yield {"sampled": sum(map(len, drawn.values()))}
    figures = {name: agrees(read(x, classifier), asked) for name, x in drawn.items()}
    for name in ("outlines", "unconditioned"):
        figures[name] |= follows(drawn[name], asked.outlines)
    figures["autoencoder"] = follows(decoded(plain.vae, asked.originals), asked.outlines)
    yield {**figures, "prompts": PROMPT, **asdict(config), "sha256": fingerprints(pipe, folder)}
