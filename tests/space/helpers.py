"""A repository as small as can be, and the command as a user gives it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
HEAD = "---\ntitle: x\nsdk: gradio\n---\n"
CONTENTS = {
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
# Those of them that make the Space.
APP = {
    *("app.py", "requirements.txt", "README.md", "LICENSE", ".github/one.png"),
    *("genlab/__init__.py", "genlab/ui/style.css", "weights/a/config.json", "weights/a/model.safetensors"),
}


def publish(*words: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "genlab", "publish", *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ | env, capture_output=True, text=True)
