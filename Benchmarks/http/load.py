"""What asks the servers: wrk, which waits for answers, and an open loop, which does not; both on loopback."""

import collections
import random
import re
import select
import socket
import subprocess
import time

PATIENCE = 30  # seconds
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}


def milliseconds(text):
    number, unit = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text).groups()
    return float(number) * UNITS[unit]


def wrk(url, connections, threads, seconds, script=None):
    """Requests/s, p50 and p99 in ms and errors, of `connections` that ask again as soon as they are answered."""
    command = ["wrk", f"-c{connections}", f"-t{threads}", f"-d{seconds}s", "--timeout", "30s", "--latency", *(["-s", script] if script else [])]
    output = subprocess.run([*command, url], check=True, capture_output=True, text=True).stdout
    requests = int(re.search(r"(\d+) requests in", output).group(1))
    if requests == 0:
        raise RuntimeError(f"{url} answered nothing within {seconds} s; give it more --seconds")
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", output)
    broken = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", output)
    return {
        "requests": requests,
        "requests_per_second": float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)),
        "p50": milliseconds(re.search(r"^\s+50%\s+(\S+)", output, re.MULTILINE).group(1)),
        "p99": milliseconds(re.search(r"^\s+99%\s+(\S+)", output, re.MULTILINE).group(1)),
        "errors": int(failed.group(1) if failed else 0) + sum(map(int, broken.groups()) if broken else []),
    }


def answer_length(received):
    """Bytes of the answer at the front of `received`, or None while it is not whole."""
    end = received.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = re.search(rb"\r\ncontent-length: (\d+)", received[:end].lower())
    if not length:
        raise RuntimeError("an answer without content-length")
    whole = end + 4 + int(length.group(1))
    return whole if len(received) >= whole else None


def request(method, path, body=b"", kind=None):
    fields = f"Content-Type: {kind}\r\nContent-Length: {len(body)}\r\n" if kind else ""
    return f"{method} {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n".encode() + body


class OpenLoop:
    """Requests at the times of a Poisson process, whether or not the earlier ones are answered: latency counts from
    the time at which a request was due, so that a server that stalls is charged for all that it held up."""

    def __init__(self, port, message, connections=32):
        self.message = message
        self.idle = collections.deque(socket.create_connection(("127.0.0.1", port)) for _ in range(connections))
        for connection in self.idle:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # connection: when its request was due, and what has come of the answer
        self.busy = {}
        # A server may soon close a connection that never asked anything, and later one that was used.
        self.capacity(0)

    def run(self, rate, seconds, seed):
        """Latencies in ms of all that was due within `seconds`, in order of answers, and how many were refused."""
        arrivals = random.Random(seed)
        waiting = collections.deque()
        latencies, refused = [], 0
        began = time.perf_counter()
        due = began + arrivals.expovariate(rate)
        while due < began + seconds or waiting or self.busy:
            while due <= time.perf_counter() and due < began + seconds:
                waiting.append(due)
                due += arrivals.expovariate(rate)
            while waiting and self.idle:
                self.send(waiting.popleft())
            pause = max(due - time.perf_counter(), 0) if due < began + seconds else PATIENCE
            for since, ok in self.receive(pause):
                latencies.append((time.perf_counter() - since) * 1000)
                refused += not ok
        return latencies, refused

    def capacity(self, seconds):
        """Answers a second when every connection asks again at once."""
        began = time.perf_counter()
        answered = 0
        while True:
            while self.idle:
                self.send(began)
            answered += len(self.receive(PATIENCE))
            if time.perf_counter() >= began + seconds:
                break
        rate = answered / (time.perf_counter() - began)
        while self.busy:
            self.receive(PATIENCE)
        return rate

    def send(self, due):
        connection = self.idle.popleft()
        connection.sendall(self.message)
        self.busy[connection] = (due, b"")

    def receive(self, pause):
        """Of each request that is answered within `pause` s, or of the first ones, when it was due and whether it is 200."""
        # select, since its timeout has microseconds and those of poll and epoll milliseconds
        readable, _, _ = select.select(list(self.busy), [], [], pause)
        if pause == PATIENCE and not readable:
            raise RuntimeError(f"{len(self.busy)} requests were not answered within {PATIENCE} s")
        answered = []
        for connection in readable:
            due, received = self.busy[connection]
            part = connection.recv(65536)
            if not part:
                raise RuntimeError("the server closed a connection of an honest client")
            received += part
            if answer_length(received) is None:
                self.busy[connection] = (due, received)
                continue
            del self.busy[connection]
            self.idle.append(connection)
            answered.append((due, received[9:12] == b"200"))
        return answered

    def close(self):
        for connection in [*self.idle, *self.busy]:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def percentile(values, percent):
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[max(-(-len(ordered) * percent // 100), 1) - 1]
