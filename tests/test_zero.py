"""ZeroGPU, played by a module that runs generators in forked processes as the package ``spaces`` does."""

import inspect
import multiprocessing
import os
import pickle
import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import pytest
import torch
from PIL import Image

from genlab.errors import InvalidInput, ModelUnavailable
from genlab.studio import loading, recipe, zero
from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Drawn, Engine
from genlab.studio.loading import Loaded
from genlab.studio.published import PUBLISHED, parts
from genlab.studio.request import Knobs, Request
from genlab.studio.worker import Progress, Worker
from genlab.walks import finish

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
    return module


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A tiny random network in place of mini-SD's files; tells in which processes it was loaded."""
    loads: list[int] = []

    def load(card: ModelCard, dtype: Any, checked: bool) -> Loaded:
        loads.append(os.getpid())
        from genlab.studio.hub import Files

        networks = parts(PUBLISHED["tiny"], torch.device("cpu"), dtype)
        return Loaded(networks, Files(None, "tiny", "0"))  # type: ignore[arg-type]

    monkeypatch.setattr(loading, "load_base", load)
    return loads


def wanted(steps: int = 3, **others: Any) -> Request:
    return Request(
        "text_to_image", "mini-sd", "a red seven", Knobs(steps, 3.0, "ddim", 64, 64), n=2, **others
    )


def same(a: Drawn, b: Drawn) -> bool:
    pairs = zip(a.pictures, b.pictures, strict=True)
    return all(recipe.pixels_sha256(x) == recipe.pixels_sha256(y) for x, y in pairs)


def test_what_crosses_the_fork_survives_pickling() -> None:
    picture = recipe.attach(Image.new("RGB", (64, 64), "red"), {"seed": 1})
    request = wanted(picture=picture, mask=Image.new("L", (64, 64), 255), notices=("cut",))
    drawn = Drawn([picture], [{"seed": 1}], 0.5, ("cut",), (0,), 3)
    progress = Progress(0.5, "step 1 of 2", (picture,))
    assert pickle.loads(pickle.dumps(request)) == request
    assert pickle.loads(pickle.dumps(drawn)) == drawn
    assert pickle.loads(pickle.dumps(drawn)).pictures[0].info == picture.info, "its recipe"
    assert pickle.loads(pickle.dumps(progress)) == progress


def test_pictures_are_those_drawn_without_zerogpu(
    spaces: Spaces, tiny: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = Engine(torch.device("cpu"))  # of the host's own processor: never forks
    plain = finish(here.draw(wanted()))
    assert not spaces.asked
    there = Engine()
    stream, seen = there.draw(wanted()), []
    while True:
        try:
            seen.append(next(stream))
        except StopIteration as end:
            drawn = end.value
            break
    assert same(drawn, plain) and drawn.recipes == plain.recipes
    assert len(spaces.processes) == 1 and spaces.processes[0] != os.getpid()
    assert set(tiny) == {os.getpid()}, "the weights are read before the GPU's time begins"
    assert any("step 3 of 3" in progress.text for progress in seen)
    assert any(progress.previews for progress in seen)
    assert there.estimate(wanted()).basis == "measured here"


def test_stop_ends_the_forked_work(spaces: Spaces) -> None:
    stream = Engine().draw(wanted(steps=150))
    while not (next(stream).share or 0) > 0:
        pass
    stream.close()
    with pytest.raises(ProcessLookupError):
        os.kill(spaces.processes[0], 0)


def test_our_errors_keep_their_sentence(spaces: Spaces, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = Engine()

    def damaged(*_: Any) -> Drawn:
        raise ModelUnavailable("The weights are damaged.")

    monkeypatch.setattr(engine, "_draw", damaged)
    with pytest.raises(ModelUnavailable, match="weights are damaged"):
        finish(engine.draw(wanted()))


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
