"""What a server says of itself when it starts, and where it keeps things on a Space."""

import shutil
from pathlib import Path

import pytest
import torch

from genlab import host, startup
from genlab.checkpoints import MODEL, WEIGHTS
from genlab.data import cache_folder, load
from genlab.errors import DataUnavailable
from genlab.library import Library
from genlab.settings import read
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine


def test_a_space_keeps_things_on_its_storage(tmp_path: Path) -> None:
    space = {"SPACE_ID": "me/genlab", "GENLAB_STORAGE": str(tmp_path), "XDG_CACHE_HOME": "/home/me/.cache"}
    assert host.storage(space) == tmp_path
    assert cache_folder(space) == tmp_path / "genlab"
    assert read(space).folder == tmp_path / "genlab" / "jobs"
    assert host.defaults(space) == {"HF_HOME": str(tmp_path / ".huggingface")}
    assert "persistent: they outlive a restart" in startup.jobs(read(space), space)


def test_what_is_set_by_hand_comes_first(tmp_path: Path) -> None:
    space = {"SPACE_ID": "me/genlab", "GENLAB_STORAGE": str(tmp_path)}
    assert host.defaults(space | {"HF_HOME": "/mine"}) == {}
    given = space | {"GENLAB_JOBS": str(tmp_path.parent / "jobs")}
    assert read(given).folder == tmp_path.parent / "jobs"
    assert "as long as this folder" in startup.jobs(read(given), given)


def test_without_storage_the_cache_serves(tmp_path: Path) -> None:
    home = {"XDG_CACHE_HOME": str(tmp_path)}
    for place, why in ((tmp_path / "nothing", "nothing is mounted there"), (Path("/proc"), "may not write")):
        space = home | {"SPACE_ID": "me/genlab", "GENLAB_STORAGE": str(place)}
        assert host.storage(space) is None and host.defaults(space) == {}
        assert read(space).folder == tmp_path / "genlab" / "jobs"
        said = startup.jobs(read(space), space)
        assert "lost when the Space restarts" in said and why in said
    assert host.storage_place({"SPACE_ID": "me/genlab"}) == Path("/data")
    assert host.storage_place(home) is None, "a folder /data of one's own machine is not ours"


def test_limits_that_were_changed_are_named() -> None:
    given = {"SPACE_ID": "me/genlab", "GENLAB_STEPS": "500"}
    said = startup.limits(read(given), given)
    assert "500 steps" in said and "strangers" in said and "changed by variables: steps" in said


def test_broken_weights_are_named(tmp_path: Path) -> None:
    shutil.copytree(WEIGHTS, tmp_path, dirs_exist_ok=True)
    (told,) = startup.weights(Library(tmp_path))
    whole = int(told.split()[0])
    (tmp_path / "gan" / MODEL).write_bytes(b"x" * 100)
    (tmp_path / "vae" / MODEL).unlink()
    unet = tmp_path / "mini-sd" / "unet" / "diffusion_pytorch_model.safetensors"
    unet.write_bytes(unet.read_bytes()[:-1])
    first, *rest = startup.weights(Library(tmp_path))
    assert first == f"{whole - 3} of {whole} models whole"
    for name in (f"gan/{MODEL}", f"vae/{MODEL} is missing", "mini-sd/unet/"):
        assert sum(name in line for line in rest) == 1


def test_models_are_offered_or_refused_with_the_reason() -> None:
    said = list(startup.studio(Engine(torch.device("cpu"))))
    assert said[0] == "offered: mini-SD" and "needs a GPU" in said[1]
    assert all(any(card.title in line for line in said) for card in CATALOG.values())
    (said_on_gpu,) = startup.studio(Engine(torch.device("cuda")))
    assert said_on_gpu.startswith("offered: ") and "SDXL" in said_on_gpu


def test_an_offline_server_asks_nobody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataUnavailable):
        load("kmnist", folders=[], cache=tmp_path, mirrors=["http://127.0.0.1:9/"])
    assert startup.hub().startswith("not asked")


def test_what_cannot_be_found_out_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> str:
        raise OSError("the reason")

    startup.say("disk", fail)
    assert "disk: could not be found out (OSError: the reason)" in caplog.text
