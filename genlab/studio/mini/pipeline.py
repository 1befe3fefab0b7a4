"""The trained parts as one StableDiffusionPipeline on disk, in diffusers' own format."""

import json
import shutil
from pathlib import Path
from typing import Any

import torch

from genlab.checkpoints import write_json
from genlab.errors import CheckpointError
from genlab.studio.mini.diffusion import MiniDenoiser, make_scheduler

VAE = "vae"
SHIPPED = "mini-sd"  # the folder's name under weights/


def save_autoencoder(net: Any, folder: Path) -> None:
    """Write AutoencoderKL ``net`` in half precision to ``folder/vae``, replacing an older one."""
    scratch = folder / f"{VAE}.new"
    net.half().save_pretrained(scratch, safe_serialization=True)
    change_config(scratch)
    shutil.rmtree(folder / VAE, ignore_errors=True)
    scratch.rename(folder / VAE)


def load_autoencoder(folder: Path) -> Any:
    """The autoencoder in ``folder/vae``, float32 on the CPU: exactly the one that is shipped."""
    from diffusers import AutoencoderKL

    if not (folder / VAE / "config.json").is_file():
        raise CheckpointError(f"{folder.name}/{VAE} is missing: train it first, with --stage vae.")
    return AutoencoderKL.from_pretrained(folder / VAE, dtype=torch.float32, use_safetensors=True).eval()


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

    if not (folder / "model_index.json").is_file():
        raise CheckpointError(f"{folder.name}/model_index.json is missing.")
    pipe = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
    pipe.set_progress_bar_config(disable=True)
    return pipe
