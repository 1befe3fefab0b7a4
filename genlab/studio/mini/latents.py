"""What the U-Net learns from: latents of coloured digits, encoded once, with a caption for each look."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from genlab.data import Dataset
from genlab.studio.mini.captions import captions
from genlab.studio.mini.pictures import ColouredDigits, Facts
from genlab.studio.mini.tokenizer import LENGTH

CHUNK = 500


@dataclasses.dataclass(frozen=True)
class LatentDigits(Dataset):
    """Posteriors of coloured digits in the autoencoder's latent space.

    ``images`` (and so ``len``) are the posteriors here: float16 (N, 2, 4, 8, 8), mean and standard
    deviation times the autoencoder's scaling factor. ``labels`` are the digits.
    """

    facts: Facts
    tokenizer: Any
    drop: float  # share of empty captions

    def to(self, device: torch.device) -> Self:
        return dataclasses.replace(self, images=self.images.to(device))

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Latents float (n, 4, 8, 8), drawn from their posteriors, and token ids int64 (n, LENGTH)."""
        mean, std = self.images[index.to(self.images.device)].float().unbind(1)
        rng = Random(int(torch.randint(2**62, ())))  # follows torch's seed, so that a step can be repeated
        texts = captions(self.facts[index], rng, self.drop)
        return mean + std * torch.randn_like(mean), encode_text(self.tokenizer, texts).to(mean.device)


def encode_text(tokenizer: Any, texts: list[str]) -> Tensor:
    """Token ids int64 (n, LENGTH), as StableDiffusionPipeline makes them."""
    return tokenizer(
        texts, padding="max_length", max_length=LENGTH, truncation=True, return_tensors="pt"
    ).input_ids


@torch.no_grad()
def encode(
    autoencoder: Any, digits: ColouredDigits, rounds: int, seed: int
) -> Iterator[tuple[Tensor, Facts]]:
    """Posteriors (n, 2, 4, 8, 8) and facts of every digit, drawn ``rounds`` times, in chunks."""
    torch.manual_seed(seed)
    factor = autoencoder.config.scaling_factor
    for _ in range(rounds):
        for index in torch.arange(len(digits)).split(CHUNK):
            x, facts = digits.draw(index)
            posterior = autoencoder.encode(x.to(autoencoder.device)).latent_dist
            both = torch.stack([posterior.mean, posterior.std], dim=1) * factor
            yield both.half().cpu(), facts


def cached(path: Path, key: str, make: Iterator[tuple[Tensor, Facts]]) -> tuple[Tensor, Facts]:
    """The posteriors and facts kept in ``path`` under ``key``, or else those of ``make``, then kept."""
    names = [field.name for field in dataclasses.fields(Facts)]
    try:
        with safe_open(path, "pt") as f:
            if f.metadata()["key"] == key:
                tensors = load_file(path)
                return tensors["posteriors"], Facts(*(tensors[name] for name in names))
    except (OSError, SafetensorError, KeyError, TypeError):
        pass  # none there, or an unfinished one
    parts = list(make)
    posteriors = torch.cat([posterior for posterior, _ in parts])
    facts = Facts(*(torch.cat([getattr(f, name) for _, f in parts]) for name in names))
    kept = {name: getattr(facts, name) for name in names} | {"posteriors": posteriors}
    save_file(kept, path, metadata={"key": key})
    return posteriors, facts
