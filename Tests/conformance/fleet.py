"""Three instances behind HAProxy, each a host of its own, at load: one is killed, one vanishes, one is drained, all exchange their model.

Fails if a request fails that was not in flight on the instance that died, or was and could have been asked of another one; if an
answer is not that of the model which the instance served; or if an instance that came back gets no requests. The configuration
is deploy/haproxy/haproxy.cfg as it stands: its addresses are those of network namespaces that end with this script.

    python3 Tests/conformance/fleet.py [--program PATH] [--clients N] [--seconds N] [--config FILE]
"""

import argparse
import collections
import json
import pathlib
import random
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib

from balanced import Load, Proxy, Request
from hosts import ADDRESSES, Instance, digest, ip, isolate, network

CONFIGURATION = pathlib.Path(__file__).parents[2] / "deploy/haproxy/haproxy.cfg"
SIDE = 8
LONGEST = 6  # s from the death of an instance to the answer of a request that it had; the configuration gives up after some 3


def picture(levels):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + levels[row * SIDE : (row + 1) * SIDE] for row in range(SIDE))
    header = struct.pack(">IIBBBBB", SIDE, SIDE, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def array(images, type="|u1", code="B"):
    text = str({"descr": type, "fortran_order": False, "shape": (len(images), SIDE, SIDE)}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + b"".join(struct.pack(f"<{SIDE * SIDE}{code}", *image) for image in images)


def make_images(count):
    source = random.Random(1)
    for _ in range(count):
        base = source.randrange(40, 160)
        yield bytes(base + 8 * x - 4 * y + source.randrange(30) for y in range(SIDE) for x in range(SIDE))


def make_requests(images):
    """Requests, and the names of those that HAProxy cannot repeat: larger than its buffer, or answered bit by bit."""
    npy, tensor = {"Content-Type": "application/x-npy"}, {"name": "image", "datatype": "UINT8", "shape": [1, SIDE, SIDE]}
    infer = json.dumps({"inputs": [{**tensor, "data": list(images[3])}]}).encode()
    usual = [
        Request("picture", "POST", "/logprob", picture(images[0]), {"Content-Type": "image/png"}),
        Request("16 of NPY", "POST", "/logprob", array(images[:16]), npy),
        Request("200 of NPY", "POST", "/logprob", array(images), npy),
        Request("sample", "GET", "/sample?count=8&seed=5", fields={"Accept": "application/x-npy"}),
        Request("infer", "POST", "/v2/models/fleet/infer", infer),
    ]
    once = [
        Request("100 KiB of NPY", "POST", "/logprob?scale=levels", array(images, "<f8", "d"), npy),
        Request("stream", "GET", "/sample?count=256&seed=6", fields={"Accept": "application/x-ndjson"}),
    ]
    return usual * 4 + once, {request.name for request in once}



def make_models(program, folder, images):
    """Two models of one name, which answer differently."""
    (folder / "images").mkdir()
    for number, image in enumerate(images):
        (folder / "images" / f"{number}.png").write_bytes(picture(image))
    files = []
    for seed in [1, 2]:
        files.append(folder / f"{seed}.safetensors")
        command = [program, "train", "--data", folder / "images", "--name", "fleet", "--output", files[-1]]
        subprocess.run([*command, "--seconds", "2", "--seed", str(seed)], check=True, capture_output=True)
    return files


class Fleet:
    def __init__(self, options, folder):
        images = list(make_images(200))
        self.requests, self.once = make_requests(images)
        self.kinds = list({request.name: request for request in self.requests}.values())
        self.files = make_models(options.program, folder, images)
        self.instances = {name: Instance(name, folder, options.program, self.files[0]) for name in ADDRESSES}
        self.learn()
        extra = folder / "check.cfg"
        extra.write_text(f"global\n    stats socket {folder}/haproxy.sock\n")
        self.log = folder / "haproxy.log"
        self.proxy = Proxy(folder, options.config, extra, log=open(self.log, "w"))
        for name in ADDRESSES:
            self.proxy.wait(name)
        self.seconds, self.events, self.deaths = options.seconds, [], []
        self.load = Load(80, self.requests, options.clients, digest)
        self.event("nothing", lambda: "")

    def learn(self):
        """What either model answers to each request."""
        first = self.instances["a"]
        self.answers = {}
        for generation, file in enumerate(self.files):
            first.replace(file)
            first.control("POST", "/admin/models/fleet/load")
            for request in self.kinds:
                self.answers[request.name, first.ask(request)] = generation
        first.replace(self.files[0])
        first.control("POST", "/admin/models/fleet/load")
        if len(self.answers) != 2 * len(self.kinds):
            sys.exit("fleet: both models answer alike")

    def event(self, name, act):
        """Does something, and then leaves the load alone for a while."""
        start = time.time()
        note = act()
        time.sleep(self.seconds)
        self.events.append((name, start, time.time(), note))
        print(f"{name}: {note}", flush=True)

    def back(self, name):
        instance = self.instances[name]
        instance.start()
        return f"found after {self.proxy.wait(name):.1f} s"

    def kill(self, name):
        self.deaths.append((name, time.time()))
        self.instances[name].service.kill()
        return f"left after {self.proxy.wait(name, 'DOWN'):.1f} s"

    def vanish(self, name):
        """No packet comes from the host any more, not even that the service is gone."""
        self.deaths.append((name, time.time()))
        ip(f"link set to-{name} down")
        self.instances[name].service.kill()
        note = f"left after {self.proxy.wait(name, 'DOWN'):.1f} s"
        time.sleep(4)  # so that what was in flight is found out before packets come again
        return note

    def reappear(self, name):
        ip(f"link set to-{name} up")
        return self.back(name)

    def drain(self, name):
        start = time.monotonic()
        self.instances[name].service.stop()
        return f"ended with status 0 after {time.monotonic() - start:.1f} s"

    def exchange(self, name, by):
        instance, start = self.instances[name], time.time()
        instance.replace(self.files[1])
        if by == "load":
            instance.control("POST", "/admin/models/fleet/load")
        else:
            instance.service.process.send_signal(signal.SIGHUP)
            while self.answers[self.requests[0].name, instance.ask(self.requests[0])] != 1:
                time.sleep(0.05)
        instance.exchanged = (start, time.time())
        return f"{time.time() - start:.1f} s"

    def run(self):
        self.event("a is killed", lambda: self.kill("a"))
        self.event("a is started again", lambda: self.back("a"))
        self.event("b vanishes", lambda: self.vanish("b"))
        self.event("b is there again", lambda: self.reappear("b"))
        self.event("c is drained", lambda: self.drain("c"))
        self.event("c is started again", lambda: self.back("c"))
        self.event("a exchanges its model by a load", lambda: self.exchange("a", "load"))
        self.event("b exchanges its model on SIGHUP", lambda: self.exchange("b", "SIGHUP"))
        self.event("c exchanges its model by a load", lambda: self.exchange("c", "load"))
        exchanges = self.load.end()
        self.proxy.stop()
        for instance in self.instances.values():
            instance.service.stop()
        return exchanges


# HAProxy closes a connection without an answer and without a line where a server's connection that it had used before breaks, and the
# request is not the first of its client's: whoever keeps a connection has to expect that (RFC 9112, section 9.3.1).
UNLOGGED = {"server": "", "retries": "0", "end": "unlogged"}


class Judge:
    """What came of each request, by the client and by HAProxy's log."""

    def __init__(self, fleet, exchanges):
        self.fleet, self.exchanges, self.faults, self.served = fleet, exchanges, [], set()
        lines = [json.loads(line) for line in fleet.log.read_text().splitlines() if line.startswith("{")]
        self.lines = {line["request_id"]: line for line in lines}
        for instance in fleet.instances.values():
            self.served |= {line.get("request_id") for line in map(json.loads, open(instance.folder / "log"))}
        for exchange in exchanges:
            line = self.lines.setdefault(exchange.id, UNLOGGED)
            fault = self.fault(exchange, line)
            if fault:
                self.faults.append(f"{exchange.id} ({exchange.request.name}): {fault}; {line}")
        for (name, start, end, _), counts in zip(fleet.events, map(self.counts, fleet.events)):
            back = name.endswith("again") and name[0]
            if back and not counts["by " + back]:
                self.faults.append(f"{name}: and got no request")

    def died(self, exchange, line):
        """Whether an instance died that had the request in flight, which then no other one answered."""
        end = exchange.start + exchange.seconds
        deaths = [name for name, death in self.fleet.deaths if exchange.start <= death <= end]
        return line["server"] in deaths or (line is UNLOGGED and deaths and exchange.id not in self.served)

    def fault(self, exchange, line):
        if exchange.outcome != "200":
            if not self.died(exchange, line):
                return f"{exchange.outcome}, and no instance died that had it"
            return None if exchange.request.name in self.fleet.once else f"{exchange.outcome}, and could have been repeated"
        end = exchange.start + exchange.seconds
        if any(exchange.start <= death and end > death + LONGEST for _, death in self.fleet.deaths):
            return f"answered {exchange.seconds:.1f} s after it was asked, over the death of an instance"
        if line is UNLOGGED:
            return "answered, and not in HAProxy's log"
        generation = self.fleet.answers.get((exchange.request.name, exchange.answer))
        start, end = self.fleet.instances[line["server"]].exchanged
        late, early = exchange.start > end, exchange.start + exchange.seconds < start
        if generation is None or (late and generation == 0) or (early and generation == 1):
            return f"an answer of model {generation}"
        return None

    def counts(self, event):
        _, start, end, _ = event
        counts = collections.Counter()
        for exchange in self.exchanges:
            if start <= exchange.start + exchange.seconds < end:
                line = self.lines[exchange.id]
                counts["requests"] += 1
                counts["answered"] += exchange.outcome == "200"
                counts["repeated"] += line["retries"].strip("+") != "0"
                counts["by " + line["server"]] += 1
                counts["slowest"] = max(counts["slowest"], round(1000 * exchange.seconds))
                if exchange.outcome != "200":
                    counts[f"{exchange.request.name}: {exchange.outcome} {line['end']}"] += 1
        return counts

    def print(self):
        columns = ["requests", "answered", "repeated", "by a", "by b", "by c", "slowest"]
        print(f"\n{'':34}" + "".join(f"{column:>10}" for column in columns))
        for event in self.fleet.events:
            counts = self.counts(event)
            failed = ", ".join(f"{number} x {name}" for name, number in counts.items() if ":" in name)
            print(f"{event[0]:34}" + "".join(f"{counts[column]:10}" for column in columns) + f"  {failed}")
        failed = sum(exchange.outcome != "200" for exchange in self.exchanges)
        repeated = sum(line["retries"].strip("+") != "0" for line in self.lines.values())
        print("\n".join(["", *self.faults[:20]]))
        print(f"{len(self.exchanges)} requests, {repeated} of them repeated by HAProxy, {failed} failed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=".build/release/tusk")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=6, help="of load after each event")
    parser.add_argument("--config", default=CONFIGURATION)
    parser.add_argument("--isolated", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not options.isolated:
        isolate()
    for number, reason in [(signal.SIGINT, "stopped"), (signal.SIGTERM, "stopped"), (signal.SIGALRM, "takes too long")]:
        signal.signal(number, lambda *_, reason=reason: sys.exit("fleet: " + reason))
    signal.alarm(120 + round(15 * options.seconds))  # whatever it waits for
    network()
    with tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(options, pathlib.Path(folder))
        judge = Judge(fleet, fleet.run())
        judge.print()
    sys.exit(f"fleet: {len(judge.faults)} faults" if judge.faults else 0)
