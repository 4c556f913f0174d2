"""The built service, started for a check and stopped by its process."""
import contextlib
import re
import signal
import socket
import subprocess
import tempfile
import time


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def stop(process):
    process.send_signal(signal.SIGTERM)
    try:
        return process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


@contextlib.contextmanager
def service(program, *arguments, log=None):
    """`tusk serve` with `arguments`, ready; its address, as it says it first. What it logs goes to `log`, or to standard error."""
    with tempfile.TemporaryFile("w+") as output:
        process = subprocess.Popen([program, "serve", *arguments], stdout=output, stderr=log)
        try:
            yield wait_until_ready(process, output)
        finally:
            stop(process)


def wait_until_ready(process, output, seconds=20):
    for _ in range(int(seconds / 0.05)):
        output.seek(0)
        text = output.read()
        if re.search(r"^ready", text, re.MULTILINE):
            return re.search(r"listens on (\S+?),?\s", text).group(1)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise SystemExit(f"the service did not start: {text}")
