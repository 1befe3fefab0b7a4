"""The command line as a user runs it: real processes, real files."""

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab import cards, checkpoints
from genlab.__main__ import main
from genlab.config import TrainConfig
from genlab.lab import curves
from genlab.library import Library
from genlab.models import MODELS, TRAINABLE

SMALL = ["--network", "mlp", "--latent", "4", "--batch-size", "32"]


def genlab(*arguments: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genlab", *map(str, arguments)]
    return subprocess.run(command, check=check, capture_output=True, text=True, timeout=300)


def test_models_lists_every_family() -> None:
    printed = genlab("models").stdout
    for name, family in MODELS.items():
        assert name in printed and family.card.idea in printed


@pytest.mark.parametrize("name", TRAINABLE)
def test_help_names_every_knob_with_its_range(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["train", name, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    for config in (TrainConfig, TRAINABLE[name].Config):
        for field in config.__dataclass_fields__.values():
            assert f"--{field.name.replace('_', '-')}" in text
            assert (
                f"{field.metadata['hi']:g}" in text
                if "hi" in field.metadata
                else field.metadata["options"][0]
            )


def test_npz_holds_images_and_labels_of_a_conditional_model(tmp_path: Path) -> None:
    genlab("sample", "ddpm", "--n", 5, "--steps", 2, "--label", 3, "--out", tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as arrays:
        assert arrays["images"].shape == (5, 28, 28) and arrays["images"].dtype == np.uint8
        assert arrays["labels"].tolist() == [3] * 5


def test_pictures_go_where_runs_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    main(["sample", "vae", "--n", "4"])
    with Image.open(tmp_path / "runs" / "vae.png") as grid:
        assert min(grid.size) >= 2 * 28


def test_npz_of_many_chunks_equals_the_grid_and_one_seed_draws_the_same(tmp_path: Path) -> None:
    for name in ("a.npz", "b.npz", "c.png"):
        main(["sample", "gan", "--n", "400", "--seed", "5", "--out", str(tmp_path / name)])
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert sorted(a) == ["images"]
        np.testing.assert_array_equal(a["images"], b["images"])
        grid = np.asarray(Image.open(tmp_path / "c.png").convert("L"))
        tiles = grid.reshape(20, 28, 20, 28).swapaxes(1, 2).reshape(400, 28, 28)
        np.testing.assert_array_equal(a["images"], tiles)
    main(["sample", "gan", "--n", "400", "--seed", "6", "--out", str(tmp_path / "b.npz")])
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        assert (a["images"] != b["images"]).mean() > 0.05


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["sample", "vae", "--n", "0", "--out", "x.png"], ["n is 0", "1 to"]),
        (["sample", "vae", "--n", "-3", "--out", "x.png"], ["n is -3"]),
        (["sample", "vae", "--n", "1.5", "--out", "x.png"], ["n is 1.5", "whole number"]),
        (["sample", "vae", "--n", "nan", "--out", "x.png"], ["n is nan"]),
        (["sample", "vae", "--n", "1000000000", "--out", "x.npz"], ["n is 1000000000", "10000000"]),
        (["sample", "vae", "--n", "20000", "--out", "x.png"], ["n is 20000", ".npz"]),
        (["sample", "vae", "--seed", "-1", "--out", "x.png"], ["seed is -1", "4294967295"]),
        (["sample", "vae", "--seed", "None", "--out", "x.png"], ["seed is 'None'"]),
        (["sample", "vae", "--prior", "flat", "--out", "x.png"], ["prior is 'flat'", "mixture, normal"]),
        (["sample", "ddpm", "--label", "10", "--out", "x.png"], ["label is 10", "0 to 9"]),
        (["sample", "ddpm", "--steps", "1001", "--out", "x.png"], ["steps is 1001", "1 to 1000"]),
        (["sample", "ddpm", "--sampler", "euler", "--out", "x.png"], ["sampler is 'euler'", "ddim, ddpm"]),
        (["sample", "ddpm", "--eta", "2", "--out", "x.png"], ["eta is 2", "0 to 1"]),
        (["sample", "ddpm", "--guidance", "inf", "--out", "x.png"], ["guidance is inf"]),
        (["sample", "vae", "--out", "x.jpg"], ["x.jpg", ".png or .npz"]),
        (["sample", "vae", "--out", "nowhere/x.png"], ["nowhere", "does not exist"]),
        (["sample", "vae", "--label", "3", "--out", "x.png"], ["label is given", "cannot be asked"]),
        (["sample", "dalle", "--out", "x.png"], ["dalle", "vae", "gan", "wgan_gp", "ddpm"]),
        (["train", "gan", "--lr", "0"], ["lr is 0", "1e-06 to 1"]),
        (["train", "gan", "--steps", "many"], ["steps is 'many'", "whole number"]),
        (["evaluate", "gan", "--n", "10"], ["n is 10", "100 to 10000"]),
        (["curve", "steps", "--n", "10"], ["n is 10", "50 to 2000"]),
        (["curve", "beta"], ["beta", "steps", "guidance"]),
        (["curve", "steps", "--weights", "/nowhere/w"], ["w/model.safetensors is missing"]),
        (["curve", "guidance", "--seed", "-1"], ["seed is -1", "4294967295"]),
        (["sample", "gan", "--weights", "/nowhere/w", "--out", "x.png"], ["w/model.safetensors is missing"]),
        (["half", "/nowhere/w"], ["w/model.safetensors is missing"]),
        (["replay", "nowhere.json"], ["nowhere.json is not there"]),
    ],
)
def test_bad_input_is_one_sentence(
    arguments: list[str],
    names: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main(arguments)
    printed = capsys.readouterr()
    assert end.value.code == 2 and printed.out == ""
    assert all(name in printed.err for name in names), printed.err
    assert list(tmp_path.iterdir()) == []


def test_killed_training_goes_on_and_ends_with_the_same_weights(tmp_path: Path) -> None:
    plan = [*SMALL, "--steps", "400", "--seed", "7"]
    genlab("train", "vae", *plan, "--out", tmp_path / "whole")
    folder = tmp_path / "killed"
    command = [
        sys.executable,
        "-m",
        "genlab",
        "train",
        "vae",
        *plan,
        "--out",
        str(folder),
        "--save-seconds",
        "0",
    ]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    state = folder / checkpoints.STATE
    deadline = time.monotonic() + 120
    while not state.exists():
        assert process.poll() is None and time.monotonic() < deadline, "no state was ever saved"
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (folder / checkpoints.MODEL).exists()
    assert "Trained 400 steps" in genlab("train", "vae", *plan, "--out", folder).stdout
    assert not state.exists()
    assert (folder / checkpoints.MODEL).read_bytes() == (tmp_path / "whole" / checkpoints.MODEL).read_bytes()


def test_a_trained_model_samples_and_keeps_the_command_that_made_it(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    genlab("train", "vae", *SMALL, "--steps", "5", "--out", folder)
    training = json.loads((folder / checkpoints.CONFIG).read_text())["training"]
    assert training["steps"] == 5 and training["command"].endswith("--batch-size 32 --network mlp --latent 4")
    genlab("sample", "vae", "--weights", folder, "--n", "4", "--out", tmp_path / "x.png")
    assert Image.open(tmp_path / "x.png").size == (56, 56)
    wrong = genlab("sample", "gan", "--weights", folder, "--out", tmp_path / "y.png", check=False)
    assert wrong.returncode == 2 and "it must be a folder with a gan" in wrong.stderr


def test_a_training_goes_on_from_weights_and_tells_both_commands(tmp_path: Path) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    genlab("train", "vae", *SMALL, "--steps", "30", "--out", first)
    genlab("train", "vae", "--steps", "1", "--lr", "1e-6", "--from", first, "--out", second)
    a, b = (checkpoints.load(folder) for folder in (first, second))
    assert b.config == dataclasses.replace(a.config, lr=1e-6), "untouched knobs stay as they were"
    moved = [(p - q).abs().max().item() for p, q in zip(a.parameters(), b.parameters(), strict=True)]
    assert 0 < max(moved) < 2e-6, "one step of Adam from there"
    cards.write(second)
    card = (second / "README.md").read_text()
    assert card.index(f"`{checkpoints.read_training(first)['command']}` (30 steps") < card.index(
        f"--from {first}` (1 steps"
    )
    wider = genlab("train", "vae", "--latent", "9", "--from", first, "--out", tmp_path / "c", check=False)
    assert wider.returncode == 2 and "another shape" in wider.stderr
    other = genlab("train", "gan", "--from", first, "--out", tmp_path / "d", check=False)
    assert other.returncode == 2 and "must be a folder with a gan" in other.stderr


def test_a_curve_is_kept_with_its_weights_and_its_command(
    tmp_path: Path, library: Library, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = [{"steps": 2, "sampler": "ddim"}, {"steps": 3, "sampler": "ddpm"}]
    monkeypatch.setattr(curves, "SETTINGS", {"steps": settings})
    folder = shutil.copytree(library.folder / "ddpm", tmp_path / "ddpm")
    main(["curve", "steps", "--n", "50", "--seed", "4", "--weights", str(folder)])
    found = json.loads((folder / "steps_curve.json").read_text())
    assert (found["n"], found["seed"]) == (50, 4) and len(found["points"]) == 2
    assert found["command"] == "python -m genlab curve steps --n 50 --seed 4"
    assert "steps_curve.json" in capsys.readouterr().out


def test_half_keeps_its_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder, again = tmp_path / "once", tmp_path / "again"
    main(["train", "vae", *SMALL, "--steps", "1", "--out", str(folder)])
    shutil.copytree(folder, again)
    main(["half", str(again)])
    before, after = ((f / checkpoints.MODEL).stat().st_size for f in (folder, again))
    assert before / 2 <= after < 0.6 * before
    assert checkpoints.read_training(again)["then"] == f"python -m genlab half {again}"
    assert f"{after / 1e6:.2f} MB" in capsys.readouterr().out


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "genlab", "models"]
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")


def test_divergence_is_told_and_leaves_finite_weights(tmp_path: Path) -> None:
    folder = tmp_path / "bad"
    plan = ["--steps", "300", "--lr", "1", "--decay", "none"]
    done = genlab("train", "vae", *SMALL, *plan, "--out", folder, check=False)
    assert done.returncode == 1 and "no longer finite" in done.stdout
    assert all(bool(v.isfinite().all()) for v in checkpoints.load(folder).state_dict().values())
