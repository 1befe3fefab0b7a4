"""ZeroGPU: a Space that has a GPU only while a function runs that asked for it.

The function runs in a forked process: its argument and all it yields are pickled, what it returns is
lost, and of an error only the name comes back. So the result and our own errors travel as yields.
On any other machine nothing is forked.

Source: the package ``spaces`` 0.51, ``zero/wrappers.py``.
"""

import contextlib
import math
from collections.abc import Callable, Generator
from typing import Any, NamedTuple, TypeVar

import torch

from genlab.errors import GenlabError, InvalidInput
from genlab.host import zero_gpu
from genlab.studio.request import Request
from genlab.studio.worker import Stream

A = TypeVar("A")
R = TypeVar("R")

SAFETY = 2.0  # an estimate may be of another GPU
LOAD_SECONDS = 15.0  # to bring the weights to the GPU, from a warm disk if need be
UNKNOWN_SECONDS = 30.0  # for a request that nobody can estimate
SHORTEST, LONGEST = 10, 120  # seconds asked for; a visitor without account has 120 a day


class _End(NamedTuple):
    """The last that the fork yields: one of both."""

    result: Any = None
    error: GenlabError | None = None


def duration(request: Request, estimate: float | None) -> int:
    """Seconds of GPU to ask for; too few and the drawing is cut off, too many and it waits longer.

    Args:
        request: What is drawn.
        estimate: Seconds it will take once the model is loaded; None if nobody knows.

    Raises:
        InvalidInput: It takes longer than one visitor may have.
    """
    seconds = math.ceil(LOAD_SECONDS + SAFETY * (UNKNOWN_SECONDS if estimate is None else estimate))
    if estimate is not None and seconds > LONGEST:
        knobs = request.knobs
        raise InvalidInput(
            f"{request.n} of {knobs.width}x{knobs.height} with {knobs.steps} steps may take {seconds} s; "
            f"it must be at most {LONGEST} s here: ask for fewer pictures, fewer steps or a smaller size."
        )
    return max(SHORTEST, seconds)


def _train_on_the_host() -> None:
    """Adam asks any GPU whether it records a graph, and ``spaces`` has no answer outside its functions."""
    for check in ("_accelerator_graph_capture_health_check", "_cuda_graph_capture_health_check"):
        if hasattr(torch.optim.Optimizer, check):
            setattr(torch.optim.Optimizer, check, lambda self: None)


def on_gpu(
    work: Callable[[A], Stream[R]], seconds: Callable[[A], int], before: Callable[[A], Stream[Any]]
) -> Callable[[A], Stream[R]]:
    """``work`` where the GPU is: as it is, or on ZeroGPU in a process that is given one.

    Call it before the app is launched: ZeroGPU counts the functions it may have to serve.

    Args:
        work: Reports progress and returns a result; argument, reports and result can be pickled.
        seconds: How long ``work`` will need the GPU.
        before: Run first and without the GPU, such as a download; the fork inherits what it leaves.
    """
    if not zero_gpu():
        return work
    import spaces

    _train_on_the_host()

    def task(argument: A) -> Generator[Any, None, None]:
        # The fork has lost the parent's OpenMP threads, and the next parallel loop would wait for them.
        torch.set_num_threads(1)
        try:
            result = yield from work(argument)
        except GenlabError as error:
            yield _End(error=error)
        else:
            yield _End(result)

    forked = spaces.GPU(duration=seconds)(task)

    def stream(argument: A) -> Stream[R]:
        yield from before(argument)
        end = None
        with contextlib.closing(forked(argument)) as events:
            for event in events:
                if isinstance(event, _End):
                    end = event
                else:
                    yield event
        assert end is not None, "the fork has ended by itself"
        if end.error is not None:
            raise end.error
        return end.result

    return stream
