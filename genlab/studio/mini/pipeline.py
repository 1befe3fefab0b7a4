"""The trained parts as one StableDiffusionPipeline on disk, in diffusers' own format."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from genlab.checkpoints import write_json
from genlab.errors import CheckpointError
from genlab.studio.mini.diffusion import MiniDenoiser, make_scheduler

VAE, CONTROLNET = "vae", "controlnet"
SHIPPED = "mini-sd"  # the folder's name under weights/


def save_part(net: Any, folder: Path, name: str) -> None:
    """Write ``net`` in half precision to ``folder/name``, replacing an older one."""
    scratch = folder / f"{name}.new"
    net.half().save_pretrained(scratch, safe_serialization=True)
    change_config(scratch)
    shutil.rmtree(folder / name, ignore_errors=True)
    scratch.rename(folder / name)


def _load_part(part_type: Any, folder: Path, name: str, stage: str) -> Any:
    """The network in ``folder/name``, float32 on the CPU: exactly the one that is shipped."""
    if not (folder / name / "config.json").is_file():
        raise CheckpointError(f"{folder.name}/{name} is missing: train it first, with --stage {stage}.")
    return part_type.from_pretrained(folder / name, dtype=torch.float32, use_safetensors=True).eval()


def load_autoencoder(folder: Path) -> Any:
    """The AutoencoderKL in ``folder``."""
    from diffusers import AutoencoderKL

    return _load_part(AutoencoderKL, folder, VAE, "vae")


def load_controlnet(folder: Path) -> Any:
    """The ControlNetModel in ``folder``."""
    from diffusers import ControlNetModel

    return _load_part(ControlNetModel, folder, CONTROLNET, "control")


def save_pipeline(autoencoder: Any, denoiser: MiniDenoiser, tokenizer: Any, folder: Path) -> None:
    """Write the pipeline of the averaged weights into ``folder``, in half precision."""
    from diffusers import StableDiffusionPipeline

    net: Any = denoiser.average.module
    pipe: Any = StableDiffusionPipeline(
        vae=autoencoder,
        text_encoder=net.text_encoder,
        tokenizer=tokenizer,
        unet=net.unet,
        scheduler=make_scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    )
    for part in (autoencoder, net.text_encoder, net.unet):
        part.half()
    pipe.save_pretrained(folder, safe_serialization=True)
    # transformers loads a model in the type that its config names, diffusers in float32: without this
    # a plain from_pretrained would mix both, which the U-Net refuses.
    change_config(folder / "text_encoder", dtype="float32")
    for part in (VAE, "unet"):
        change_config(folder / part)


def change_config(folder: Path, **values: Any) -> None:
    """Set ``values`` in a part's config.json, and take out where the part was loaded from."""
    path = folder / "config.json"
    config = json.loads(path.read_text()) | values
    config.pop("_name_or_path", None)
    write_json(path, config)


def load_pipeline(folder: Path) -> Any:
    """The pipeline in ``folder``, float32 on the CPU."""
    from diffusers import StableDiffusionPipeline

    for part in ("model_index.json", "text_encoder", "unet"):
        if not (folder / part).exists():
            raise CheckpointError(f"{folder.name}/{part} is missing: train it first, with --stage unet.")
    pipe = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe


def load_control_pipeline(folder: Path) -> Any:
    """The StableDiffusionControlNetPipeline in ``folder``, float32 on the CPU."""
    from diffusers import StableDiffusionControlNetPipeline

    pipe = load_pipeline(folder)
    guided: Any = StableDiffusionControlNetPipeline(
        **pipe.components, controlnet=load_controlnet(folder), requires_safety_checker=False
    )
    guided.set_progress_bar_config(disable=True)
    return guided
