"""The comparison of the families: what each is good and bad at, each claim with a number measured here.

A claim names the figure that shows it and, where it compares, the figure it is compared with; both are read
from the measured files. ``place`` is the address of the panel of the page that shows it.
"""

import dataclasses
from typing import Any

from genlab.checkpoints import WEIGHTS
from genlab.lab import curves
from genlab.leaderboard.board import Board
from genlab.numbers import brief, count, millions, operations, percent

Curves = dict[str, dict[str, Any]]  # ddpm's measured curves by name


def line_of(board: Board, name: str) -> dict[str, Any]:
    """The model ``name`` of the board; empty where it is not measured."""
    return next((line for line in board["models"] if line["name"] == name), {})


@dataclasses.dataclass(frozen=True)
class Reading:
    """A figure of the measured files: of the entry ``of``, of the real digits ("real"), or of ddpm's
    curve ``of`` at the point ``at``."""

    key: str  # a figure of the board, "flops", "bound", "parameters", "evaluations"; or of a curve's point
    of: str
    at: dict[str, Any] = dataclasses.field(default_factory=dict)

    def whose(self, board: Board) -> str:
        """What it is a figure of, in words."""
        if self.at:
            return ", ".join(
                value.upper() if key == "sampler" else f"{key} {value:g}" for key, value in self.at.items()
            )
        if self.of == "real":
            return "real digits"
        return str(line_of(board, self.of)["title"]).partition(" (")[0]

    def read(self, board: Board, measured: Curves) -> float | None:
        """Its value; None where it was not measured."""
        if self.at:
            points = measured.get(self.of, {}).get("points", ())
            return next((p[self.key] for p in points if self.at.items() <= p.items()), None)
        if self.of == "real":
            return board.get("floor", {}).get(self.key)
        line = line_of(board, self.of)
        if not line:
            return None
        if self.key == "flops":
            return (line["training"] or {}).get("flops")
        if self.key.startswith("held_out."):
            return (line["held_out"] or {}).get(self.key.removeprefix("held_out."))
        return line["mean"].get(self.key, line.get(self.key))


@dataclasses.dataclass(frozen=True)
class Claim:
    """One thing said of a family.

    ``sign`` tells how ``shown`` compares with ``other``: "<" or ">"; "" where nothing is compared.
    """

    says: str
    place: str  # outer tab, or outer/inner
    shown: Reading | None = None  # None: there is no number, which is what the claim says
    sign: str = ""
    other: Reading | None = None

    def values(self, board: Board, measured: Curves) -> tuple[float | None, float | None]:
        """The number shown, and the one that it is compared with; None where it was not measured."""
        shown, other = (r.read(board, measured) if r else None for r in (self.shown, self.other))
        return shown, other

    def holds(self, board: Board, measured: Curves) -> bool | None:
        """Is it so? None where a number is missing, or nothing is compared."""
        shown, other = self.values(board, measured)
        if not self.sign or shown is None or other is None:
            return None
        return shown < other if self.sign == "<" else shown > other


@dataclasses.dataclass(frozen=True)
class Comparison:
    """A family's row of the table."""

    strengths: tuple[Claim, ...]
    weaknesses: tuple[Claim, ...]
    density: Claim
    speed: str  # the place that shows how fast it draws


def board_claim(says: str, place: str, key: str, of: str, sign: str = "", than: str = "") -> Claim:
    """A claim of one figure of the board, compared with that of another entry."""
    return Claim(says, place, Reading(key, of), sign, Reading(key, than) if than else None)


def curve_claim(says: str, place: str, key: str, of: str, at: dict, sign: str, than: dict) -> Claim:
    """A claim of one figure at two points of a curve."""
    return Claim(says, place, Reading(key, of, at), sign, Reading(key, of, than))


NAMES = {
    "frechet": "distance",
    "recall": "recall",
    "label_accuracy": "right digit",
    "digits_kl": "KL",
    "nearest_train": "nearest training image at",
    "held_out.loss": "loss",
}  # said before the number
UNITS = {"seconds_per_1000": "s for 1,000", "bound": "nats"}  # said after it
NO_DENSITY = "None: it draws, but cannot say how probable a picture is"
BOUNDED = (
    "A lower bound: the loss is one, weighted otherwise; exact by the flow without noise, which Invert walks both "
    "ways. Neither is computed here; its loss on test digits"
)
DIVERGENCE = (
    "Exact, by the divergence of the flow along the path, which is not computed here; its loss on test digits, which "
    "is no bound"
)


def slow(of: str) -> Claim:
    return board_claim(
        "Slow to draw: it runs the network many times", "compare", "seconds_per_1000", of, ">", "gan"
    )


def at_once(of: str) -> Claim:
    return board_claim("Draws at once", "compare", "seconds_per_1000", of, "<", "ddpm")


def amount(key: str, value: float) -> str:
    """A figure with its unit."""
    if key == "label_accuracy":
        return percent(value)
    if key == "flops":
        return operations(value)
    if key == "parameters":
        return millions(int(value))
    if key == "evaluations":
        return count(int(value), "evaluation")
    return f"{brief(value)} {UNITS.get(key, '')}".strip()


def evidence(claim: Claim, board: Board, measured: Curves) -> str:
    """The numbers of a claim: "distance 33.4 (WGAN: 480)"; empty where it has none."""
    if claim.shown is None:
        return ""
    shown, other = claim.values(board, measured)
    if shown is None:
        return "not measured yet"
    said = f"{NAMES.get(claim.shown.key, '')} {amount(claim.shown.key, shown)}".strip()
    if claim.shown.at:
        said += f" at {claim.shown.whose(board)}, N = {measured[claim.shown.of]['n']:,}"
    if claim.other is not None and other is not None:
        said += f" ({claim.other.whose(board)}: {amount(claim.other.key, other)})"
    return said


# fmt: off
FAMILIES: dict[str, Comparison] = {
    "autoencoder": Comparison(
        (
            board_claim("Learns from less compute than a VAE", "race", "flops", "autoencoder", "<", "vae"),
            at_once("autoencoder"),
        ),
        (board_claim("Nobody says where its codes lie: those of N(0, I) draw no digits, so that a distribution must be fitted afterwards", "compare", "frechet", "autoencoder_normal", ">", "autoencoder"),),
        Claim("None, neither of codes nor of pictures", "compare"),
        "compare",
    ),
    "vae": Comparison(
        (
            board_claim("Codes from N(0, I) draw digits, for it was trained so", "compare", "frechet", "textbook_vae", "<", "autoencoder_normal"),
            board_claim("One steady loss, and little compute", "race", "flops", "vae", "<", "wgan_gp"),
        ),
        (
            Claim("Blurred: averages of digits lie nearer to the training images than new digits do", "compare", Reading("nearest_train", "vae"), "<", Reading("nearest_train", "real")),
            board_claim("Leaves out what is rare", "compare", "recall", "vae", "<", "wgan_gp"),
        ),
        board_claim("A lower bound (ELBO): nats that a test digit costs at most", "compare", "bound", "vae"),
        "compare",
    ),
    "conv_vae": Comparison(
        (
            board_claim("Colour by the same steady loss, from less compute than WGAN-GP", "race", "flops", "conv_vae", "<", "wgan_gp"),
            at_once("conv_vae"),
        ),
        (board_claim("Farther from real digits than in grey, for its numbers tell the colour too", "compare", "frechet", "conv_vae", ">", "vae"),),
        board_claim("A lower bound (ELBO): nats that a coloured test digit costs at most", "compare", "bound", "conv_vae"),
        "compare",
    ),
    "gan": Comparison(
        (
            board_claim("Covers more of the real digits than a VAE", "compare", "recall", "gan", ">", "vae"),
            at_once("gan"),
        ),
        (board_claim("Forgets some of what it is shown: the ten digits come less evenly", "gan-lab", "digits_kl", "gan", ">", "wgan_gp"),),
        Claim(NO_DENSITY, "gan-lab"),
        "compare",
    ),
    "dcgan": Comparison(
        (
            board_claim("Pictures of 64 x 64 out of fewer numbers than the GAN's of 28 x 28", "compare", "parameters", "dcgan", "<", "gan"),
            at_once("dcgan"),
        ),
        (board_claim("Larger pictures take more training", "race", "flops", "dcgan", ">", "gan"),),
        Claim(NO_DENSITY, "gan-lab"),
        "compare",
    ),
    "cgan": Comparison(
        (
            board_claim("Draws the digit asked for, more surely than diffusion without guidance", "compare", "label_accuracy", "cgan", ">", "ddpm"),
            board_claim("Told the digits, it draws nearer to them than the same game untold", "compare", "frechet", "cgan", "<", "gan"),
        ),
        (board_claim("Farther from real digits than diffusion", "race", "frechet", "cgan", ">", "ddpm"),),
        Claim(NO_DENSITY, "gan-lab"),
        "compare",
    ),
    "wgan": Comparison(
        (board_claim("The opponent's value is a distance, without the cost of a penalty", "race", "flops", "wgan", "<", "wgan_gp"),),
        (
            board_claim("Cut weights leave the opponent blunt", "gan-lab", "frechet", "wgan", ">", "wgan_gp"),
            board_claim("Misses much of what real digits are", "gan-lab", "recall", "wgan", "<", "wgan_gp"),
        ),
        Claim(NO_DENSITY, "gan-lab"),
        "compare",
    ),
    "wgan_gp": Comparison(
        (
            board_claim("Keeps the modes that clipping loses", "gan-lab", "recall", "wgan_gp", ">", "wgan"),
            board_claim("The ten digits come more evenly than in the first game", "gan-lab", "digits_kl", "wgan_gp", "<", "gan"),
        ),
        (board_claim("The penalty is paid in compute", "race", "flops", "wgan_gp", ">", "gan"),),
        Claim(NO_DENSITY, "gan-lab"),
        "compare",
    ),
    "ddpm": Comparison(
        (
            board_claim("More varied than what the games draw", "compare", "recall", "ddpm", ">", "wgan_gp"),
            curve_claim("Can be steered: guidance enforces the digit", "diffusion/guidance", "label_accuracy", "guidance", {"guidance": 3.0}, ">", {"guidance": 1.0}),
        ),
        (
            slow("ddpm"),
            curve_claim("Needs its steps: 5 of DDIM are too few for it", "diffusion/steps", "frechet", "steps", {"sampler": "ddim", "steps": 5}, ">", {"sampler": "ddim", "steps": 50}),
        ),
        board_claim(BOUNDED, "diffusion/invert", "held_out.loss", "ddpm"),
        "diffusion/steps",
    ),
    "dit": Comparison(
        (Claim("Draws the digit asked for, by attention alone", "compare", Reading("label_accuracy", "dit")),),
        (
            slow("dit"),
            board_claim("With nothing built in it learns slowly: farther than the U-Net that learned as long", "compare", "frechet", "dit", ">", "ddpm"),
        ),
        board_claim(BOUNDED, "diffusion/invert", "held_out.loss", "dit"),
        "compare",
    ),
    "flow": Comparison(
        (
            board_claim("Nearer to real digits than DDPM where neither adds noise (DDIM)", "diffusion/duel", "frechet", "flow", "<", "ddpm_ddim"),
            board_claim("Straight paths: fewer runs of the network", "race", "evaluations", "flow", "<", "ddpm"),
        ),
        (slow("flow"),),
        board_claim(DIVERGENCE, "compare", "held_out.loss", "flow"),
        "compare",
    ),
}
# fmt: on


def read_curves() -> Curves:
    """The curves that ship with ddpm."""
    return {name: curves.read(WEIGHTS / "ddpm", name) for name in ("steps", "guidance")}
