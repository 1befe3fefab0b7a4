"""What a server has to offer when it starts, and why not more: a line each in the log, none for visitors.

What is known at once is logged before the page is served; what has to be read or asked for, after it.
"""

import dataclasses
import logging
import os
import platform
import shutil
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from importlib import metadata
from pathlib import Path

import torch

from genlab import __version__, api, checkpoints, host
from genlab.errors import CheckpointError
from genlab.library import PLANE, Library
from genlab.models import MODELS
from genlab.numbers import count, duration
from genlab.settings import Settings
from genlab.studio.engine import Engine
from genlab.studio.mini.pipeline import SHIPPED as MINI

log = logging.getLogger(__name__)

HUB_SECONDS = 5.0  # to wait for the hub's answer
GB = 1e9


def version() -> str:
    """genlab, and what it runs on."""
    gradio = metadata.version("gradio")
    return f"{__version__}, on Python {platform.python_version()}, torch {torch.__version__}, gradio {gradio}"


def device() -> str:
    """The processor, the GPU or why there is none."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    host_cpu = f"CPU with {count(cores, 'core')} ({count(torch.get_num_threads(), 'thread')})"
    if host.zero_gpu():
        return f"{host_cpu}; ZeroGPU: a GPU is lent for each drawing of the studio, all else uses the CPU"
    if torch.cuda.is_available():
        gpu = torch.cuda.get_device_properties(0)
        return f"{gpu.name} with {gpu.total_memory / GB:.0f} GB; {host_cpu}"
    built = torch.version.cuda or torch.version.hip
    why = "torch finds none" if built else "this torch is built without CUDA"
    return f"{host_cpu}; no GPU: {why}"


def studio(engine: Engine) -> Iterator[str]:
    """Which models can draw, and for each reason those that cannot."""
    missing: dict[str | None, list[str]] = {}
    for card in engine.catalog.values():
        missing.setdefault(engine.unavailable(card), []).append(card.title)
    yield f"offered: {', '.join(missing.pop(None, [])) or 'nothing'}"
    for why, titles in missing.items():
        yield f"not offered: {', '.join(titles)}; each {why}"


def jobs(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """Where jobs are kept, how much room there is, whether they outlive a restart."""
    storage, place = host.storage(environ), host.storage_place(environ)
    if storage and settings.folder.is_relative_to(storage):
        lasting = f"{storage} is persistent: they outlive a restart"
    elif place is None or storage:
        lasting = "they last as long as this folder"
    else:
        why = "this process may not write there" if place.is_dir() else "nothing is mounted there"
        lasting = f"they are lost when the Space restarts; no persistent storage at {place}: {why}"
    there = next(p for p in (settings.folder, *settings.folder.parents) if p.exists())
    if not os.access(there, os.W_OK):
        return f"cannot be kept in {settings.folder}: this process may not write there; they stay in memory"
    return f"kept in {settings.folder}; {lasting}; {shutil.disk_usage(there).free / GB:.0f} GB free"


def limits(settings: Settings, environ: Mapping[str, str] = os.environ) -> str:
    """What one training may take, and whose limits these are."""
    of = settings.limits
    whose = "a Space, which strangers share" if host.is_space(environ) else "a machine of one's own"
    names = (field.name for field in dataclasses.fields(of))
    given = [name for name in names if f"GENLAB_{name.upper()}" in environ]
    return (
        f"{count(of.slots, 'job')} at once and {of.line} waiting; each {of.steps:,} steps, "
        f"{duration(of.seconds)}, {of.megabytes:,} MB; {count(of.keep_jobs, 'ended job')} kept for "
        f"{duration(of.keep_seconds)}, {of.keep_megabytes:,} MB together (as for {whose}"
        f"{'; changed by variables: ' + ', '.join(given) if given else ''})"
    )


def weights(library: Library) -> Iterator[str]:
    """How many shipped models are whole, and what is wrong with each other one."""
    names = (*MODELS, "classifier", PLANE, MINI)
    broken = []
    for name in names:
        try:
            _check(library.folder / name)
        except (CheckpointError, OSError) as error:
            broken.append(
                f"not usable: {error if isinstance(error, CheckpointError) else f'{name}: {error}'}"
            )
    yield f"{len(names) - len(broken)} of {count(len(names), 'model')} whole"
    yield from broken


def _check(folder: Path) -> None:
    """CheckpointError if the weights in ``folder``, a model of ours or a pipeline, are not whole."""
    if folder.name != MINI:
        checkpoints.check(folder)
        return
    from safetensors import SafetensorError, safe_open

    parts = [folder / part for part in ("vae", "unet", "text_encoder", "controlnet")]
    for part in parts:
        found = sorted(part.glob("*.safetensors"))
        if not found or not (part / "config.json").is_file():
            raise CheckpointError(f"{folder.name}/{part.name} is missing.")
        try:
            with safe_open(found[0], "pt"):  # reads the header, which fits whole files only
                pass
        except SafetensorError as error:
            told = f"{folder.name}/{part.name}/{found[0].name}"
            raise CheckpointError(f"{told} is truncated or altered.") from error


def data() -> str:
    """Which digits are trained on and compared with, and why not all of them."""
    found = api.dataset("train")
    if found.complete:
        return found.source
    why = "HF_HUB_OFFLINE forbids to download it" if host.offline() else "its download failed or goes on"
    return f"{found.source}; the full set is not in $GENLAB_DATA, ./data or the cache, and {why}"


def hub() -> str:
    """Whether models can be fetched."""
    from huggingface_hub import constants
    from huggingface_hub.utils import get_session

    if host.offline():
        return "not asked: HF_HUB_OFFLINE is set; models must be in the cache"
    try:
        answer = get_session().head(constants.ENDPOINT, timeout=HUB_SECONDS)
    except Exception as error:  # of one of the HTTP libraries that huggingface_hub has had
        return f"{constants.ENDPOINT} cannot be reached ({type(error).__name__}); models must be in the cache"
    return f"{constants.ENDPOINT} answers (status {answer.status_code})"


def say(name: str, find: Callable[[], str | Iterator[str]]) -> None:
    """Log what ``find`` finds, a line each; what it cannot find out never keeps a server from starting."""
    try:
        found = find()
        for line in [found] if isinstance(found, str) else found:
            log.info("%s: %s", name, line)
    except Exception as error:
        log.warning("%s: could not be found out (%s: %s)", name, type(error).__name__, error)


def open_log() -> None:
    """Send this log, and that of the data's sources, to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s genlab %(message)s", "%H:%M:%S"))
    for name in (__name__, "genlab.data"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)


def report(settings: Settings = api.SETTINGS, engine: Engine = api.STUDIO) -> None:
    """Log what is known at once."""
    open_log()
    say("version", version)
    say("device", device)
    say("studio", lambda: studio(engine))
    say("jobs", lambda: jobs(settings))
    say("limits", lambda: limits(settings))


def report_later(library: Library = api.SHIPPED) -> threading.Thread:
    """Log in the background what takes a while to know."""

    def run() -> None:
        say("weights", lambda: weights(library))
        say("data", data)
        say("hub", hub)
        log.info("ready: all of the above is known")

    thread = threading.Thread(target=run, daemon=True, name="startup")
    thread.start()
    return thread
