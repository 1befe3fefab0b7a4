"""Known vulnerabilities of the installed packages, by pip-audit: ``python -m tests.audit``."""

import json
import subprocess
import sys
from typing import Any, NamedTuple


class Verdict(NamedTuple):
    """What to say, and whether something must be done about it."""

    lines: list[str]
    failed: bool


def judge(report: dict[str, Any]) -> Verdict:
    """What pip-audit's JSON says. It skips what its service does not know, and calls that a success."""
    audited = [package for package in report["dependencies"] if "skip_reason" not in package]
    lines, failed = [], False
    for package in audited:
        for found in package["vulns"]:
            fixes = ", ".join(found["fix_versions"])
            lines.append(
                f"{package['name']} {package['version']}: {found['id']}; "
                + (f"mended in {fixes}" if fixes else "not mended in any version yet")
            )
            failed |= bool(fixes)
    if not audited:
        return Verdict(
            ["pip-audit: not run, the service that knows the vulnerabilities tells of no package."], False
        )
    known = f"{len(audited)} of {len(report['dependencies'])} packages known"
    said = f"pip-audit: {known}, {len(lines)} vulnerabilities."
    return Verdict([said, *lines], failed)


def main() -> int:
    """1 where a mended version waits to be installed; 0 where there is none, or nobody can be asked."""
    asked = [sys.executable, "-m", "pip_audit", "--local", "--format", "json", "--progress-spinner", "off"]
    done = subprocess.run([*asked, "--timeout", "20"], capture_output=True, text=True)
    try:
        verdict = judge(json.loads(done.stdout))
    except ValueError:
        verdict = Verdict([f"pip-audit: not run. {done.stderr.strip().splitlines()[-1:]}"], False)
    print("\n".join(verdict.lines))
    return int(verdict.failed)


if __name__ == "__main__":
    sys.exit(main())
