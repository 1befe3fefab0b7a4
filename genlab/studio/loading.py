"""From a model card to a pipeline of diffusers, half precision on a GPU, float32 on a CPU."""

import contextlib
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch

from genlab.errors import ModelUnavailable
from genlab.studio.card import ModelCard
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
# A model's settings that its pipelines' constructors take beside the parts.
SETTINGS = ("requires_safety_checker", "force_zeros_for_empty_prompt", "requires_aesthetics_score")
MODELS = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "control": "ControlNetModel",
    "preview": "AutoencoderTiny",
}
SHARED_BY_REFINER = ("vae", "text_encoder_2", "tokenizer_2")
CONTROLNET = "controlnet"  # the folder of a shipped model's ControlNet


class Loaded(NamedTuple):
    """Parts by the names of the pipelines' arguments, and where they come from."""

    parts: dict[str, Any]
    files: Files


def precision(device: torch.device) -> torch.dtype:
    return torch.float16 if device.type == "cuda" else torch.float32


def load_base(card: ModelCard, dtype: torch.dtype, checked: bool) -> Loaded:
    """The parts of ``card``'s text-to-image pipeline on the CPU.

    Args:
        card: The model.
        dtype: Of all weights.
        checked: Keep the safety checker, where the model has one.

    Raises:
        ModelUnavailable: The files cannot be had or read; one sentence says why.
    """
    given: dict[str, Any] = {}
    if card.repositories("vae"):
        given["vae"] = load_part(card, "vae", dtype).parts["vae"]
    if card.kind == "sd" and not checked:
        given |= {"safety_checker": None, "requires_safety_checker": False}
    loaded = _load_pipeline(_files(card, "base", dtype), dtype, given)
    for name in ("tokenizer", "tokenizer_2"):
        if loaded.parts.get(name) is not None:
            loaded.parts[name].split_special_tokens = True  # "<|endoftext|>" in a prompt is mere text
    return loaded


def load_refiner(card: ModelCard, dtype: torch.dtype, base: dict[str, Any]) -> Loaded:
    """The parts of the refiner's pipeline; all but the U-Net are those of ``base``."""
    shared = {name: base[name] for name in SHARED_BY_REFINER}
    return _load_pipeline(_files(card, "refiner", dtype), dtype, shared)


def load_part(card: ModelCard, role: str, dtype: torch.dtype) -> Loaded:
    """The one network ``role`` of ``card``, a key of MODELS, on the CPU."""
    files = _files(card, role, dtype)
    with reading(files):
        part = _load_network(MODELS[role], files.folder, dtype=dtype)
    return Loaded({"controlnet" if role == "control" else role: part}, files)


def _load_network(type_name: str, folder: Path, **how: Any) -> Any:
    """A network of diffusers; ValueError where weights are missing, which diffusers would leave random."""
    import diffusers

    network, info = getattr(diffusers, type_name).from_pretrained(
        folder, use_safetensors=True, output_loading_info=True, **how
    )
    if info["missing_keys"]:
        raise ValueError(f"{folder.name} lacks {len(info['missing_keys'])} weights")
    return network


def _load_pipeline(files: Files, dtype: torch.dtype, given: dict[str, Any]) -> Loaded:
    from diffusers import DiffusionPipeline

    half = any(".fp16." in path.name for path in files.folder.rglob("*.safetensors"))
    how = {"dtype": dtype, "variant": "fp16" if half and dtype == torch.float16 else None}
    with reading(files):
        networks = {
            name: _load_network(MODELS[name], files.folder / name, **how)
            for name in ("unet", "vae")
            if name not in given
        }
        pipe: Any = DiffusionPipeline.from_pretrained(
            files.folder, use_safetensors=True, **how, **networks, **given
        )
    settings = {name: pipe.config[name] for name in SETTINGS if name in pipe.config}
    return Loaded({**pipe.components, **settings}, files)


def _files(card: ModelCard, role: str, dtype: torch.dtype = torch.float32) -> Files:
    """The files of the part ``role``: shipped, or from the hub."""
    if card.folder is not None and not card.repositories(role):
        folder = card.folder / CONTROLNET if role == "control" else card.folder
        name = str(folder.relative_to(card.folder.parent))
        if not any((folder / index).is_file() for index in ("model_index.json", "config.json")):
            what = f"The ControlNet of {card.title}" if role == "control" else card.title
            raise ModelUnavailable(f"{what} is missing here: there is no weights/{name}.")
        return local_files(folder, name)

    def download(repository: str, revision: str, names: list[str]) -> Any:
        from diffusers import DiffusionPipeline

        half = dtype == torch.float16 and any(".fp16." in name for name in names)
        return DiffusionPipeline.download(
            repository, revision=revision, use_safetensors=True, variant="fp16" if half else None
        )

    return fetch(card.repositories(role), download if role in ("base", "refiner") else _download_model)


def download(card: ModelCard, roles: list[str], dtype: torch.dtype) -> None:
    """Bring the files of ``card`` and of its parts ``roles`` onto this disk, and read none of them.

    Raises:
        ModelUnavailable: They cannot be had; one sentence says why.
    """
    parts = [role for role in ("vae", *roles) if card.repositories(role)]
    for role in ("base", *parts):
        _files(card, role, dtype)
    if card.repositories("preview"):
        with contextlib.suppress(ModelUnavailable):  # it can be done without
            _files(card, "preview", dtype)


def _download_model(repository: str, revision: str, names: list[str]) -> str:
    """A repository of one model: its config and weights."""
    from huggingface_hub import snapshot_download

    return snapshot_download(
        repository, revision=revision, allow_patterns=["*.json", "*.safetensors"], ignore_patterns=["*/*"]
    )


def assemble(card: ModelCard, task: str, parts: dict[str, Any]) -> Any:
    """The pipeline of ``task`` around ``parts``: no weight is copied or converted.

    The constructor, and not ``from_pipe``, which casts shared weights to float32 in place where it
    is not told otherwise.
    """
    import diffusers

    pipeline_type = getattr(diffusers, PIPELINES[card.kind, task])
    wanted = inspect.signature(pipeline_type.__init__).parameters
    pipe = pipeline_type(**{name: part for name, part in parts.items() if name in wanted})
    pipe.set_progress_bar_config(disable=True)
    return pipe


def few_steps_files(card: ModelCard) -> Files:
    """The few-step LoRA of ``card``."""
    from diffusers.utils import is_peft_available

    if not is_peft_available():
        raise ModelUnavailable("few_steps needs the package peft, which is not installed here.")
    return _files(card, "few_steps")


@contextlib.contextmanager
def few_steps(pipe: Any, files: Files) -> Iterator[None]:
    """Inside, the LoRA in ``files`` is added to the U-Net of ``pipe``; its own weights stay as they are."""
    weights = min(files.folder.glob("*.safetensors"))
    try:
        with reading(files):
            pipe.load_lora_weights(files.folder, weight_name=weights.name)
        yield
    finally:
        pipe.unload_lora_weights()
