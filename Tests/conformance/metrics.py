"""GET /metrics of a running service in both formats, as the rules of each are, and as prometheus-client's parsers read them.

    .build/conformance-inference/bin/python Tests/conformance/metrics.py URL KEY
"""

import concurrent.futures
import http.client
import math
import re
import sys
import time

import httpx
from prometheus_client import parser
from prometheus_client.openmetrics import parser as openmetrics

from common import check

url, key = sys.argv[1:]
client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
TEXT = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# What Prometheus 2.42 and 3.x send.
PROMETHEUS_2 = "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1"
PROMETHEUS_3 = (
    "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
    "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1"
)


def scrape(accept):
    answer = client.get("/metrics", headers={"Accept": accept})
    check(f"Accept {accept!r:.60}: {answer.status_code} {answer.headers['Content-Type']}", answer.status_code == 200)
    return answer.headers["Content-Type"], answer.text


# Something to count, with text that no label may have.
for method, path, fields in [
    ("GET", "/sample?count=2&seed=1", {}),
    ("GET", "/giraffe?secret=giraffe", {"X-Request-Id": "giraffe"}),
    ("GIRAFFE", "/health", {}),
    ("GET", "/models/giraffe", {"User-Agent": "giraffe"}),
    ("POST", "/v2/models/giraffe/infer", {"Content-Type": "giraffe/giraffe"}),
]:
    client.request(method, path, headers=fields)
client.post("/logprob", content=bytes(784), headers={"Content-Type": "application/octet-stream"})

# MARK: the type

for accept, type in [
    ("*/*", TEXT), ("text/plain", TEXT), ("text/plain;version=0.0.4", TEXT), ("text/*", TEXT), ("", TEXT), (PROMETHEUS_2, OPENMETRICS),
    (PROMETHEUS_3, OPENMETRICS), ("application/openmetrics-text", OPENMETRICS), ("application/openmetrics-text;version=1.0.0", OPENMETRICS),
    ("application/openmetrics-text;q=0.1,text/plain;q=0.9", TEXT),
]:
    check("  is " + type, scrape(accept)[0] == type)
for accept in ["application/json", "image/png", "text/plain;q=0", "nonsense"]:
    answer = client.get("/metrics", headers={"Accept": accept})
    check(f"Accept {accept}: {answer.status_code}", answer.status_code == 406 or answer.headers["Content-Type"] in (TEXT, OPENMETRICS))

# MARK: the text


def series(families):
    for family in families:
        for sample in family.samples:
            yield family, sample


text, modern = scrape(TEXT)[1], scrape(OPENMETRICS)[1]
for name, body in [("text", text), ("OpenMetrics", modern)]:
    check(f"{name}: line feeds alone, the last line ended", "\r" not in body and body.endswith("\n"))
    check("  no text of a client", "iraffe" not in body.lower())
    samples = [line for line in body.splitlines() if line and not line.startswith("#")]
    names = [line.rsplit(" ", 1)[0] for line in samples]
    check(f"  {len(names)} series, none twice", len(names) == len(set(names)))
    values = [line.rsplit(" ", 1)[1] for line in samples]
    check("  numbers of a double", all(re.fullmatch(r"NaN|[+-]Inf|-?\d+(\.\d+)?([eE][+-]?\d+)?", value) for value in values))
    check("  no series of times of making", not any(name.split("{")[0].endswith("_created") for name in names))
    labels = {label for name in names for label in re.findall(r'[{,](\w+)="', name)}
    check(f"  labels {', '.join(sorted(labels))}", not labels & {"job", "instance"})
types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", text, re.M))
check("text: kinds that it has", set(types.values()) <= {"counter", "gauge", "histogram", "summary", "untyped"} and "# UNIT" not in text and "# EOF" not in text)
check("  build information is a gauge", types["tusk_build_info"] == "gauge")
types = dict(re.findall(r"^# TYPE (\S+) (\S+)$", modern, re.M))
check("OpenMetrics: build information is an info", types["tusk_build"] == "info")
units = re.findall(r"^# UNIT (\S+) (\S+)$", modern, re.M)
check(f"  {len(units)} units, at the end of their names", units and all(name.endswith("_" + unit) for name, unit in units))
check("  ends once, without blank lines and comments", modern.endswith("\n# EOF\n") and modern.count("# EOF") == 1
      and "" not in modern.splitlines() and all(re.match(r"# (TYPE|UNIT|HELP|EOF)\b", line) for line in modern.splitlines() if line.startswith("#")))

# MARK: what a parser makes of it

classic = list(series(parser.text_string_to_metric_families(text)))
strict = list(series(openmetrics.text_string_to_metric_families(modern)))
check(f"prometheus-client reads both: {len(classic)} and {len(strict)} series", {s.name for _, s in classic} >= {s.name for _, s in strict} - {"tusk_build_info"} and len(strict) > 100)
histograms = {}
for family, sample in strict:
    if family.type == "histogram":
        other = tuple(sorted((k, v) for k, v in sample.labels.items() if k != "le"))
        histograms.setdefault((family.name, other), []).append(sample)
for (name, _), samples in histograms.items():
    buckets = [(float(s.labels["le"]), s.value) for s in samples if s.name.endswith("_bucket")]
    total = next(s.value for s in samples if s.name.endswith("_sum"))
    count = next(s.value for s in samples if s.name.endswith("_count"))
    rising = buckets == sorted(buckets) and all(a[1] <= b[1] for a, b in zip(buckets, buckets[1:]))
    if not (rising and buckets[-1] == (math.inf, count) and math.isfinite(total) and total >= 0 and buckets[0][0] >= 0):
        check(f"{name}: a histogram of values from 0 with a sum that is a number", False)
check(f"{len(histograms)} histograms rise to their count, of values from 0 on, with sums that are numbers", len(histograms) > 5)
names = {family.name for family, _ in strict}
check("scores are over percentiles", "tusk_score_percentiles" in names and not any(re.search("score_(log_prob|bits)", name) for name in names))
check("scores that are no number are counted apart", any(s.labels.get("kind") == "density-not-finite" for _, s in strict))

# MARK: many at a time


def once(_):
    start = time.perf_counter()
    connection = http.client.HTTPConnection(url.removeprefix("http://"), timeout=60)
    connection.request("GET", "/metrics", headers={"Accept": PROMETHEUS_3, "Authorization": f"Bearer {key}"})
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, body.endswith(b"# EOF\n"), time.perf_counter() - start


with concurrent.futures.ThreadPoolExecutor(100) as pool:
    answers = list(pool.map(once, range(200)))
check(f"200 scrapes, 100 at a time, the slowest in {max(a[2] for a in answers):.2f} s with its client", all(a[:2] == (200, True) for a in answers))
print("metrics: both formats as their rules are")
