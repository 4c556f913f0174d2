#!/bin/sh
# Makes .venv at the top of the repository for the Python scripts of this folder.
set -eu
cd "$(dirname "$0")/.."
[ -x .venv/bin/python ] || python3 -m venv .venv
.venv/bin/pip install --quiet -r Benchmarks/requirements.txt
