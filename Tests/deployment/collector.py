"""Checks deploy/opentelemetry/collector.yaml against what the program writes: its log's lines and its metrics.

    python3 collector.py [--program PATH] [--collector otelcol-contrib]

promtool reads the receiver's scrape configuration, and every real line is held against the layout, the levels and the fields that the
configuration names. Where a collector is there, it runs the configuration on these lines and hands them to a receiver of OTLP here. A
build without the prometheus receiver runs the log's half alone, and that is said.
"""
import argparse
import contextlib
import datetime
import http.client
import http.server
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import threading
import time

import yaml

from service import free_port, service, stop

CONFIGURATION = pathlib.Path(__file__).parents[2] / "deploy/opentelemetry/collector.yaml"
TRACE = "0af7651916cd43dd8448eb211c80319c"
# Of the collector before 0.149, which knows the newer names not.
FORMER_NAMES = {"file_log": "filelog", "otlp_http": "otlphttp"}
# What OTLP calls the levels of the log (SeverityNumber).
SEVERITIES = {"trace": 1, "debug": 5, "info": 9, "notice": 10, "warning": 13, "error": 17, "critical": 21}


def filled(text, **values):
    """The configuration with its ${env:NAME:-default} filled in."""
    return re.sub(r"\$\{env:(\w+)(?::-([^}]*))?\}", lambda m: values.get(m[1], m[2] or ""), text)


def check_scrape(configuration, folder):
    path = folder / "scrape.yaml"
    path.write_text(yaml.safe_dump(configuration["receivers"]["prometheus"]["config"]))
    subprocess.run(["promtool", "check", "config", path], check=True, stdout=subprocess.DEVNULL)


def write_lines(program, log):
    """Lines of a service that was asked well, badly, within a trace and without; and had a model that cannot be taken."""
    with log.open("w") as file, service(program, "--port", "0", "--log-format", "json", log=file) as url:
        connection = http.client.HTTPConnection(url.removeprefix("http://").strip("/"))
        for headers in ({}, {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}):
            for method, path, body in (("GET", "/health", None), ("POST", "/logprob", b"\x89PNG"), ("POST", "/logprob", bytes(784))):
                connection.request(method, path, body, headers | {"Content-Type": "application/octet-stream"} if body else headers)
                connection.getresponse().read()
        connection.close()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    # Of levels that a service in good health does not write there is a line here all the same.
    lines += [lines[0] | {"level": level} for level in SEVERITIES]
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return lines


def check_lines(configuration, lines):
    """The configuration's own words against every line, without a collector."""
    operators = {o["type"]: o for o in configuration["receivers"]["file_log"]["operators"] if o["type"] != "remove"}
    layout = operators["json_parser"]["timestamp"]["layout"].replace("%L", "%f")
    mapped = operators["json_parser"]["severity"]["mapping"]
    known = {"trace", "debug", "info", "error"} | set(mapped.values())
    traced = 0
    for line in lines:
        datetime.datetime.strptime(line["time"], layout)
        if line["level"] not in known or line["level"] not in SEVERITIES:
            raise SystemExit(f"the level {line['level']} is not mapped")
        if line.get("trace_flags") is not None:
            traced += 1
            for field in ("trace_id", "span_id", "trace_flags"):
                name = operators["trace_parser"][field]["parse_from"].removeprefix("attributes.")
                if not re.fullmatch({"trace_id": "[0-9a-f]{32}", "span_id": "[0-9a-f]{16}", "trace_flags": "[0-9a-f]{2}"}[field], line[name]):
                    raise SystemExit(f"{name} is {line[name]}")
    if set(SEVERITIES) - known:
        raise SystemExit(f"no mapping of {sorted(set(SEVERITIES) - known)}")
    return traced


@contextlib.contextmanager
def otlp_receiver():
    """Takes OTLP in JSON; the bodies by path."""
    bodies = {"/v1/logs": [], "/v1/metrics": []}

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            bodies[self.path].append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", bodies
    finally:
        server.shutdown()


def run_collector(collector, program, configuration, folder, log, lines):
    parts = subprocess.run([collector, "components"], check=True, capture_output=True, text=True).stdout
    has_metrics = re.search(r"name: prometheus$", parts.split("exporters:")[0], re.MULTILINE) is not None
    configuration = json.loads(json.dumps(configuration))
    configuration["receivers"]["file_log"]["start_at"] = "beginning"
    configuration["exporters"]["otlp_http"] |= {"encoding": "json", "compression": "none"}
    configuration["service"]["telemetry"] = {"metrics": {"level": "none"}}
    if not has_metrics:
        del configuration["receivers"]["prometheus"], configuration["service"]["pipelines"]["metrics"]
    else:
        configuration["receivers"]["prometheus"]["config"]["scrape_configs"][0] |= {"scrape_interval": "1s", "scrape_timeout": "1s"}
    text = yaml.safe_dump(configuration, sort_keys=False)
    for name, before in FORMER_NAMES.items():
        if not re.search(rf"name: {name}$", parts, re.MULTILINE):
            text = re.sub(rf"\b{name}\b", before, text)
    path = folder / "collector.yaml"
    path.write_text(text)
    with otlp_receiver() as (endpoint, bodies), service(program, "--port", "0", "--access-log", "off") as url:
        environment = os.environ | {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "TUSK_LOG": str(log),
                                    "TUSK_ADDRESS": url.removeprefix("http://").strip("/")}
        subprocess.run([collector, "validate", "--config", path], check=True, env=environment)
        with (folder / "collector.log").open("w") as output:
            process = subprocess.Popen([collector, "--config", path], env=environment, stdout=output, stderr=output)
            try:
                for _ in range(100):
                    records = [r for b in bodies["/v1/logs"] for p in b["resourceLogs"] for s in p["scopeLogs"] for r in s["logRecords"]]
                    if len(records) >= len(lines) and (bodies["/v1/metrics"] or not has_metrics):
                        break
                    time.sleep(0.2)
            finally:
                stop(process)
    complaints = [line for line in (folder / "collector.log").read_text().splitlines() if re.search(r"\t(error|warn)\t", line)]
    if complaints:
        raise SystemExit("the collector: " + "\n".join(complaints[:5]))
    compare(lines, records)
    if has_metrics:
        names = {m["name"] for b in bodies["/v1/metrics"] for r in b["resourceMetrics"] for s in r["scopeMetrics"] for m in s["metrics"]}
        if not {"tusk_http_requests_total", "tusk_queued_requests", "tusk_queue_wait_seconds"} <= names:
            raise SystemExit(f"metrics that came: {sorted(names)}")
    return "metrics and log" if has_metrics else "log alone: this build has no prometheus receiver"


def compare(lines, records):
    if len(lines) != len(records):
        raise SystemExit(f"{len(lines)} lines, {len(records)} records")
    for line, record in zip(lines, records):
        when = datetime.datetime.strptime(line["time"] + "+0000", "%Y-%m-%dT%H:%M:%S.%fZ%z")
        wanted = {"timeUnixNano": str(round(when.timestamp() * 1000) * 1_000_000), "severityNumber": SEVERITIES[line["level"]],
                  "severityText": line["level"], "body": {"stringValue": line["message"]}}
        if line.get("trace_flags") is not None:
            wanted |= {"traceId": line["trace_id"], "spanId": line["span_id"], "flags": int(line["trace_flags"], 16)}
        for name, value in wanted.items():
            if record.get(name) != value:
                raise SystemExit(f"{name} is {record.get(name)!r}, not {value!r}: {line}")
        attributes = {a["key"] for a in record["attributes"]}
        if "route" in line and not {"route", "status", "handle_ms", "request_id"} <= attributes:
            raise SystemExit(f"attributes are {sorted(attributes)}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=".build/release/tusk")
    parser.add_argument("--collector", default="otelcol-contrib")
    options = parser.parse_args()
    text = CONFIGURATION.read_text()
    configuration = yaml.safe_load(text)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        check_scrape(yaml.safe_load(filled(text)), folder)
        lines = write_lines(options.program, folder / "tusk.log")
        traced = check_lines(configuration, lines)
        if traced == 0:
            raise SystemExit("no line has the fields of a trace")
        collector = shutil.which(options.collector)
        how = run_collector(collector, options.program, configuration, folder, folder / "tusk.log", lines) if collector else \
            f"not run: there is no {options.collector}"
    print(f"collector.yaml: {len(lines)} real lines, {traced} of them in a trace; collector: {how}")


if __name__ == "__main__":
    main()
