"""Small models for the tests."""

from typing import Any

import torch

from genlab.models import TRAINABLE, Trainable

# The smallest networks that the knobs allow.
TINY: dict[str, dict[str, Any]] = {
    "vae": {"network": "mlp", "latent": 4},
    "gan": {"width": 8},
    "wgan_gp": {"width": 8, "n_critic": 2},
    "ddpm": {"width": 16, "blocks": 1},
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


def scrambled(model: Trainable, seed: int = 0) -> Trainable:
    """The model with every weight random, so that no branch starts at zero."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.05 * torch.randn(p.shape, generator=generator))
    return model
