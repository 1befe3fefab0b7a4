"""Imports go one way, and only what needs a heavy library pays for it."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# From the ground up; a module imports from lower rows only, and within its own package.
LAYERS = [
    {"errors", "host"},
    {"config", "embedded"},
    {"calls", "curves", "draws", "numbers", "events", "lessons", "noise", "data", "uploads", "walks"},
    {"canvas", "nn", "diffusion"},
    {"models"},
    {"checkpoints", "flags", "memory"},
    {"training", "sampling", "settings"},
    {"doctor", "evaluation", "library", "visualize"},
    {"race", "cards", "writers", "studio", "lab", "space"},
    {"hub", "jobs", "leaderboard"},
    {"api"},
    {"startup", "ui"},
    {"commands"},
    {"__main__"},
    {"app"},
]
LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}
FILES = [*sorted((ROOT / "genlab").rglob("*.py")), *ROOT.glob("app.py")]


def unit(path: Path) -> str:
    """The module or package right under genlab that a file belongs to."""
    inside = path.relative_to(ROOT).with_suffix("").parts
    return inside[1] if inside[0] == "genlab" else inside[0]


def imported(path: Path) -> set[str]:
    """Dotted names of everything a file imports, at the top or later."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_imports_go_one_way(path: Path) -> None:
    own = unit(path)
    if own == "__init__":
        assert not any(name.startswith("genlab") for name in imported(path))
        return
    assert own in LEVEL, f"{own} has no place in the table of layers"
    for name in imported(path):
        parts = name.split(".")
        if parts[0] == "genlab" and parts[1] in LEVEL and parts[1] != own:
            assert LEVEL[parts[1]] < LEVEL[own], f"{own} imports {parts[1]}"


@pytest.mark.parametrize(
    ("library", "owners"),
    [("gradio", {"ui", "app"}), ("diffusers", {"studio"}), ("transformers", {"studio"})],
)
def test_heavy_libraries_have_one_owner(library: str, owners: set[str]) -> None:
    users = {unit(p) for p in FILES if any(name.split(".")[0] == library for name in imported(p))}
    assert users <= owners


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_nothing_is_unpickled(path: Path) -> None:
    """Weights are safetensors and JSON: no file of ours can run code when it is read."""
    banned = ("pickle", "cPickle", "dill", "cloudpickle", "joblib", "shelve", "marshal")
    assert not [name for name in imported(path) if name.split(".")[0] in banned]
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            assert (node.value.id, node.attr) not in {("torch", "load"), ("torch", "save"), ("np", "load")}
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec"}


def test_the_api_starts_light() -> None:
    """Slow libraries load when they are first needed, not when genlab is imported."""
    heavy = ("diffusers", "transformers", "sklearn", "torchmetrics", "gradio")
    code = f"import genlab.api, sys; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
