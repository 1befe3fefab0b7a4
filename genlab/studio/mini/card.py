"""mini-SD's model card: a README.md made from how it was trained and what was measured."""

from pathlib import Path
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

from genlab.config import Config
from genlab.flags import flag
from genlab.library import read_json
from genlab.studio.mini.control import ControlConfig
from genlab.studio.mini.diffusion import DenoiserConfig
from genlab.studio.mini.vae import AutoencoderConfig

CONTROL = "metrics_control.json"
FIGURES = {
    "digit_right": "right digit",
    "ink_right": "right ink",
    "background_right": "right background",
    "all_right": "all three right",
    "red_share": 'red in pictures of "a seven" and the like',
    "red_share_negative": 'the same with the negative prompt "red"',
    "psnr": "autoencoder: PSNR over the test digits, dB",
    "seconds_per_image": "seconds for one picture on the machine that measured",
    "threads": "its threads",
}
CONTROL_FIGURES = {
    "outlines.digit_right": "right digit, from the outline alone",
    "strokes.digit_right": "right digit, from its centre line alone",
    "outlines.iou": "outline of the picture against the one given, intersection over union",
    "unconditioned.iou": "the same without ControlNet",
    "autoencoder.iou": "the same of the original, encoded and decoded: the most there is to reach",
}
STAGES: dict[str, tuple[str, Config]] = {
    "vae": ("autoencoder", AutoencoderConfig()),
    "unet": ("text encoder and U-Net", DenoiserConfig()),
    "control": ("ControlNet", ControlConfig()),
}


def _made(stage: str, made: dict[str, Any]) -> str:
    """The commands that made a stage, the first one first."""
    train, usual = made["train"], vars(STAGES[stage][1])
    flags = {"stage": stage, "steps": train["steps"], "seed": train["seed"]}
    flags |= {name: value for name, value in made["config"].items() if value != usual[name]}
    earlier = ""
    if "from" in made:
        flags["from"] = "FOLDER"
        earlier = f"{_made(stage, made['from'])}, then "
    words = " ".join(f"{flag(name)} {value}" for name, value in flags.items())
    return f"{earlier}`python -m genlab train-mini {words}`: {made['steps']:,} steps, {made['data']}"


def _table(head: str, rows: list[tuple[str, Any]]) -> str:
    body = "\n".join(f"| {name} | {value} |" for name, value in rows)
    return f"| {head} | |\n| --- | --- |\n{body}"


def _find(metrics: dict[str, Any], name: str) -> Any:
    """The value at "part.name", or at "name"; None where there is none."""
    *parts, last = name.split(".")
    for part in parts:
        metrics = metrics.get(part, {})
    return metrics.get(last)


def _figures(metrics: dict[str, Any], names: dict[str, str]) -> str:
    if not metrics:
        return "Not measured yet."
    found = [(label, _find(metrics, name)) for name, label in names.items()]
    rows = [(label, f"{value:.4g}") for label, value in found if value is not None]
    count = f"{metrics['n']} fixed prompts, {metrics['steps']} steps, seed {metrics['seed']}"
    return f"{_table('figure', rows)}\n\nMeasured by `{metrics['command']}` ({count})."


def write(folder: Path) -> None:
    """Write ``folder/README.md``."""
    trained = read_json(folder / "training.json")
    front = ModelCardData(
        license="mit",
        library_name="diffusers",
        pipeline_tag="text-to-image",
        tags=["stable-diffusion", "image-generation", "mnist"],
        datasets=["ylecun/mnist"],
    )
    stages = [(STAGES[stage][0], _made(stage, made)) for stage, made in trained.items()]
    ModelCard(f"""---
{front.to_yaml()}
---

# mini-SD

A Stable Diffusion pipeline that draws MNIST's digits in ten colours from words, 32x32, in half precision.

```python
from diffusers import StableDiffusionPipeline

pipe = StableDiffusionPipeline.from_pretrained("weights/mini-sd")
picture = pipe("a thick red seven on a blue background", num_inference_steps=25, guidance_scale=3).images[0]
```

{_table("part", stages)}

{_figures(read_json(folder / "metrics.json"), FIGURES)}

With the ControlNet in `controlnet`, for outlines:

{_figures(read_json(folder / CONTROL), CONTROL_FIGURES)}

It knows these words and the digits 0 to 9: zero to nine; black, white, red, orange, yellow, green, cyan,
blue, purple, pink; thick, thin, slanted, upright; digit, number, background, ink, picture, image, drawing.
Other words are read in pieces and mean nothing to it.
""").save(folder / "README.md")
