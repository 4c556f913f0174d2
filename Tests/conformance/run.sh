#!/usr/bin/env bash
# Holds the built service against openapi.yaml with schemathesis: no undocumented status, no breach of a schema;
# has curl and requests undo its content codings; holds its TLS against Mozilla's recommendation (tls.sh); and has
# Prometheus scrape its metrics (metrics.sh).
#
#   Tests/conformance/run.sh [MODEL]    MODEL: a model file; without it the animals inside the program
set -euo pipefail
cd "$(dirname "$0")/../.."

. Tests/conformance/service.sh
venv=.build/conformance
[ -x "$program" ] || { echo "conformance: $program is not built; run make build" >&2; exit 1; }
# Again when the list has changed since.
if ! cmp --quiet Tests/conformance/requirements.txt "$venv/installed.txt"; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement Tests/conformance/requirements.txt
    cp Tests/conformance/requirements.txt "$venv/installed.txt"
fi

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
Tests/conformance/metrics.sh "$url" "$key"
