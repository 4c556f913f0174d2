"""Peak resident memory of training steps: `tusk bench --direction train` beside the peers of compare.py, a process each.

    .venv/bin/python -m Benchmarks.speed.memory --program .build/release/tusk [--models glow,nsf-convolutional] [--batches 16,64,128]

A peer's process takes three steps in the layout that it begins with; what it has before them, Python and the library, stands beside.
Prints Markdown.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

STEPS = 3
# Started by a process that is small itself: what its parent had resident at the start counts as a process's own.
WATCHED = """import os, sys
process = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ)
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss / 1024, file=sys.stderr)
sys.exit(os.waitstatus_to_exitcode(status))"""


def resident():
    """Peak of this process, MB."""
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1]) / 1024


def peer(name, number, batch, threads):
    """Runs in a process of its own; prints MB before the model is made, and at the peak."""
    import torch

    from . import compare

    torch.set_num_threads(threads)
    before = resident()
    contest = compare.CONTESTS[name]
    model = contest.peers[number]()
    x = torch.randn(batch, contest.dims)
    for _ in range(STEPS):
        model.training_step(x)
    print(model.package, before, resident())


def contests():
    """Our options of each contest, and how many peers it has, by a process that has read the libraries."""
    script = ("import json\nfrom Benchmarks.speed.compare import CONTESTS\n"
              "print(json.dumps({name: [[str(part) for part in c.flow], len(c.peers)] for name, c in CONTESTS.items()}))")
    return json.loads(subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, check=True).stdout)


def run(command):
    """What a process printed, and the MB that it had at its peak."""
    ended = subprocess.run([sys.executable, "-S", "-c", WATCHED, *map(str, command)], capture_output=True, text=True)
    if ended.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with status {ended.returncode}: {ended.stderr}")
    return ended.stdout, float(ended.stderr.split()[-1])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--models", default="glow,nsf-convolutional", help="which contests of compare.py")
    parser.add_argument("--batches", default="16,64,128")
    parser.add_argument("--threads", type=int, default=2, help="of each contestant")
    parser.add_argument("--peer", help=argparse.SUPPRESS)  # model, number and batch: what a process of its own does
    options = parser.parse_args()
    if options.peer:
        name, number, batch = options.peer.split(":")
        return peer(name, int(number), int(batch), options.threads)
    known = contests()
    print("| flow | batch | tusk, MB | peer | MB | of which before the model | tusk ÷ peer |")
    print("|---|--:|--:|---|--:|--:|--:|")
    for name in options.models.split(","):
        flow, peers = known[name]
        for batch in options.batches.split(","):
            command = [options.program, "bench", *flow, "--direction", "train", "--batch", batch, "--threads",
                       options.threads, "--seconds", "0.01"]
            own = run(command)[1]
            for number in range(peers):
                printed, _ = run([sys.executable, "-m", __spec__.name, "--threads", options.threads, "--peer",
                                  f"{name}:{number}:{batch}"])
                package, before, peak = printed.split()
                print(f"| {name} | {batch} | {own:.0f} | {package} | {float(peak):.0f} | {float(before):.0f} | "
                      f"{own / float(peak):.2f} |", flush=True)


if __name__ == "__main__":
    main()
