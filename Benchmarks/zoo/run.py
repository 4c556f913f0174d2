"""Trains and evaluates the entries of the model zoo, ours and the peers', each of ours beside its peer.

    .venv/bin/python -m Benchmarks.zoo.run --program .build/release/tusk [--only maf,glow]

The time of a training is what the processors worked for it: a machine that does other things at the same time finishes later
and leaves both sides the work that they would have done. So pairs have one thread each, since torch's spin while they wait;
entries without a peer have --threads.

Every entry has a folder under --runs. Ctrl-C, a kill or a restart leave everything so that the same command continues: a
training goes on from its checkpoint and its clock from where it stood; what is finished is left alone. At the end report.py
writes the tables.
"""

import argparse
import csv
import fcntl
import json
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time

from Benchmarks import machine
from Benchmarks.peers.training import clock_text
from . import report
from .entries import DATA, ENTRIES

INTERRUPTED = 130  # exit status of `tusk train` and of this script


class Failed(Exception):
    """A command of a job failed, or the job may not run."""


class Interrupted(Exception):
    """Ctrl-C or SIGTERM; everything can be continued."""


class Children:
    """The commands that run. Each has a session of its own, so that Ctrl-C reaches it once, through us."""

    def __init__(self):
        self.processes = set()
        self.is_interrupted = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._interrupt)

    def _interrupt(self, *_):
        self.is_interrupted = True
        for process in list(self.processes):
            if process.poll() is None:
                process.send_signal(signal.SIGINT)

    def run(self, command, lock, show):
        """Exit status; `show` gets every line. The child holds `lock` too, should this process be killed."""
        if self.is_interrupted:
            raise Interrupted
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True, pass_fds=[lock])
        self.processes.add(process)
        if self.is_interrupted:  # between the look and the start
            process.send_signal(signal.SIGINT)
        for line in process.stdout:
            show(line.rstrip("\n"))
        self.processes.discard(process)
        return process.wait()


class Job:
    """One side of one entry: `ours` or `peer`. `words` are all that its result depends on."""

    def __init__(self, entry, side, options):
        self.entry, self.side, self.options = entry, side, options
        self.folder = options.runs / entry.name
        self.seconds = options.seconds or entry.seconds
        self.data = options.folders[entry.data]
        self.record_path = self.folder / f"{side}.json"
        self.who = "tusk" if side == "ours" else entry.peer.split()[0]

    @property
    def words(self):
        if self.side == "ours":
            return self.entry.options(self.seconds)
        return [*self.entry.peer.split(), self.entry.sizes(), *self.entry.options(self.seconds)]

    @property
    def threads(self):
        return 1 if self.entry.peer else self.options.threads

    @property
    def training(self):
        """The command that starts the training, or continues it."""
        alone = ["--threads", str(self.threads)]
        if self.side == "ours":
            return [str(self.options.program), "train", "--data", self.data, *self.words, "--name", self.entry.name,
                    "--output", str(self.folder / "ours.safetensors"), "--resume", "--patience", "0", *alone]
        return [sys.executable, "-m", "Benchmarks.zoo.peer", "--entry", self.entry.name, "--data", self.data,
                "--folder", str(self.folder), "--seconds", f"{self.seconds:g}", *alone]

    def pieces(self):
        """What ran so far: `{"began", "seconds", "status"}` each, seconds on the wall."""
        path = self.folder / f"{self.side}.pieces"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def add_piece(self, **piece):
        with open(self.folder / f"{self.side}.pieces", "a") as file:
            file.write(json.dumps(piece) + "\n")

    @property
    def left(self):
        """Seconds of training on the wall, at least."""
        if self.record_path.exists():
            return 0
        return max(0, self.seconds / self.threads - sum(piece["seconds"] for piece in self.pieces()))

    def check_words(self):
        """- Raises `Failed` where the folder has a training with other options."""
        path = self.folder / f"{self.side}.options"
        if not path.exists():
            path.write_text(json.dumps(self.words) + "\n")
        before = json.loads(path.read_text())
        if before != self.words:
            raise Failed(f"{self.folder} has a training with other options: {' '.join(before)}; now "
                         f"{' '.join(self.words)}. Remove the folder, or choose another --runs")


def output_of(command):
    ended = subprocess.run(command, capture_output=True, text=True, start_new_session=True)
    if ended.returncode != 0:
        raise Failed(f"{' '.join(command)}: {ended.stderr.strip()}")
    return json.loads(ended.stdout)


def evaluate_ours(job):
    """Figures of our model, on the test split by `tusk evaluate`."""
    model = str(job.folder / "ours.safetensors")
    program = str(job.options.program)
    command = [program, "evaluate", "--model", model, "--data", job.data, "--split", "test", "--json",
               "--threads", str(job.threads)]
    test = output_of(command)
    record = output_of([program, "inspect", "--json", model])["record"]
    with open(job.folder / "ours.csv", newline="") as file:
        last = list(csv.DictReader(file))[-1]
    training = record["training"]
    return {
        "entry": job.entry.name, "architecture": record["architecture"],
        "seed": training["seed"], "evaluation": command, "parameters": record["parameter_count"],
        "data_hash": training["data_hash"], "seconds": float(last["seconds"]), "epochs": training["epochs"],
        "best_epoch": training["best_epoch"], "steps": int(last["step"]),
        "validation_bits_per_dim": record["held_out"]["bits_per_dim"], "test": test,
    }


class Screen:
    """Lines of the jobs. On a terminal, those that only say how far one is overwrite one another."""

    def __init__(self):
        self.is_terminal = sys.stdout.isatty()
        self.is_open = False
        self.lock = threading.Lock()

    def line(self, text):
        with self.lock:
            passing = self.is_terminal and text.endswith(" left")
            begin = "\r\x1b[K" if self.is_open else ""
            print(begin + text, end="" if passing else "\n", flush=True)
            self.is_open = passing


def run(job, children, screen, lock):
    """Trains, or continues to, and evaluates; writes the record."""
    job.check_words()
    last = []

    def show(line):
        last.append(line)
        screen.line(f"  {job.entry.name}, {job.who}: {line}")

    began, clock = time.time(), time.monotonic()
    status = children.run(job.training, lock, show)
    job.add_piece(began=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(began)),
                  seconds=round(time.monotonic() - clock, 1), status=status)
    if children.is_interrupted:
        raise Interrupted
    if status != 0:
        raise Failed(f"the training ended with status {status}: {last[-1] if last else 'no output'}")
    if job.side == "ours":
        record = evaluate_ours(job)
    else:
        record = json.loads((job.folder / "peer.result").read_text())
    packages = ["torch", job.who] if job.side == "peer" else []
    record |= {"training": job.training, "machine": machine.description(packages), "pieces": job.pieces(),
               "overridden_seconds": job.options.seconds}
    partial = job.record_path.with_suffix(".partial")
    partial.write_text(json.dumps(record, indent=1) + "\n")
    os.replace(partial, job.record_path)
    test = record["test"]
    screen.line(f"  {job.entry.name}, {job.who}: test {test['bits_per_dim']:.4f} ± "
                f"{test['bits_per_dim_standard_error']:.4f} bits/dim, {record['parameters']:,} parameters")


def check_data(job):
    """- Raises `Failed` unless both sides were trained on the same images."""
    paths = [job.folder / f"{side}.json" for side in ("ours", "peer")]
    hashes = {json.loads(path.read_text())["data_hash"] for path in paths if path.exists()}
    if len(hashes) > 1:
        raise Failed(f"{job.folder}: ours and the peer were trained on different images")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    for name, data in DATA.items():
        parser.add_argument(f"--{name}", default=data.folder, help=f"folder of the IDX files of {data.title}")
    parser.add_argument("--runs", type=pathlib.Path, help="where all entries go (default: runs/zoo, and "
                        "runs/zoo-<n>s with --seconds)")
    parser.add_argument("--only", help="names of entries, with commas")
    parser.add_argument("--sides", default="ours,peer", help="ours, peer or both")
    parser.add_argument("--seconds", type=float, help="processor time of every training instead of its own; tables say so")
    parser.add_argument("--threads", type=int, default=1, help="of the entries without a peer")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="trainings at a time")
    options = parser.parse_args()
    known = [entry.name for entry in ENTRIES]
    chosen = options.only.split(",") if options.only else known
    for name in chosen:
        if name not in known:
            parser.error(f"--only {name}: known are {', '.join(known)}")
    options.sides = options.sides.split(",")
    for side in options.sides:
        if side not in ("ours", "peer"):
            parser.error(f"--sides {side}: known are ours, peer")
    if options.seconds is not None and not options.seconds > 0:
        parser.error(f"--seconds {options.seconds:g}: must be above 0")
    options.entries = [entry for entry in ENTRIES if entry.name in chosen]
    options.folders = {name: getattr(options, name.replace("-", "_")) for name in DATA}
    for name in dict.fromkeys(entry.data for entry in options.entries):
        folder = options.folders[name]
        if not pathlib.Path(folder).is_dir():
            parser.error(f"--{name} {folder}: there is no such folder; make zoo-setup brings the data")
    if options.runs is None:
        options.runs = pathlib.Path("runs") / ("zoo" if options.seconds is None else f"zoo-{options.seconds:g}s")
    return options


class Queue:
    """The jobs, taken by as many threads as there are cores. Ours and its peer follow one another, so they run side by side."""

    def __init__(self, jobs, screen):
        self.jobs, self.screen = jobs, screen
        self.children = Children()
        self.failures = []
        self.todo = iter(enumerate(jobs, 1))
        self.lock = threading.Lock()

    def fail(self, title, error):
        self.failures.append(f"{title}: {error}")
        self.screen.line(f"{title}: failed")

    def work(self):
        while not self.children.is_interrupted:
            with self.lock:
                number, job = next(self.todo, (None, None))
            if job is None:
                return
            self.take(f"[{number}/{len(self.jobs)}] {job.entry.name}, {job.who}", job)

    def take(self, title, job):
        if job.record_path.exists():
            try:
                job.check_words()
                self.screen.line(f"{title}: finished before")
            except Failed as error:
                self.fail(title, error)
            return
        job.folder.mkdir(parents=True, exist_ok=True)
        left = sum(other.left for other in self.jobs)
        self.screen.line(f"{title}: {job.entry.sizes()}; {clock_text(job.left)} of training, "
                         f"{clock_text(left)} left in all")
        with open(job.folder / f"{job.side}.lock", "w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                run(job, self.children, self.screen, lock.fileno())
                check_data(job)
            except BlockingIOError:
                self.fail(title, "another process is training it")
            except Interrupted:
                pass
            except Failed as error:
                self.fail(title, error)
            except Exception as error:  # of a bug; the other thread's training goes on
                self.fail(title, repr(error))


def main():
    options = arguments()
    jobs = [Job(entry, side, options) for entry in options.entries for side in options.sides
            if side == "ours" or entry.peer]
    screen = Screen()
    queue = Queue(jobs, screen)
    workers = [threading.Thread(target=queue.work) for _ in range(max(1, options.jobs))]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    if queue.children.is_interrupted:
        screen.line("interrupted; the same command continues")
        sys.exit(INTERRUPTED)
    report.write(options.runs)
    if queue.failures:
        screen.line(f"\n{len(queue.failures)} of {len(jobs)} failed:\n" + "\n".join(queue.failures))
        sys.exit(1)


if __name__ == "__main__":
    main()
