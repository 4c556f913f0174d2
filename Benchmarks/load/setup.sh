#!/bin/sh
# What make bench-load needs beside Benchmarks/setup.sh: LitServe and Ray Serve, and Fashion-MNIST from Debian for the small model.
set -eu
cd "$(dirname "$0")/../.."
scripts/setup.sh zoo
# together, so that pip sees when one pins what the other cannot have
.venv/bin/pip install --quiet -r Benchmarks/requirements.txt -r Benchmarks/load/requirements.txt
