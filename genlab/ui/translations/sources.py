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
# These take what a picture is called, a word or more.
NAMING = {"figure", "img", "one", "row", "sheet", "small"}
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


def templates(node: ast.expr, assigned: dict[str, list[ast.expr]]) -> Iterator[str]:
    """The literal texts that ``node`` may be: of a name those that its file gives it, of a choice both."""
    if isinstance(node, ast.IfExp):
        yield from templates(node.body, assigned)
        yield from templates(node.orelse, assigned)
    elif isinstance(node, ast.Name):
        for value in assigned.get(node.id, ()):
            if not isinstance(value, ast.Name):
                yield from templates(value, assigned)
    elif text := template(node):
        yield text


def _assigned(tree: ast.Module) -> dict[str, list[ast.expr]]:
    """What the names of a file stand for, in any of its functions."""
    found: dict[str, list[ast.expr]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            for target in node.targets:
                if isinstance(target, ast.Name):
                    found.setdefault(target.id, []).append(node.value)
    return found


def _trees() -> Iterator[ast.Module]:
    for path in sorted(GENLAB.rglob("*.py")):
        if path.name not in APART and "mini" not in path.parts:
            yield ast.parse(path.read_text(encoding="utf-8"))


def said() -> list[str]:
    """Every text that is handed to what shows it."""
    found: dict[str, None] = {}
    for tree in _trees():
        assigned = _assigned(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                name = getattr(node.func, "attr", getattr(node.func, "id", ""))
                fewest = 1 if name in NAMING else 2  # words: one alone may be a name in the code
                for arg in node.args if name in SAYING | NAMING else ():
                    texts = templates(arg, assigned)
                    found |= dict.fromkeys(text for text in texts if len(text.split()) >= fewest)
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
