"""A look inside a running pipeline: what its U-Net sees, says and looks at, step by step.

Nothing is computed differently for being watched: hooks read what passes, and are gone afterwards.
"""

import contextlib
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
from PIL import Image
from torch import Tensor

from genlab.errors import InvalidInput
from genlab.studio.attention import CrossAttention, Word, merge, words_of
from genlab.studio.compression import Compression, RoundTrip, compression, round_trip
from genlab.studio.engine import Drawn, Engine
from genlab.studio.previews import Previewer
from genlab.studio.request import Request
from genlab.studio.worker import Stream

LONGEST = 256  # pixels of a step's picture along its longer edge, at most


class Step(NamedTuple):
    """One run of the U-Net; all tensors (C, h, w), latents scaled as in the pipelines.

    x_t = alpha x_0 + sigma eps with alpha^2 + sigma^2 = 1, whatever frame the sampler works in.
    """

    t: float  # whole, but for Euler, which may stop between two
    x_t: Tensor  # what the U-Net sees
    x_0: Tensor  # the clean latents that the guided prediction implies
    eps_uncond: Tensor | None  # the noise it sees without the prompt; None where it is not asked
    eps_cond: Tensor  # and with it
    picture: Image.Image  # x_0 decoded as in previews, at most LONGEST
    attention: Tensor  # float16 (words + 2, H, W), see ``attention.merge``


class Inside(NamedTuple):
    """A picture and how it came about; about 2 MB a step for the largest pictures of SDXL's own size."""

    drawn: Drawn
    steps: list[Step]
    words: list[Word]
    guidance: float
    compression: Compression
    round_trip: RoundTrip  # of the finished picture

    def attention(self) -> Tensor:
        """The mean over all steps, float32 (words + 2, H, W)."""
        return torch.stack([step.attention for step in self.steps]).float().mean(0)

    def names(self) -> list[str]:
        """What the maps of attention belong to; a word that appears again says the how-manieth it is."""
        texts = [word.text.lower() for word in self.words]
        seen = [texts[: i + 1].count(text) for i, text in enumerate(texts)]
        words = [w.text + (f" ({n})" if n > 1 else "") for w, n in zip(self.words, seen, strict=True)]
        return [*words, "start of text", "end of text and padding"]

    def norms(self) -> dict[str, list[float]]:
        """Euclidean norms along the steps; only that of ``cond`` where guidance is off."""
        found = {"cond": [float(step.eps_cond.float().norm()) for step in self.steps]}
        pairs = [(s.eps_uncond.float(), s.eps_cond.float()) for s in self.steps if s.eps_uncond is not None]
        if pairs:
            found["uncond"] = [float(uncond.norm()) for uncond, _ in pairs]
            found["difference"] = [float((cond - uncond).norm()) for uncond, cond in pairs]
        return found


def inside(engine: Engine, request: Request) -> Stream[Inside]:
    """Draw the one picture of ``request`` as ``engine.draw`` does, and tell every step of its U-Net.

    A refiner, where one takes over, is not looked into.

    Raises:
        InvalidInput: It is not one picture from text, or the model cannot draw it.
        ModelUnavailable: As in ``Engine.draw``.
    """
    if request.task != "text_to_image":
        raise InvalidInput(f"task is {request.task}; only text_to_image can be looked into.")
    if request.n != 1:
        raise InvalidInput(f"n is {request.n}; one picture at a time can be looked into.")
    lens = _Lens(engine.of(request), request)
    return lens.follow(engine.draw(request, call=lens))


class Prediction(NamedTuple):
    """What a U-Net's output says."""

    eps: Tensor
    x_0: Tensor


def predict(kind: str, output: Tensor, x_t: Tensor, alpha: float, sigma: float) -> Prediction:
    """Noise and clean latents out of an output of ``kind``, a ``prediction_type`` of diffusers.

    v = alpha eps - sigma x_0 (Salimans & Ho, "Progressive Distillation", 2022).
    """
    if kind == "v_prediction":
        return Prediction(alpha * output + sigma * x_t, alpha * x_t - sigma * output)
    if kind == "epsilon":
        return Prediction(output, (x_t - sigma * output) / alpha)
    return Prediction((x_t - alpha * output) / sigma, output)


def scales_at(scheduler: Any, t: float) -> tuple[float, float]:
    """(alpha, sigma) at time ``t``; between two times sigma / alpha is linear, as Euler has it."""
    alpha_bar = scheduler.alphas_cumprod.double()
    low, share = int(t), t - int(t)
    if share == 0:
        return float(alpha_bar[low].sqrt()), float((1 - alpha_bar[low]).sqrt())
    before, after = ((1 - alpha_bar) / alpha_bar).sqrt()[low : low + 2].tolist()
    ratio = before + share * (after - before)
    alpha = (1 + ratio**2) ** -0.5
    return alpha, ratio * alpha


@contextlib.contextmanager
def watched(unet: Any, note: Callable[..., None]) -> Iterator[None]:
    """Tell ``note`` the input, the time and the output of every run of ``unet`` in here."""

    def look(_: Any, given: tuple[Any, ...], named: dict[str, Any], output: Any) -> None:
        note(given[0], float(given[1]), output[0])

    handle = unet.register_forward_hook(look, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()


class _Lens:
    """Calls the engine's pipeline for it, and looks on."""

    def __init__(self, engine: Engine, request: Request) -> None:
        self.engine, self.request = engine, request
        self.steps: list[Step] = []
        self.words: list[Word] = []

    def __call__(self, pipe: Any, **given: Any) -> Any:
        """The result of ``pipe``; called again for a refiner, and when memory ran out."""
        if "image" in given:  # a refiner's: the base has told what there is to tell of the words
            return pipe(**given)
        assert self.engine.resident is not None, "whose pipeline this is"
        knobs = self.request.knobs
        self.steps.clear()
        self.words = words_of(pipe.tokenizer, self.request.prompt)
        self.vae = pipe.vae
        self.compression = compression(self.vae, knobs.width, knobs.height)
        height, width, _ = self.compression.latents
        attention, previewer = CrossAttention(height, width), self.engine.resident.previewer

        def note(x: Tensor, t: float, output: Tensor) -> None:
            maps = merge(attention.take(), self.words)
            self.steps.append(self._step(pipe.scheduler, previewer, x, t, output, maps))

        with attention.watching(pipe.unet), watched(pipe.unet, note):
            return pipe(**given)

    def _step(
        self, scheduler: Any, previewer: Previewer, x: Tensor, t: float, output: Tensor, maps: Tensor
    ) -> Step:
        """``x`` and ``output``: (1, C, h, w), or 2 in a batch, where guidance asks twice.

        The samplers that scale their noise differently (Euler) scale it back for the U-Net, so that one
        formula serves all of them.
        """
        x_t, kind = x[-1:], scheduler.config.prediction_type
        scales = scales_at(scheduler, t)
        asked = [predict(kind, one, x_t, *scales) for one in output.split(1)]
        guided = output[:1] + self.request.knobs.guidance * (output[-1:] - output[:1])
        x_0 = predict(kind, guided, x_t, *scales).x_0
        picture = previewer.pictures(x_0)[0]
        picture.thumbnail((LONGEST, LONGEST))
        eps = [prediction.eps[0].cpu() for prediction in asked]
        return Step(t, x_t[0].cpu(), x_0[0].cpu(), eps[0] if len(eps) == 2 else None, eps[-1], picture, maps)

    def follow(self, stream: Stream[Drawn]) -> Stream[Inside]:
        """``stream`` to its end, then the autoencoder's round trip, in the worker's line as all work is."""
        drawn = yield from stream
        again = yield from self.engine.worker.stream(lambda _: round_trip(self.vae, drawn.pictures[0]))
        guidance = self.request.knobs.guidance
        return Inside(drawn, self.steps, self.words, guidance, self.compression, again)
