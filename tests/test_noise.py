"""Image i of seed s sees the same numbers, whatever else is drawn with it."""

import numpy as np
import torch

from genlab.noise import Noise


def test_a_stream_depends_on_seed_and_index_alone() -> None:
    five = Noise(7, 5)
    pictures, digits, more = five.normal(2, 3), five.integers(10), five.uniform()
    for i in range(5):
        one = Noise(7, 1, first=i)
        assert torch.equal(one.normal(2, 3)[0], pictures[i])
        assert one.integers(10)[0] == digits[i]
        assert one.uniform()[0] == more[i]


def test_it_is_philox_keyed_by_seed_and_index() -> None:
    stream = np.random.Generator(np.random.Philox(key=np.array([7, 3], dtype=np.uint64)))
    assert np.array_equal(Noise(7, 5).normal(4)[3].numpy(), stream.standard_normal(4, dtype=np.float32))


def test_seeds_and_images_are_independent() -> None:
    draws = torch.cat([Noise(s, 40).normal(2000) for s in (0, 1, 2**32 - 1)])  # (120, 2000)
    correlation = torch.corrcoef(draws)
    off = correlation[~torch.eye(120, dtype=torch.bool)]
    assert off.abs().max() < 6 / 2000**0.5  # 14,280 pairs, standard error 1 / sqrt(2000)


def test_distributions() -> None:
    noise = Noise(0, 20_000)
    x, digits, u = noise.normal(10), noise.integers(10), noise.uniform()
    assert abs(x.mean()) < 5 / 200_000**0.5 and abs(x.var() - 1) < 5 * (2 / 200_000) ** 0.5
    counts = torch.bincount(digits, minlength=10)
    assert len(counts) == 10 and ((counts - 2000).abs() < 5 * 1800**0.5).all()
    assert u.min() >= 0 and u.max() < 1 and abs(u.mean() - 0.5) < 5 * (1 / 12 / 20_000) ** 0.5
    assert x.dtype == torch.float32 and digits.dtype == torch.int64
