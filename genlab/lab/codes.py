"""A family's latent space: from a picture to its code, and from a code to a picture.

An autoencoder and a VAE have an encoder. A GAN has none: its code is searched for (Zhu et al., "Generative
Visual Manipulation on the Natural Image Manifold", 2016, equation 4, with the pixels' squared error).
Diffusion and flow matching walk their own way back, to noise (Song et al., "Denoising Diffusion Implicit
Models", 2021, section 5.4).
"""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from genlab.config import knob
from genlab.diffusion.flow import SOLVERS, times
from genlab.lab.guidance import denoiser_of
from genlab.lab.latents import walk_back, walk_forth
from genlab.lab.pictures import SIDE
from genlab.models import Flow
from genlab.models.denoising import Denoising, DiffusionModel, T
from genlab.models.gan import NOISE, AdversarialModel
from genlab.models.latent import LatentModel
from genlab.noise import Noise

FAMILIES = ("autoencoder", "vae", "gan", "wgan", "wgan_gp", "ddpm", "flow")
SOLVER = "heun"
RATE = 0.1  # of the search; codes stay about as long as those that the GAN was trained on


@dataclass(frozen=True)
class CodeKnobs(Denoising):
    """How hard a code is searched for."""

    search: int = knob(100, 1, 1000, "Steps of the search for a GAN's code: more come closer and take longer")
    starts: int = knob(8, 1, 32, "Places where the search begins: some end far off, the best one counts")


class Look(NamedTuple):
    """How far some work is, and the pictures as they are by now."""

    share: float
    x: Tensor  # (N, 1, 28, 28)


Looks = Generator[Look, None, Tensor]  # its value is the result


class Codec:
    """A model's latent space. Pictures are (N, 1, 28, 28) in [-1, 1], codes (N, ...)."""

    how: ClassVar[str]  # a code is found
    meanwhile: ClassVar[str]  # what the pictures are that are told while one is looked for
    shape: ClassVar[tuple[int, ...]] = (1, SIDE, SIDE)  # of a code

    def __init__(self, model: Any, knobs: CodeKnobs) -> None:
        self.model, self.knobs = model, knobs

    @property
    def device(self) -> torch.device:
        return self.model.device

    def encode(self, x: Tensor) -> Looks:
        """The codes that stand for pictures."""
        raise NotImplementedError

    def draw(self, noise: Noise) -> Tensor:
        """New codes, as the family samples them: Gaussian noise, or by the fitted mixture."""
        return noise.normal(*self.shape).to(self.device)

    def decode(self, z: Tensor) -> Looks:
        """The pictures that codes stand for."""
        raise NotImplementedError


class Encoded(Codec):
    """Autoencoder, VAE: a network that was trained to find codes."""

    how = "its encoder"
    meanwhile = "the picture itself"

    model: LatentModel

    @torch.no_grad()
    def encode(self, x: Tensor) -> Looks:
        yield Look(1.0, x)
        return self.model.code(x)

    @torch.no_grad()
    def draw(self, noise: Noise) -> Tensor:
        return self.model.draw_prior(noise)

    @torch.no_grad()
    def decode(self, z: Tensor) -> Looks:
        x = self.model.decode(z)
        yield Look(1.0, x)
        return x


class Searched(Codec):
    """GANs: noise is moved until the generator draws the picture."""

    how = "a search"
    meanwhile = "the closest by now"

    shape = (NOISE,)
    model: AdversarialModel

    def picture(self, z: Tensor) -> Tensor:
        return self.model.draw(self.model.average, z, torch.zeros(len(z), dtype=torch.long, device=z.device))

    def encode(self, x: Tensor) -> Looks:
        """Adam on the noise from several starts for each picture; the one that comes closest counts."""
        n, starts, steps = len(x), self.knobs.starts, self.knobs.search
        z = Noise(0, starts).normal(NOISE).repeat(n, 1).to(x.device).requires_grad_()
        target, first = x.repeat_interleave(starts, 0), torch.arange(n, device=x.device) * starts
        optimizer = torch.optim.Adam([z], lr=RATE)
        fading = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)

        def apart(drawn: Tensor) -> Tensor:  # (n * starts,)
            return F.mse_loss(drawn, target, reduction="none").mean((1, 2, 3))

        def best(far: Tensor) -> Tensor:  # (n,), of all starts
            return first + far.view(n, starts).argmin(1)

        for step in range(1, steps + 1):
            with torch.enable_grad():
                drawn = self.picture(z)
                far = apart(drawn)
                (z.grad,) = torch.autograd.grad(far.sum(), z)
            optimizer.step()
            fading.step()
            yield Look(step / steps, drawn.detach()[best(far.detach())])
        with torch.no_grad():
            return z.detach()[best(apart(self.picture(z)))]

    @torch.no_grad()
    def decode(self, z: Tensor) -> Looks:
        x = self.picture(z)
        yield Look(1.0, x)
        return x


class Inverted(Codec):
    """DDPM: its deterministic sampler walked backwards, without a digit asked for."""

    how = "DDIM backwards"
    meanwhile = "on the way to noise"

    model: DiffusionModel

    @torch.no_grad()
    def encode(self, x: Tensor) -> Looks:
        for i, step in enumerate(walk_back(self.model, x, None, self.knobs.steps), start=1):
            yield Look(i / self.knobs.steps, step.x)
        return step.x

    @torch.no_grad()
    def decode(self, z: Tensor) -> Looks:
        for i, step in enumerate(walk_forth(self.model, z, None, self.knobs.steps), start=1):
            yield Look(i / self.knobs.steps, step.x_0)
        return step.x


class Followed(Codec):
    """Flow matching: the velocity followed from the picture to noise, or from noise to the picture."""

    how = "the flow backwards"
    meanwhile = "on the way to noise"

    model: Flow

    @torch.no_grad()
    def follow(self, x: Tensor, when: list[float]) -> Looks:
        velocity = denoiser_of(self.model, len(x), None)
        walk = SOLVERS[SOLVER](lambda x, t: velocity(x, T * t), x, when)
        for i, x in enumerate(walk, start=1):
            yield Look(i / self.knobs.steps, x)
        return x

    def encode(self, x: Tensor) -> Looks:
        return self.follow(x, times(self.knobs.steps)[::-1])

    def decode(self, z: Tensor) -> Looks:
        return self.follow(z, times(self.knobs.steps))


CODECS: list[tuple[type, type[Codec]]] = [
    (LatentModel, Encoded),
    (AdversarialModel, Searched),
    (DiffusionModel, Inverted),
    (Flow, Followed),
]


def codec(model: Any, knobs: CodeKnobs) -> Codec:
    """The latent space of a model of ``FAMILIES``."""
    return next(found(model, knobs) for kind, found in CODECS if isinstance(model, kind))
