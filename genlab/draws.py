"""Random numbers of one's own: what one thread draws by torch's functions, apart from all others.

torch has one generator for all threads of a process: between a seed and the draws it is meant for, another
thread may draw, or seed. ``OwnDraws`` hands those functions a generator that nobody else has.
"""

import threading
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

# What draws; all but the last take a generator. What draws by calling one of them need not be here.
DRAWING = {
    torch.bernoulli, torch.multinomial, torch.normal, torch.rand, torch.rand_like, torch.randint,
    torch.randint_like, torch.randn, torch.randn_like, torch.randperm,
    Tensor.bernoulli, Tensor.bernoulli_, Tensor.exponential_, Tensor.multinomial, Tensor.normal_,
    Tensor.random_, Tensor.uniform_,
    nn.init.kaiming_normal_, nn.init.kaiming_uniform_, nn.init.normal_, nn.init.trunc_normal_,
    nn.init.uniform_, F.dropout,
}  # fmt: skip

_thread = threading.local()


class OwnDraws(TorchFunctionMode):
    """Within it a thread draws from this object's numbers: those of torch's own generator after ``seed``.

    It may be entered again and again, by other threads too but not by two at once, and goes on where it was.
    """

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._seed = seed
        self._generators: dict[str, torch.Generator] = {}  # by type of device, as they are needed

    def seed(self, value: int) -> None:
        """Begin anew, on all devices."""
        self._seed = value
        for generator in self._generators.values():
            generator.manual_seed(value)

    def _generator(self, device: torch.device) -> torch.Generator:
        found = self._generators.get(device.type)
        if found is None:
            found = self._generators[device.type] = torch.Generator(device).manual_seed(self._seed)
        return found

    def __enter__(self) -> "OwnDraws":
        self._outer = getattr(_thread, "own", None)
        _thread.own = self
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        _thread.own = self._outer

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func not in DRAWING or kwargs.get("generator") is not None:
            return func(*args, **kwargs)
        if func is F.dropout:
            return self._dropout(*args, **kwargs)
        given = (x.device for x in (*args, *kwargs.values()) if isinstance(x, Tensor))
        device = kwargs.get("device") or next(given, "cpu")
        return func(*args, **{**kwargs, "generator": self._generator(torch.device(device))})

    def _dropout(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        """As torch does it on a CPU, but with a generator."""
        if not training or p == 0:
            return x
        kept = torch.empty_like(x).bernoulli_(1 - p, generator=self._generator(x.device))
        return x * kept.div_(1 - p)


def seed(value: int) -> None:
    """``torch.manual_seed``; within ``OwnDraws`` of these alone."""
    own: OwnDraws | None = getattr(_thread, "own", None)
    if own is None:
        torch.manual_seed(value)
    else:
        own.seed(value)
