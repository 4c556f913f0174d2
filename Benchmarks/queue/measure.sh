#!/usr/bin/env bash
# What an event of the batcher costs while 10, 1,000 and 10,000 requests wait: the sources of this tree, or those of
# FOLDER... one after the other, to compare two states of them.
#
#     Benchmarks/queue/measure.sh [FOLDER...]
#     WAITING="1 100" Benchmarks/queue/measure.sh      # with so many waiting
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- "$here/../../Sources/Serving/Batching"
programs=()
for folder in "$@"; do
    sources=("$folder"/*.swift)
    swiftc -O -wmo -swift-version 6 -package-name tusk -o "$work/${#programs[@]}" "${sources[@]}" "$here/main.swift"
    programs+=("$work/${#programs[@]}")
done
for index in "${!programs[@]}"; do
    shift_to=$((index + 1))
    echo "${!shift_to}"
    # shellcheck disable=SC2086 # several numbers
    "${programs[$index]}" ${WAITING:-}
done
