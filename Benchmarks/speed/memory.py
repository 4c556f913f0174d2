"""Peak resident memory of training steps: `tusk bench --direction train` beside the peers of compare.py, a process each.

    .venv/bin/python -m Benchmarks.speed.memory --program .build/release/tusk [--models glow,nsf-convolutional] [--batches 16,64,128]

A peer's process takes three steps in the layout that it begins with; what it has before them, Python and the library, stands beside.
Prints Markdown.
"""

import argparse
import os
import resource
import subprocess
import sys

import torch

from . import compare

STEPS = 3


def resident():
    """Peak of this process, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def peer(name, number, batch, threads):
    """Runs in a process of its own; prints MB before the model is made, and at the peak."""
    torch.set_num_threads(threads)
    before = resident()
    contest = compare.CONTESTS[name]
    model = contest.peers[number]()
    x = torch.randn(batch, contest.dims)
    for _ in range(STEPS):
        model.training_step(x)
    print(model.package, before, resident())


def run(command):
    """What a process printed, and the MB that it had at its peak."""
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
    printed = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with status {process.returncode}")
    return printed, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--models", default="glow,nsf-convolutional", help="which of " + ", ".join(compare.CONTESTS))
    parser.add_argument("--batches", default="16,64,128")
    parser.add_argument("--threads", type=int, default=2, help="of each contestant")
    parser.add_argument("--peer", help=argparse.SUPPRESS)  # model, number and batch: what a process of its own does
    options = parser.parse_args()
    if options.peer:
        name, number, batch = options.peer.split(":")
        return peer(name, int(number), int(batch), options.threads)
    print("| flow | batch | tusk, MB | peer | MB | of which before the model | tusk ÷ peer |")
    print("|---|--:|--:|---|--:|--:|--:|")
    for name in options.models.split(","):
        contest = compare.CONTESTS[name]
        for batch in options.batches.split(","):
            command = [options.program, "bench", *contest.flow, "--direction", "train", "--batch", batch, "--threads",
                       options.threads, "--seconds", "0.01"]
            own = run(command)[1]
            for number in range(len(contest.peers)):
                printed, _ = run([sys.executable, "-m", __spec__.name, "--threads", options.threads, "--peer",
                                  f"{name}:{number}:{batch}"])
                package, before, peak = printed.split()
                print(f"| {name} | {batch} | {own:.0f} | {package} | {float(peak):.0f} | {float(before):.0f} | "
                      f"{own / float(peak):.2f} |", flush=True)


if __name__ == "__main__":
    main()
