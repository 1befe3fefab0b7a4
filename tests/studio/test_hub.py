"""Files that are gone, gated, pickled, broken or out of reach: each ends in one sentence."""

import errno
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import diffusers
import huggingface_hub
import pytest
import torch
from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

from genlab.errors import ModelUnavailable
from genlab.studio import hub, loading
from genlab.studio.card import ModelCard
from genlab.studio.catalog import CATALOG
from genlab.studio.engine import Engine
from tests.studio.helpers import ask, draw

RESPONSE: Any = SimpleNamespace(headers={}, request=None, status_code=404)
GONE = RepositoryNotFoundError("404", response=RESPONSE)
GATED = GatedRepoError("403", response=RESPONSE)
NO_NETWORK = OSError("no route to host")


@pytest.fixture
def repositories(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The hub at its network edge: what each repository is, a folder or an error or names of files."""
    known: dict[str, Any] = {}

    def model_info(self: Any, repository: str) -> Any:
        found = known.get(repository, GONE)
        if isinstance(found, Exception):
            raise found
        names = [str(path) for path in found.rglob("*")] if isinstance(found, Path) else found
        return SimpleNamespace(sha="c0ffee", siblings=[SimpleNamespace(rfilename=name) for name in names])

    def download(repository: str, local_files_only: bool = False, **given: Any) -> str:
        if local_files_only:
            raise FileNotFoundError
        assert given["revision"] == "c0ffee"
        return str(known[repository])

    def download_pipeline(repository: str, **given: Any) -> str:
        assert given["use_safetensors"] is True
        return download(repository, **given)

    monkeypatch.setattr(huggingface_hub.HfApi, "model_info", model_info)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    monkeypatch.setattr(diffusers.DiffusionPipeline, "download", download_pipeline)
    return known


def asked(cards: dict[str, ModelCard], monkeypatch: pytest.MonkeyPatch, *ids: str) -> ModelCard:
    """The card "sd" with other repositories."""
    monkeypatch.setitem(cards["sd"].ids, "base", ids)
    return cards["sd"]


def why_not(card: ModelCard) -> str:
    """The one sentence with which a model cannot be had."""
    with pytest.raises(ModelUnavailable) as told:
        loading.load_base(card, torch.float32, checked=False)
    text = str(told.value)
    assert text.endswith(".") and "\n" not in text and len(text) < 200
    return text


def test_the_next_repository_serves_where_the_first_is_gone(
    repositories: dict[str, Any], cards: Any, models: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories["me/second"] = models / "sd"
    loaded = loading.load_base(asked(cards, monkeypatch, "me/first", "me/second"), torch.float32, False)
    assert loaded.files.source() == {"repository": "me/second", "revision": "sd"}


REASONS = [
    ((GONE, GONE), "me/0 is gone from the hub; me/1 is gone from the hub; mini-SD works offline."),
    ((GATED, GONE), "me/0 asks for a licence to be accepted at huggingface.co first; me/1 is gone"),
    ((["unet/model.bin", "model_index.json"], GONE), "me/0 holds only pickled weights"),
    ((NO_NETWORK, GONE), "Cannot reach the hub; mini-SD works offline."),
    ((OSError(errno.ENOSPC, "No space left on device"), GONE), "The disk is full"),
]


@pytest.mark.parametrize(("found", "sentence"), REASONS, ids=[said for _, said in REASONS])
def test_why_none_can_be_had(
    found: Any, sentence: str, repositories: dict[str, Any], cards: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    repositories.update({f"me/{i}": one for i, one in enumerate(found)})
    assert why_not(asked(cards, monkeypatch, *(f"me/{i}" for i in range(len(found))))).startswith(sentence)


def test_without_network_an_earlier_download_serves(
    cards: Any, models: Path, monkeypatch: pytest.MonkeyPatch, repositories: dict[str, Any]
) -> None:
    repositories["me/model"] = NO_NETWORK
    monkeypatch.setattr(huggingface_hub, "snapshot_download", lambda name, local_files_only: models / "sd")
    assert loading.load_base(asked(cards, monkeypatch, "me/model"), torch.float32, False).parts["unet"]


def test_there_is_really_no_hub_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused at once on this machine, whatever network it has: the address takes no connection."""
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(ModelUnavailable, match=r"^Cannot reach the hub; mini-SD works offline\.$"):
        hub.fetch(("me/none",), loading._download_model)


@pytest.fixture
def copy(models: Path, tmp_path: Path, cards: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A model that a test may damage; the card "sd" names it."""
    shutil.copytree(models / "sd", tmp_path / "copy")
    asked(cards, monkeypatch, str(tmp_path / "copy"))
    return tmp_path / "copy"


WEIGHTS = "unet/diffusion_pytorch_model.safetensors"


def truncate(folder: Path) -> None:
    path = folder / WEIGHTS
    path.write_bytes(path.read_bytes()[:1000])


def swap(folder: Path) -> None:
    shutil.copy(folder / "vae/diffusion_pytorch_model.safetensors", folder / WEIGHTS)


def pickled(folder: Path) -> None:
    (folder / WEIGHTS).rename(folder / "unet/diffusion_pytorch_model.bin")


def without_index(folder: Path) -> None:
    (folder / "model_index.json").unlink()


@pytest.mark.parametrize("damage", [truncate, swap, pickled, without_index], ids=lambda f: f.__name__)
def test_broken_files_are_told(copy: Path, cards: Any, damage: Any) -> None:
    damage(copy)
    assert why_not(cards["sd"]).startswith("copy cannot be loaded: ")


def test_a_folder_of_pickles_alone_is_refused(copy: Path, cards: Any) -> None:
    for path in copy.rglob("*.safetensors"):
        path.rename(path.with_suffix(".bin"))
    assert "no safetensors" in why_not(cards["sd"])


def test_a_shipped_model_or_controlnet_that_is_missing(tmp_path: Path, picture: Any, models: Path) -> None:
    shipped = CATALOG["mini-sd"]
    card = ModelCard(**vars(shipped) | {"folder": tmp_path / "mini-sd", "edges": (32, 96)})
    engine = Engine(torch.device("cpu"), {"mini-sd": card})
    with pytest.raises(ModelUnavailable, match=r"^mini-SD is missing here: there is no weights/mini-sd\.$"):
        draw(engine, ask("text_to_image", "mini-sd"))
    shutil.copytree(models / "sd", tmp_path / "mini-sd")
    assert draw(engine, ask("text_to_image", "mini-sd", steps=1)).pictures
    with pytest.raises(ModelUnavailable, match=r"^The ControlNet of mini-SD is missing here.*controlnet\.$"):
        draw(engine, ask("control", "mini-sd", {"picture": picture}))


def test_the_environment_leads(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GENLAB_SDXL_INPAINTING", str(models / "sdxl"))
    monkeypatch.setenv("GENLAB_SDXL_CONTROL", "me/outline")
    assert CATALOG["sdxl-inpainting"].repositories("base")[0] == str(models / "sdxl")
    assert CATALOG["sdxl"].repositories("control")[0] == "me/outline"
    assert CATALOG["sdxl"].repositories("base")[0].startswith("stabilityai/")


def test_few_steps_without_peft(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diffusers.utils, "is_peft_available", lambda: False)
    with pytest.raises(ModelUnavailable, match=r"^few_steps needs the package peft"):
        draw(engine, ask("text_to_image", few_steps="lcm"))
