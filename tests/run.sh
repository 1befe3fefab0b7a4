#!/usr/bin/env bash
# The whole test run from nothing: environment, browser, lint, types, tests.
set -euo pipefail
cd "$(dirname "$0")/.."

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/python -m pip install --quiet --disable-pip-version-check -r requirements.txt -r tests/requirements.txt

# A real browser: the system's, else Debian's package, else the one that Playwright brings.
if ! command -v chromium >/dev/null; then
    (as_root apt-get update -qq && as_root apt-get install -y -qq chromium >/dev/null) \
        || .venv/bin/python -m playwright install --with-deps chromium
fi

.venv/bin/ruff check .
.venv/bin/ruff format --check .
.venv/bin/mypy
# Known vulnerabilities of what is installed; where nobody can be asked, it says so.
failed=0
.venv/bin/python -m tests.audit || failed=1
# Small networks: a second thread costs more than it brings, a second process does not.
export OMP_NUM_THREADS=1
.venv/bin/python -m pytest -n 2 --dist loadfile --ignore tests/browser --ignore tests/faults "$@" || failed=1
# Then whole servers, browsers and kills, two at a time, for much of it is waiting. Nothing here tests speed: what a
# busy machine kept waiting for minutes is tried once more, and named in the summary.
.venv/bin/python -m pytest -n 2 --dist loadfile tests/browser tests/faults --reruns 1 --only-rerun TimeoutError -rR "$@" || failed=1
exit $failed
