#!/bin/sh
# Makes the patches of a first training in runs/first. Needs Benchmarks/setup.sh first.
set -eu
cd "$(dirname "$0")/../.."
.venv/bin/pip install --quiet -r Benchmarks/first/requirements.txt
.venv/bin/python -m Benchmarks.first.patches --output runs/first
