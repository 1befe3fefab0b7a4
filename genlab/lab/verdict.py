"""What a GAN's opponent says of the pictures on a plane through three of them, and how steep it is there.

The gradient of the verdict with respect to a picture is all that a generator learns from: Arjovsky & Bottou,
"Towards Principled Methods for Training GANs" (2017), section 2. Clipped weights bound it (Arjovsky et al.,
"Wasserstein GAN", 2017), a penalty holds it near 1 (Gulrajani et al., 2017, section 3).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from genlab.data import to_float, to_uint8
from genlab.errors import InvalidInput
from genlab.models.gan import AdversarialModel, OriginalGAN
from genlab.sampling import sample

FAMILIES = ("gan", "cgan", "wgan", "wgan_gp")
OTHER = 1  # the test digit at the second corner, unless another is asked for
CORNERS = ("first", "other", "sample")
SIDE = 49  # verdicts along an edge of the window
TILES = 7  # pictures along it
MARGIN = 0.25  # around the triangle, of the longer edge of its bounding box
KNOWN = 200  # real and generated digits between which a critic's values are centred
HAIR = 1e-3  # by which black pixels are brighter where a gradient is taken: an eighth of a grey level
CHUNK = 1024  # pictures that are judged at once
FLAT = 1e-3  # a triangle's height that is none, in distances of pictures


class Plane:
    """The plane through three pictures, true to their distances, seen through a square window.

    A place is (x, y): the share of the window's width from the left, and of its height from the bottom.

    Args:
        corners: (3, 1, 28, 28) in [-1, 1]; the second lies to the right of the first, the third above both.

    Raises:
        InvalidInput: The three lie on one line.
    """

    def __init__(self, corners: Tensor) -> None:
        self.shape = corners.shape[1:]
        a, b, c = corners.flatten(1).double()
        width = (b - a).norm()
        across = (b - a) / width.clamp(min=FLAT)
        along = (c - a) @ across
        rest = c - a - along * across
        height = rest.norm()
        if width < FLAT or height < FLAT:
            raise InvalidInput(
                "The three pictures lie on one line; choose another test digit, or another seed."
            )
        self.start, self.basis = a, torch.stack([across, rest / height])  # (784,), (2, 784)
        triangle = torch.stack(
            [a.new_zeros(2), torch.stack([width, 0 * width]), torch.stack([along, height])]
        )
        lo, hi = triangle.amin(0), triangle.amax(0)
        self.edge = float((hi - lo).max()) * (1 + 2 * MARGIN)  # of the window, as a distance of pictures
        self.origin = (lo + hi - self.edge) / 2
        self.corners = (triangle - self.origin) / self.edge  # (3, 2)

    def pictures(self, places: Tensor) -> Tensor:
        """The pictures (N, 1, 28, 28) at places (N, 2); outside of the triangle pixels may leave [-1, 1]."""
        x = self.start + (self.origin + places.double() * self.edge) @ self.basis
        return x.float().unflatten(1, self.shape)


def cells(n: int) -> Tensor:
    """The middles of n x n cells of a window, (n^2, 2), row by row from the top."""
    middle = (torch.arange(n) + 0.5) / n
    y, x = torch.meshgrid(middle.flip(0), middle, indexing="ij")
    return torch.stack([x.flatten(), y.flatten()], dim=1)


def inside(x: Tensor) -> Tensor:
    """Pictures with their black pixels a ``HAIR`` brighter.

    Filters learn to bend exactly at black: in every picture with a black background some units of the shipped
    critics are within 1e-8 of their leaky ReLU's kink, and rounding alone would choose one of two gradients.
    This one is that of getting brighter, the only way that a black pixel can go.
    """
    return torch.where((x + 1).abs() < HAIR, HAIR - 1, x)


class Spot(NamedTuple):
    """One picture of the plane, and what the opponent says of it."""

    at: tuple[float, float]
    picture: Tensor  # (1, 28, 28)
    verdict: float
    gradient: Tensor  # (1, 28, 28): of the verdict, with respect to the picture; see ``inside``
    within: float  # length of the gradient's part that lies in the plane
    pull: float  # length of the gradient of what the generator minimises, were this its sample

    @property
    def size(self) -> float:
        """||grad_x verdict||, pixels from -1 to 1."""
        return float(self.gradient.norm())


class Opponent:
    """Judges pictures, all said to show the same digit."""

    def __init__(self, model: AdversarialModel, label: int | None) -> None:
        self.model, self.told, self.middle = model, label, 0.0
        self.probability = isinstance(model, OriginalGAN)

    def raw(self, x: Tensor) -> Tensor:
        """Logits or values (N,) of pictures (N, 1, 28, 28)."""
        y = torch.full((len(x),), self.told or 0, device=self.model.device)
        return self.model.judge(x.to(self.model.device), y)[:, 0]

    def verdict(self, raw: Tensor) -> Tensor:
        return self.model.realness(raw) if isinstance(self.model, OriginalGAN) else raw - self.middle

    @torch.no_grad()
    def centre(self, real: Tensor, fake: Tensor) -> None:
        """Put a critic's zero, which means nothing, half-way between its means of both."""
        self.middle = float(self.raw(real).mean() + self.raw(fake).mean()) / 2

    @torch.no_grad()
    def over(self, x: Tensor) -> Tensor:
        """Verdicts (N,)."""
        return torch.cat([self.verdict(self.raw(part)) for part in x.split(CHUNK)]).cpu()

    def look(self, x: Tensor, at: Tensor, basis: Tensor) -> list[Spot]:
        """Of pictures (N, 1, 28, 28) at places (N, 2) of the plane along ``basis`` (2, 784)."""
        said = self.over(x).tolist()
        nudged = inside(x).requires_grad_()
        raw = self.raw(nudged)
        verdict = self.verdict(raw)
        loss = self.model.generator_loss(raw)
        (gradient,) = torch.autograd.grad(verdict.sum(), nudged, retain_graph=True)
        (pull,) = torch.autograd.grad(loss.sum(), nudged)
        within = (gradient.flatten(1).double() @ basis.T).norm(dim=1).tolist()
        pulls = pull.flatten(1).norm(dim=1).tolist()
        found = zip(at.tolist(), x, said, gradient, within, pulls, strict=True)
        return [Spot((place[0], place[1]), *rest) for place, *rest in found]


class Survey(NamedTuple):
    """What one family's opponent says over the window of a plane."""

    opponent: Opponent
    plane: Plane
    surface: Tensor  # (SIDE, SIDE) verdicts, rows from the top
    tiles: Tensor  # uint8 (TILES^2, 1, 28, 28), row by row from the top
    corners: dict[str, Spot]  # by ``CORNERS``

    @property
    def probability(self) -> bool:
        """Are verdicts D(x) in [0, 1]? Else they are a critic's values."""
        return self.opponent.probability

    @property
    def middle(self) -> float:
        """The verdict that is neither real nor generated."""
        return 0.5 if self.probability else 0.0

    @property
    def reach(self) -> float:
        """How far from the middle a verdict can be or, of a critic, is on this plane."""
        if self.probability:
            return 0.5
        found = [float(self.surface.abs().max()), *(abs(spot.verdict) for spot in self.corners.values())]
        return max(found) or 1.0

    def look(self, x: float, y: float) -> Spot:
        """The picture at a place, and what is said of it; see ``Plane``."""
        at = torch.tensor([[x, y]], dtype=torch.float64)
        return self.opponent.look(self.plane.pictures(at), at, self.plane.basis)[0]


def survey(
    model: AdversarialModel, first: Tensor, other: Tensor, real: Tensor, seed: int, label: int | None
) -> Survey:
    """The verdicts on the plane through two digits and the family's own sample.

    Args:
        model: A family of ``FAMILIES``, in evaluation mode.
        first, other: The first two corners, uint8 (1, 28, 28).
        real: uint8 (N, 1, 28, 28): a critic's zero lies half-way between its mean of the first ``KNOWN`` of
            them and that of as many samples.
        seed: Of the sample, which is the third corner.
        label: What a conditional discriminator is told that every picture shows; None for others.
    """
    opponent = Opponent(model, label)
    *_, drawn = sample(model, 1 if opponent.probability else KNOWN, seed, label)
    fake = to_float(drawn.images)
    if not opponent.probability:
        opponent.centre(to_float(real[:KNOWN]), fake)
    corners = torch.cat([to_float(torch.stack([first, other])), fake[:1]])
    plane = Plane(corners)
    return Survey(
        opponent,
        plane,
        opponent.over(plane.pictures(cells(SIDE))).view(SIDE, SIDE),
        to_uint8(plane.pictures(cells(TILES))),
        dict(zip(CORNERS, opponent.look(corners, plane.corners, plane.basis), strict=True)),
    )
