"""Models from and to the hub, by huggingface_hub itself against a server that answers as the hub does."""

import gc
import hashlib
import json
import pickle
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load, save

from genlab import checkpoints, sampling
from genlab.__main__ import main
from genlab.checkpoints import CONFIG, MODEL
from genlab.errors import Busy, CheckpointError, GenlabError, InvalidInput, ModelUnavailable
from genlab.hub import Hub, commands, loading
from genlab.models import MODELS, TRAINABLE
from genlab.settings import Limits
from tests.helpers import scrambled, states_equal, tiny
from tests.standin_hub import Repository, StandIn, standing_in

Files = dict[str, bytes]
TRAINING = {
    "command": "python -m genlab train gan",
    "steps": 7,
    "data": "300 digits",
    "train": {"data": "mnist"},
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    """The stand-in, as the hub of this process; what is downloaded goes to ``tmp_path / "scratch"``."""
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
    (tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    with standing_in() as found:
        template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, found.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setattr(constants, "ENDPOINT", found.url)
        yield found


@pytest.fixture
def hub(server: StandIn) -> Hub:
    return Hub(Limits(), server.url)


def files(name: str = "gan", training: Any = TRAINING, **knobs: Any) -> Files:
    """A small model as it lies in a repository."""
    return checkpoints.packed(name, scrambled(tiny(name, **knobs)), training)


def configured(found: Files, change: Callable[[dict], Any]) -> Files:
    """The same with another config, which ``change`` makes of the old one or returns."""
    config = json.loads(found[CONFIG])
    other = change(config)
    return found | {CONFIG: json.dumps(config if other is None else other).encode()}


def weighed(found: Files, weights: bytes) -> Files:
    """The same with other weights, whose sha256 its config gives."""
    digest = hashlib.sha256(weights).hexdigest()
    return configured(found | {MODEL: weights}, lambda config: config.update(sha256=digest))


def sentence(error: pytest.ExceptionInfo) -> str:
    """What a visitor reads: one sentence, and no address, token or path."""
    text = str(error.value)
    assert (
        isinstance(error.value, GenlabError) and text.endswith(".") and "\n" not in text and len(text) < 300
    )
    assert not any(word in text for word in ("http", "hf_", tempfile.gettempdir(), "Traceback"))
    return text


@pytest.mark.parametrize("name", list(MODELS))
def test_saved_and_loaded_it_draws_the_same_pictures(
    name: str, hub: Hub, server: StandIn, tmp_path: Path
) -> None:
    model: Any = scrambled(tiny(name)).eval()
    digest = checkpoints.save(name, model, tmp_path / name, TRAINING)
    saved = hub.save(tmp_path / name, f"ada/my-{name}", token="hf_ada")
    there = server.repositories[f"ada/my-{name}"]
    assert saved.private and there.private and saved.url == f"{server.url}/ada/my-{name}"
    assert there.commits == 2, "the hub's own, and one of ours"
    assert set(there.files) == {".gitattributes", "README.md", CONFIG, MODEL}
    found: Any = hub.load(saved.repository, token="hf_ada")
    assert (found.name, found.sha256, found.commit, found.training) == (name, digest, saved.commit, TRAINING)
    knobs = {"steps": 2} if name in ("ddpm", "flow") else {}
    drawn = [[*sampling.sample(m, 4, 3, **knobs)][-1].images for m in (model, found.model)]
    assert torch.equal(*drawn) and type(found.model) is MODELS[name]
    assert not [*Path(tempfile.gettempdir()).glob("genlab-*")], "nothing is left on the disk"


def test_a_commit_is_downloaded_once_while_somebody_draws_from_it(hub: Hub, server: StandIn) -> None:
    server.repositories["ada/gan"] = Repository(files())
    first = hub.load("ada/gan")
    assert hub.load("https://huggingface.co/ada/gan/", "main").model is first.model
    assert hub.load(" ada/gan ", first.commit).model is first.model and server.downloads(MODEL) == 1
    server.repositories["ada/gan"] = Repository(files(dropout=0.5), commits=2)
    assert hub.load("ada/gan").model is not first.model and server.downloads(MODEL) == 2


def test_room_is_kept_for_all_and_comes_back(server: StandIn) -> None:
    """Models of 27 MB each, where 40 may be held."""
    hub = Hub(Limits(hub_megabytes=40), server.url)
    for i in range(2):
        server.repositories[f"ada/{i}"] = Repository(files("vae", network="conv", width=64, latent=4 + i))
    first = hub.load("ada/0")
    with pytest.raises(Busy) as error:
        hub.load("ada/1")
    assert "no room" in sentence(error) and server.downloads(MODEL) == 1
    assert hub.load("ada/0").model is first.model, "what is here takes no more room"
    del first
    gc.collect()
    assert hub.load("ada/1").name == "vae"


def test_a_model_may_be_so_large(server: StandIn) -> None:
    server.repositories["ada/vae"] = Repository(files("vae", network="conv", width=64))
    with pytest.raises(CheckpointError, match=r"^ada/vae has weights of \d+ MB; this server loads"):
        Hub(Limits(model_megabytes=1), server.url).load("ada/vae")
    assert server.downloads(MODEL) == 0


@pytest.mark.parametrize("token", [False, "hf_bob"])
def test_what_is_private_is_its_owners(token: Any, hub: Hub, server: StandIn) -> None:
    server.repositories["ada/secret"] = Repository(files(), private=True)
    assert hub.load("ada/secret", token="hf_ada").name == "gan"
    with pytest.raises(ModelUnavailable, match="ada/secret: it is not on the hub, or it is private"):
        hub.load("ada/secret", token=token)


def test_the_servers_own_account_reads_nothing_for_visitors(
    hub: Hub, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ada")
    server.repositories |= {"ada/secret": Repository(files(), private=True), "ada/gan": Repository(files())}
    hub.load("ada/gan")
    with pytest.raises(ModelUnavailable):
        hub.load("ada/secret")
    assert server.tokens == set()
    hub.load("ada/secret", token=None)  # as the command line does, for whoever sits there
    assert server.tokens == {"hf_ada"}


IDS = [
    "",
    "gan",
    "a/b/c",
    "../gan",
    "ada/..",
    "ada/gan?x",
    "http://evil/ada/gan",
    "a" * 200 + "/b",
    None,
    7,
    ["a/b"],
]


@pytest.mark.parametrize("repository", IDS, ids=lambda x: str(x)[:20])
def test_an_id_that_is_none(repository: Any, hub: Hub, server: StandIn) -> None:
    for call in (lambda: hub.load(repository), lambda: commands.Hub(Limits()).load(repository)):
        with pytest.raises(InvalidInput, match=r"^repository is ") as error:
            call()
        assert len(str(error.value)) < 200
    assert server.asked == []


@pytest.mark.parametrize("revision", ["../main", "a b", "x" * 200, 7, "?expand=", "\n"])
def test_a_revision_that_is_none(revision: Any, hub: Hub, server: StandIn) -> None:
    server.repositories["ada/gan"] = Repository(files())
    with pytest.raises(InvalidInput, match=r"^revision is "):
        hub.load("ada/gan", revision)
    assert server.asked == []


def deep(depth: int) -> dict:
    found: dict = {}
    for _ in range(depth):
        found = {"a": found}
    return found


GAN = files()
CONFIGS = {
    "no JSON": GAN | {CONFIG: b"{"},
    "a symbolic link": GAN | {CONFIG: b"/etc/passwd"},
    "other bytes": GAN | {CONFIG: b"\xff\xfe\x00"},
    "too large": GAN | {CONFIG: GAN[CONFIG] + b" " * 64_000},
    "deeper than Python goes": GAN | {CONFIG: b"[" * 60_000},
    "deep": configured(GAN, lambda c: c.update(training=deep(11))),
    "a list": configured(GAN, lambda c: [c]),
    "of transformers": GAN
    | {CONFIG: b'{"architectures": ["BertModel"], "auto_map": {"AutoModel": "evil.py"}}'},
    "a key too much": configured(GAN, lambda c: c.update(auto_map="evil.py")),
    "a key too few": configured(GAN, lambda c: c.pop("training") and None),
    "a key of another kind": configured(GAN, lambda c: c.update(training=7)),
    "another family": configured(GAN, lambda c: c.update(model="bert")),
    "no family": configured(GAN, lambda c: c.update(model=["gan"])),
    "an unknown knob": configured(GAN, lambda c: c["config"].update(hidden=7)),
    "a giant": configured(GAN, lambda c: c["config"].update(width=10**9)),
    "NaN": configured(GAN, lambda c: c["config"].update(ema=float("nan"))),
    "an enormous number": GAN | {CONFIG: GAN[CONFIG].replace(b'"width": 8', b'"width": ' + b"9" * 5000)},
    "another data set": configured(GAN, lambda c: c.update(training={"train": {"data": "imagenet"}})),
    "a set that does not fit": configured(GAN, lambda c: c.update(training={"train": {"data": "cifar10"}})),
}


@pytest.mark.parametrize("kind", CONFIGS)
def test_a_config_from_a_stranger(kind: str, hub: Hub, server: StandIn) -> None:
    server.repositories["eve/gan"] = Repository(CONFIGS[kind])
    with pytest.raises(CheckpointError) as error:
        hub.load("eve/gan")
    assert sentence(error).startswith("eve/gan") and server.downloads(MODEL) == 0


def lying(tensors: dict[str, torch.Tensor], **changes: Any) -> bytes:
    """Safetensors whose header says something else of the first tensor."""
    packed = save(tensors)
    length = int.from_bytes(packed[:8], "little")
    header = json.loads(packed[8 : 8 + length])
    first = next(name for name in header if name != "__metadata__")
    header[first] |= changes
    written = json.dumps(header).encode().ljust(length)
    return len(written).to_bytes(8, "little") + written + packed[8 + length :]


def with_first(change: Callable[[torch.Tensor], torch.Tensor]) -> bytes:
    tensors = load(GAN[MODEL])
    name = next(name for name, t in tensors.items() if t.is_floating_point())
    return save(tensors | {name: change(tensors[name]).contiguous()})


TENSORS = load(GAN[MODEL])
size = len(GAN[MODEL])
WEIGHTS = {
    "a pickle": weighed(GAN, pickle.dumps(b"x" * size)),
    "other bytes": weighed(GAN, b"\x00" * size),
    "an endless header": weighed(GAN, (2**60).to_bytes(8, "little") + GAN[MODEL][8:]),
    "truncated": weighed(GAN, GAN[MODEL][:-1]),
    "beyond its end": weighed(GAN, lying(TENSORS, data_offsets=[0, 10**12])),
    "another shape told": weighed(GAN, lying(TENSORS, shape=[10**9, 10**9])),
    "another type told": weighed(GAN, lying(TENSORS, dtype="F64")),
    "turned": weighed(GAN, with_first(lambda t: t[None])),
    "another precision": weighed(GAN, save({k: v.bfloat16() for k, v in TENSORS.items()})),
    "one too much": weighed(GAN, save(TENSORS | {"more": torch.zeros(3)})),
    "one too few": weighed(GAN, save(dict([*TENSORS.items()][1:]))),
    "NaN": weighed(GAN, with_first(lambda t: t * float("nan"))),
    "infinite": weighed(GAN, with_first(lambda t: t + float("inf"))),
    "of another family": weighed(GAN, files("vae")[MODEL]),
    "altered": GAN | {MODEL: with_first(lambda t: t + 1)},
}


@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_from_a_stranger(kind: str, hub: Hub, server: StandIn) -> None:
    server.repositories["eve/gan"] = Repository(WEIGHTS[kind])
    with pytest.raises(CheckpointError) as error:
        hub.load("eve/gan")
    assert sentence(error).startswith("eve/gan") or sentence(error).startswith(f"gan/{MODEL}")
    assert not [*Path(tempfile.gettempdir()).glob("genlab-*")]


def test_weights_in_half_precision(hub: Hub, server: StandIn) -> None:
    halved = {k: v.half() if v.is_floating_point() else v for k, v in TENSORS.items()}
    server.repositories["eve/gan"] = Repository(weighed(GAN, save(halved)))
    found = hub.load("eve/gan").model.state_dict()
    assert all(torch.equal(found[k], v.to(found[k].dtype)) for k, v in halved.items())


def test_a_size_that_does_not_fit_is_not_downloaded(hub: Hub, server: StandIn) -> None:
    server.repositories["eve/gan"] = Repository(files(), told={MODEL: {"size": 10**12}})
    with pytest.raises(CheckpointError, match="has 1,000,000,000,000 bytes; with this config"):
        hub.load("eve/gan")
    assert server.downloads(MODEL) == 0


def test_the_hubs_own_hash_counts(hub: Hub, server: StandIn) -> None:
    lfs = {"sha256": "0" * 64, "oid": "0" * 64, "size": size, "pointerSize": 130}
    server.repositories["eve/gan"] = Repository(files(), told={MODEL: {"lfs": lfs}})
    with pytest.raises(CheckpointError, match="does not have the sha256"):
        hub.load("eve/gan")
    assert server.downloads(MODEL) == 0


@pytest.mark.parametrize(
    ("found", "said"),
    [
        (
            {CONFIG: GAN[CONFIG], "pytorch_model.bin": b"x"},
            "it holds only pickled weights, which are never loaded",
        ),
        ({CONFIG: GAN[CONFIG]}, "it is no model of genlab, for it has no model.safetensors"),
        ({MODEL: GAN[MODEL], "model.py": b"evil()"}, "it is no model of genlab, for it has no config.json"),
    ],
)
def test_a_repository_of_something_else(found: Files, said: str, hub: Hub, server: StandIn) -> None:
    server.repositories["eve/x"] = Repository(found)
    with pytest.raises(ModelUnavailable) as error:
        hub.load("eve/x")
    assert sentence(error) == f"eve/x: {said}."
    assert not any(asked.endswith((".bin", ".py")) for asked in server.asked)


FAILURES = [
    ("/api/models/ada/gan", 401, "the hub does not accept the sign-in, which may have expired"),
    ("/api/models/ada/gan", 403, "the account that is signed in may not do that there"),
    ("/api/models/ada/gan", 429, "the hub has had too many requests from here; try again in some minutes"),
    ("/paths-info", 500, "the hub answers with error 500; try again later"),
    ("/resolve", 404, "the hub answers with error 404; try again later"),
    ("/model.safetensors", 503, "the hub answers with error 503; try again later"),
]


@pytest.mark.parametrize(("part", "status", "said"), FAILURES)
def test_the_hub_says_no(
    part: str, status: int, said: str, hub: Hub, server: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)  # it tries again
    server.repositories["ada/gan"] = Repository(files())
    server.failing[part] = status
    with pytest.raises(ModelUnavailable) as error:
        hub.load("ada/gan", token="hf_ada")
    assert sentence(error) == f"ada/gan: {said}."
    server.failing.clear()
    assert hub.load("ada/gan").name == "gan", "the next one succeeds"


def test_a_licence_a_revision_a_family(hub: Hub, server: StandIn) -> None:
    server.repositories |= {"ada/gated": Repository(files(), gated=True), "ada/gan": Repository(files())}
    for call, said in (
        (
            lambda: hub.load("ada/gated"),
            "ada/gated: it asks for a licence to be accepted at huggingface.co first.",
        ),
        (lambda: hub.load("ada/gan", "v2"), "ada/gan: it has no such revision."),
        (
            lambda: hub.load("ada/gan", families=("vae",)),
            "repository is 'ada/gan', which holds the family gan; it must be vae.",
        ),
    ):
        with pytest.raises(GenlabError) as error:
            call()
        assert sentence(error) == said
    assert server.downloads(MODEL) == 0


def test_no_hub_and_a_hub_that_does_not_answer(server: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    said = "ada/gan: the hub cannot be reached from here; try again later."
    with pytest.raises(ModelUnavailable) as error:
        Hub(Limits(), "http://127.0.0.1:9").load("ada/gan")
    assert sentence(error) == said
    monkeypatch.setattr(loading, "SECONDS", 0.2)
    server.seconds = 2.0
    with pytest.raises(ModelUnavailable) as error:
        Hub(Limits(), server.url).load("ada/gan")
    assert sentence(error) == said


# Saving


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    checkpoints.save("gan", scrambled(tiny("gan")), tmp_path / "mine", TRAINING)
    return tmp_path / "mine"


def refused(hub: Hub, *args: Any, **given: Any) -> str:
    with pytest.raises(GenlabError) as error:
        hub.save(*args, **given)
    return sentence(error)


def test_the_name_alone_is_ones_own(mine: Path, hub: Hub, server: StandIn) -> None:
    assert hub.save(mine, "first", token="hf_ada").repository == "ada/first"
    public = hub.save(mine, "lab/ours", token="hf_ada", private=False)
    assert not public.private and not server.repositories["lab/ours"].private
    for repository in ("bob/his", "museum/read-only", "nobody/x"):
        said = refused(hub, mine, repository, token="hf_ada")
        assert said == f"repository is '{repository}'; ada is signed in, who can save to ada, lab."
    assert set(server.repositories) == {"ada/first", "lab/ours"}
    assert refused(hub, mine, "a b", token="hf_ada").startswith("repository is 'me/a b'")


def test_a_model_is_replaced_and_nothing_else_is(
    mine: Path, hub: Hub, server: StandIn, tmp_path: Path
) -> None:
    first = hub.save(mine, "gan", token="hf_ada")
    checkpoints.save("vae", scrambled(tiny("vae")), tmp_path / "other", TRAINING)
    second = hub.save(tmp_path / "other", "gan", token="hf_ada")
    assert second.commit != first.commit and hub.load("ada/gan", token="hf_ada").name == "vae"
    other = {
        "of somebody": {CONFIG: b"{}"},
        "a pickle": {"pytorch_model.bin": b""},
        "a text": {"README.md": b"#"},
    }
    for kind, found in other.items():
        server.repositories["ada/other"] = Repository(dict(found), private=True)
        assert "which holds something else than a model of genlab" in refused(
            hub, mine, "other", token="hf_ada"
        )
        assert server.repositories["ada/other"].files == found, kind


def test_what_should_be_private_never_goes_public(mine: Path, hub: Hub, server: StandIn) -> None:
    server.repositories["ada/seen"] = Repository({".gitattributes": b""})
    assert "which is public already; choose another name" in refused(hub, mine, "seen", token="hf_ada")
    assert not hub.save(mine, "seen", token="hf_ada", private=False).private
    server.repositories["ada/unseen"] = Repository({".gitattributes": b""}, private=True)
    assert hub.save(mine, "unseen", token="hf_ada", private=False).private, "it is told as it is"


SAVING = [
    ("/whoami", 401, "the hub does not accept the sign-in, which may have expired"),
    ("/repos/create", 403, "the account that is signed in may not do that there"),
    ("/commit/", 412, "it was changed by somebody else meanwhile; try again"),
    ("/batch", 402, "the hub answers with error 402; try again later"),
    ("/upload/", 403, "the account that is signed in may not do that there"),
]


@pytest.mark.parametrize(("part", "status", "said"), SAVING)
def test_the_hub_does_not_take_it(
    part: str, status: int, said: str, mine: Path, hub: Hub, server: StandIn
) -> None:
    server.failing[part] = status
    assert refused(hub, mine, "ada/gan", token="hf_ada") == f"ada/gan: {said}."
    server.failing.clear()
    assert hub.save(mine, "ada/gan", token="hf_ada").private


def test_nobody_is_signed_in(mine: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", "/nowhere")
    assert (
        refused(hub, mine, "gan", token=None) == "Nobody is signed in to the hub here: run `hf auth login`."
    )
    assert "does not accept the sign-in" in refused(hub, mine, "gan", token="hf_unknown")


def test_only_a_whole_model_is_saved(mine: Path, hub: Hub, server: StandIn) -> None:
    (mine / MODEL).write_bytes((mine / MODEL).read_bytes()[:-1])
    assert refused(hub, mine, "gan", token="hf_ada").startswith(f"mine/{MODEL} is no safetensors file")
    (mine / CONFIG).unlink()
    assert refused(hub, mine, "gan", token="hf_ada").startswith("mine is no model of genlab")
    assert server.asked == []


def test_figures_go_along_if_they_are_of_these_weights(mine: Path, hub: Hub, server: StandIn) -> None:
    measured = {
        "sha256": checkpoints.weights_sha256(mine),
        "frechet": 123.0,
        "command": "python -m genlab ...",
    }
    checkpoints.write_json(mine / "metrics.json", measured)
    hub.save(mine, "measured", token="hf_ada")
    found = server.repositories["ada/measured"].files
    assert json.loads(found["metrics.json"]) == measured and b"| 123 |" in found["README.md"]
    checkpoints.write_json(mine / "metrics.json", measured | {"sha256": "0" * 64})
    hub.save(mine, "other", token="hf_ada")
    found = server.repositories["ada/other"].files
    assert "metrics.json" not in found and b"123" not in found["README.md"]


def test_on_the_command_line(
    mine: Path, server: StandIn, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_ada")
    main(["push", str(mine), "gan"])
    assert f"{server.url}/ada/gan (private), commit " in capsys.readouterr().out
    main(["load", "ada/gan", "--out", str(tmp_path / "again")])
    assert capsys.readouterr().out.startswith("gan from ada/gan at ")
    assert states_equal(checkpoints.load(mine), checkpoints.load(tmp_path / "again"))
    assert checkpoints.weights_sha256(mine) == checkpoints.weights_sha256(tmp_path / "again")
    for again in (["load", "ada/gan", "--out", str(tmp_path / "again")], ["push", str(mine), "bob/gan"]):
        with pytest.raises(SystemExit):
            main(again)
        assert capsys.readouterr().err.startswith("error: ")
    main(["push", str(mine), "lab/gan", "--public"])
    assert "lab/gan (public)" in capsys.readouterr().out
    for name in TRAINABLE.keys() - MODELS.keys():  # those that the page does not show
        server.repositories[f"ada/{name}"] = Repository(files(name))
        main(["load", f"ada/{name}", "--out", str(tmp_path / name)])
