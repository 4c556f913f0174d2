"""Hosts of a fleet as network namespaces, and the service on each."""

import hashlib
import http.client
import json
import math
import os
import shutil
import socket
import subprocess
import sys

from balanced import Service

ADDRESSES = {"a": "10.0.0.11", "b": "10.0.0.12", "c": "10.0.0.13"}  # as in deploy/haproxy/haproxy.cfg
DRAIN_DELAY = 3  # s


def isolate():
    """Runs this script again in namespaces of its own: networks, mounts and processes in them end with it, however it ends."""
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user"]
    if subprocess.run([*command, "true"], stderr=subprocess.DEVNULL).returncode != 0:
        sys.exit("fleet: needs root, or a system that lets users have network namespaces (user.max_user_namespaces)")
    os.execvp(command[0], [*command, sys.executable, *sys.argv, "--isolated"])


def ip(words):
    subprocess.run(["ip", *words.split()], check=True)


def network():
    subprocess.run(["mount", "-t", "tmpfs", "fleet", "/run"], check=True)
    ip("link set lo up")
    ip("link add bridge type bridge")
    ip("address add 10.0.0.1/24 dev bridge")
    ip("link set bridge up")
    for name, address in ADDRESSES.items():
        ip(f"netns add {name}")
        ip(f"link add to-{name} type veth peer name eth0 netns {name}")
        ip(f"link set to-{name} master bridge up")
        ip(f"-n {name} address add {address}/24 dev eth0")
        ip(f"-n {name} link set eth0 up")
        ip(f"-n {name} link set lo up")


class Control(http.client.HTTPConnection):
    """Over the instance's Unix socket, where administration needs no key."""

    def __init__(self, path):
        super().__init__("localhost", timeout=30)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self.path))


class Instance:
    """A host, and the service on it; `served` says since when it may, or must, answer by which model."""

    def __init__(self, name, folder, program, first):
        self.name, self.folder, self.program = name, folder / name, program
        self.folder.mkdir()
        self.model = self.folder / "fleet.safetensors"
        shutil.copy(first, self.model)
        self.exchanged = (math.inf, math.inf)
        self.start()

    def start(self):
        log = open(self.folder / "log", "a")
        command = ["ip", "netns", "exec", self.name, self.program, "serve", "--host", "0.0.0.0", "--models", self.folder]
        command += ["--threads", "1", "--max-connections-per-client", "0", "--drain-delay", str(DRAIN_DELAY)]
        self.service = Service([*command, "--listen", f"unix:{self.folder}/socket"], stderr=log)

    def control(self, method, path):
        connection = Control(self.folder / "socket")
        connection.request(method, path)
        response = connection.getresponse()
        body = json.loads(response.read())
        if response.status != 200:
            sys.exit(f"fleet: {method} {path}: {body}")
        return body

    def replace(self, file):
        beside = self.folder / ".new"
        shutil.copy(file, beside)
        beside.rename(self.model)

    def ask(self, request):
        connection = http.client.HTTPConnection(ADDRESSES[self.name], 8080, timeout=30)
        connection.request(request.method, request.path, request.body, request.fields)
        response = connection.getresponse()
        body = response.read()
        if response.status != 200:
            sys.exit(f"fleet: {request.name}: {body.decode()}")
        return digest(request, body)


def digest(request, body):
    return hashlib.sha256(body).hexdigest()
