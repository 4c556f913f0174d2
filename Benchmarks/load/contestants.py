"""The servers that are measured: programs of ours, and the same weights in PyTorch behind LitServe and Ray Serve."""

import contextlib
import dataclasses
import importlib.util
import json
import socket
import subprocess
import sys
import typing

from Benchmarks.http import processes, servers
from Benchmarks.service import free_port
from . import messages, wire

PEER_READY_WITHIN = 180  # seconds: it imports PyTorch, and Ray starts a cluster
DENSITY_TOLERANCE = 1e-4  # nats a dimension, as in Benchmarks/exactness.py
# All callers come from this machine, and most of a crowd has a connection each.
ANY_NUMBER = ("--max-connections", "16384", "--max-connections-per-client", "0")


@dataclasses.dataclass(frozen=True)
class Contestant:
    name: str
    dialect: type  # of `messages`
    start: typing.Callable  # of a model, a context manager of what has `port` and `pid`
    missing: str = ""  # why it cannot be measured here
    packages: tuple = ()  # whose versions matter


def tusk(name, program):
    def start(model):
        return servers.tusk(program, *ANY_NUMBER, *(["--model", model.file] if model.file else []))

    return Contestant(name, messages.Tusk, start)


def peer(name, module, package, dialect):
    """A module of this folder, in the Python that runs this."""
    reason = "" if importlib.util.find_spec(package) else f"{package} is not installed: Benchmarks/load/setup.sh"

    @contextlib.contextmanager
    def start(model):
        port = free_port()
        process = processes.start(
            [sys.executable, "-m", f"Benchmarks.load.{module}", "--model", model.weights, "--port", port, "--batch", model.peer_batch])
        try:
            processes.wait_until_answers(process, port, name, within=PEER_READY_WITHIN)
            yield servers.Server(name, process.pid, port)
        finally:
            processes.stop(process)

    return Contestant(name, dialect, start, reason, (package, "torch"))


PEERS = {
    "litserve": peer("LitServe", "litserve_peer", "litserve", messages.LitServe),
    "ray": peer("Ray Serve", "ray_peer", "ray", messages.Ray),
}


def ask(port, message, patience=60):
    """Status and JSON of one answer."""
    answer = wire.Answer()
    with socket.create_connection(("127.0.0.1", port), timeout=patience) as connection:
        connection.sendall(message)
        while True:
            part = connection.recv(65536)
            if part and answer.take(part) or not part and answer.ended():
                return answer.status, json.loads(answer.body)
            if not part:
                raise RuntimeError(f"port {port}: closed without an answer")


def log_prob(port, message):
    """Of the one image of `message`, nats."""
    status, answer = ask(port, message)
    if status != 200:
        raise RuntimeError(f"port {port}: /logprob is answered with {status}")
    return answer["log_prob"] if "log_prob" in answer else answer["results"][0]["log_prob"]


def version(program):
    return subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout.strip()
