#!/usr/bin/env bash
# Runs the tests of the service, built with ThreadSanitizer, and fails when it reports anything; see docs/guide/testing.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

# Swift's own backtracer would start in the middle of a report. A file for each process: a test may end the program that it
# started by a signal, and its status and output say nothing then.
export SWIFT_BACKTRACE=enable=no
export TSAN_OPTIONS="${TSAN_OPTIONS:-} log_path='$PWD/runs/tsan/report'"
run() { swift test --skip-build --scratch-path .build-tsan "$@"; }
reported() { compgen -G 'runs/tsan/report.*' > /dev/null; }
clear_reports() { rm -rf runs/tsan && mkdir -p runs/tsan; }

clear_reports
if run --filter '^ServingTests\.RaceTests/' > runs/tsan/race.log 2>&1 || ! reported; then
    cat runs/tsan/race.log
    echo "tsan: the race of Tests/ServingTests/RaceTests.swift was not reported" >&2
    exit 1
fi

clear_reports
failed=0
run --filter '^(HTTPServer|Serving|DensityAPI|Compression)Tests\.' --filter '^FlowModelsTests\.EngineTests/threads' \
    --skip '\.RaceTests/' || failed=1
# One after another, since each starts programs and has limits of time. Left out is what trains and does not serve.
run --no-parallel --filter '^tuskTests\.' --skip '\.(Bench|Command|Dequantization|Distill|Memory)Tests/' || failed=1
if reported; then
    cat runs/tsan/report.* >&2
    failed=1
fi
exit $failed
