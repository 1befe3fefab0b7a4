"""A Space: its files and front matter, a clean checkout that starts and draws, and the way to the hub."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from huggingface_hub import HfApi, constants

from genlab.__main__ import main
from genlab.errors import InvalidInput, NotPublished
from genlab.space import checks, files, hub, trial
from genlab.space.files import Upload
from tests.hub import FIRST, TOKEN, Hub, serving

ROOT = Path(__file__).parents[1]
HEAD = "---\ntitle: x\nsdk: gradio\n---\n"


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)  # the fake hub speaks LFS
    with serving() as found:
        yield found


def api(fake: Hub, token: str = TOKEN) -> HfApi:
    return HfApi(endpoint=fake.url, token=token)


@pytest.fixture
def app(tmp_path: Path) -> Path:
    """A repository as small as can be."""
    root = tmp_path / "app"
    contents = {
        "app.py": "import genlab",
        "requirements.txt": "gradio>=6",
        "README.md": f"{HEAD}![one](.github/one.png) [two](weights/a/config.json) [far](https://x.org)",
        "LICENSE": "MIT",
        "genlab/__init__.py": "",
        "genlab/ui/style.css": "a {}",
        "weights/a/config.json": "{}",
        "weights/a/model.safetensors": "some weights",
        ".github/one.png": "a picture",
        ".github/unseen.png": "another",
        "tests/test_x.py": "",
        "genlab/__pycache__/x.cpython-311.pyc": "",
        "weights/a/state.safetensors": "half a training",
        "genlab/.hidden.py": "",
        "genlab/notes.docx": "",
    }
    for name, text in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


APP = {
    *("app.py", "requirements.txt", "README.md", "LICENSE", ".github/one.png"),
    *("genlab/__init__.py", "genlab/ui/style.css", "weights/a/config.json", "weights/a/model.safetensors"),
}


# Which files


def test_only_what_the_app_needs_goes(app: Path) -> None:
    uploads, untracked = files.chosen(app)
    assert {u.path for u in uploads} == APP and untracked == []
    assert all(u.size == (app / u.path).stat().st_size for u in uploads)


def test_of_a_repository_only_what_git_tracks(app: Path) -> None:
    for command in (["init", "-q"], ["add", "-f", "."], ["rm", "-q", "--cached", "genlab/ui/style.css"]):
        subprocess.run(["git", *command], cwd=app, check=True)
    uploads, untracked = files.chosen(app)
    assert untracked == ["genlab/ui/style.css"]
    assert {u.path for u in uploads} == APP - {"genlab/ui/style.css"}
    assert any("style.css is not tracked" in told for told in checks.remarks(app, untracked))


def test_a_copy_without_git_has_the_same_files(tmp_path: Path) -> None:
    uploads, _ = files.chosen(ROOT)
    files.copy(uploads, ROOT, tmp_path)
    assert files.chosen(tmp_path) == (uploads, [])
    assert {"app.py", "genlab/ui/style.css", "weights/vae/model.safetensors"} <= {u.path for u in uploads}


def test_an_incomplete_copy_is_named(app: Path) -> None:
    (app / "requirements.txt").unlink()
    with pytest.raises(NotPublished, match=r"requirements\.txt is missing"):
        files.chosen(app)


# Whether they will do


def test_this_repository_makes_a_space() -> None:
    uploads, _ = files.chosen(ROOT)
    assert checks.problems(ROOT, uploads) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("title: .*", "", "title is missing"),
        ("colorTo: .*", "colorTo: teal", "colorTo is 'teal'; it must be one of red, yellow"),
        ("sdk: .*", "sdk: docker", "sdk is 'docker'; it must be one of gradio"),
        ("sdk_version: .*", "sdk_version: 5.1.0", "sdk_version is 5.1.0; requirements.txt asks for gradio"),
        ("sdk_version: .*", "sdk_version: new", "must be a version of gradio"),
        ("app_file: .*", "app_file: main.py", "app_file is 'main.py'; it must be one of app.py"),
        ("python_version: .*", "python_version: '3.9'", "python_version is '3.9'; it must be 3.11 or newer"),
        ("short_description: .*", f"short_description: {'x' * 61}", "at most 60 characters"),
        ("suggested_hardware: .*", "suggested_hardware: huge", "suggested_hardware is 'huge'"),
        ("emoji: .*", "emoji: pen", "emoji is 'pen'"),
        ("license: mit", "licence: mit", "licence in the front matter means nothing"),
        ("---\n", "", "no front matter"),
        ("compare.png", "nothing.png", "points at .github/nothing.png"),
    ],
)
def test_what_is_wrong_with_a_readme_is_said(tmp_path: Path, old: str, new: str, told: str) -> None:
    for name in ("README.md", "requirements.txt"):
        shutil.copy(ROOT / name, tmp_path)
    readme = tmp_path / "README.md"
    changed = re.sub(old, new, readme.read_text(), count=1)
    assert changed != readme.read_text()
    readme.write_text(changed)
    (found,) = checks.problems(tmp_path, files.chosen(ROOT)[0])
    assert told in found


def test_sizes_have_limits() -> None:
    uploads, _ = files.chosen(ROOT)
    large = [*uploads, Upload("genlab/large.json", 10_000_001), Upload("weights/many.safetensors", 9_000_000)]
    first, second = checks.problems(ROOT, large)
    assert "genlab/large.json has 10.0 MB" in first and "The weights have" in second


# Whether a clean checkout starts and draws


def small(root: Path, code: str) -> list[Upload]:
    (root / "app.py").write_text(code)
    return [Upload("app.py", len(code))]


def test_an_app_that_lacks_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "neighbour.py").write_text("")
    uploads = small(tmp_path, "import neighbour")  # which is not among the uploads
    with pytest.raises(NotPublished, match=r"does not start:[\s\S]*No module named 'neighbour'"):
        trial.trial(tmp_path, uploads)


def test_an_app_that_draws_nothing_is_refused(tmp_path: Path) -> None:
    code = (
        "import http.server as s, os\n"
        "s.test(s.SimpleHTTPRequestHandler, port=int(os.environ['GRADIO_SERVER_PORT']), bind='127.0.0.1')"
    )
    with pytest.raises(NotPublished, match="starts but does not draw"):
        trial.trial(tmp_path, small(tmp_path, code))


def publish(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genlab", "publish", *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True)


def test_a_dry_run_in_a_fresh_environment(tmp_path: Path, fake: Hub) -> None:
    """Nothing of this checkout can be imported there, but for the packages that are installed."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path)], check=True)
    inside = tmp_path / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    (inside / "present.pth").write_text(sysconfig.get_path("purelib"))
    done = publish(
        *("me/genlab", "--dry-run", "--python", str(tmp_path / "bin" / "python")),
        **{"HF_ENDPOINT": fake.url, "HF_TOKEN": TOKEN, "GENLAB_DATA": str(tmp_path), "GENLAB_STEPS": "7"},
    )
    assert done.returncode == 0, done.stderr
    said = done.stdout
    listed = re.findall(r"^ *[\d,]+  (\S+)$", said, re.MULTILINE)
    assert listed == [upload.path for upload in files.chosen(ROOT)[0]]
    assert "draws: 4 pictures" in said and "nothing was uploaded" in said
    assert fake.requests == [] and TOKEN not in said + done.stderr
    # The start-up log, of a Space with neither network nor storage; this process's variables are not there.
    for told in (
        r"version: \d",
        r"device: CPU with \d+ core",
        r"studio: offered: mini-SD",
        r"studio: not offered: Stable Diffusion 1.5.*; each needs a GPU, and this machine has none",
        r"jobs: kept in .*; they are lost when the Space restarts; .*: nothing is mounted there",
        r"limits: 1 job at once and 16 waiting; each 20,000 steps.*a Space, which strangers share\)",
        r"weights: (\d+) of \1 models whole",
        r"data: embedded subset.*HF_HUB_OFFLINE forbids",
        r"hub: not asked: HF_HUB_OFFLINE is set",
    ):
        assert re.search(rf"genlab {told}", said), f"{told} is not in {said}"


# The way to the hub


def bring(app: Path, fake: Hub, name: str = "me/genlab", **asked: Any) -> hub.Published:
    return hub.publish(app, files.chosen(app)[0], hub.Plan(name, **asked), api(fake))


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


def test_tokens_owners_and_networks_that_do_not_do(app: Path, fake: Hub, monkeypatch: Any) -> None:
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
