"""The rungs of the speed ladder: ways to run one pipeline, each a step on from the one before."""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from genlab.studio import speed

Parts = dict[str, Any]


class Rung(NamedTuple):
    """One way to run the pipeline."""

    name: str
    changes: tuple[Callable[[Parts, torch.device], None], ...]  # to the networks
    cached: bool = False  # the prompt's embeddings
    cut_off: bool = False  # which changes the picture
    compiles: str = ""  # what of the U-Net: "blocks" or all of it, "unet"


def _layout(nets: Parts, device: torch.device) -> None:
    speed.channels_last(nets)


def _fused(nets: Parts, device: torch.device) -> None:
    speed.fuse(nets)


def _blocks(nets: Parts, device: torch.device) -> None:
    speed.compile_unet(nets, device, whole=False)


def _whole(nets: Parts, device: torch.device) -> None:
    speed.compile_unet(nets, device, whole=True)


LADDER = (
    Rung("plain diffusers", ()),
    Rung("+ channels last", (_layout,)),
    Rung("+ fused projections", (_layout, _fused)),
    Rung("+ prompt cache", (_layout, _fused), cached=True),
    Rung("+ blocks compiled", (_layout, _fused, _blocks), cached=True, compiles="blocks"),
    Rung("+ guidance cut off", (_layout, _fused, _blocks), cached=True, cut_off=True, compiles="blocks"),
    Rung("whole U-Net compiled, guided", (_layout, _fused, _whole), cached=True, compiles="unet"),
)
COMPILED = {"none": ("",), "blocks": ("", "blocks"), "unet": ("", "blocks", "unet")}  # rungs kept
