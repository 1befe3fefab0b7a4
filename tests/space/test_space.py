"""A Space's files: which they are, whether they will do, and whether they start and draw alone."""

import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from genlab.errors import NotPublished
from genlab.space import checks, files, trial
from genlab.space.files import Upload
from tests.space.helpers import APP, ROOT, publish
from tests.space.hub import TOKEN, Hub

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
