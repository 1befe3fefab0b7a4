"""Training of mini-SD in three stages, each a resumable stream of events: autoencoder, denoiser, ControlNet.

Everything lies in one folder: a stage's state while it runs, ``vae/`` after the first, the encoded
digits, after the second the whole pipeline, and ``controlnet/`` after the third. Under ``accelerate
launch`` the first process writes it all; ``--dynamo_backend inductor`` compiles U-Net and ControlNet.
"""

import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from accelerate import Accelerator
from accelerate.utils import DynamoBackend
from torch import nn

from genlab.checkpoints import sha256, write_json
from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.errors import CheckpointError
from genlab.events import Done, Event
from genlab.library import read_json
from genlab.studio.mini import pipeline
from genlab.studio.mini.captions import vocabulary
from genlab.studio.mini.control import ControlConfig, MiniControl
from genlab.studio.mini.diffusion import DenoiserConfig, MiniDenoiser
from genlab.studio.mini.hints import HintedDigits
from genlab.studio.mini.latents import LatentDigits, cached, encode
from genlab.studio.mini.pictures import ColouredDigits
from genlab.studio.mini.tokenizer import build
from genlab.studio.mini.vae import AutoencoderConfig, MiniAutoencoder
from genlab.training import train

STAGES = {"vae": "vae/config.json", "unet": "model_index.json", "control": "controlnet/config.json"}
RECORD = "training.json"
LATENTS = "latents.safetensors"
ROUNDS = 4  # pairs of colours in which each digit is encoded


def state_path(folder: Path, stage: str) -> Path:
    return folder / f"{stage}.state.safetensors"


def missing(folder: Path) -> list[str]:
    """The stages whose result is not in ``folder``, or whose training is not at its end."""
    return [
        stage
        for stage, result in STAGES.items()
        if state_path(folder, stage).exists() or not (folder / result).is_file()
    ]


def train_autoencoder(
    data: Dataset,
    folder: Path,
    plan: TrainConfig,
    config: AutoencoderConfig,
    *,
    base: Path | None = None,
    **saving: Any,
) -> Iterator[Event]:
    """Train the autoencoder on pictures of ``data`` and write it to ``folder/vae``.

    ``base``: a folder whose autoencoder is trained on; None for new weights. ``saving``: see ``train``.
    """
    torch.manual_seed(plan.seed)
    model = MiniAutoencoder(config)
    if base is not None:
        take_over(model.net, pipeline.load_autoencoder(base))

    def write(done: Done) -> None:
        pipeline.save_part(model.net, folder, pipeline.VAE)
        _record(folder, "vae", plan, config, data, done, base)

    digits = ColouredDigits.of(data)
    yield from _written(train(model, digits, plan, state=state_path(folder, "vae"), **saving), write)
    state_path(folder, "vae").unlink(missing_ok=True)


def train_denoiser(
    data: Dataset,
    folder: Path,
    plan: TrainConfig,
    config: DenoiserConfig,
    *,
    base: Path | None = None,
    **saving: Any,
) -> Iterator[Event]:
    """Train text encoder and U-Net in the latents of ``folder/vae`` and write the pipeline to ``folder``;
    ``base`` and ``saving`` as for ``train_autoencoder``."""
    autoencoder = pipeline.load_autoencoder(folder).to(Accelerator().device)
    with Accelerator().main_process_first():  # the others find what the first has written
        tokenizer = build(vocabulary(), folder / "tokenizer")
        latents = encoded(data, folder, autoencoder, tokenizer, config.drop, plan.seed)
    torch.manual_seed(plan.seed)
    model = MiniDenoiser(config, len(tokenizer))
    if base is not None:
        trained = pipeline.load_pipeline(base)
        for net in (model.net, model.average.module):
            for name in ("text_encoder", "unet"):
                take_over(net.get_submodule(name), getattr(trained, name))
    compile_asked(model.net)

    def write(done: Done) -> None:
        pipeline.save_pipeline(autoencoder, model, tokenizer, folder)
        _record(folder, "unet", plan, config, data, done, base)

    yield from _written(train(model, latents, plan, state=state_path(folder, "unet"), **saving), write)
    state_path(folder, "unet").unlink(missing_ok=True)


def train_control(
    data: Dataset,
    folder: Path,
    plan: TrainConfig,
    config: ControlConfig,
    *,
    base: Path | None = None,
    **saving: Any,
) -> Iterator[Event]:
    """Train a ControlNet for the pipeline in ``folder`` and write it to ``folder/controlnet``;
    ``base`` and ``saving`` as for ``train_autoencoder``."""
    pipe = pipeline.load_pipeline(folder).to(Accelerator().device)
    with Accelerator().main_process_first():
        latents = encoded(data, folder, pipe.vae, pipe.tokenizer, config.control_drop, plan.seed)
    hinted = HintedDigits(**vars(latents), digits=data.images, strokes=config.strokes)
    torch.manual_seed(plan.seed)
    model = MiniControl(config, pipe.text_encoder, pipe.unet)
    if base is not None:
        trained = pipeline.load_controlnet(base)
        for net in (model.net, model.average.module):
            take_over(net, trained)
    for net in (model.net, pipe.unet):
        compile_asked(net)

    def write(done: Done) -> None:
        pipeline.save_part(model.average.module, folder, pipeline.CONTROLNET)
        _record(folder, "control", plan, config, data, done, base)

    yield from _written(train(model, hinted, plan, state=state_path(folder, "control"), **saving), write)
    state_path(folder, "control").unlink(missing_ok=True)


def take_over(net: nn.Module, trained: nn.Module) -> None:
    """Give ``net`` the weights of ``trained``; CheckpointError where it is of another shape."""
    try:
        net.load_state_dict(trained.state_dict())
    except RuntimeError as error:
        raise CheckpointError("The weights to go on from are of another size; check the knobs.") from error


def compile_asked(net: nn.Module) -> None:
    """Compile ``net`` in place where accelerate's ``--dynamo_backend`` asks for it."""
    plugin = Accelerator().state.dynamo_plugin
    if plugin.backend != DynamoBackend.NO:
        net.compile(**plugin.to_kwargs())


def _written(events: Iterator[Event], write: Callable[[Done], None]) -> Iterator[Event]:
    """Pass ``events`` on; at the end the first process writes, and the others wait until it has."""
    for event in events:
        if isinstance(event, Done):
            if Accelerator().is_main_process:
                write(event)
            Accelerator().wait_for_everyone()
        yield event


def encoded(
    data: Dataset, folder: Path, autoencoder: Any, tokenizer: Any, drop: float, seed: int
) -> LatentDigits:
    """The latents of ``data``, made once and kept in ``folder``."""
    weights = sha256(folder / pipeline.VAE / "diffusion_pytorch_model.safetensors")
    key = f"{weights} {len(data)} {ROUNDS} {seed}"
    digits = ColouredDigits.of(data)
    posteriors, facts = cached(folder / LATENTS, key, encode(autoencoder, digits, ROUNDS, seed))
    return LatentDigits(posteriors, facts.digit, data.source, data.complete, facts, tokenizer, drop)


def _record(
    folder: Path,
    stage: str,
    plan: TrainConfig,
    config: Any,
    data: Dataset,
    done: Done,
    base: Path | None,
) -> None:
    """Keep how a stage was trained, and how what it went on from was."""
    made = {
        "config": dataclasses.asdict(config),
        "train": dataclasses.asdict(plan),
        "data": data.source,
        "steps": done.step,
        "seconds": round(done.seconds),
    }
    if base is not None:
        made["from"] = read_json(base / RECORD).get(stage, {})
    write_json(folder / RECORD, read_json(folder / RECORD) | {stage: made})
