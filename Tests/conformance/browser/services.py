"""Services that the page is tested with, each started here and ended by its process."""

import base64
import contextlib
import http.client
import json
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import urllib.parse

from . import pictures

ROOT = pathlib.Path(__file__).resolve().parents[3]


class Services:
    """Starts `program`, behind scripts/page.py where the page is to come from `tree`, a working tree, as it is now."""

    def __init__(self, program, tree=None):
        self.program, self.tree = program, tree

    def new_key(self, name="page", scopes=("score", "sample", "admin", "metrics")):
        """A new key with these scopes, and its line for a key file."""
        options = [word for scope in scopes for word in ("--scope", scope)]
        answer = subprocess.run([self.program, "key", "new", "--name", name, *options], check=True, capture_output=True, text=True)
        key, line = answer.stdout.split("\n", 1)
        return key, line

    def small_model(self, folder, file):
        """Trains a model for a second: 8 x 8 pixels in colour, coupling layers, neither classes nor verdicts."""
        (folder / "pictures").mkdir()
        for index in range(80):
            (folder / f"pictures/{index}.png").write_bytes(pictures.noise(8, 8, index))
        options = ["--data", folder / "pictures", "--architecture", "nice", "--layers", "2", "--seconds", "1", "--name", "small", "--output", file]
        subprocess.run([self.program, "train", *options], check=True, capture_output=True)

    @contextlib.contextmanager
    def serve(self, *options, keys=None):
        """Address of a service with these options; `keys` is the text of its key file."""
        with contextlib.ExitStack() as stack:
            folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory()))
            if keys:
                (folder / "keys").write_text(keys)
                options += ("--key-file", folder / "keys")
            command = [self.program, "serve", "--port", "0", "--access-log", "off", "--log-level", "critical", *options]
            address = stack.enter_context(started(command, re.compile(r" listens on (\S+)")))
            if self.tree:
                command = [sys.executable, self.tree / "scripts/page.py", "--service", address, "--port", str(free_port())]
                address = stack.enter_context(started(command, re.compile(r"the page is at (\S+?)/?$")))
            yield address


@contextlib.contextmanager
def started(command, pattern):
    """What `pattern` finds in what `command` prints; the process is ended with the block."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        found = None
        for line in process.stdout:
            found = found or pattern.search(line)
            if found and (line.startswith("ready") or "page.py" in str(command)):
                break
        else:
            sys.exit(f"page: {command[0]} did not start")
        yield found.group(1)
    finally:
        process.terminate()
        process.wait()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def ask(address, path, accept="*/*", body=None, **fields):
    """(status, fields, body) of one answer."""
    connection = http.client.HTTPConnection(urllib.parse.urlsplit(address).netloc, timeout=30)
    connection.request("GET" if body is None else "POST", path, body, {"Accept": accept, **fields})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, content


def get(address, path):
    return ask(address, path)


def send(address, path, body, kind):
    return success(path, ask(address, path, "application/json", body, **{"Content-Type": kind}))


def get_json(address, path):
    return json.loads(success(path, ask(address, path, "application/json")))


def success(path, answer):
    status, _, body = answer
    if status != 200:
        sys.exit(f"page: {path} is answered with {status}: {body[:200]}")
    return body


def samples(address, count=6):
    """Files (name, bytes) of pictures that the model drew."""
    drawn = get_json(address, f"/sample?count={count}&seed=7")["samples"]
    return [(f"sample-{index}.png", base64.b64decode(sample["image"])) for index, sample in enumerate(drawn)]


def typical(address):
    """One of them that the model itself finds typical: of a hundred that it draws one is an outlier."""
    for file in samples(address):
        if json.loads(send(address, "/logprob", file[1], "image/png"))["verdict"] == "typical":
            return file
    sys.exit("page: of six samples none is typical")
