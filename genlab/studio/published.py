"""The networks of Stable Diffusion 1.5 and SDXL as their published configurations describe them.

With random weights they cost what the trained ones cost, so speed and memory can be measured with no
download. Two small ones of the same make serve where no GPU is.

Sources: the files ``config.json`` of ``stable-diffusion-v1-5/stable-diffusion-v1-5``,
``stabilityai/stable-diffusion-xl-base-1.0`` and ``madebyollin/sdxl-vae-fp16-fix``.
"""

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import torch

PROMPT_TOKENS = 77  # CLIP's, whatever the prompt
SILU_POWER = 0.3556  # mean of silu(x)^2 for x ~ N(0, 1)


class Published(NamedTuple):
    """The networks of one model; what is not named is diffusers' or transformers' default."""

    title: str
    kind: str  # "sd" or "sdxl"
    side: int  # pixels of the pictures it learned
    unet: dict[str, Any]
    vae: dict[str, Any]
    texts: tuple[dict[str, Any], ...]  # the text encoders


def _autoencoder(channels: tuple[int, ...], layers: int = 2, **others: Any) -> dict[str, Any]:
    return {
        "block_out_channels": channels,
        "down_block_types": ("DownEncoderBlock2D",) * len(channels),
        "up_block_types": ("UpDecoderBlock2D",) * len(channels),
        "layers_per_block": layers,
        "latent_channels": 4,
        **others,
    }


def _text(width: int, layers: int, heads: int, **others: Any) -> dict[str, Any]:
    return {
        "hidden_size": width,
        "intermediate_size": 4 * width,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "projection_dim": width,
        "vocab_size": 49_408,
        "max_position_embeddings": PROMPT_TOKENS,
        "bos_token_id": 0,
        "eos_token_id": 2,  # as published: CLIPTextModel then looks for the highest id of a prompt
        **others,
    }


CLIP_L = _text(768, 12, 12, hidden_act="quick_gelu")
OPENCLIP_G = _text(1280, 32, 20, hidden_act="gelu")
SDXL_BLOCKS = {
    "down_block_types": ("DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
    "up_block_types": ("CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"),
    "use_linear_projection": True,
    "addition_embed_type": "text_time",
}
TINY_VAE = _autoencoder((16, 16, 16, 16), layers=1, norm_num_groups=8, sample_size=64, force_upcast=False)

PUBLISHED = {
    "sd15": Published(
        title="Stable Diffusion 1.5",
        kind="sd",
        side=512,
        unet={
            "sample_size": 64,
            "block_out_channels": (320, 640, 1280, 1280),
            "cross_attention_dim": 768,
            "attention_head_dim": 8,
        },
        vae=_autoencoder((128, 256, 512, 512), sample_size=512),
        texts=(CLIP_L,),
    ),
    "sdxl": Published(
        title="SDXL",
        kind="sdxl",
        side=1024,
        unet=SDXL_BLOCKS
        | {
            "sample_size": 128,
            "block_out_channels": (320, 640, 1280),
            "transformer_layers_per_block": (1, 2, 10),
            "attention_head_dim": (5, 10, 20),
            "cross_attention_dim": 2048,
            "addition_time_embed_dim": 256,
            "projection_class_embeddings_input_dim": 2816,
        },
        vae=_autoencoder((128, 256, 512, 512), sample_size=512, scaling_factor=0.13025, force_upcast=False),
        texts=(CLIP_L, OPENCLIP_G),
    ),
    "tiny": Published(
        title="a tiny network built like SD 1.5",
        kind="sd",
        side=64,
        unet={
            "sample_size": 8,
            "block_out_channels": (32, 64),
            "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
            "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"),
            "layers_per_block": 1,
            "cross_attention_dim": 32,
            "attention_head_dim": 4,
        },
        vae=TINY_VAE,
        texts=(_text(32, 1, 4),),
    ),
    "tiny-xl": Published(
        title="a tiny network built like SDXL",
        kind="sdxl",
        side=64,
        unet=SDXL_BLOCKS
        | {
            "sample_size": 8,
            "block_out_channels": (32, 32, 64),
            "layers_per_block": 1,
            "transformer_layers_per_block": (1, 1, 2),
            "attention_head_dim": (4, 4, 8),
            "cross_attention_dim": 64,
            "addition_time_embed_dim": 8,
            "projection_class_embeddings_input_dim": 80,
        },
        vae=TINY_VAE,
        texts=(_text(32, 2, 4), _text(32, 2, 4)),
    ),
}
SCHEDULER = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "clip_sample": False,
    "set_alpha_to_one": False,
    "steps_offset": 1,
}  # of both


def networks(model: Published) -> dict[str, Any]:
    """The networks with random weights in float32, on torch's current default device."""
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPTextModelWithProjection

    made: dict[str, Any] = {
        "unet": UNet2DConditionModel(**model.unet),
        "vae": AutoencoderKL(**model.vae),
        "text_encoder": CLIPTextModel(CLIPTextConfig(**model.texts[0])),
    }
    if len(model.texts) > 1:
        made["text_encoder_2"] = CLIPTextModelWithProjection(CLIPTextConfig(**model.texts[1]))
    return {name: net.eval().requires_grad_(False) for name, net in made.items()}


def parts(model: Published, device: torch.device, dtype: torch.dtype, seed: int = 0) -> dict[str, Any]:
    """All that a pipeline of ``model`` consists of, by the names of its arguments, on the CPU.

    Args:
        model: The networks.
        device: Where the random weights are drawn: a GPU needs seconds, a CPU minutes for SDXL.
        dtype: Of all weights.
        seed: Of the weights.
    """
    from diffusers import DDIMScheduler

    torch.manual_seed(seed)
    with torch.device(device):
        made = networks(model)
    # A fresh U-Net predicts nearly zero, and pictures would hide what goes wrong in it: noise of size 1,
    # as a trained one predicts, from the normalised activations before its last convolution.
    last = made["unet"].conv_out
    torch.nn.init.normal_(last.weight, std=(SILU_POWER * last.weight[0].numel()) ** -0.5)
    for net in made.values():
        torch.nn.Module.to(net, "cpu", dtype)  # diffusers' own warns of layers that these do not have
    for i in range(len(model.texts)):
        made[f"tokenizer_{i + 1}" if i else "tokenizer"] = _tokenizer()
    made["scheduler"] = DDIMScheduler.from_config(SCHEDULER)
    if model.kind == "sd":
        made |= {"safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    else:
        made["add_watermarker"] = False
    return made


def _tokenizer() -> Any:
    """Every prompt spelled in bytes, padded to the length of CLIP's."""
    from genlab.studio.mini.tokenizer import build

    with tempfile.TemporaryDirectory() as folder:
        tokenizer = build([], Path(folder))
    tokenizer.model_max_length = PROMPT_TOKENS
    return tokenizer
