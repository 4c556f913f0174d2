"""Has a Prometheus scrape two services at work, and asks it every query of the dashboard, the rules and the autoscalers.

A query must have data, unless it is in NEVER, and every metric that it names must be there, so that a misspelt one fails. The dashboard must
also keep all its members when the published types of Grafana read it, and its panels must not overlap.

    python3 dashboard.py --program PATH
"""
import argparse
import http.client
import json
import pathlib
import re
import ssl
import subprocess
import tempfile
import threading
import time
import urllib.parse
import urllib.request

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard

from service import free_port, service, stop

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy"
# What a service that is well does not have, with the metric that is then missing.
NEVER = {
    "Scores without a density": "tusk_scores_without_density_total",
}
IMAGE = bytes(range(256)) * 3 + bytes(16)
RAW = {"Content-Type": "application/octet-stream"}


def queries(board):
    for panel in board["panels"]:
        for target in panel.get("targets", []):
            yield panel["title"], target["expr"], target.get("legendFormat", "")
    for note in board["annotations"]["list"]:
        yield f"annotation {note['name']}", note["expr"], ""


def other_queries():
    for group in yaml.safe_load((DEPLOY / "prometheus/rules.yaml").read_text())["groups"]:
        for rule in group["rules"]:
            yield rule.get("record") or rule["alert"], rule["expr"]
    components = DEPLOY / "kubernetes/components"
    scaled = yaml.safe_load((components / "autoscale-keda/scaledobject.yaml").read_text())
    yield "ScaledObject", scaled["spec"]["triggers"][0]["metadata"]["query"]
    adapter = yaml.safe_load((components / "autoscale-queue/prometheus-adapter.yaml").read_text())["rules"][0]
    series = adapter["seriesQuery"].split("{")[0]
    filled = adapter["metricsQuery"].replace("<<.GroupBy>>", "instance").replace("<<.Series>>", series).replace("<<.LabelMatchers>>", "")
    yield "prometheus-adapter", filled
    picker = yaml.safe_load((components / "inference-pool/endpointpicker.yaml").read_text())
    engines = next(p for p in picker["plugins"] if p["type"] == "core-metrics-extractor")["parameters"]["engineConfigs"]
    for engine in engines:
        yield "endpoint picker, queued", engine["queuedRequestsSpec"]
        yield "endpoint picker, running", engine["runningRequestsSpec"]


def check_types(board):
    """Every member must survive Grafana's own types, which drop what they do not know."""
    kept = json.loads(json.dumps(Dashboard.from_json(board), cls=JSONEncoder))
    lost = []

    def compare(path, mine, theirs):
        if isinstance(mine, dict):
            for name, value in mine.items():
                if not isinstance(theirs, dict) or name not in theirs:
                    if value not in ({}, [], "", None):
                        lost.append(f"{path}/{name}")
                else:
                    compare(f"{path}/{name}", value, theirs[name])
        elif isinstance(mine, list):
            for index, value in enumerate(mine):
                compare(f"{path}/{index}", value, theirs[index] if isinstance(theirs, list) and index < len(theirs) else None)
        elif mine != theirs:
            lost.append(f"{path}: {mine!r} became {theirs!r}")
    compare("", board, kept)
    return lost


def check_layout(board):
    faults, places, ids = [], {}, set()
    for panel in board["panels"]:
        place = panel["gridPos"]
        if panel["id"] in ids or place["x"] + place["w"] > 24:
            faults.append(f"{panel['title']}: its id is another's, or it is too far right")
        ids.add(panel["id"])
        for x in range(place["x"], place["x"] + place["w"]):
            for y in range(place["y"], place["y"] + place["h"]):
                if places.setdefault((x, y), panel["title"]) != panel["title"]:
                    faults.append(f"{panel['title']} lies over {places[x, y]}")
    return sorted(set(faults))


def work(url, key, limited, until):
    """Requests of every kind that a panel shows, until a time."""
    address = urllib.parse.urlsplit(url)
    trusting = ssl._create_unverified_context()
    headers = {"Authorization": f"Bearer {key}"}
    tensor = {"name": "image", "datatype": "UINT8", "shape": [1, 28, 28, 1], "data": list(IMAGE)}
    while time.monotonic() < until:
        connection = (http.client.HTTPSConnection(address.netloc, context=trusting) if address.scheme == "https"
                      else http.client.HTTPConnection(address.netloc))
        try:
            for method, path, body, more in [
                    ("POST", "/logprob", IMAGE * 8, RAW), ("POST", "/logprob", IMAGE, RAW), ("GET", "/sample?count=4", None, {}),
                    # refused: by its cost it would not be done in a millisecond
                    ("POST", "/logprob", IMAGE * 64, RAW | {"X-Request-Timeout-Ms": "1"}),
                    ("POST", "/logprob", b"\x89PNG", {"Content-Type": "image/png"}),
                    ("POST", "/v2/models/animals/infer", json.dumps({"inputs": [tensor]}), {}),
                    ("POST", "/logprob", IMAGE, RAW | {"Authorization": f"Bearer {limited}"}),
                    ("POST", "/admin/models/animals/load", None, {}), ("GET", "/nowhere", None, {})]:
                connection.request(method, path, body, headers | more)
                connection.getresponse().read()
        finally:
            connection.close()


class Prometheus:
    def __init__(self, folder, urls, key):
        self.port = free_port()
        (folder / "key").write_text(key)
        jobs = [{
            "job_name": f"tusk-{scheme}", "scheme": scheme, "tls_config": {"insecure_skip_verify": True},
            "authorization": {"credentials_file": str(folder / "key")},
            # Alerts and queries call the job tusk.
            "relabel_configs": [{"target_label": "job", "replacement": "tusk"}],
            "static_configs": [{"targets": [urllib.parse.urlsplit(u).netloc for u in urls if u.startswith(scheme + ":")]}],
        } for scheme in ("http", "https")]
        config = {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"}, "rule_files": [str(DEPLOY / "prometheus/rules.yaml")],
                  "scrape_configs": jobs}
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config))
        self.log = (folder / "log").open("w")
        self.process = subprocess.Popen(
            ["prometheus", f"--config.file={folder}/prometheus.yaml", f"--storage.tsdb.path={folder}/data",
             f"--web.listen-address=127.0.0.1:{self.port}"], stdout=self.log, stderr=self.log)

    def ask(self, path, **parameters):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise ValueError(json.load(error)["error"]) from None


def filled(expression, step="20s"):
    for name, value in {"$job": ".*", "$instance": ".*", "$model": ".*", "$__rate_interval": step}.items():
        expression = expression.replace(name, value)
    return expression


def check_queries(prometheus, board):
    faults, count = [], 0
    known = set(prometheus.ask("label/__name__/values"))
    asked = [(title, filled(e), legend, True) for title, e, legend in queries(board)]
    asked += [(title, e.replace("[5m]", "[20s]").replace("[15m]", "[20s]"), "", False) for title, e in other_queries()]
    for title, expression, legend, must_have_data in asked:
        count += 1
        names = set(re.findall(r"\b((?:tusk|process)_\w+|up)\b(?=[\[{\s)]|$)", expression))
        excused = NEVER.get(title)
        for name in sorted(names - known - {excused} - {"tusk_scores_without_density_total"}):
            faults.append(f"{title}: there is no metric {name}")
        try:
            result = prometheus.ask("query", query=expression)["result"]
        except ValueError as error:
            faults.append(f"{title}: {error}: {expression}")
            continue
        if must_have_data and not result and not excused and not re.search(r"[<>=]=? 0$", expression):
            faults.append(f"{title}: no data: {expression}")
        if excused and result:
            faults.append(f"{title} has data; take it out of NEVER")
        for label in re.findall(r"{{\s*(\w+)\s*}}", legend):
            if result and not any(label in row["metric"] for row in result):
                faults.append(f"{title}: no series has the label {label}")
    for variable in board["templating"]["list"]:
        if variable["type"] == "query":
            series, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"]).groups()
            if not prometheus.ask(f"label/{label}/values", **{"match[]": filled(series)}):
                faults.append(f"variable {variable['name']} has no values")
    return faults, count


def new_key(program, name, *arguments):
    """The key, and its line of a key file."""
    command = [program, "key", "new", "--name", name, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=".build/release/tusk")
    parser.add_argument("--seconds", type=float, default=25)
    program, seconds = parser.parse_args().program, parser.parse_args().seconds
    board = json.loads((DEPLOY / "grafana/dashboards/tusk.json").read_text())
    faults = [f"Grafana's types lose {path}" for path in check_types(board)] + check_layout(board)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30",
                        "-subj", "/CN=localhost", "-keyout", folder / "key.pem", "-out", folder / "certificate.pem"],
                       check=True, capture_output=True)
        scopes = [part for scope in ("score", "sample", "admin", "metrics") for part in ("--scope", scope)]
        key, line = new_key(program, "check", *scopes)
        limited, limited_line = new_key(program, "limited", "--scope", "score", "--rate-requests", "1/min")
        (folder / "keys").write_text(f"{line}\n{limited_line}\n")
        (folder / "keys").chmod(0o600)
        common = ["--port", "0", "--key-file", folder / "keys", "--access-log", "off", "--log-level", "warning"]
        tls = ["--tls-certificate", folder / "certificate.pem", "--tls-key", folder / "key.pem"]
        with service(program, *common) as plain, service(program, *common, *tls) as secure:
            prometheus = Prometheus(folder, [plain, secure], key)
            try:
                until = time.monotonic() + seconds
                clients = [threading.Thread(target=work, args=(url, key, limited, until)) for url in (plain, secure, secure)]
                for client in clients:
                    client.start()
                for client in clients:
                    client.join()
                found, count = check_queries(prometheus, board)
                faults += found
            finally:
                stop(prometheus.process)
    for fault in faults:
        print(fault)
    if faults:
        raise SystemExit(f"{len(faults)} faults")
    print(f"tusk.json: {len(board['panels'])} panels; {count} queries of it, of rules and of autoscalers have data")


if __name__ == "__main__":
    main()
