#!/usr/bin/env bash
# Holds the built service against openapi.yaml with schemathesis: no undocumented status, no breach of a schema;
# has curl and requests undo its content codings; has stock tritonclient and kserve infer (inference.py), and asks
# by the same protocol what they do not (protocol.py); holds its TLS against Mozilla's recommendation (tls.sh) and its metrics against
# the rules of both formats (metrics.py); has Prometheus scrape them (metrics.sh), and perf_analyzer load the service (perf.sh);
# is a part of Ray Data, Spark, Dask and arrays of tasks (engines.py); imports flows that nflows, zuko and normflows train (imports.py), and has model files be PyTorch modules and ONNX graphs (python/tests/torch);
# has the Python package tested (python.sh); has Debian's Chromium and Firefox use the web page (page.py). Those two always have the animals.
#
#   Tests/conformance/run.sh [MODEL]    MODEL: a model file; without it the animals inside the program
set -euo pipefail
cd "$(dirname "$0")/../.."

. Tests/conformance/service.sh
[ -x "$program" ] || { echo "conformance: $program is not built; run make build" >&2; exit 1; }
# install VENV LIST    again when the list has changed since
install() {
    cmp --quiet "$2" "$1/installed.txt" && return
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --requirement "$2"
    cp "$2" "$1/installed.txt"
}
venv=.build/conformance
install "$venv" Tests/conformance/requirements.txt
# apart, since kserve pins what a web service needs
inference=.build/conformance-inference
install "$inference" Tests/conformance/inference-requirements.txt
page=.build/conformance-page
install "$page" Tests/conformance/page-requirements.txt

engines=.build/conformance-engines
install "$engines" Tests/conformance/engines-requirements.txt
torch=.build/conformance-torch
install "$torch" Tests/conformance/torch-requirements.txt
"$torch/bin/pip" install --quiet ./python

Tests/conformance/tls.sh

output=$(mktemp)
keys=$(mktemp)
# With a key for everything: without one, all of /admin is refused.
{ read -r key; cat >"$keys"; } < <("$program" key new --name conformance --scope score --scope sample --scope admin --scope metrics)
trap 'stop_service; rm -f "$output" "$keys"' EXIT
start_service "$output" --access-log off --key-file "$keys" ${1:+--model "$1"}
url=$(sed -n 's/.* listens on //p' "$output")

"$venv/bin/schemathesis" --config-file Tests/conformance/schemathesis.toml run openapi.yaml --url "$url" \
    --header "Authorization: Bearer $key" --checks all --max-examples "${EXAMPLES:-100}"
"$venv/bin/python" Tests/conformance/clients.py "$url" "$key"
"$inference/bin/python" Tests/conformance/inference.py "$url" "$key"
"$inference/bin/python" Tests/conformance/protocol.py "$url" "$key"
"$inference/bin/python" Tests/conformance/metrics.py "$url" "$key"
Tests/conformance/metrics.sh "$url" "$key"
Tests/conformance/perf.sh "$url" "$key"
"$engines/bin/python" Tests/conformance/engines.py
"$torch/bin/python" Tests/conformance/imports.py
"$torch/bin/python" -m pytest --quiet --override-ini filterwarnings= python/tests/torch
Tests/conformance/python.sh
"$page/bin/python" Tests/conformance/page.py
