"""What the sources say while the page runs, read from their syntax: for whoever writes the catalogue."""

import ast
from collections.abc import Iterator
from pathlib import Path

from genlab.ui.translations.catalogue import Catalogue

GENLAB = Path(__file__).parents[2]
# What is handed to these is shown on the page: errors of ours, and pieces of ``ui``.
SAYING = {
    "Busy",
    "CheckpointError",
    "DataUnavailable",
    "InvalidInput",
    "ModelUnavailable",
    "NotSaved",
    "bar",
    "chip",
    "line_plot",
    "note",
    "part",
    "question",
    "working",
}
APART = (
    "commands.py",
    "__main__.py",
    "benchmark.py",
    "flags.py",
    "writers.py",
    "walks.py",
    "replay.py",
    "agents.py",
)  # no part of the page
HOLE = "7"  # stands for a value, being a number and a text


def template(node: ast.expr) -> str | None:
    """A literal text; values in it, and conversions of them, as ``HOLE``."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(template(part) or HOLE for part in node.values)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        return (template(node.left) or HOLE) + (template(node.right) or HOLE)
    return None


def _trees() -> Iterator[ast.Module]:
    for path in sorted(GENLAB.rglob("*.py")):
        if path.name not in APART and "mini" not in path.parts:
            yield ast.parse(path.read_text(encoding="utf-8"))


def said() -> list[str]:
    """Every text that is handed to what shows it."""
    found: dict[str, None] = {}
    for tree in _trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                texts = map(template, node.args if name in SAYING else ())
                found |= dict.fromkeys(text for text in texts if text and " " in text.strip())
    return list(found)


def literals() -> str:
    """All text in the sources, what stands between two values on a line of its own."""
    parts = []
    for tree in _trees():
        parts += [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
    return "\n".join(parts)


def unknown(catalogue: Catalogue) -> list[str]:
    """What of ``said`` has no translation."""
    found: dict[str, None] = {}
    for text in said():
        found |= dict.fromkeys(catalogue.markup(text)[1])
    return list(found)
