"""Hours of good and bad load on one process, and whether it stays as it was: `make soak MINUTES=n`.

    .venv/bin/python -m Benchmarks.load.soak --program .build/release/tusk --minutes 60

One `tusk serve` with keys, over TLS on a port of loopback and plain over a Unix socket, serves a small model. Threads ask for every
route in every form, send heads that are none, cut bodies off, leave before the answer, send and read slowly, send
pictures that are too large; every few seconds the key file and the certificate are exchanged. Every request has exactly one answer, its own,
or an end that this side made; the same image always has the same density. Memory and descriptors are read every second.

What breaks these, and after --judge-after minutes also a memory that grows and a 99th percentile that does, makes the exit status 1.
"""

import argparse
import collections
import contextlib
import json
import os
import pathlib
import random
import signal
import sys
import tempfile
import threading
import time

from Benchmarks import machine
from Benchmarks.http import processes
from Benchmarks.service import free_port
from . import models
from .traffic import exchanges, prober, watch
from .traffic.bad import Bad
from .traffic.good import Good
from .traffic.link import Broken, Link

HEAD_TIMEOUT, BODY_TIMEOUT = 3, 5  # seconds of the server's, short so that stalled clients come and go
KEPT_VIOLATIONS = 50
PAUSE = (2, 10)  # seconds between two exchanges of files
PICTURE_EVERY = 5  # seconds
LEAVES_WITHIN = 30  # seconds for the server's descriptors to go once nobody is connected
GOOD_OF_ALL = 0.6  # fraction of the visits that are of the good kind


class Tally:
    """What was done and how it ended, counted by all threads."""

    def __init__(self):
        self.lock = threading.Lock()
        self.outcomes = collections.defaultdict(collections.Counter)
        self.violations, self.violation_count = [], 0

    def note(self, name, outcome):
        with self.lock:
            self.outcomes[name][str(outcome)] += 1

    def violation(self, name, error):
        with self.lock:
            self.violation_count += 1
            if len(self.violations) < KEPT_VIOLATIONS:
                self.violations.append(f"{name}: {error}")
                print(f"soak: {time.strftime('%H:%M:%S')}: {name}: {error}", file=sys.stderr, flush=True)


class Soak:
    def __init__(self, options, model, folder):
        self.options, self.tally, self.stop = options, Tally(), threading.Event()
        self.certificates = exchanges.Certificates(folder)
        self.keys = exchanges.Keys(options.program, folder)
        port = free_port()
        self.tls, self.plain = ("127.0.0.1", port), str(pathlib.Path(folder) / "soak.sock")
        self.log = open(pathlib.Path(options.output).with_suffix(".log"), "w+")
        command = [
            options.program, "serve", "--model", model, "--listen", f"127.0.0.1:{port}", "--listen", f"unix:{self.plain}",
            "--key-file", self.keys.file, "--tls-certificate", self.certificates.certificate, "--tls-key", self.certificates.key,
            "--head-timeout", HEAD_TIMEOUT, "--body-timeout", BODY_TIMEOUT, "--log-level", "warning", *options.serve]
        self.process = processes.start(command, self.log)
        self.good, self.bad = Good(), Bad(HEAD_TIMEOUT)
        self.authorization = exchanges.authorization(self.keys.lasting)

    def wait_until_ready(self):
        began = time.monotonic()
        while time.monotonic() < began + 30 and self.process.poll() is None:
            try:
                with Link(self.plain) as link:
                    if link.ask("GET", "/health/ready", keep_alive=False).status == 200:
                        return
            except OSError:
                pass
            time.sleep(0.05)
        self.log.seek(0)
        raise SystemExit(f"soak: the service does not start: {self.log.read().strip()}")

    def open(self, chance):
        return Link(self.plain) if chance.random() < 0.5 else Link(self.tls, self.certificates.context())

    @contextlib.contextmanager
    def watched(self, name):
        try:
            yield
        except Broken as error:
            self.tally.violation(name, error)
        except OSError as error:
            self.tally.violation(name, f"{type(error).__name__}: {error}")

    def misbehave(self, action, chance):
        with self.watched(action.__name__):
            self.tally.note(action.__name__, action(lambda: self.open(chance), chance, self.authorization))

    def behave(self, chance):
        """A connection with some good requests on it, after the last of which nothing more comes."""
        with self.watched("connection"), self.open(chance) as link:
            for _ in range(chance.randint(1, 8)):
                action = pick(chance, self.good.table)
                try:
                    self.tally.note(action.__name__, action(link, chance, self.authorization))
                except Broken as error:
                    raise Broken(f"{action.__name__}: {error}") from error
                if self.stop.wait(chance.expovariate(20)):
                    break
            link.ask("GET", "/health/live", keep_alive=False)
            link.expect_end()

    def act(self, seed):
        chance = random.Random(seed)
        while not self.stop.wait(chance.expovariate(self.options.rate / self.options.clients)):
            if chance.random() < GOOD_OF_ALL:
                self.behave(chance)
            else:
                self.misbehave(pick(chance, self.bad.table), chance)

    def show_pictures(self):
        """Large pictures at fixed times: each takes so long that minutes with different numbers of them could not be compared."""
        chance, number = random.Random(0), 0
        began = time.monotonic()
        while not self.stop.wait(max(began + number * PICTURE_EVERY - time.monotonic(), 0)):
            self.misbehave(self.bad.large_picture, chance)
            number += 1

    def exchange(self, seed):
        chance = random.Random(seed)
        while not self.stop.wait(chance.uniform(*PAUSE)):
            with self.watched("exchange"):
                self.tally.note("exchange", exchanges.exchange(
                    self.process.pid, self.certificates, self.keys, self.tls, self.plain, chance))

    def run(self):
        """Samples of every second, the prober's latencies, and descriptors before and after."""
        self.wait_until_ready()
        chance = random.Random(0)
        for _, action in [*self.bad.table, (0, self.bad.large_picture)]:  # whatever is opened once for good is open then
            self.misbehave(action, chance)
        before = watch.settled_descriptors(self.process.pid, LEAVES_WITHIN)
        seconds = 60 * self.options.minutes
        probes = prober.Prober(self.plain, self.keys.lasting, self.options.probes, seconds)
        threads = [threading.Thread(target=self.act, args=(seed,), daemon=True) for seed in range(1, 1 + self.options.clients)]
        threads.append(threading.Thread(target=self.exchange, args=(0,), daemon=True))
        threads.append(threading.Thread(target=self.show_pictures, daemon=True))
        for thread in threads:
            thread.start()
        samples = watch.every_second(self.process, seconds, self.report)
        latencies = probes.finish()
        self.stop.set()
        for thread in threads:
            thread.join(120)
            if thread.is_alive():
                self.tally.violation("client", "still waits two minutes after the end")
        after = watch.settled_descriptors(self.process.pid, LEAVES_WITHIN)
        return samples, latencies, (before, after)

    def report(self, sample):
        if sample["second"] % 60 == 0 and sample["second"]:
            done = sum(sum(counts.values()) for counts in self.tally.outcomes.values())
            print(f"{sample['second'] // 60} min: {sample['resident_mb']:.1f} MB, {sample['descriptors']} descriptors, {done} visits and "
                  f"requests, {self.tally.violation_count} violations", flush=True)

    def end(self):
        """Exit status of the service on SIGTERM; None when it had ended before."""
        if self.process.poll() is not None:
            self.tally.violation("service", f"ended by itself with status {self.process.returncode}")
            return None
        self.process.send_signal(signal.SIGTERM)
        try:
            status = self.process.wait(30)
        finally:
            processes.stop(self.process)
        if status != 0:
            self.tally.violation("service", f"ended with status {status} on SIGTERM, with nobody connected")
        return status


def pick(chance, table):
    return chance.choices([action for _, action in table], [weight for weight, _ in table])[0]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--model", help="a model of 28×28 grey images named small; without it a small coupling is trained")
    parser.add_argument("--data", default=models.FASHION_MNIST, help="images that the small model is trained on, as for tusk train")
    parser.add_argument("--clients", type=int, default=16, help="that visit at a time")
    parser.add_argument("--rate", type=float, default=20, help="visits a second of all of them, at most")
    parser.add_argument("--probes", type=float, default=20, help="one-image requests a second whose latency is taken")
    parser.add_argument("--judge-after", type=float, default=10, help="minutes from which on growth is a fault too")
    parser.add_argument("--max-slope", type=float, default=4, help="MB an hour that memory may grow, beyond twice the standard error")
    parser.add_argument("--max-p99-growth", type=float, default=1.1, help="p99 of the last minute over that of the first")
    parser.add_argument("--output", default="runs/load/soak", help="path of figures (.json), plot (.png) and log (.log)")
    parser.add_argument("--serve", nargs=argparse.REMAINDER, default=[], help="last: further options of tusk serve")
    options = parser.parse_args()
    if options.minutes <= 0 or options.clients < 1 or options.rate <= 0 or options.probes <= 0:
        parser.error("--minutes, --clients, --rate and --probes are above 0")
    return options


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    processes.raise_descriptor_limit(8192)
    output = pathlib.Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        model = options.model or models.small(folder, options.program, options.data).file
        soak = Soak(options, model, folder)
        try:
            samples, latencies, descriptors = soak.run()
        finally:
            status = soak.end()
        result = watch.figures(samples, latencies, descriptors) | {
            "machine": machine.description([]), "minutes": options.minutes, "status": status, "load_average": os.getloadavg(),
            "outcomes": {name: dict(counts) for name, counts in sorted(soak.tally.outcomes.items())},
            "violations": soak.tally.violation_count, "first_violations": soak.tally.violations}
    faults = watch.faults(result, options)
    output.with_suffix(".json").write_text(json.dumps(result | {"faults": faults, "samples": samples, "latencies": latencies}))
    watch.plot(output.with_suffix(".png"), samples, result)
    print(watch.text(result))
    if faults:
        sys.exit("soak: " + "; ".join(faults))


if __name__ == "__main__":
    main()
