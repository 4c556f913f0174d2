"""Clients that only hold connections: idle ones of our own, and the slow ones of slowhttptest."""

import contextlib
import socket
import ssl
import time

from . import processes
from .load import answer_length, request

# Each source address has some 28,000 ports; a few addresses leave room for those that wait to be reused.
CONNECTIONS_OF_A_SOURCE = 5_000

SLOW = {
    "headers": ["-H", "-i", "5"],
    "body": ["-B", "-i", "5", "-s", "8192", "-f", "image/png"],
    "read": ["-X", "-n", "1", "-w", "64", "-y", "128", "-z", "8", "-k", "1"],
}
SLOW_PATHS = {"headers": "/health", "body": "/logprob", "read": "/openapi.yaml"}


def ask(connection):
    """One whole exchange, so that the server holds whatever it keeps for a connection that was used."""
    connection.sendall(request("GET", "/health"))
    received = b""
    while answer_length(received) is None:
        part = connection.recv(4096)
        if not part:
            raise RuntimeError("the server closed an idle connection")
        received += part


@contextlib.contextmanager
def idle(port, count, certificate=None):
    """`count` keep-alive connections that each asked once; over TLS when `certificate` is given."""
    context = ssl.create_default_context(cafile=certificate) if certificate else None
    held = []
    try:
        for index in range(count):
            source = f"127.0.0.{2 + index // CONNECTIONS_OF_A_SOURCE}"
            connection = socket.create_connection(("127.0.0.1", port), timeout=30, source_address=(source, 0))
            held.append(connection)
            if context:
                held[-1] = context.wrap_socket(connection, server_hostname="localhost")
            ask(held[-1])
        yield held
    finally:
        for connection in held:
            connection.close()


@contextlib.contextmanager
def slow(server, kind, count, seconds):
    """`count` slow clients of slowhttptest; ready when they are all connected, as the server's descriptors show."""
    before = processes.descriptors(server.pid)
    # nice: its own work on the shared cores is not what the honest clients shall feel
    command = ["nice", "-n", "19", "slowhttptest", "-c", count, "-r", count, "-l", seconds, "-p", 20, "-v", 0, *SLOW[kind],
               "-t", "POST" if kind == "body" else "GET", "-u", server.url + SLOW_PATHS[kind]]
    process = processes.start(command)
    try:
        began = time.monotonic()
        while processes.descriptors(server.pid) - before < 0.99 * count:
            if process.poll() is not None or time.monotonic() - began > 20:
                attached = processes.descriptors(server.pid) - before
                raise RuntimeError(f"slowhttptest, {kind}: {attached} of {count} attached")
            time.sleep(0.05)
        yield lambda: processes.descriptors(server.pid) - before
    finally:
        processes.stop(process)
