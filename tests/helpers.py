"""Small models for the tests."""

import struct
import zlib
from typing import Any

import torch

from genlab.models import TRAINABLE, Trainable

# The smallest networks that the knobs allow.
TINY: dict[str, dict[str, Any]] = {
    "autoencoder": {"latent": 4},
    "vae": {"network": "mlp", "latent": 4},
    "gan": {"width": 8},
    "cgan": {"width": 8},
    "wgan": {"width": 8, "n_critic": 2},
    "wgan_gp": {"width": 8, "n_critic": 2},
    "ddpm": {"width": 16, "blocks": 1},
    "dit": {"width": 32, "depth": 1},
    "flow": {"width": 16, "blocks": 1},
    "conv_vae": {"width": 8, "latent": 4},
    "dcgan": {"width": 8},
    "classifier": {"width": 8},
}


def tiny(name: str, seed: int = 0, **knobs: Any) -> Any:
    """The smallest model of a family, with random weights."""
    torch.manual_seed(seed)
    family = TRAINABLE[name]
    return family(family.Config(**(TINY.get(name, {}) | knobs)))


def states_equal(a: Trainable | dict, b: Trainable | dict) -> bool:
    """Bit for bit."""
    a, b = (m.state_dict() if isinstance(m, Trainable) else m for m in (a, b))
    return a.keys() == b.keys() and all(torch.equal(a[k], b[k]) for k in a)


def scrambled(model: Trainable, seed: int = 0, strength: float = 0.05) -> Trainable:
    """The model with every weight random, so that no branch starts at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(strength * torch.randn(p.shape, generator=generator))
    return model


def bomb(side: int) -> bytes:
    """A PNG of side x side black pixels in a few kilobytes."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((side // 8 + 2) * side), 9)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
