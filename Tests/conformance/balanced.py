"""What the checks behind HAProxy share: the proxy, the service, and clients that keep what they get."""

import http.client
import re
import signal
import socket
import subprocess
import threading
import time
from typing import Any, NamedTuple


class Proxy:
    """HAProxy with configuration files of which one has its control socket, FOLDER/haproxy.sock."""

    def __init__(self, folder, *files, log=subprocess.DEVNULL):
        self.folder = folder
        names = [word for file in files for word in ("-f", file)]
        self.process = subprocess.Popen(["haproxy", "-db", *names], stdout=log, stderr=subprocess.DEVNULL)

    def status(self, server):
        """As HAProxy's table has it: UP, DOWN, no check."""
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(f"{self.folder}/haproxy.sock")
            control.sendall(b"show stat\n")
            text = b"".join(iter(lambda: control.recv(65536), b"")).decode()
        lines = text.removeprefix("# ").splitlines()
        names = lines[0].split(",")
        for line in lines[1:]:
            row = dict(zip(names, line.split(",")))
            if row.get("pxname") == "tusk" and row.get("svname") == server:
                return row["status"]
        return None

    def wait(self, server, pattern="UP$|no check"):
        """Until it sends requests to `server`, or whatever `pattern` says; seconds that this took."""
        start = time.monotonic()
        while time.monotonic() < start + 30:
            try:
                if re.match(pattern, self.status(server) or ""):
                    return time.monotonic() - start
            except OSError:
                pass  # not there yet
            time.sleep(0.05)
        raise SystemExit(f"HAProxy does not see server {server} as {pattern}")

    def stop(self):
        """Once it has written about each request."""
        self.process.send_signal(signal.SIGUSR1)
        self.process.wait()


class Service:
    """A process of `command`, which is tusk serve with its options, from its line that it is ready."""

    def __init__(self, command, **options):
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)
        for line in self.process.stdout:
            if line.startswith("ready"):
                return
        raise SystemExit("the service did not start")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.read()
        status = self.process.wait()
        if status != 0:
            raise SystemExit(f"the service ended with status {status}")

    def kill(self):
        self.process.kill()
        self.process.wait()


class Request(NamedTuple):
    name: str
    method: str
    path: str
    body: bytes | None = None
    fields: dict = {}


class Exchange(NamedTuple):
    """A request and what came of it."""

    request: Request
    id: str
    start: float  # seconds since 1970
    seconds: float
    outcome: str  # a status, or the name of an error
    answer: Any  # what `read` made of a body with 200


class Load:
    """Clients that ask without pause, three of four over a persistent connection, and keep what they get."""

    def __init__(self, port, requests, clients, read=lambda request, body: None):
        self.port, self.requests, self.read = port, requests, read
        self.exchanges, self.ended = [], threading.Event()
        self.threads = [threading.Thread(target=self.run, args=[number], daemon=True) for number in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self, number):
        connection, count = None, number
        while not self.ended.is_set():
            count += 1
            request = self.requests[count % len(self.requests)]
            id, start, answer = f"client-{number}-{count}", time.time(), None
            try:
                if connection is None:
                    connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
                connection.request(request.method, request.path, request.body, {**request.fields, "X-Request-Id": id})
                response = connection.getresponse()
                body = response.read()
                outcome = str(response.status)
                if response.status == 200:
                    answer = self.read(request, body)
            except (OSError, http.client.HTTPException) as error:
                outcome = type(error).__name__
            if number % 4 == 0 or outcome != "200":
                connection.close()
                connection = None
            self.exchanges.append(Exchange(request, id, start, time.time() - start, outcome, answer))
        if connection is not None:
            connection.close()

    def end(self):
        self.ended.set()
        for thread in self.threads:
            thread.join()
        return self.exchanges
