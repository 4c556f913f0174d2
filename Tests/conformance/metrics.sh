#!/usr/bin/env bash
# Has promtool check the metrics of a running service in the text format, and a Prometheus scrape them as OpenMetrics, which it asks for.
#
#   Tests/conformance/metrics.sh URL [KEY]
set -euo pipefail
url=$1
key=${2:-}
port=${PROMETHEUS_PORT:-19090}
work=$(mktemp -d)
prometheus=
trap '[ -z "$prometheus" ] || { kill "$prometheus"; wait "$prometheus" || true; }; rm -rf "$work"' EXIT

header=(--header "Authorization: Bearer $key")
curl --fail --silent --show-error "${header[@]}" "$url/metrics" > "$work/metrics.txt"
promtool check metrics < "$work/metrics.txt"

printf '%s' "$key" > "$work/key"
cat > "$work/prometheus.yaml" <<END
global: { scrape_interval: 1s }
scrape_configs:
  - job_name: tusk
    authorization: { credentials_file: $work/key }
    static_configs: [{ targets: ["${url#http://}"] }]
END
prometheus --config.file="$work/prometheus.yaml" --storage.tsdb.path="$work/data" \
    --web.listen-address="127.0.0.1:$port" > "$work/log" 2>&1 &
prometheus=$!

query() { curl --silent --get "http://127.0.0.1:$port/api/v1/query" --data-urlencode "query=$1" || true; }
for _ in $(seq 60); do
    case $(query 'up{job="tusk"} == 1') in *'"value"'*) break ;; esac
    sleep 0.5
done
# what it made of each kind: an info, a counter, a gauge and a histogram
for series in tusk_build_info tusk_http_requests_total tusk_queued_requests tusk_http_request_seconds_bucket; do
    case $(query "$series") in
        *'"value"'*) ;;
        *)
            echo "metrics: Prometheus has no $series" >&2
            curl --silent "http://127.0.0.1:$port/api/v1/targets" >&2 || cat "$work/log" >&2
            exit 1
            ;;
    esac
done
curl --silent --fail "http://127.0.0.1:$port/api/v1/targets/metadata?metric=tusk_queue_wait_seconds" | grep --quiet '"type":"histogram"'
echo "metrics: promtool and Prometheus read them"
