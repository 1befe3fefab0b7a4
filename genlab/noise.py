"""Randomness for sampling: one independent stream per image.

Image ``i`` of seed ``s`` sees the same numbers whatever the batch size, the device or the order:
each stream is a counter-based Philox generator keyed by (s, i) (Salmon et al., 2011).
"""

import numpy as np
import torch
from torch import Tensor


class Noise:
    """Streams ``first`` to ``first + n - 1`` of ``seed``; every draw advances all of them alike."""

    def __init__(self, seed: int, n: int, first: int = 0) -> None:
        keys = ([np.uint64(seed), np.uint64(i)] for i in range(first, first + n))
        self._streams = [np.random.Generator(np.random.Philox(key=np.array(key))) for key in keys]

    def __len__(self) -> int:
        return len(self._streams)

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers, float32 (n, *shape)."""
        drawn = np.empty((len(self), *shape), dtype=np.float32)
        for row, stream in zip(drawn, self._streams, strict=True):
            stream.standard_normal(out=row, dtype=np.float32)
        return torch.from_numpy(drawn)

    def integers(self, high: int) -> Tensor:
        """Whole numbers uniform on 0 ... high - 1, int64 (n,)."""
        return torch.tensor([int(s.integers(high)) for s in self._streams], dtype=torch.int64)

    def uniform(self) -> Tensor:
        """Numbers uniform on [0, 1), float64 (n,)."""
        return torch.tensor([s.random() for s in self._streams], dtype=torch.float64)
