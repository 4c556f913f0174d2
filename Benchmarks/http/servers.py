"""The servers that answer /health: ours and its peers, each with the same JSON and the same fields."""

import contextlib
import json
import pathlib
import shutil
import ssl
import subprocess
import sys

from Benchmarks import machine
from Benchmarks.service import Service, free_port
from . import processes

HERE = pathlib.Path(__file__).resolve().parent
HUMMINGBIRD = HERE / "hummingbird-peer" / ".build" / "release" / "HealthPeer"
NGINX = machine.REPOSITORY / "runs" / "http" / "nginx" / "usr" / "sbin" / "nginx"

NGINX_CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr error;
events {{ worker_connections 1024; }}
http {{
  {log} keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} {tls};
    location = /health {{
      add_header x-request-id $request_id;
      add_header server-timing 'queue;dur=0.000, batch;desc="0 rows", compute;dur=0.000, decode;dur=0.000';
      return 200 '{{"status":"ready","live":true,"ready":true,"model":"animals","version":"0.1.0","uptime_seconds":12.345}}';
    }}
  }}
}}
"""

# What our own log has of a request, as far as nginx knows it.
NGINX_LOG = """log_format request escape=json '{{"time":"$time_iso8601","message":"request","method":"$request_method","route":"$uri",'
    '"status":$status,"request_bytes":$content_length,"response_bytes":$bytes_sent,"seconds":$request_time,"request_id":"$request_id",'
    '"trace_id":"$http_traceparent","protocol":"$server_protocol","tls":"$ssl_protocol"}}';
  access_log {folder}/access.log request;"""
# TLS as TLSContext.swift has it.
NGINX_TLS = """ssl; ssl_certificate {certificate}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_ecdh_curve X25519:P-256:P-384;
    ssl_ciphers ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305"""


class Server:
    """One that answers /health on `port`; `pid` leads its processes."""

    def __init__(self, name, pid, port):
        self.name, self.pid, self.port = name, pid, port
        self.url = f"http://127.0.0.1:{port}"

    def over_tls(self):
        self.url = f"https://localhost:{self.port}"
        return self


@contextlib.contextmanager
def running(name, command, port, tls=None):
    process = processes.start(command)
    try:
        processes.wait_until_answers(process, port, name, tls)
        yield Server(name, process.pid, port)
    finally:
        processes.stop(process)


# No peer logs its requests.
QUIET = ("--access-log", "off")


@contextlib.contextmanager
def tusk(program, *arguments):
    with Service(program, arguments=[*QUIET, *arguments]) as service:
        server = Server("tusk", service.process.pid, int(service.url.rpartition(":")[2]))
        server.started_in = service.started_in
        yield server


def tusk_over_tls(program, certificate, key, *arguments):
    port = free_port()
    command = [program, "serve", "--port", port, "--tls-certificate", certificate, "--tls-key", key, *QUIET, *arguments]
    return running("tusk over TLS", command, port, ssl.create_default_context(cafile=certificate))


@contextlib.contextmanager
def logging_tusk(name, program, folder, credentials=None):
    """A `tusk serve` with its log of requests in a file; over TLS with a certificate and a key."""
    port = free_port()
    command = [program, "serve", "--port", port, "--log-format", "json"]
    if credentials:
        command += ["--tls-certificate", credentials[0], "--tls-key", credentials[1]]
    with open(pathlib.Path(folder) / f"tusk-{port}.log", "wb") as log:
        process = processes.start(command, log)
        try:
            context = ssl.create_default_context(cafile=credentials[0]) if credentials else None
            processes.wait_until_answers(process, port, name, context)
            server = Server(name, process.pid, port)
            yield server.over_tls() if credentials else server
        finally:
            processes.stop(process)


@contextlib.contextmanager
def logging_nginx(folder, credentials=None):
    """An nginx with a log of the same kind, written as it is by default: a line with each answer."""
    port = free_port()
    own = pathlib.Path(folder) / f"nginx-{port}"
    own.mkdir()
    tls = NGINX_TLS.format(certificate=credentials[0], key=credentials[1]) if credentials else "backlog=512"
    with started_nginx(own, port, NGINX_LOG.format(folder=own), tls, credentials) as server:
        yield server.over_tls() if credentials else server


def nginx(folder):
    return started_nginx(folder, free_port(), "access_log off;", "backlog=512")


def started_nginx(folder, port, log, tls, credentials=None):
    configuration = pathlib.Path(folder) / "nginx.conf"
    configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, port=port, log=log, tls=tls))
    program = NGINX if NGINX.exists() else "nginx"
    context = ssl.create_default_context(cafile=credentials[0]) if credentials else None
    return running("nginx", [program, "-e", "stderr", "-p", folder, "-c", configuration], port, context)


def uvicorn(name, *options):
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "Benchmarks.http.fastapi_peer:app", "--host", "127.0.0.1", "--port",
               port, "--workers", "1", "--no-access-log", "--log-level", "error", "--no-server-header", *options]
    return running(name, command, port)


def hummingbird():
    port = free_port()
    return running("Hummingbird", [HUMMINGBIRD, port], port)


def node():
    port = free_port()
    return running("Node", ["node", HERE / "node_peer.mjs", port], port)


def peers(folder):
    """Name, what starts it and why it cannot be, each."""
    return [
        ("Hummingbird", hummingbird,
         None if HUMMINGBIRD.exists() else "not built: swift build -c release --package-path " + str(HUMMINGBIRD.parents[2])),
        ("FastAPI", lambda: uvicorn("FastAPI", "--loop", "asyncio", "--http", "h11"), None),
        ("FastAPI, uvloop", lambda: uvicorn("FastAPI, uvloop", "--loop", "uvloop", "--http", "httptools"), None),
        ("nginx", lambda: nginx(folder),
         None if NGINX.exists() or shutil.which("nginx") else "not there: Benchmarks/http/setup.sh"),
        ("Node", node, None if shutil.which("node") else "Node is not installed"),
    ]


def versions():
    """Of the peers that are no Python packages."""

    def said(command, stream="stdout"):
        result = subprocess.run(command, capture_output=True, text=True, check=True)
        return getattr(result, stream).strip()

    found = {}
    if HUMMINGBIRD.exists():
        pins = json.loads((HUMMINGBIRD.parents[2] / "Package.resolved").read_text())["pins"]
        found["hummingbird"] = next(pin["state"]["version"] for pin in pins if pin["identity"] == "hummingbird")
    program = NGINX if NGINX.exists() else shutil.which("nginx")
    if program:
        found["nginx"] = said([program, "-v"], "stderr").rpartition("/")[2]
    if shutil.which("node"):
        found["node"] = said(["node", "--version"]).lstrip("v")
    found["wrk"] = said(["dpkg-query", "--show", "--showformat=${Version}", "wrk"])
    found["slowhttptest"] = said(["dpkg-query", "--show", "--showformat=${Version}", "slowhttptest"])
    return found
