"""Weights on disk come back as they were, or not at all with the file's name."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from genlab import checkpoints
from genlab.checkpoints import CONFIG, MODEL, load, save
from genlab.errors import CheckpointError
from genlab.models import MODELS, TRAINABLE
from genlab.noise import Noise
from tests.helpers import scrambled, tiny

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    save("gan", scrambled(tiny("gan")), tmp_path / "gan", {"note": "test"})
    return tmp_path / "gan"


@pytest.mark.parametrize("name", sorted(MODELS))
def test_a_loaded_model_draws_the_same_pictures(name: str, tmp_path: Path) -> None:
    model = scrambled(tiny(name)).eval()
    digest = save(name, model, tmp_path / name, {"steps": 7})
    again = load(tmp_path / name)
    assert type(again) is MODELS[name] and again.config == model.config and not again.training
    knobs = {"steps": 3} if name == "ddpm" else {}
    for a, b in zip(model.sample(Noise(0, 4), **knobs), again.sample(Noise(0, 4), **knobs), strict=True):
        assert torch.equal(a, b)
    config = json.loads((tmp_path / name / CONFIG).read_text())
    assert config["sha256"] == digest == checkpoints.weights_sha256(tmp_path / name)
    assert config["training"] == {"steps": 7}
    assert sorted(p.name for p in (tmp_path / name).iterdir()) == [CONFIG, MODEL]


def test_loading_draws_no_random_numbers(folder: Path) -> None:
    torch.manual_seed(3)
    expected = torch.randn(5)
    torch.manual_seed(3)
    load(folder)
    assert torch.equal(torch.randn(5), expected)
    assert not torch.equal(torch.randn(5), expected)


def test_a_loaded_classifier_judges_the_same(tmp_path: Path) -> None:
    model = scrambled(tiny("classifier")).eval()
    save("classifier", model, tmp_path / "c", {})
    x = Noise(0, 5).normal(1, 28, 28)
    assert torch.equal(load(tmp_path / "c").features(x), model.features(x))  # type: ignore[operator]


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_a_loaded_model_can_be_trained_on(name: str, tmp_path: Path) -> None:
    """Of a network with an average only that is kept, and training goes on from it."""
    model = scrambled(tiny(name))
    save(name, model, tmp_path / name, {})
    again = load(tmp_path / name)
    if model.averages:
        average = model.average.module.state_dict()
        for k, v in getattr(again, model.averages).state_dict().items():
            assert torch.equal(v, average[k])
    x, y = Noise(0, 8).normal(*again.canvas.shape).clamp(-1, 1), torch.arange(8)
    assert all(v.isfinite() for v in again.train().update(x, y, again.optimizers()).values())


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_the_files_hold_tensors_and_text_only(name: str, tmp_path: Path) -> None:
    save(name, tiny(name), tmp_path, {})
    packed = (tmp_path / MODEL).read_bytes()
    length = int.from_bytes(packed[:8], "little")  # the safetensors format: length, JSON header, numbers
    header = json.loads(packed[8 : 8 + length])
    header.pop("__metadata__", None)
    end = max(t["data_offsets"][1] for t in header.values())
    assert len(packed) == 8 + length + end, "nothing beside the tensors"
    assert not packed.startswith((b"PK", b"\x80"))  # what torch.save and pickle would write


def broken(folder: Path, name: str, content: bytes | None) -> str:
    """The message of loading ``folder`` with one file replaced (None: removed)."""
    path = folder / name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CheckpointError) as caught:
        load(folder)
    assert str(folder.parent) not in str(caught.value), "no path of the server"
    return str(caught.value)


@pytest.mark.parametrize("part", [0.0, 0.001, 0.5, 0.999999])
def test_a_truncated_file(part: float, folder: Path) -> None:
    packed = (folder / MODEL).read_bytes()
    assert f"gan/{MODEL}" in broken(folder, MODEL, packed[: int(part * len(packed))])


@pytest.mark.parametrize("where", [0, 9, 200, 0.5, -1])
def test_a_flipped_bit(where: float, folder: Path) -> None:
    packed = bytearray((folder / MODEL).read_bytes())
    packed[int(where * len(packed)) if 0 < where < 1 else int(where)] ^= 1
    assert f"gan/{MODEL}" in broken(folder, MODEL, bytes(packed))


def test_missing_files(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=rf"nothing/{MODEL} is missing"):
        load(tmp_path / "nothing")
    config = (folder / CONFIG).read_bytes()
    assert f"gan/{CONFIG}" in broken(folder, CONFIG, None)
    (folder / CONFIG).write_bytes(config)
    assert f"gan/{MODEL} is missing" in broken(folder, MODEL, None)


@pytest.mark.parametrize(
    "content", [b"", b"{", b"null", b"[]", b'"text"', b"\xff\xfe\x00", b"{}", b'{"sha256": null}']
)
def test_a_garbled_config(content: bytes, folder: Path) -> None:
    assert f"gan/{CONFIG}" in broken(folder, CONFIG, content)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "stylegan"},
        {"model": None},
        {"model": ["gan"]},
        {"model": "vae"},
        {"config": {"width": 16}},
        {"config": {"width": 0}},
        {"config": {"breadth": 8}},
        {"config": "abc"},
        {"config": 5},
        {"config": ["width"]},
    ],
)
def test_a_config_that_does_not_fit_the_weights(change: dict, folder: Path) -> None:
    config = json.loads((folder / CONFIG).read_text())
    assert f"gan/{MODEL}" in broken(folder, CONFIG, json.dumps(config | change).encode())


def interrupted(folder: Path, model: str, scratch: Path) -> None:
    """Bring ``folder`` into the state between the two last renames of saving ``model``."""
    save("gan", scrambled(tiny("gan", seed=int(model))), scratch, {"note": model})
    shutil.copy(scratch / MODEL, folder / MODEL)
    shutil.copy(scratch / CONFIG, folder / (CONFIG + ".new"))


def note(folder: Path) -> str:
    load(folder)
    digest = checkpoints.weights_sha256(folder)
    configs = [json.loads(p.read_text()) for p in folder.glob(f"{CONFIG}*")]
    return next(c["training"]["note"] for c in configs if c["sha256"] == digest)


def test_an_interrupted_commit_loads(folder: Path, tmp_path: Path) -> None:
    interrupted(folder, "1", tmp_path / "scratch")
    assert note(folder) == "1"


def test_a_second_interruption_after_the_first(folder: Path, tmp_path: Path) -> None:
    """The next save dies right after writing its own config: the weights must keep theirs."""
    interrupted(folder, "1", tmp_path / "scratch")

    class Killed(BaseException):
        pass

    def rename(path: Path, target: Path) -> Path:
        if path.name == MODEL + ".new":
            raise Killed
        return replace(path, target)

    replace = Path.replace
    with pytest.MonkeyPatch.context() as patch, pytest.raises(Killed):
        patch.setattr(Path, "replace", rename)
        save("gan", scrambled(tiny("gan", seed=2)), folder, {"note": "2"})
    assert note(folder) == "1"
    save("gan", scrambled(tiny("gan", seed=3)), folder, {"note": "3"})
    assert note(folder) == "3"


def test_kill_9_while_saving(tmp_path: Path) -> None:
    """40 processes that save two states in turn, each killed at a random moment."""
    script = [sys.executable, "-m", "tests.faults.kill_while_saving", str(tmp_path / "weights")]
    done = subprocess.run(script, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3000:]
    report = json.loads(done.stdout)
    assert report["kills"] == 40 and report["mixed"] == 0 and report["unreadable"] == []
    assert report["interrupted"] >= 10, "the kills must hit saves that are under way"
    assert set(report["found"]) == {"1.0", "2.0"}


@pytest.mark.parametrize("content", [b"", b"junk", b"\x08\x00\x00\x00\x00\x00\x00\x00{}      "])
def test_a_broken_state_is_not_resumed_from(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "state.safetensors").write_bytes(content)
    model = tiny("gan")
    with pytest.raises(CheckpointError, match=r"state\.safetensors"):
        checkpoints.load_state(tmp_path / "state.safetensors", model, model.optimizers())


def test_a_state_of_another_network_is_not_resumed_from(tmp_path: Path) -> None:
    path, other, model = tmp_path / "state.safetensors", tiny("gan", width=16), tiny("gan")
    checkpoints.save_state(path, other, other.optimizers(), {"step": 1})
    with pytest.raises(CheckpointError, match=r"state\.safetensors"):
        checkpoints.load_state(path, model, model.optimizers())


@pytest.mark.parametrize("name", sorted(TRAINABLE))
def test_halved_weights_are_numpys_half_precision(name: str, tmp_path: Path) -> None:
    save(name, scrambled(tiny(name)), tmp_path / name, {"command": "train", "steps": 7})
    single = load_file(tmp_path / name / MODEL)
    digest = checkpoints.halve(tmp_path / name, "half")
    half, again = load_file(tmp_path / name / MODEL), load(tmp_path / name).state_dict()
    assert digest == checkpoints.weights_sha256(tmp_path / name)
    for k, v in single.items():
        kept = v.astype(np.float16) if v.dtype == np.float32 else v
        assert half[k].dtype == kept.dtype and np.array_equal(half[k], kept)
        assert np.array_equal(again[k].numpy(), kept.astype(v.dtype)) and again[k].numpy().dtype == v.dtype
    assert checkpoints.read_training(tmp_path / name) == {"command": "train", "steps": 7, "then": "half"}


def test_weights_too_large_for_half_precision_stay(folder: Path) -> None:
    model = load(folder)
    for weight in model.parameters():
        weight.data.fill_(65_520.0)  # the least that rounds to infinity
    before = save("gan", model, folder, {})
    with pytest.raises(CheckpointError, match="beyond 65,504"):
        checkpoints.halve(folder, "half")
    assert checkpoints.weights_sha256(folder) == before
