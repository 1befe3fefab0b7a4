"""ZeroGPU, played by a module that runs generators in forked processes as the package ``spaces`` does."""

import dataclasses
import inspect
import multiprocessing
import os
import pickle
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from accelerate.state import AcceleratorState
from PIL import Image
from torch.optim import Optimizer

from genlab.config import TrainConfig
from genlab.data import Dataset
from genlab.errors import InvalidInput, ModelUnavailable
from genlab.events import Done, Started
from genlab.studio import recipe, zero
from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Drawn, Engine
from genlab.studio.lens import inside
from genlab.studio.request import Request
from genlab.studio.worker import Progress, Worker
from genlab.training import train
from tests.helpers import tiny
from tests.studio.helpers import arrays, ask, draw, followed

FORK = multiprocessing.get_context("fork")


class Spaces(ModuleType):
    """``spaces.GPU`` of the package: pickled arguments in, pickled yields out, errors by name alone."""

    def __init__(self) -> None:
        super().__init__("spaces")
        self.asked: list[int] = []  # the durations
        self.processes: list[int] = []

    def GPU(self, duration: Callable[..., int]) -> Callable[..., Any]:
        def decorate(task: Callable[..., Any]) -> Callable[..., Any]:
            assert inspect.isgeneratorfunction(task)

            def handler(*args: Any) -> Iterator[Any]:
                self.asked.append(duration(*args))
                out, stop = FORK.SimpleQueue(), FORK.Event()
                child = FORK.Process(target=_iterate, args=(task, pickle.dumps(args), out, stop), daemon=True)
                child.start()
                self.processes.append(child.pid or 0)
                try:
                    while (event := out.get())[0] == "yield":
                        yield pickle.loads(event[1])
                    if event[0] == "error":
                        raise RuntimeError(f"ZeroGPU worker error: {event[1]}")
                except GeneratorExit:
                    stop.set()
                    while out.get()[0] == "yield":
                        pass
                    raise
                finally:
                    child.join()

            return handler

        return decorate


def _iterate(task: Callable[..., Any], args: bytes, out: Any, stop: Any) -> None:
    events = task(*pickle.loads(args))
    try:
        for event in events:
            if stop.is_set():
                events.close()
                break
            out.put(("yield", pickle.dumps(event)))
    except Exception as error:
        out.put(("error", type(error).__name__))
    else:
        out.put(("end", None))


@pytest.fixture
def spaces(monkeypatch: pytest.MonkeyPatch) -> Spaces:
    """A Space on ZeroGPU."""
    module = Spaces()
    monkeypatch.setitem(sys.modules, "spaces", module)
    monkeypatch.setenv("SPACES_ZERO_GPU", "true")
    for check in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check"):
        if hasattr(Optimizer, check):
            monkeypatch.setattr(Optimizer, check, getattr(Optimizer, check))  # to be put back
    return module


def test_what_crosses_the_fork_survives_pickling(picture: Image.Image, mask: Image.Image) -> None:
    recipe.attach(picture, {"seed": 1})
    request = ask("inpaint", images={"picture": picture, "mask": mask}, n=2)
    drawn = Drawn([picture], [{"seed": 1}], 0.5, ("cut",), (0,), 4)
    progress = Progress(0.5, "step 1 of 2", (picture,))
    for value in (request, drawn, progress):
        assert pickle.loads(pickle.dumps(value)) == value
    assert pickle.loads(pickle.dumps(drawn)).pictures[0].info == picture.info, "its recipe"


def test_pictures_are_those_drawn_without_zerogpu(
    spaces: Spaces, cards: dict[str, ModelCard], shared: Engine
) -> None:
    request = ask("text_to_image", n=2)
    plain = draw(shared, request)  # of the host's own processor: it never forks
    assert not spaces.asked
    engine = Engine(catalog=cards, public=False)
    drawn, told = followed(engine, request)
    assert np.array_equal(arrays(drawn.pictures), arrays(plain.pictures)) and drawn.recipes == plain.recipes
    assert len(spaces.processes) == 1 and engine.resident is None, "it was drawn elsewhere"
    assert told[0].text.startswith("Fetching"), "before the GPU's time begins"
    assert any("step 4 of 4" in progress.text for progress in told)
    assert any(progress.previews for progress in told)
    assert engine.estimate(request).basis == "measured here"


def test_small_models_draw_on_the_host_and_large_ones_let_nobody_look_on(
    spaces: Spaces, cards: dict[str, ModelCard], shared: Engine
) -> None:
    large = dataclasses.replace(cards["sd"], name="large", needs_gpu=True)
    engine = Engine(torch.device("cuda"), cards | {"large": large}, public=False)
    drawn, plain = (draw(one, ask("text_to_image")) for one in (engine, shared))
    assert np.array_equal(arrays(drawn.pictures), arrays(plain.pictures)) and not spaces.asked
    seen, found = inside(engine, ask("text_to_image")), None
    while found is None:
        try:
            next(seen)
        except StopIteration as end:
            found = end.value
    assert len(found.steps) == 4 and np.array_equal(arrays(found.drawn.pictures), arrays(plain.pictures))
    with pytest.raises(ModelUnavailable, match="nothing can look on"):
        engine.draw(ask("text_to_image", "large"), call=lambda pipe, **given: pipe(**given))


def test_stop_ends_the_forked_work(spaces: Spaces, cards: dict[str, ModelCard]) -> None:
    stream = Engine(catalog=cards).draw(ask("text_to_image", steps=150))
    while not (next(stream).share or 0) > 0:
        pass
    stream.close()
    with pytest.raises(ProcessLookupError):
        os.kill(spaces.processes[0], 0)


def test_our_errors_keep_their_sentence(
    spaces: Spaces, models: Path, tmp_path: Path, cards: dict[str, ModelCard]
) -> None:
    shutil.copytree(models / "sd", tmp_path / "sd")
    file = tmp_path / "sd/vae/diffusion_pytorch_model.safetensors"
    file.write_bytes(file.read_bytes()[:1000])
    broken = dataclasses.replace(cards["sd"], ids={"base": (str(tmp_path / "sd"),)})
    with pytest.raises(ModelUnavailable, match="truncated"):
        draw(Engine(catalog={"sd": broken}), ask("text_to_image"))
    assert spaces.processes, "it was found in the fork"


def test_who_waits_in_the_parent_is_not_in_line_in_the_fork() -> None:
    worker, ends = Worker(), threading.Event()
    held = [worker.stream(lambda report: ends.wait()) for _ in range(3)]
    assert "Waiting: 1 in line" in [next(stream).text for stream in held][-1]
    out = FORK.SimpleQueue()

    def run() -> None:
        own = [worker.stream(lambda report: ends.wait()) for _ in range(2)]
        out.put([next(stream).text for stream in own][-1])
        os._exit(0)

    child = FORK.Process(target=run, daemon=True)
    child.start()
    assert out.get() == "Waiting: one at work."
    child.join()
    ends.set()
    for stream in held:
        stream.close()


def test_the_duration_grows_with_the_work_and_has_an_end() -> None:
    engine = Engine(torch.device("cpu"))

    def asked(request: Request) -> int:
        return zero.duration(request, engine.estimate(request).seconds)

    card = CATALOG["sdxl"]
    own = Request("text_to_image", "sdxl", "a lighthouse", card.knobs)
    seconds = card.seconds or 0
    assert asked(own) >= 1.5 * seconds + 10, "room for a slower GPU and for the weights"
    for larger in (own.change(steps=60), own.change(width=1536), own.change(n=3)):
        assert asked(own) < asked(larger) <= 120
    with pytest.raises(InvalidInput, match="fewer steps"):
        asked(own.change(n=8, steps=150))
    assert zero.SHORTEST <= zero.duration(own, 0.0) < zero.duration(own, None) <= 120


def test_without_zerogpu_nothing_is_wrapped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPACES_ZERO_GPU", raising=False)

    def work(request: Request) -> Any:
        yield

    assert zero.on_gpu(work, lambda _: 1, work) is work


def test_trainings_use_the_host(
    spaces: Spaces, monkeypatch: pytest.MonkeyPatch, digits: Dataset, cards: dict[str, ModelCard]
) -> None:
    """torch says that there is a GPU, as under ``spaces``, and there is none to be used."""
    Engine(torch.device("cuda"), cards)  # which imports ``spaces``
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.accelerator, "current_accelerator", lambda **_: torch.device("cuda"))
    AcceleratorState._reset_state(reset_partial_state=True)
    try:
        first, *_, last = train(tiny("vae"), digits, TrainConfig(steps=2, batch_size=10))
    finally:
        AcceleratorState._reset_state(reset_partial_state=True)
    assert isinstance(first, Started) and first.device == "cpu"
    assert isinstance(last, Done) and last.step == 2
