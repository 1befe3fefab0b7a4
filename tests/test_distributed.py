"""Two processes on one CPU train one model, through accelerate's own launcher."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from tests.helpers import states_equal
from tests.two_processes import CONFIG, trained

ROOT = Path(__file__).parent.parent
NAMES = ("regression", "poisoned", "vae", "gan", "wgan_gp", "ddpm", "classifier")


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the final state of every model in each of two processes."""
    folder = tmp_path_factory.mktemp("states")
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launch += ["--main_process_port", str(port), "-m", "tests.two_processes", str(folder), *NAMES]
    env = os.environ | {"OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "true"}
    done = subprocess.run(launch, cwd=ROOT, env=env, capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-3000:]
    return folder


@pytest.mark.parametrize("name", NAMES)
def test_both_processes_end_with_the_same_model(name: str, states: Path) -> None:
    first, second = (load_file(states / f"{name}-{rank}.safetensors") for rank in (0, 1))
    assert states_equal(first, second)


def test_two_processes_are_one(states: Path) -> None:
    """The same global batches, of which each process sees half, from the first process's weights."""
    alone, both = trained("regression", seed=0), load_file(states / "regression-0.safetensors")
    assert alone.keys() == both.keys()
    for name, value in alone.items():
        assert torch.allclose(value.float(), both[name].float(), atol=1e-5), name
    assert int(both["steps"]) == CONFIG.steps
    other = trained("regression", seed=1)
    assert not torch.allclose(other["net.1.weight"], both["net.1.weight"], atol=1e-3)


def test_all_stop_when_one_breaks(states: Path) -> None:
    for rank in (0, 1):
        end = load_file(states / f"poisoned-{rank}.safetensors")
        assert bool(end["diverged"]) and int(end["steps"]) == 2
