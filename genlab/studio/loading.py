"""From a model card to a pipeline of diffusers, half precision on a GPU, float32 on a CPU."""

from typing import Any, NamedTuple

import torch

from genlab.errors import ModelUnavailable
from genlab.studio.catalog import ModelCard
from genlab.studio.hub import Files, fetch, local_files, reading

PIPELINES = {
    ("sd", "text_to_image"): "StableDiffusionPipeline",
    ("sd", "image_to_image"): "StableDiffusionImg2ImgPipeline",
    ("sd", "inpaint"): "StableDiffusionInpaintPipeline",
    ("sd", "control"): "StableDiffusionControlNetPipeline",
    ("sdxl", "text_to_image"): "StableDiffusionXLPipeline",
    ("sdxl", "image_to_image"): "StableDiffusionXLImg2ImgPipeline",
    ("sdxl", "inpaint"): "StableDiffusionXLInpaintPipeline",
    ("sdxl", "control"): "StableDiffusionXLControlNetPipeline",
}
CONTROLNET = "controlnet"  # the folder of a shipped model's ControlNet


class Base(NamedTuple):
    """A model's parts, and where they come from."""

    parts: dict[str, Any]  # by the names of the pipelines' arguments
    files: Files


def precision(device: torch.device) -> torch.dtype:
    return torch.float16 if device.type == "cuda" else torch.float32


def load_base(card: ModelCard, dtype: torch.dtype, checked: bool) -> Base:
    """The parts of ``card``'s text-to-image pipeline on the CPU.

    Args:
        card: The model.
        dtype: Of all weights.
        checked: Keep the safety checker, where the model has one.

    Raises:
        ModelUnavailable: The files cannot be had or read; one sentence says why.
    """
    from diffusers import DiffusionPipeline

    files = _files(card, dtype)
    given: dict[str, Any] = {}
    if card.repositories("vae"):
        given["vae"] = load_part(card, "vae", dtype)
    if card.kind == "sd" and not checked:
        given |= {"safety_checker": None, "requires_safety_checker": False}
    if (variant := _variant(files, dtype)) is not None:
        given["variant"] = variant
    with reading(files):
        pipe: Any = DiffusionPipeline.from_pretrained(
            files.folder, dtype=dtype, use_safetensors=True, **given
        )
    parts = dict(pipe.components)
    if card.kind == "sd":
        parts["requires_safety_checker"] = pipe.config.requires_safety_checker
    for name in ("tokenizer", "tokenizer_2"):
        if parts.get(name) is not None:
            parts[name].split_special_tokens = True  # a prompt's "<|endoftext|>" is text, not a command
    return Base(parts, files)


def _variant(files: Files, dtype: torch.dtype) -> str | None:
    """The half-precision files, where a repository has both."""
    half = any(".fp16." in path.name for path in files.folder.rglob("*.safetensors"))
    return "fp16" if half and dtype == torch.float16 else None


def _files(card: ModelCard, dtype: torch.dtype) -> Files:
    folder = card.local()
    if folder is not None and not card.repositories("base"):
        if not (folder / "model_index.json").is_file():
            raise ModelUnavailable(f"{card.title} is missing: weights/{folder.name}/model_index.json.")
        return local_files(folder, folder.name)

    def download(repository: str, revision: str, names: list[str]) -> Any:
        from diffusers import DiffusionPipeline

        half = dtype == torch.float16 and any(".fp16." in name for name in names)
        return DiffusionPipeline.download(
            repository, revision=revision, use_safetensors=True, variant="fp16" if half else None
        )

    return fetch(card.repositories("base"), download)


def _download_model(repository: str, revision: str, names: list[str]) -> str:
    """A repository of one model: its config and weights."""
    from huggingface_hub import snapshot_download

    return snapshot_download(
        repository, revision=revision, allow_patterns=["*.json", "*.safetensors"], ignore_patterns=["*/*"]
    )


def load_part(card: ModelCard, role: str, dtype: torch.dtype) -> Any:
    """The part ``role`` of ``card`` ("vae", "control", "preview") on the CPU."""
    import diffusers

    types = {"vae": "AutoencoderKL", "control": "ControlNetModel", "preview": "AutoencoderTiny"}
    folder = card.local()
    if role == "control" and folder is not None and not card.repositories(role):
        files = local_files(folder / CONTROLNET, f"{folder.name}/{CONTROLNET}")
    else:
        files = fetch(card.repositories(role), _download_model)
    with reading(files):
        return getattr(diffusers, types[role]).from_pretrained(
            files.folder, dtype=dtype, use_safetensors=True
        )


def assemble(card: ModelCard, task: str, parts: dict[str, Any]) -> Any:
    """The pipeline of ``task`` around ``parts``: no weight is copied or converted.

    The constructor, and not ``from_pipe``, which casts shared weights to float32 in place where it
    is not told otherwise.
    """
    import inspect

    import diffusers

    pipeline_type = getattr(diffusers, PIPELINES[card.kind, task])
    wanted = inspect.signature(pipeline_type.__init__).parameters
    pipe = pipeline_type(**{name: part for name, part in parts.items() if name in wanted})
    pipe.set_progress_bar_config(disable=True)
    return pipe
