#!/usr/bin/env bash
# Has perf_analyzer, Triton's load tester, read the service's metadata, configuration and statistics, and ask for scores and samples.
# PyPI has the program for glibc 2.38 and newer; on an older system it runs in a Debian 13 of its own, which needs root.
#
#   Tests/conformance/perf.sh URL [KEY]
set -euo pipefail
url=$1
key=${2:-}
version=2.60.0
work=.build/perf-analyzer
program=$work/perf_analyzer/bin/perf_analyzer
root=$work/debian

if [ ! -e "$program" ]; then
    mkdir -p "$work"
    python3 -m pip download --quiet --no-deps --only-binary :all: --platform manylinux_2_38_x86_64 --python-version 3.12 \
        --dest "$work" "perf-analyzer==$version"
    python3 -m zipfile --extract "$work"/perf_analyzer-"$version"-*.whl "$work"
    chmod +x "$program"
fi
if "$program" --version > /dev/null 2>&1; then
    analyze=("$program")
else
    [ "$(id -u)" -eq 0 ] || { echo "perf: this system is older than perf_analyzer, and a newer one beside it needs root" >&2; exit 1; }
    if [ ! -e "$root/complete" ]; then
        rm -rf "$root"
        debootstrap --variant=minbase --include=libssl3t64,libstdc++6,zlib1g trixie "$root" ${DEBIAN_MIRROR:+"$DEBIAN_MIRROR"} \
            > "$work/debootstrap.log" || { cat "$work/debootstrap.log" >&2; exit 1; }
        touch "$root/complete"
    fi
    install "$program" "$root/usr/bin/perf_analyzer"
    analyze=(chroot "$root" perf_analyzer)
fi

# analyze MODEL OPTIONS...    `count` requests; what it prints ends with what the service counted meanwhile
count=100
analyze() {
    local model=$1 output
    shift
    output=$("${analyze[@]}" -m "$model" -u "${url#http://}" -H "Authorization: Bearer $key" --request-count "$count" "$@" 2>&1) || {
        echo "$output" >&2
        echo "perf: perf_analyzer -m $model $* failed" >&2
        exit 1
    }
    for line in "Request count: $count" "Successful request count: $count" "Avg request latency: "; do
        case $output in
            *"$line"*) ;;
            *) echo "$output" >&2; echo "perf: perf_analyzer -m $model $*: no line \"$line\"" >&2; exit 1 ;;
        esac
    done
    echo "perf: $model $*: $(sed -n 's/^ *\(Throughput\|p99 latency\): /\1 /p' <<< "$output" | paste -s -d,)"
}

model=$(curl --fail --silent --header "Authorization: Bearer $key" "$url/models" | python3 -c 'import json, sys; print(json.load(sys.stdin)["default"])')
analyze "$model" --concurrency-range 4
analyze "$model" --concurrency-range 2 -b 8 --async
analyze "$model" --concurrency-range 2 -x 1 --input-tensor-format json --output-tensor-format json
analyze "$model" --request-rate-range 50
analyze "$model:sample" --concurrency-range 2
echo "perf: perf_analyzer $version reads and loads the service"
