"""Cross attention watched from outside: where on the picture a U-Net looks at which word."""

import contextlib
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

LONGEST = 64  # places of a map along its longer edge, at most
WORD = re.compile(r"\w[\w'’-]*|[^\w\s]+")  # a word, or a run of punctuation


class Word(NamedTuple):
    """A word of a prompt; one that appears twice is two of them."""

    text: str
    start: int  # where in the prompt
    tokens: tuple[int, ...]  # its places among the tokens that the text encoder reads


def words_of(tokenizer: Any, prompt: str) -> list[Word]:
    """The words of ``prompt`` that fit into the text encoder, with the tokens that spell each."""
    read = tokenizer(prompt, truncation=True, return_offsets_mapping=True)
    starts = [start for start, _ in read.offset_mapping]
    inner = range(1, len(starts) - 1)  # without the start and the end of the text
    words = [
        Word(
            found.group(),
            found.start(),
            tuple(place for place in inner if found.start() <= starts[place] < found.end()),
        )
        for found in WORD.finditer(prompt)
    ]
    return [word for word in words if word.tokens]


def probabilities(attention: Any, x: Tensor, words: Tensor) -> Tensor:
    """softmax(q k^T / sqrt(d)) of one layer: (N heads, pixels, tokens).

    Args:
        attention: diffusers' ``Attention``.
        x: Its input, (N, pixels, channels).
        words: The output of the text encoder, (N, tokens, channels).
    """
    if attention.norm_cross is not None:
        words = attention.norm_encoder_hidden_states(words)
    q, k = (attention.head_to_batch_dim(part) for part in (attention.to_q(x), attention.to_k(words)))
    return attention.get_attention_scores(q, k)


class CrossAttention:
    """The mean over all heads and cross-attention layers of what a U-Net attends to.

    The layers compute as they always do; the probabilities, which fused attention never writes
    down, are computed a second time beside it.

    Args:
        height, width: Of the latents.
    """

    def __init__(self, height: int, width: int) -> None:
        self.latents = (height, width)
        shrink = min(1.0, LONGEST / max(height, width))
        self.size = (max(1, round(height * shrink)), max(1, round(width * shrink)))  # of the maps
        self._sum: Tensor | None = None
        self._layers = 0

    @contextlib.contextmanager
    def watching(self, unet: Any) -> Iterator[None]:
        """Look on while ``unet`` runs in here."""
        from diffusers.models.attention_processor import Attention

        layers = [m for m in unet.modules() if isinstance(m, Attention) and m.is_cross_attention]
        with contextlib.ExitStack() as hooks:
            for layer in layers:
                handle = layer.register_forward_pre_hook(self._look, with_kwargs=True)
                hooks.callback(handle.remove)
            yield

    def take(self) -> Tensor:
        """The mean since last taken, float32 (tokens, height, width); at every place it sums to 1."""
        assert self._sum is not None, "the U-Net has run"
        mean = self._sum / self._layers
        self._sum, self._layers = None, 0
        return mean

    def _look(self, layer: Any, given: tuple[Tensor, ...], named: dict[str, Any]) -> None:
        words = named["encoder_hidden_states"]
        found = probabilities(layer, given[0][-1:], words[-1:])  # guidance puts the conditional half last
        mean = found.float().mean(0).T  # (tokens, pixels)
        maps = mean.unflatten(1, self._shape(mean.shape[1]))[None]
        maps = F.interpolate(maps, self.size, mode="bilinear", antialias=True)[0]
        self._sum = maps if self._sum is None else self._sum + maps
        self._layers += 1

    def _shape(self, pixels: int) -> tuple[int, int]:
        """Height and width of a layer with so many places: the latents' halved, rounding up."""
        height, width = self.latents
        while height * width > pixels:
            height, width = -(-height // 2), -(-width // 2)
        return height, width


def merge(maps: Tensor, words: list[Word]) -> Tensor:
    """Maps of tokens (tokens, H, W) as maps of words: float16 (words + 2, H, W).

    A word's map is the sum over its tokens. The last two maps are the start of the text, and its end
    with all padding behind. Together they still sum to 1 at every place. Both stand apart because
    they name nothing: CLIP's text encoder reads from left to right, so the start has seen no word and
    is the same for every prompt, and whatever comes behind the last word has seen them all.
    """
    inner = {place for word in words for place in word.tokens}
    behind = max(inner, default=0) + 1
    parts = [maps[list(word.tokens)].sum(0) for word in words]
    return torch.stack([*parts, maps[0], maps[behind:].sum(0)]).half().cpu()
