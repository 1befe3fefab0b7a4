"""What a training will take is known before it takes it."""

import json
import subprocess
import sys

import pytest

from genlab.memory import training_bytes
from tests.helpers import tiny

# What the process really grows by, in a process of its own: what one training leaves, another would reuse.
GROWN = """
import json, pathlib, re, sys, torch
from genlab.memory import training_bytes
from genlab.models import MODELS

def peak():  # of this program; rusage would tell the peak of the one that started it
    status = pathlib.Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\\s+(\\d+)", status)[1])

name, width, batch = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
model = MODELS[name](MODELS[name].Config(width=width)).train()
expected = training_bytes(model, batch)
before, optimizers = peak(), model.optimizers()
for _ in range(2):
    model.update(torch.randn(batch, 1, 28, 28), torch.zeros(batch, dtype=torch.long), optimizers)
print(json.dumps([expected, peak() - before]))
"""


@pytest.mark.parametrize(
    ("name", "width", "batch"), [("vae", 64, 1024), ("gan", 64, 1024), ("ddpm", 32, 256)]
)
def test_it_is_about_what_the_process_grows_by(name: str, width: int, batch: int) -> None:
    command = [sys.executable, "-c", GROWN, name, str(width), str(batch)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    expected, grown = json.loads(done.stdout)
    assert 1 / 3 < expected / grown < 3


@pytest.mark.parametrize("name", ["vae", "gan", "wgan_gp", "ddpm"])
def test_it_grows_with_the_batch_and_leaves_the_model_alone(name: str) -> None:
    model = tiny(name)
    before = {k: v.clone() for k, v in model.state_dict().items()}
    small, large, larger = (training_bytes(model, n) for n in (10, 1010, 2010))
    assert large - small == pytest.approx(larger - large, rel=0.01)
    pixels = 4 * 28 * 28
    assert large - small > 1000 * pixels, "at least the pictures themselves"
    assert all(v.equal(before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters())
