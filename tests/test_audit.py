"""What is made of pip-audit's report."""

from typing import Any

import pytest

from tests.audit import judge


def package(name: str, *vulns: tuple[str, list[str]]) -> dict[str, Any]:
    return {
        "name": name,
        "version": "1.0",
        "vulns": [{"id": id, "fix_versions": fixes, "aliases": []} for id, fixes in vulns],
    }


UNKNOWN = {"name": "x", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("packages", "failed", "said"),
    [
        ([package("a"), UNKNOWN], False, "1 of 2 packages known, 0 vulnerabilities"),
        ([package("a", ("PYSEC-1", ["1.1"]))], True, "a 1.0: PYSEC-1; mended in 1.1"),
        ([package("a", ("PYSEC-1", []))], False, "not mended in any version yet"),
        ([UNKNOWN, UNKNOWN], False, "not run"),  # pip-audit itself calls that a success
    ],
)
def test_the_verdict(packages: list[dict[str, Any]], failed: bool, said: str) -> None:
    verdict = judge({"dependencies": packages})
    assert verdict.failed is failed and said in "\n".join(verdict.lines)
