#!/usr/bin/env bash
# Validates deploy/: the Kubernetes manifests and the compose file against their schemas, the unit by systemd's own
# tools, and the rules by promtool. Needs kubectl, systemd, promtool (Debian: prometheus) and Python with venv; the validators
# come from PyPI, into .build/deploy-check.
set -euo pipefail
cd "$(dirname "$0")/.."
work=.build/deploy-check

# The oldest version that is promised, and the newest whose schemas are known.
kubernetes_versions=(1.30 1.37)
# systemd's exposure level in tenths: 0 is sealed off, 100 is unprotected.
highest_exposure=15

python3 -m venv "$work"
"$work/bin/pip" install --quiet kubernetes-validate==1.37.0 check-jsonschema==0.39.0

kubectl kustomize deploy/kubernetes > "$work/kubernetes.yaml"
for version in "${kubernetes_versions[@]}"; do
    "$work/bin/kubernetes-validate" --strict --kubernetes-version "$version" "$work/kubernetes.yaml"
done

echo "deploy/compose.yaml:"
"$work/bin/check-jsonschema" --builtin-schema vendor.compose-spec deploy/compose.yaml

# verify looks for the program at its path; here it need not be installed.
sed 's|/usr/local/bin/tusk|/bin/true|' deploy/tusk.service > "$work/tusk.service"
cp deploy/tusk.socket "$work/tusk.socket"
echo "deploy/tusk.service, deploy/tusk.socket:"
# A misspelt setting is only a warning to it, but a hole in the fence.
warnings=$(systemd-analyze --man=no verify "$work/tusk.service" "$work/tusk.socket" 2>&1)
if [ -n "$warnings" ]; then
    echo "$warnings" >&2
    exit 1
fi
systemd-analyze --no-pager --offline=true --threshold="$highest_exposure" security "$work/tusk.service" | tail -n 1

echo "deploy/prometheus:"
promtool check rules deploy/prometheus/rules.yaml
(cd deploy/prometheus && promtool test rules rules.test.yaml)
