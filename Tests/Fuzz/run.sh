#!/usr/bin/env bash
# Lets libFuzzer look for inputs that break a target of Tests/Fuzz, one target after another.
# Usage: run.sh SECONDS [TARGET...]        seconds for each; without a target, all of them
# New inputs are kept in runs/fuzz/TARGET, what broke something in runs/fuzz/TARGET-crash-...; see docs/guide/testing.md.
set -euo pipefail
cd "$(dirname "$0")/../.."

program=.build-fuzz/release/tusk-fuzz
seconds=${1:?usage: run.sh SECONDS [TARGET...]}
shift
known=$("$program" list)
[ $# -gt 0 ] || mapfile -t names < <(cut -d ' ' -f 1 <<< "$known")
[ $# -eq 0 ] || names=("$@")

# Swift's own backtracer would start in the middle of the sanitizer's report.
export SWIFT_BACKTRACE=enable=no
mkdir -p runs/fuzz
printf '%-11s %12s %8s %8s %9s %7s  %s\n' target executions exec/s edges features inputs found
broken=0
for name in "${names[@]}"; do
    longest=$(awk -v name="$name" '$1 == name { print $2 }' <<< "$known")
    [ -n "$longest" ] || { echo "run.sh: there is no target '$name' in: $(cut -d ' ' -f 1 <<< "$known" | xargs)" >&2; exit 64; }
    log=runs/fuzz/$name.log
    mkdir -p "runs/fuzz/$name"
    dictionary=Tests/Fuzz/dictionaries/$name.dict
    # Seconds for one input, MiB of memory altogether and of one allocation: far above what any input needs.
    code=0
    "$program" --target="$name" -max_total_time="$seconds" -max_len="$longest" -timeout=10 -rss_limit_mb=1024 \
        -malloc_limit_mb=256 -print_final_stats=1 -artifact_prefix="runs/fuzz/$name-" \
        $([ ! -f "$dictionary" ] || echo "-dict=$dictionary") \
        "runs/fuzz/$name" "Tests/Fuzz/corpus/$name" < /dev/null > "$log" 2>&1 || code=$?
    runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    rate=$(sed -n 's/^stat::average_exec_per_sec: *//p' "$log")
    last=$(grep -aE '^#[0-9]+.* cov: ' "$log" | tail -1)
    value() { sed -nE "s/.* $1: ([0-9]+).*/\1/p" <<< "$last"; }
    found=$(sed -n 's/.*Test unit written to //p' "$log" | xargs)
    printf '%-11s %12s %8s %8s %9s %7s  %s\n' "$name" "${runs:-?}" "${rate:-?}" "$(value cov)" "$(value ft)" \
        "$(value corp)" "${found:-nothing}"
    if [ $code -ne 0 ]; then
        broken=1
        grep -aE 'Fatal error|ERROR: |SUMMARY: ' "$log" | sed 's/^/    /'
        [ -z "$found" ] || echo "    again: SWIFT_BACKTRACE=enable=no $program --target=$name $found"
    fi
done
exit $broken
