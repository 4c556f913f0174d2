#!/usr/bin/env bash
# Builds the sdist and from it the wheel of python/, installs the wheel in a virtual environment, and holds it against the built
# service: pytest with the examples of its pages, mypy --strict, ruff.
#
#   Tests/conformance/python.sh [ARGUMENTS OF PYTEST]
#
# PYTHON: the Python to test with (python3); TUSK_PROGRAM: the program (.build/release/tusk, or else .build/debug/tusk).
set -euo pipefail
cd "$(dirname "$0")/../.."

python=${PYTHON:-python3}
venv=.build/python-$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')
[ -x "$venv/bin/pip" ] || "$python" -m venv "$venv"
"$venv/bin/pip" install --quiet build
rm -rf "$venv/dist"
"$venv/bin/python" -m build --outdir "$venv/dist" python >"$venv/build.log" 2>&1 || { cat "$venv/build.log" >&2; exit 1; }
wheel=$(echo "$venv"/dist/*.whl)
"$venv/bin/pip" install --quiet "$wheel[test]"
# again, since a wheel of the same version may be there
"$venv/bin/pip" install --quiet --force-reinstall --no-deps "$wheel"

bin=$PWD/$venv/bin
[ -z "${TUSK_PROGRAM:-}" ] || TUSK_PROGRAM=$(realpath "$TUSK_PROGRAM")
export TUSK_PROGRAM="${TUSK_PROGRAM:-}"
cd python
"$bin/ruff" check
"$bin/ruff" format --check
"$bin/mypy"
# without the proxies of this machine, which httpx would ask for loopback too
env -u http_proxy -u HTTP_PROXY -u all_proxy -u ALL_PROXY "$bin/python" -m pytest --quiet "$@"
