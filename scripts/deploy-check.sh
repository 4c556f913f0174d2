#!/usr/bin/env bash
# Validates deploy/. The files: Kubernetes manifests, custom resources and Compose against their schemas, units by systemd's own
# tools, rules and scrape configurations by promtool. Then the built program as these files start it: on the sockets of the units, with
# the arguments of KServe's runtime, scraped by a Prometheus that is asked all that the dashboard asks, read by the collector.
#
#   scripts/deploy-check.sh [PROGRAM]
#
# Needs kubectl, systemd, prometheus, openssl and Python with venv; the validators come from PyPI, into .build/deploy-check. The
# OpenTelemetry collector is run where there is an otelcol-contrib (COLLECTOR for another path).
set -euo pipefail
cd "$(dirname "$0")/.."
work=.build/deploy-check
program=${1:-.build/release/tusk}
checks=Tests/deployment
python=$work/bin/python

# The oldest version that is promised, and the newest whose schemas are known.
kubernetes_versions=1.30,1.37
# Image volumes are on by default from here on.
image_volume_versions=1.35,1.37
# systemd's exposure level in tenths: 0 is sealed off, 100 is unprotected.
highest_exposure=15

[ -x "$program" ] || { echo "deploy-check: $program is not built; run make build" >&2; exit 1; }
python3 -m venv "$work"
"$work/bin/pip" install --quiet --requirement $checks/requirements.txt

echo "== deploy/kubernetes, deploy/kserve"
# rendered COMPONENT    the base with a component, as an overlay of an operator's own would have it
rendered() {
    local folder="$work/overlays/$1"
    mkdir -p "$folder"
    cat > "$folder/kustomization.yaml" <<END
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../../../deploy/kubernetes]
components: [../../../../deploy/kubernetes/components/$1]
END
    kubectl kustomize "$folder" > "$work/$1.yaml"
}
kubectl kustomize deploy/kubernetes > "$work/kubernetes.yaml"
kubectl kustomize deploy/kserve > "$work/kserve.yaml"
"$python" $checks/manifests.py "$kubernetes_versions" "$work/kubernetes.yaml" "$work/kserve.yaml" deploy/kserve/inferenceservice.yaml
for component in deploy/kubernetes/components/*/; do
    component=$(basename "$component")
    rendered "$component"
    versions=$kubernetes_versions
    [ "$component" != models-image ] || versions=$image_volume_versions
    "$python" $checks/manifests.py "$versions" "$work/$component.yaml"
done

echo "== deploy/compose.yaml, deploy/compose.monitoring.yaml"
"$python" $checks/compose.py "$work/compose.yaml"
"$work/bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml deploy/compose.monitoring.yaml "$work/compose.yaml"

echo "== units of systemd"
# verify looks for the program at its path; here it need not be installed.
sed 's|/usr/local/bin/tusk|/bin/true|' deploy/tusk.service > "$work/tusk.service"
cp deploy/*.socket "$work/"
# A misspelt setting is only a warning to it, but a hole in the fence.
warnings=$(systemd-analyze --man=no verify "$work"/tusk.service "$work"/*.socket 2>&1)
if [ -n "$warnings" ]; then
    echo "$warnings" >&2
    exit 1
fi
systemd-analyze --no-pager --offline=true --threshold="$highest_exposure" security "$work/tusk.service" | tail -n 1
"$python" $checks/sockets.py --program "$program"

echo "== deploy/prometheus"
promtool check rules deploy/prometheus/rules.yaml
promtool check config --syntax-only deploy/prometheus/prometheus.yaml
(cd deploy/prometheus && promtool test rules rules.test.yaml)
"$python" $checks/rules.py

echo "== deploy/operate.md, and the program at work"
"$python" $checks/problems.py
"$python" $checks/arguments.py --program "$program" --model Models/animals.safetensors \
    "$work"/{kubernetes,models-volume,models-image,monitoring,compose}.yaml
"$python" $checks/kserve.py --program "$program" --model Models/animals.safetensors
"$python" $checks/collector.py --program "$program" --collector "${COLLECTOR:-otelcol-contrib}"
"$python" $checks/dashboard.py --program "$program"
