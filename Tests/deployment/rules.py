"""Compares the PrometheusRule of the component monitoring with deploy/prometheus/rules.yaml, of which it is made.

    python3 rules.py [--write]
"""
import pathlib
import sys

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
RULE = DEPLOY / "kubernetes/components/monitoring/prometheusrule.yaml"
HEAD = """\
# Made of deploy/prometheus/rules.yaml by Tests/deployment/rules.py --write: change that file, not this one.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tusk
spec:
"""

rules = (DEPLOY / "prometheus/rules.yaml").read_text().splitlines(keepends=True)
groups = "".join("  " + line for line in rules if not line.startswith("#"))
if "--write" in sys.argv[1:]:
    RULE.write_text(HEAD + groups)
elif RULE.read_text() != HEAD + groups:
    raise SystemExit(f"{RULE.name} is not what rules.yaml says; run Tests/deployment/rules.py --write")
print(f"{RULE.name}: as rules.yaml")
