"""Quality against a knob of ddpm: as it was measured for the shipped weights, or measured now."""

from collections.abc import Generator, Sequence
from typing import Any

from genlab.api.checks import check_count, check_seed
from genlab.api.diffusion import diffusion_model
from genlab.api.families import SHIPPED, reference
from genlab.config import check_choice, check_list
from genlab.diffusion.samplers import SAMPLERS
from genlab.lab import curves, sweeps
from genlab.library import Library
from genlab.sampling import knobs_for


def shipped_curve(name: str, *, library: Library = SHIPPED) -> curves.Curve:
    """The measured curve that comes with the shipped weights: "steps" or "guidance"."""
    return curves.read(library.folder / "ddpm", check_choice("curve", name, tuple(sweeps.SETTINGS)))


def _sweep(settings: list[dict[str, Any]], n: Any, seed: Any, library: Library) -> Generator[sweeps.Progress]:
    n, seed = check_count(n, *curves.SAMPLES), check_seed(seed)
    model = diffusion_model(library)
    checked = [knobs_for(model, setting) for setting in settings]
    return sweeps.sweep(model, library.classifier(), reference(library), checked, n=n, seed=seed)


def steps_curve(
    n: int = 100,
    seed: int = 0,
    samplers: Sequence[str] = tuple(SAMPLERS),
    steps: Sequence[int] = (2, 5, 10, 20, 50),
    guidance: float = 1.0,
    *,
    library: Library = SHIPPED,
) -> Generator[sweeps.Progress]:
    """Measure quality against the number of steps; yields at every step, the points so far.

    Args:
        n: Samples for each point, 50 to 2000; distances of different n do not compare.
        seed: 0 to 4294967295.
        samplers: ddim, ddpm, heun, dpmpp.
        steps: 1 to 1000 each, at most 10 of them.
        guidance: 0 to 10.
    """
    names, counts = check_list("samplers", samplers), check_list("steps", steps)
    settings = [{"steps": count, "guidance": guidance, "sampler": name} for count in counts for name in names]
    return _sweep(settings, n, seed, library)


def guidance_curve(
    n: int = 100,
    seed: int = 0,
    scales: Sequence[float] = sweeps.SCALES,
    steps: int = 25,
    sampler: str = "ddim",
    *,
    library: Library = SHIPPED,
) -> Generator[sweeps.Progress]:
    """Measure accuracy, diversity and distance against guidance; yields as ``steps_curve``.

    Args:
        n: Samples for each point, 50 to 2000.
        seed: 0 to 4294967295.
        scales: 0 to 10 each, at most 10 of them.
        steps: 1 to 1000.
        sampler: ddim, ddpm, heun or dpmpp.
    """
    settings = [{"steps": steps, "guidance": w, "sampler": sampler} for w in check_list("scales", scales)]
    return _sweep(settings, n, seed, library)
