"""The way to the hub: huggingface_hub itself, and a hub on this machine."""

from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi

from genlab.__main__ import main
from genlab.errors import InvalidInput, NotPublished
from genlab.space import files, hub
from tests.space.helpers import APP, HEAD, ROOT, publish
from tests.space.hub import FIRST, TOKEN, Hub


def bring(app: Path, fake: Hub, name: str = "me/genlab", **asked: Any) -> hub.Published:
    return hub.publish(
        app, files.chosen(app)[0], hub.Plan(name, **asked), HfApi(endpoint=fake.url, token=TOKEN)
    )


def test_a_new_space_holds_exactly_the_files(app: Path, fake: Hub) -> None:
    done = bring(app, fake, "school/genlab", hardware="zero-a10g", private=True, storage="me/kept")
    assert done.created and done.url == f"{fake.url}/spaces/school/genlab"
    held = fake.spaces["school/genlab"]
    assert held == {path: (app / path).read_bytes() for path in APP} | {
        ".gitattributes": FIRST[".gitattributes"]
    }
    about = fake.about["school/genlab"]
    assert about["hardware"] == "zero-a10g" and about["visibility"] == "private"
    assert [(v["source"], v["mountPath"]) for v in about["volumes"]] == [("me/kept", "/data")]
    assert len(fake.commits) == 1 and list(fake.buckets) == ["me/kept"]


def test_an_update_leaves_nothing_behind_and_touches_nothing_else(app: Path, fake: Hub) -> None:
    bring(app, fake)
    fake.spaces["me/genlab"]["notes.txt"] = b"written on the hub"
    fake.about["me/genlab"]["volumes"] = [{"type": "model", "source": "me/m", "mountPath": "/models"}]
    (app / "genlab" / "ui" / "style.css").unlink()
    (app / "README.md").write_text(HEAD)  # the picture is no longer shown
    (app / "genlab" / "new.py").write_text("pass")
    done = bring(app, fake, hardware="t4-small", storage="me/kept", private=True)
    assert not done.created and done.removed == [".github/one.png", "genlab/ui/style.css"]
    assert done.kept == [".gitattributes", "notes.txt"]
    changed = sorted(operation["value"]["path"] for operation in fake.commits[-1])
    assert changed == [".github/one.png", "README.md", "genlab/new.py", "genlab/ui/style.css"]
    assert set(fake.spaces["me/genlab"]) == {u.path for u in files.chosen(app)[0]} | set(done.kept)
    about = fake.about["me/genlab"]
    assert about["hardware"] == "t4-small" and about["visibility"] == "private"
    assert [v["mountPath"] for v in about["volumes"]] == ["/models", "/data"]


def test_an_update_without_a_change_makes_no_commit(app: Path, fake: Hub) -> None:
    bring(app, fake)
    asked = len([request for request in fake.requests if request[0] == "PUT"])
    bring(app, fake)
    assert len(fake.commits) == 1
    assert len([request for request in fake.requests if request[0] == "PUT"]) == asked, (
        "no hardware, no bytes"
    )


def test_another_app_is_not_overwritten(app: Path, fake: Hub) -> None:
    fake.add("me/other", FIRST | {"app.py": b"something else"})
    with pytest.raises(NotPublished, match="holds another app; --replace"):
        bring(app, fake, "me/other")
    assert fake.spaces["me/other"]["app.py"] == b"something else"
    bring(app, fake, "me/other", replace=True)
    assert fake.spaces["me/other"]["app.py"] == b"import genlab"


@pytest.mark.parametrize(
    ("method", "part", "status", "told"),
    [
        ("POST", "repos/create", 402, "asks for a paid plan"),
        ("POST", "repos/create", 403, "may not write to me"),
        ("POST", "commit", 403, "may not write to me"),
        ("POST", "commit", 412, "was changed meanwhile"),
        ("POST", "validate-yaml", 400, "upload failed: Invalid metadata.*Because of this"),
        ("POST", "repos/create", 429, "slow down"),
        ("POST", "repos/create", 503, r"problem of its own \(status 503\)"),
    ],
)
def test_a_refusal_is_one_sentence(
    app: Path, fake: Hub, method: str, part: str, status: int, told: str
) -> None:
    fake.refuse[(method, part)] = (status, "Because of this")
    with pytest.raises(NotPublished, match=told) as caught:
        bring(app, fake)
    assert (
        "\n" not in str(caught.value) and TOKEN not in str(caught.value) and "http" not in str(caught.value)
    )
    assert fake.commits == []


def test_tokens_owners_and_networks_that_do_not_do(app: Path, fake: Hub) -> None:
    uploads, plan = files.chosen(app)[0], hub.Plan("me/genlab")
    for caller, told in (
        (HfApi(endpoint=fake.url, token="hf_wrong"), "does not accept the token"),
        (HfApi(endpoint="http://127.0.0.1:9", token=TOKEN), "cannot be reached"),
    ):
        with pytest.raises(NotPublished, match=told) as caught:
            hub.publish(app, uploads, plan, caller)
        assert "hf_wrong" not in str(caught.value)
    with pytest.raises(NotPublished, match="may publish to me, school; not to you/genlab"):
        bring(app, fake, "you/genlab")
    assert fake.spaces == {}


def test_no_token_and_no_network(tmp_path: Path) -> None:
    clean = {"HF_HOME": str(tmp_path), "HF_TOKEN": "", "HF_ENDPOINT": "http://127.0.0.1:9"}
    done = publish("me/genlab", "--no-start", **clean)
    assert done.returncode == 2 and "error: No token: log in once" in done.stderr
    assert "Traceback" not in done.stderr
    done = publish("me/genlab", "--no-start", **clean | {"HF_TOKEN": TOKEN, "HF_HUB_OFFLINE": "1"})
    assert done.returncode == 2 and "HF_HUB_OFFLINE is set" in done.stderr


@pytest.mark.parametrize(
    "name", ["genlab", "me/gen lab", "me/genlab/x", "-me/x", "me/..", "/x", "", "me/x.git"]
)
def test_names_are_checked(name: str) -> None:
    with pytest.raises(InvalidInput, match=r"^name is .*USER/NAME"):
        hub.check_name("name", name)


@pytest.mark.parametrize(
    ("flag", "value", "told"),
    [
        ("--hardware", "h1000", "hardware is 'h1000'; it must be one of cpu-basic"),
        ("--storage", "bucket", "storage is 'bucket'; it must be USER/NAME"),
        ("--python", "no-python", "python is 'no-python'"),
    ],
)
def test_options_are_checked(flag: str, value: str, told: str, capsys: Any) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["publish", "me/genlab", "--dry-run", "--no-start", flag, value])
    assert ended.value.code == 2 and told in capsys.readouterr().err


def test_the_whole_repository_arrives(fake: Hub) -> None:
    env = {"HF_ENDPOINT": fake.url, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
    done = publish("me/genlab", "--no-start", **env)
    assert done.returncode == 0, done.stderr
    assert TOKEN not in done.stdout + done.stderr
    assert f"Created {fake.url}/spaces/me/genlab" in done.stdout
    held = {path: whole for path, whole in fake.spaces["me/genlab"].items() if path != ".gitattributes"}
    assert held == {upload.path: (ROOT / upload.path).read_bytes() for upload in files.chosen(ROOT)[0]}
