"""The samplers of the studio, by the names visitors know them by; each is diffusers' own."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Sampler:
    """How a scheduler of diffusers is made."""

    type: str
    idea: str
    changes: dict[str, Any] = field(default_factory=dict)  # to the model's own scheduler config
    distilled: bool = False  # only for models distilled for few steps
    max_steps: int | None = None  # None: as many as the knob allows


SCHEDULERS = {
    "ddim": Sampler("DDIMScheduler", "Song et al., 2021: no noise on the way, steps may be skipped"),
    "dpmpp": Sampler(
        "DPMSolverMultistepScheduler", "DPM-Solver++(2M), Lu et al., 2022: second order, good in 15 steps"
    ),
    "euler": Sampler("EulerDiscreteScheduler", "Karras et al., 2022: the plainest solver, first order"),
    "unipc": Sampler("UniPCMultistepScheduler", "Zhao et al., 2023: predictor and corrector, few steps"),
    "pndm": Sampler(
        "PNDMScheduler", "Liu et al., 2022: linear multistep, SD's first default", {"skip_prk_steps": True}
    ),
    "lcm": Sampler(
        "LCMScheduler",
        "Luo et al., 2023: 2 to 8 steps, for models distilled for it",
        distilled=True,
        max_steps=50,  # the number it was distilled from
    ),
}


def make(name: str, config: Any) -> Any:
    """A fresh scheduler ``name`` for a model whose own scheduler has ``config``.

    Fresh, because a scheduler counts the steps of its run: two runs that share one mix up.
    """
    import diffusers

    sampler = SCHEDULERS[name]
    return getattr(diffusers, sampler.type).from_config(config, **sampler.changes)
