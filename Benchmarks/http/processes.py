"""Processes of the benchmark: started in sessions of their own, watched through /proc, stopped by their ids."""

import contextlib
import os
import pathlib
import re
import resource
import signal
import socket
import subprocess
import time

READY_WITHIN = 30  # seconds
STOPPED_WITHIN = 15  # seconds
TICKS = os.sysconf("SC_CLK_TCK")


def raise_descriptor_limit(wanted):
    """The soft limit of this process and of those it starts; how many it could become."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else wanted, hard))
    return hard if hard != resource.RLIM_INFINITY else wanted


def family(pid):
    """`pid` and its descendants."""
    found = [pid]
    for process in found:
        for task in pathlib.Path(f"/proc/{process}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += [int(child) for child in task.read_text().split()]
    return found


def cpu_seconds(pid):
    """User and system time of `pid` and its descendants so far."""
    total = 0
    for process in family(pid):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):
            fields = pathlib.Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            total += int(fields[11]) + int(fields[12])
    return total / TICKS


def resident_mb(pid):
    """Resident memory of `pid`, in MB of 10^6 bytes."""
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024 / 1e6


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def start(command, log=subprocess.DEVNULL, **options):
    """A session of its own, so that Ctrl-C reaches only the benchmark, which then stops what it started."""
    return subprocess.Popen(
        list(map(str, command)), stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **options)


def stop(process):
    """Ends `process`, which leads a session (`start`): SIGTERM, and SIGKILL for what is then left, also of what it started."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(STOPPED_WITHIN)
    except subprocess.TimeoutExpired:
        for child in family(process.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        process.wait()
    # LitServe leaves its workers behind; no other process can have this group's number while they live
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def answers(port, tls):
    """Whether GET /health is answered with 200; over TLS with the context `tls`, if it is given."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1) as plain:
            connection = tls.wrap_socket(plain, server_hostname="localhost") if tls else plain
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            return connection.recv(64).startswith(b"HTTP/1.1 200")
    except OSError:
        return False


def wait_until_answers(process, port, name, tls=None, within=READY_WITHIN):
    began = time.monotonic()
    while not answers(port, tls):
        if process.poll() is not None or time.monotonic() - began > within:
            raise RuntimeError(f"{name} does not answer on port {port}")
        time.sleep(0.02)
