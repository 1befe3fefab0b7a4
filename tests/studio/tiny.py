"""Stable Diffusion, SDXL with its refiner, and their ControlNets in a few thousand random numbers each.

Written in diffusers' own format; the autoencoder shrinks by 8 as the real ones do.
"""

from pathlib import Path
from typing import Any

import torch
from diffusers import (
    AutoencoderKL,
    ControlNetModel,
    DDIMScheduler,
    StableDiffusionPipeline,
    StableDiffusionXLImg2ImgPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

from genlab.studio.mini import tokenizer

WORDS = ["a", "red", "blue", "seven", "on", "dog"]
TEXT = 32  # width of the text encoders
SIDE = 64  # pixels


def scheduler() -> Any:
    """That of Stable Diffusion."""
    return DDIMScheduler(
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        clip_sample=False,
        set_alpha_to_one=False,
        steps_offset=1,
    )


def autoencoder() -> Any:
    return AutoencoderKL(
        block_out_channels=(4, 8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        latent_channels=4,
        norm_num_groups=4,
        sample_size=SIDE,
    )


def unet(text: int, extra: int = 0, channels: tuple[int, int] = (8, 16)) -> Any:
    """Args: width of what it attends to; width of SDXL's additional embedding, 0 for none."""
    sdxl: dict[str, Any] = {
        "addition_embed_type": "text_time",
        "addition_time_embed_dim": 8,
        "projection_class_embeddings_input_dim": extra,
        "use_linear_projection": True,
    }
    return UNet2DConditionModel(
        block_out_channels=channels,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        layers_per_block=1,
        attention_head_dim=2,
        norm_num_groups=4,
        cross_attention_dim=text,
        sample_size=SIDE // 8,
        **(sdxl if extra else {}),
    )


def text_encoder(words: Any, family: Any) -> Any:
    return family(
        CLIPTextConfig(
            vocab_size=len(words),
            hidden_size=TEXT,
            intermediate_size=TEXT,
            projection_dim=TEXT,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=tokenizer.LENGTH,
            bos_token_id=len(words) - 2,
            eos_token_id=len(words) - 1,
            pad_token_id=len(words) - 1,
        )
    )


def controlnet(net: Any) -> Any:
    """With random weights where a fresh ControlNet has zeros, so that it changes pictures."""
    control = ControlNetModel.from_unet(net, conditioning_embedding_out_channels=(4, 4, 8, 8))
    for parameter in control.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    return control


def write_sd(folder: Path) -> None:
    """``folder/sd``, ``folder/sd-control``."""
    words = tokenizer.build(WORDS, folder / "words")
    net = unet(TEXT)
    StableDiffusionPipeline(
        vae=autoencoder(),
        text_encoder=text_encoder(words, CLIPTextModel),
        tokenizer=words,
        unet=net,
        scheduler=scheduler(),
        safety_checker=None,
        feature_extractor=None,
        requires_safety_checker=False,
    ).save_pretrained(folder / "sd")
    controlnet(net).save_pretrained(folder / "sd-control")


def write_heavy(folder: Path) -> None:
    """``folder/heavy``: ``folder/sd`` with a U-Net of 33 million numbers."""
    pipe: Any = StableDiffusionPipeline.from_pretrained(folder / "sd", safety_checker=None)
    pipe.register_modules(unet=unet(TEXT, channels=(256, 512)))
    pipe.save_pretrained(folder / "heavy")


def write_sdxl(folder: Path) -> None:
    """``folder/sdxl``, ``folder/sdxl-control`` and ``folder/refiner``, of other weights throughout."""
    words = tokenizer.build(WORDS, folder / "words")
    net = unet(2 * TEXT, extra=6 * 8 + TEXT)
    second = {
        "text_encoder_2": text_encoder(words, CLIPTextModelWithProjection),
        "tokenizer_2": words,
        "scheduler": scheduler(),
    }
    StableDiffusionXLPipeline(
        vae=autoencoder(),
        text_encoder=text_encoder(words, CLIPTextModel),
        tokenizer=words,
        unet=net,
        **second,
    ).save_pretrained(folder / "sdxl")
    controlnet(net).save_pretrained(folder / "sdxl-control")
    StableDiffusionXLImg2ImgPipeline(
        vae=autoencoder(),
        text_encoder=None,
        tokenizer=None,
        unet=unet(TEXT, extra=5 * 8 + TEXT),
        requires_aesthetics_score=True,
        **second,
    ).save_pretrained(folder / "refiner")


def write_lora(folder: Path) -> None:
    """``folder/lora``: a LoRA of the U-Net in ``folder/sd``."""
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    net: Any = UNet2DConditionModel.from_pretrained(folder / "sd" / "unet")
    net.add_adapter(LoraConfig(r=2, init_lora_weights=False, target_modules=["to_q", "to_v"]))
    StableDiffusionPipeline.save_lora_weights(
        folder / "lora", unet_lora_layers=get_peft_model_state_dict(net)
    )
