"""Guidance taken apart: both predictions, their difference, and what its scale does to a picture."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import torch
from torch import Tensor

from genlab.config import choice, knob
from genlab.data import to_float, to_uint8
from genlab.diffusion.guidance import classifier_free, within
from genlab.diffusion.samplers import SAMPLERS, Denoiser, timesteps
from genlab.models import Classifier
from genlab.models.base import CLASSES
from genlab.models.ddpm import DDPM
from genlab.models.denoising import DenoisingModel, Sampled, T
from genlab.noise import Noise
from genlab.walks import Walk, collect, last, part

NOTHING = "nothing"


@dataclass(frozen=True)
class GuidanceKnobs(Sampled):
    """A guided walk, where and against what it is guided."""

    t_from: int = knob(0, 0, T - 1, "Guide only from this t ... (0 is the end of the way, almost clean)")
    t_to: int = knob(T - 1, 0, T - 1, "... up to this t (999 is its start, pure noise)")
    away_from: str = choice(
        NOTHING,
        (NOTHING, *map(str, range(CLASSES))),
        "Guide away from this digit, in place of away from no digit in particular",
    )


def labelled(model: DenoisingModel, n: int, label: int | None) -> Tensor:
    """The condition ``label`` n times, int64 (n,); None is "no condition"."""
    return torch.full((n,), CLASSES if label is None else label, device=model.device)


def denoiser_of(model: DenoisingModel, n: int, label: int | None, guidance: float = 1.0) -> Denoiser:
    """The model asked n times for one digit, or for none in particular."""
    return classifier_free(model.average, labelled(model, n, label), labelled(model, n, None), guidance)


def conditions(model: DDPM, n: int, label: int | None, knobs: GuidanceKnobs) -> tuple[Tensor, Tensor]:
    """What is guided towards, and what away from; both int64 (n,)."""
    away = None if knobs.away_from == NOTHING else int(knobs.away_from)
    return labelled(model, n, label), labelled(model, n, away)


def guided(model: DDPM, n: int, label: int | None, knobs: GuidanceKnobs) -> Denoiser:
    """The model guided as ``knobs`` say; outside their interval it has the plain condition."""
    y, y_away = conditions(model, n, label, knobs)
    everywhere = classifier_free(model.average, y, y_away, knobs.guidance)
    plain = classifier_free(model.average, y, y_away, 1.0)
    return within(everywhere, plain, knobs.t_from, knobs.t_to)


class Dissected(NamedTuple):
    """One step of one guided picture; all pictures (C, H, W)."""

    t: int
    x_t: Tensor  # what the network sees
    cond: Tensor  # the noise it sees when asked for the digit
    uncond: Tensor  # the noise it sees when asked for none, or for the digit to keep away from
    x_0: Tensor  # the picture that the guided noise implies

    @property
    def difference(self) -> Tensor:
        """What guidance multiplies by w: minus the gradient of log p(y | x_t), times sigma."""
        return self.cond - self.uncond


@torch.no_grad()
def dissect(model: DDPM, label: int | None, seed: int, knobs: GuidanceKnobs) -> Iterator[Dissected]:
    """Sample one picture with guidance and tell both predictions at every step."""
    noise = Noise(seed, 1)
    x = noise.normal(1, 28, 28).to(model.device)
    y, y_away = conditions(model, 1, label, knobs)
    times = timesteps(T, knobs.steps)
    run = SAMPLERS[knobs.sampler]
    for step in run(guided(model, 1, label, knobs), model.schedule, x, noise, times):
        t = torch.full((1,), step.t, device=model.device)
        cond, uncond = model.average(x, t, y), model.average(x, t, y_away)
        yield Dissected(step.t, *(part[0].cpu() for part in (x, cond, uncond, step.x_0)))
        x = step.x


@torch.no_grad()
def sweep_scales(
    model: DDPM, label: int | None, n: int, seed: int, scales: Sequence[float], knobs: GuidanceKnobs
) -> Walk[Tensor]:
    """The same n starts at every scale of guidance w: uint8 (len(scales), n, 1, 28, 28)."""
    rows = []
    for k, w in enumerate(scales):
        noise = Noise(seed, n)
        x_T = noise.normal(1, 28, 28).to(model.device)
        denoiser = guided(model, n, label, replace(knobs, guidance=w))
        run = SAMPLERS[knobs.sampler](denoiser, model.schedule, x_T, noise, timesteps(T, knobs.steps))
        step = yield from part(last(run, knobs.steps), k / len(scales), (k + 1) / len(scales))
        rows.append(to_uint8(step.x).cpu())
    return torch.stack(rows)


class GuidanceStudy(NamedTuple):
    """The same starts under several scales of guidance, and one run taken apart."""

    scales: Sequence[float]
    images: Tensor  # uint8 (len(scales), n, 1, 28, 28)
    read_as: Tensor  # int64 (len(scales), n): the digits that the classifier sees
    dissected: list[Dissected]  # of the first start, at the knobs' own scale


def study(
    model: DDPM,
    classifier: Classifier,
    label: int | None,
    n: int,
    seed: int,
    scales: Sequence[float],
    knobs: GuidanceKnobs,
) -> Walk[GuidanceStudy]:
    """A sweep over the scale, read by the classifier, and one run taken apart."""
    apart = yield from part(collect(dissect(model, label, seed, knobs), knobs.steps), 0, 0.2)
    images = yield from part(sweep_scales(model, label, n, seed, scales, knobs), 0.2, 1)
    read_as = classifier.predict(classifier.features(to_float(images.flatten(0, 1))))
    return GuidanceStudy(scales, images, read_as.view(len(scales), n), apart)
