"""What is exchanged while the service runs: the key file and the certificate, by SIGHUP."""

import os
import pathlib
import signal
import ssl
import subprocess
import time

from .link import Broken, Link

NOTICED_WITHIN = 20.0  # seconds
AUTHORITY = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30"]


def run(*command):
    subprocess.run(list(map(str, command)), check=True, capture_output=True)


class Certificates:
    """`count` certificates of one authority, put into place in turns."""

    def __init__(self, folder, count=3):
        self.folder, self.count, self.turn = pathlib.Path(folder), count, 0
        run(*AUTHORITY, "-subj", "/CN=soak", "-keyout", self.folder / "ca.key", "-out", self.folder / "ca.pem")
        for i in range(count):
            name = self.folder / str(i)
            run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=localhost",
                "-addext", "subjectAltName=DNS:localhost", "-keyout", f"{name}.key", "-out", f"{name}.csr")
            run("openssl", "x509", "-req", "-in", f"{name}.csr", "-CA", self.folder / "ca.pem", "-CAkey", self.folder / "ca.key",
                "-days", "30", "-set_serial", str(100 + i), "-copy_extensions", "copy", "-out", f"{name}.pem")
            os.chmod(f"{name}.key", 0o600)
        self.certificate, self.key = self.folder / "current.pem", self.folder / "current.key"
        self.put()

    def put(self):
        for source, target in ((f"{self.turn}.pem", self.certificate), (f"{self.turn}.key", self.key)):
            replace(target, (self.folder / source).read_bytes(), 0o600)

    def exchange(self):
        self.turn = (self.turn + 1) % self.count
        self.put()

    def context(self):
        return ssl.create_default_context(cafile=self.folder / "ca.pem")

    def shown(self, address):
        """Whether a new connection is shown the one in place."""
        with Link(address, self.context()) as link:
            return int(link.socket.getpeercert()["serialNumber"], 16) == 100 + self.turn


def replace(path, data, mode):
    fresh = path.with_suffix(".new")
    fresh.write_bytes(data)
    os.chmod(fresh, mode)
    os.replace(fresh, path)


class Keys:
    """A key that is always taken, and one that is taken every other time."""

    def __init__(self, program, folder):
        self.file = pathlib.Path(folder) / "keys"
        self.lasting, lasting_line = self.new(program, "lasting", "score", "sample", "admin")
        self.changing, changing_line = self.new(program, "changing", "score")
        self.lines = [lasting_line, changing_line]
        self.has_both = True
        self.put()

    @staticmethod
    def new(program, name, *scopes):
        command = [program, "key", "new", "--name", name]
        for scope in scopes:
            command += ["--scope", scope]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.split("\n")[:2]

    def put(self):
        replace(self.file, "".join(line + "\n" for line in self.lines[:1 + self.has_both]).encode(), 0o644)

    def exchange(self):
        self.has_both = not self.has_both
        self.put()

    def taken(self, address):
        """Whether the changing key is taken exactly when it is in the file."""
        with Link(address) as link:
            status = link.ask("GET", "/models", keep_alive=False, fields=authorization(self.changing)).status
        return status == (200 if self.has_both else 401)


def authorization(key):
    return [("Authorization", f"Bearer {key}")]


def exchange(pid, certificates, keys, tls, plain, chance):
    """New files, SIGHUP; whoever comes afterwards must soon be treated by them."""
    what = chance.choice([[certificates], [keys], [certificates, keys]])
    for one in what:
        one.exchange()
    os.kill(pid, signal.SIGHUP)
    began = time.monotonic()
    while not (certificates.shown(tls) and keys.taken(plain)):
        if time.monotonic() - began > NOTICED_WITHIN:
            raise Broken(f"what was exchanged is not in force {NOTICED_WITHIN:.0f} s after SIGHUP")
        time.sleep(0.05)
    return "in force"
