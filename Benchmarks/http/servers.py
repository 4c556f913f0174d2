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
  access_log off; keepalive_requests 1000000000; default_type application/json;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} backlog=512;
    location = /health {{
      add_header x-request-id $request_id;
      add_header server-timing 'queue;dur=0.000, batch;desc="0 rows", compute;dur=0.000, decode;dur=0.000';
      return 200 '{{"status":"ready","live":true,"ready":true,"model":"animals","version":"0.1.0","uptime_seconds":12.345}}';
    }}
  }}
}}
"""


class Server:
    """One that answers /health on `port`; `pid` leads its processes."""

    def __init__(self, name, pid, port):
        self.name, self.pid, self.port = name, pid, port
        self.url = f"http://127.0.0.1:{port}"


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


def nginx(folder):
    port = free_port()
    configuration = pathlib.Path(folder) / "nginx.conf"
    configuration.write_text(NGINX_CONFIGURATION.format(folder=folder, port=port))
    program = NGINX if NGINX.exists() else "nginx"
    return running("nginx", [program, "-e", "stderr", "-p", folder, "-c", configuration], port)


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
