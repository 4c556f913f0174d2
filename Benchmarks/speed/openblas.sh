#!/usr/bin/env bash
# Our product kernel beside OpenBLAS on the dense products of a training step, one thread, for each instruction set:
# GFLOP/s ours / OpenBLAS's (ratio). Needs clang (which comes with Swift) and libopenblas-dev.
set -euo pipefail
cd "$(dirname "$0")/../.."
program=$(mktemp)
trap 'rm -f "$program"' EXIT
clang -O2 -ffp-contract=off -std=gnu23 -ISources/CFlowKernels/include $(pkg-config --cflags openblas) \
    Sources/CFlowKernels/*.c Benchmarks/speed/openblas.c -o "$program" $(pkg-config --libs openblas) -lm
echo "| instruction set | rows | forward | pull back | gradient |"
echo "| --- | --: | --: | --: | --: |"
export OPENBLAS_NUM_THREADS=1
OPENBLAS_CORETYPE=Nehalem "$program" baseline
OPENBLAS_CORETYPE=Haswell "$program" avx2
OPENBLAS_CORETYPE=SkylakeX "$program" avx512
