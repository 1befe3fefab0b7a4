"""What makes a pipeline faster without changing its pictures: layout, fewer launches, no text read twice."""

import inspect
import os
from collections import OrderedDict
from typing import Any

import torch

from genlab.config import check_choice

COMPILE = "GENLAB_COMPILE"  # of the environment
COMPILED = {"0": None, "1": "blocks", "blocks": "blocks", "unet": "unet"}  # by its value
PROMPTS = 16  # kept at a time


def prepare(parts: dict[str, Any], device: torch.device) -> None:
    """Make the networks among ``parts`` faster on a GPU; on a CPU they stay as they are.

    Only what pays from the first picture on. Compiling takes minutes before the first one, and again
    for sizes it has not seen, so it is done where the environment asks for it: ``GENLAB_COMPILE=1``
    compiles the U-Net's transformer blocks, ``GENLAB_COMPILE=unet`` all of it. Twice does no more
    than once; call it again when a part or a LoRA has come or gone.

    Raises:
        InvalidInput: The environment asks for something else.
    """
    if device.type != "cuda":
        return
    channels_last(parts)
    fuse(parts)
    asked = check_choice(COMPILE, os.environ.get(COMPILE, "0"), tuple(COMPILED))
    if COMPILED[asked]:
        compile_unet(parts, device, whole=COMPILED[asked] == "unet")


def channels_last(parts: dict[str, Any]) -> None:
    """Lay out the weights of convolutions as tensor cores want them: channels innermost."""
    for name in ("unet", "vae", "controlnet"):
        if parts.get(name) is not None:
            parts[name].to(memory_format=torch.channels_last)


def fuse(parts: dict[str, Any]) -> None:
    """One matrix product instead of three for query, key and value (instead of two for key and value).

    The three matrices stay in memory beside the fused one. A LoRA changes only them and would be
    ignored in silence, so a U-Net that has one goes back to the three.
    """
    unet = parts["unet"]
    fused = getattr(unet, "original_attn_processors", None) is not None
    adapted = bool(getattr(unet, "peft_config", None))
    if adapted and fused:
        unet.unfuse_qkv_projections()
        unet.original_attn_processors = None
    elif not adapted and not fused:
        unet.fuse_qkv_projections()


def compile_unet(parts: dict[str, Any], device: torch.device, whole: bool) -> None:
    """Compile the U-Net with ``torch.compile``, in place: no name of a weight changes.

    Args:
        parts: Whose U-Net.
        device: On a GPU kernels are generated; elsewhere the traced operations run as they are.
        whole: All of it, slower to compile, else only the repeated transformer blocks.
    """
    unet = parts["unet"]
    if any(module._compiled_call_impl is not None for module in unet.modules()):
        return
    backend = "inductor" if device.type == "cuda" else "eager"
    (unet.compile if whole else unet.compile_repeated_blocks)(backend=backend)


class PromptCache:
    """The text encoders' output for the latest prompts of one model.

    ``encode_prompt`` of a pipeline is a pure function of its arguments and the weights: the same call
    returns the same tensors, bit for bit, without running the encoders. Whatever changes the weights
    ends the cache's life; LoRAs of the text encoders switch it off.

    Args:
        size: Calls that are remembered; the one unused for longest goes first.
    """

    def __init__(self, size: int = PROMPTS) -> None:
        self.size = size
        self._kept: OrderedDict[Any, Any] = OrderedDict()

    def attach(self, pipe: Any) -> None:
        """Let ``pipe`` ask here first; the model's pipelines, its refiner's too, may share one cache."""
        encode = type(pipe).encode_prompt
        signature = inspect.signature(encode)

        def remembered(*args: Any, **named: Any) -> Any:
            given = signature.bind(pipe, *args, **named).arguments
            del given["self"]
            # A LoRA of an encoder changes what it says, and its scale is no argument of the call.
            adapted = any(getattr(encoder, "peft_config", None) for encoder in _encoders(pipe))
            if adapted or any(isinstance(value, torch.Tensor) for value in given.values()):
                return encode(pipe, *args, **named)
            arguments = tuple((name, _frozen(value)) for name, value in given.items())
            key = (*(id(encoder) for encoder in _encoders(pipe)), *arguments)
            if key not in self._kept:
                self._kept[key] = encode(pipe, *args, **named)
            self._kept.move_to_end(key)
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
            return self._kept[key]

        pipe.encode_prompt = remembered


def _encoders(pipe: Any) -> list[Any]:
    """The text encoders of ``pipe``; None where it has none, as a refiner has no first one."""
    return [getattr(pipe, name, None) for name in ("text_encoder", "text_encoder_2")]


def _frozen(value: Any) -> Any:
    """A list of prompts as something that can be a key."""
    return tuple(value) if isinstance(value, list) else value
