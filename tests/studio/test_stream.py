"""Requests stand in line, tell how far they are, stop when nobody wants them, and never mix."""

import dataclasses
import gc
import itertools
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch

from genlab.studio import loading
from genlab.studio.card import ModelCard
from genlab.studio.engine import Engine
from genlab.studio.schedulers import SCHEDULERS
from genlab.studio.schedulers import make as make_scheduler
from genlab.studio.worker import Worker
from tests.studio import tiny
from tests.studio.helpers import arrays, ask, draw, followed


def count_calls(engine: Engine) -> list[int]:
    """Grows by one with each call of the U-Net in memory."""
    calls: list[int] = []
    assert engine.resident is not None
    engine.resident.parts["unet"].register_forward_hook(lambda *_: calls.append(1))
    return calls


@pytest.mark.parametrize("scheduler", [n for n, s in SCHEDULERS.items() if not s.distilled])
def test_progress_counts_the_schedulers_own_timesteps(scheduler: str, shared: Engine) -> None:
    steps = 6
    drawn, told = followed(shared, ask("text_to_image", scheduler=scheduler, steps=steps))
    own = make_scheduler(scheduler, tiny.scheduler().config)
    own.set_timesteps(steps)
    total = len(own.timesteps)
    assert total == (steps + 1 if scheduler == "pndm" else steps)
    counted = [progress.text.split(",")[0] for progress in told if progress.text.startswith("step")]
    assert counted == [f"step {i + 1} of {total}" for i in range(total)]
    assert drawn.evaluations == total
    shares = [progress.share for progress in told if progress.share is not None]
    assert shares == sorted(shares) and shares[-1] == 1.0


def test_the_last_preview_shows_the_picture(shared: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The small autoencoder decodes its own previews, so the last one is the picture itself."""
    monkeypatch.setattr("genlab.studio.drawing.PREVIEW_SECONDS", 0.0)
    drawn, told = followed(shared, ask("text_to_image", n=2))
    previews = [progress.previews for progress in told if progress.previews]
    assert len(previews) == 4
    assert np.abs(arrays(list(previews[-1])) - arrays(drawn.pictures)).max() <= 1
    assert np.abs(arrays(list(previews[0])) - arrays(drawn.pictures)).max() > 1


def test_whoever_looks_seldom_sees_what_forms(shared: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps may come faster than previews, and the page skips most of them."""
    monkeypatch.setattr("genlab.studio.drawing.PREVIEW_SECONDS", 3600.0)
    _, told = followed(shared, ask("text_to_image", n=2, steps=5))
    seen = [progress.previews for progress in told if progress.text.startswith("step")]
    assert len(seen) == 5 and len(seen[0]) == 2
    assert all(previews is seen[0] for previews in seen)


def test_two_at_once_draw_what_they_draw_alone(shared: Engine) -> None:
    wanted = [ask("text_to_image", seed=1, n=2, scheduler="dpmpp"), ask("text_to_image", seed=2, steps=7)]
    alone = [arrays(draw(shared, request).pictures) for request in wanted]
    with ThreadPoolExecutor(2) as pool:
        for _ in range(3):
            both = pool.map(lambda request: draw(shared, request), wanted)
            for found, expected in zip(both, alone, strict=True):
                assert np.array_equal(arrays(found.pictures), expected)


def test_switching_models_while_one_draws(engine: Engine) -> None:
    first = ask("text_to_image", "sd", seed=5, steps=12)
    alone = arrays(draw(engine, first).pictures)
    models = itertools.cycle(["other", "sdxl", "sd"])
    with ThreadPoolExecutor(21) as pool:
        drawing = engine.draw(first)
        next(drawing)
        switches = [pool.submit(draw, engine, ask("text_to_image", next(models), steps=1)) for _ in range(20)]
        while True:
            try:
                next(drawing)
            except StopIteration as end:
                assert np.array_equal(arrays(end.value.pictures), alone)
                break
        assert all(len(switch.result().pictures) == 1 for switch in switches)
    assert np.array_equal(arrays(draw(engine, first).pictures), alone)


def test_switching_frees_the_model_before(engine: Engine) -> None:
    seen = []
    for model in ("sd", "other", "sdxl", "sd"):
        draw(engine, ask("text_to_image", model, steps=1))
        assert engine.resident is not None
        seen.append(weakref.ref(engine.resident.parts["unet"]))
        gc.collect()
        assert [ref() is not None for ref in seen] == [False] * (len(seen) - 1) + [True]


def test_switching_gives_memory_back(models: Path, cards: dict[str, ModelCard]) -> None:
    """Six switches between models of over 100 MB each leave the process as large as the first."""
    tiny.write_heavy(models)
    heavy = dataclasses.replace(cards["sd"], ids={"base": (str(models / "heavy"),)})
    engine = Engine(torch.device("cpu"), {name: dataclasses.replace(heavy, name=name) for name in "ab"})
    sizes = []
    for name in "ab" * 4:
        draw(engine, ask("text_to_image", name, steps=1))
        sizes.append(psutil.Process().memory_info().rss)
    assert engine.bytes() > 100e6
    assert max(sizes[2:]) < 1.05 * sizes[1]


def test_closing_the_stream_stops_within_one_step(engine: Engine) -> None:
    usual = ask("text_to_image", seed=4)
    expected = arrays(draw(engine, usual).pictures)
    calls = count_calls(engine)
    stream = engine.draw(ask("text_to_image", steps=150))
    for told in stream:
        if told.text.startswith("step"):
            break
    stream.close()
    at_close = len(calls)
    after = arrays(draw(engine, usual).pictures)  # has waited for the stopped one to end
    assert len(calls) - at_close - usual.knobs.steps <= 1
    assert np.array_equal(after, expected)


def test_stopping_in_line_never_begins(engine: Engine) -> None:
    draw(engine, ask("text_to_image"))
    calls = count_calls(engine)
    gate = threading.Event()
    blocking = engine.worker.stream(lambda report: gate.wait())
    next(blocking)
    waiting = [engine.draw(ask("text_to_image")) for _ in range(2)]
    assert [next(stream).text for stream in waiting] == [
        "Waiting: one at work.",
        "Waiting: 1 in line before this and one at work.",
    ]
    for stream in waiting:
        stream.close()
    gate.set()
    draw(engine, ask("text_to_image", steps=2))
    assert len(calls) == 2


def test_stopping_while_loading_draws_nothing(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    loading_now, go_on = threading.Event(), threading.Event()
    load, calls = loading.load_base, []

    def slow(*args: Any) -> Any:
        loading_now.set()
        go_on.wait()
        loaded = load(*args)
        loaded.parts["unet"].register_forward_hook(lambda *_: calls.append(1))
        return loaded

    monkeypatch.setattr(loading, "load_base", slow)
    stream = engine.draw(ask("text_to_image"))
    next(stream)
    loading_now.wait()
    stream.close()
    go_on.set()
    assert len(draw(engine, ask("text_to_image", steps=3)).pictures) == 1
    assert len(calls) == 3


def test_a_stream_that_nobody_starts_leaves_nothing(engine: Engine) -> None:
    stream = engine.draw(ask("text_to_image"))
    kept = weakref.ref(stream)
    del stream
    gc.collect()
    assert kept() is None and engine.resident is None
    assert not engine.worker._waiting and engine.worker._pool is None


def test_an_error_comes_out_of_the_stream_and_the_worker_goes_on() -> None:
    worker = Worker()

    def fail(report: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(worker.stream(fail))
    with pytest.raises(StopIteration) as end:
        stream = worker.stream(lambda report: 7)
        while True:
            next(stream)
    assert end.value.value == 7
