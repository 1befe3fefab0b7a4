"""What is known of a model before it is loaded, and what it can be asked for."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from genlab.config import check_choice
from genlab.errors import InvalidInput
from genlab.studio.request import TASKS, Knobs, Request
from genlab.studio.schedulers import SCHEDULERS

ROLES = ("base", "vae", "control", "refiner", "preview", "few_steps")


@dataclass(frozen=True)
class ModelCard:
    """A model as data. Repositories move: every id has fallbacks, and the environment can name
    another (``GENLAB_SD15=me/my-model``, ``GENLAB_SD15_CONTROL=...``).
    """

    name: str
    title: str
    year: int
    kind: str  # "sd" or "sdxl": which pipelines of diffusers drive it
    idea: str
    knobs: Knobs  # where visitors begin
    edges: tuple[int, int]  # pixels an edge may have
    parameters: float  # millions, all parts of text to image
    work_gigabytes: float  # beside the weights, for one picture of its own size in half precision
    seconds: float | None  # for one picture as in ``knobs`` on ``reference``; None: nobody measured
    reference: str = ""
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)  # role -> repositories, best first
    extras: dict[str, float] = field(default_factory=dict)  # role -> millions of parameters it adds
    words: frozenset[str] = frozenset()  # all that it knows, where they are few; empty: nobody can list them
    folder: Path | None = None  # of a shipped model, which needs no network
    tasks: tuple[str, ...] = tuple(TASKS)
    distilled: bool = False  # for few steps: such models fit LCM
    needs_gpu: bool = True

    def repositories(self, role: str) -> tuple[str, ...]:
        """Where to look for the part ``role``, best first; a variable of the environment leads."""
        suffix = "" if role == "base" else f"_{role.upper()}"
        named = os.environ.get(f"GENLAB_{self.name.upper().replace('-', '_')}{suffix}")
        found = self.ids.get(role, ())
        return (named, *found) if named else found

    def schedulers(self) -> list[str]:
        """Those that fit; more may with ``few_steps``."""
        few = self.distilled or bool(self.repositories("few_steps"))
        return [name for name, sampler in SCHEDULERS.items() if few or not sampler.distilled]

    def gigabytes(self, request: Request, number_bytes: int = 2) -> float:
        """Memory that ``request`` will take with weights of ``number_bytes`` each, about."""
        millions = self.parameters + sum(self.extras.get(role, 0.0) for role in request.roles())
        return millions / 1000 * number_bytes + self.work(request, number_bytes)

    def work(self, request: Request, number_bytes: int = 2) -> float:
        """The gigabytes of it that are not weights."""
        own = self.knobs.width * self.knobs.height
        share = request.n * request.knobs.width * request.knobs.height / own
        return self.work_gigabytes / 2 * share * number_bytes

    def check(self, request: Request) -> None:
        """InvalidInput if the request is incomplete, or the model cannot do what is asked."""
        check_choice(f"task of {self.title}", request.task, self.tasks)
        request.check()
        lo, hi = self.edges
        knobs = request.knobs
        for name in ("width", "height"):
            if not lo <= getattr(knobs, name) <= hi:
                raise InvalidInput(
                    f"{name} is {getattr(knobs, name)}; {self.title} draws from {lo} to {hi} pixels."
                )
        for role in {"refiner", "few_steps"} & set(request.roles()):
            if not self.repositories(role):
                raise InvalidInput(f"{role} is {getattr(knobs, role)}; {self.title} has none.")
        few = self.distilled or knobs.few_steps != "off"
        if SCHEDULERS[knobs.scheduler].distilled and not few:
            raise InvalidInput(
                f"scheduler is {knobs.scheduler}; it fits models distilled for few steps, not {self.title}."
            )
