"""Models that draw a picture by decoding a few numbers, its latent code."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from genlab.config import Config, choice
from genlab.models.base import GenerativeModel
from genlab.noise import Noise

COMPONENTS = 10  # of the mixture prior
FIT_CHUNK = 500  # pictures encoded at once


@dataclass(frozen=True)
class LatentSampling(Config):
    prior: str = choice(
        "mixture",
        ("mixture", "normal"),
        "Where latents are drawn: normal is the textbook N(0, I), mixture follows the training latents",
    )


class LatentModel(GenerativeModel):
    """An encoder and a decoder; new codes come from N(0, I) or from a mixture fitted to the codes."""

    config: Any  # with ``latent``, the numbers of a code
    Sampling = LatentSampling
    preview_knobs = {"prior": "normal"}  # the mixture is fitted at the end
    mix_weight: Tensor  # (COMPONENTS,)
    mix_mean: Tensor  # (COMPONENTS, latent)
    mix_factor: Tensor  # (COMPONENTS, latent, latent)

    def __init__(self, config: Any) -> None:
        super().__init__(config)
        d = config.latent
        # The mixture prior sum_k weight_k N(mean_k, factor_k factor_k^T); ten times N(0, I) until fitted.
        self.register_buffer("mix_weight", torch.full((COMPONENTS,), 1 / COMPONENTS))
        self.register_buffer("mix_mean", torch.zeros(COMPONENTS, d))
        self.register_buffer("mix_factor", torch.eye(d).repeat(COMPONENTS, 1, 1))

    def code(self, x: Tensor) -> Tensor:
        """The code (N, latent) that stands for each picture (N, 1, 28, 28)."""
        raise NotImplementedError

    def draw_code(self, x: Tensor) -> Tensor:
        """A code as the decoder sees it in training, (N, latent): ``code``, unless codes are random."""
        return self.code(x)

    def decode(self, z: Tensor) -> Tensor:
        """Pictures (N, 1, 28, 28) in [-1, 1] from codes (N, latent)."""
        raise NotImplementedError

    @torch.no_grad()
    def finish(self, x: Tensor) -> None:
        """Fit the mixture prior on the codes of ``x``."""
        from sklearn.mixture import GaussianMixture

        z = torch.cat([self.draw_code(part) for part in x.split(FIT_CHUNK)]).double().cpu()
        scale = z.std().clamp(
            min=1e-12
        )  # nothing says how large codes are, and the fit adds 1e-4 to variances
        k = min(COMPONENTS, len(x))
        fit = GaussianMixture(k, random_state=0, reg_covar=1e-4).fit((z / scale).numpy())
        self.mix_weight.zero_()[:k] = torch.from_numpy(fit.weights_)
        self.mix_mean[:k] = (scale * torch.from_numpy(fit.means_)).to(self.mix_mean)
        self.mix_factor[:k] = (scale * torch.linalg.cholesky(torch.from_numpy(fit.covariances_))).to(
            self.mix_factor
        )

    def draw_prior(self, noise: Noise, prior: str = "mixture") -> Tensor:
        """New codes (len(noise), latent)."""
        z = noise.normal(self.config.latent).to(self.device)  # (N, latent)
        if prior == "mixture":
            edges = self.mix_weight.double().cumsum(0)[:-1]
            k = torch.searchsorted(edges, noise.uniform().to(self.device), right=True)  # (N,)
            z = self.mix_mean[k] + torch.einsum("nij,nj->ni", self.mix_factor[k], z)
        return z

    @torch.no_grad()
    def sample(
        self, noise: Noise, *, labels: Tensor | None = None, prior: str = "mixture", **_: Any
    ) -> Iterator[Tensor]:
        yield self.decode(self.draw_prior(noise, prior))
