"""Images/s of autoregressive neural spline flows: `tusk bench --architecture nsf-autoregressive` against nflows, in turns.

    .venv/bin/python -m Benchmarks.speed.splines --program .build/release/tusk

Prints a table in the form of docs/measurements/speed.md.
"""

import argparse
import statistics

import torch

from Benchmarks.peers.nflows_nsf import NflowsNSF
from . import ours
from .contest import peer_call
from .timing import call_times, rates

MODELS = [(64, 5, [256, 256]), (784, 5, [1024, 1024])]
CELLS = [("density", 1), ("density", 64), ("train", 64), ("sample", 1), ("sample", 64)]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--threads", type=int, default=2, help="of each contestant")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant in each cell")
    parser.add_argument("--seconds", type=float, default=0.5, help="measuring time of one run")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    print("| images/s | tusk | tusk bf16 | nflows | tusk ÷ nflows |\n| --- | --: | --: | --: | --: |")
    for dims, layers, hidden in MODELS:
        torch.manual_seed(1)
        peer = NflowsNSF(dims, layers, hidden)
        for direction, batch in CELLS:
            call = peer_call(peer, direction, dims, batch)
            runs = {"f32": [], "bf16": [], "nflows": []}
            for turn in range(options.rounds):
                for precision in ("f32",) if direction == "train" else ("f32", "bf16"):
                    runs[precision].append(ours.bench(
                        options.program, ours.vectors(dims, layers, hidden, "nsf-autoregressive"), direction, batch,
                        options.threads, options.seconds, precision)["images_per_second"])
                times = call_times(call, options.seconds) if turn == 0 or not slow else []
                slow = len(times) == 1
                if times:
                    runs["nflows"].append(rates(times, batch)["images_per_second"])
            single, half, theirs = (statistics.median(values) if values else None for values in runs.values())
            print(f"| {direction}, {dims} dimensions, {layers} × {hidden}, batch {batch} | {single:,.4g} | "
                  f"{'' if half is None else format(half, ',.4g')} | {theirs:,.4g} | {single / theirs:,.3g} |", flush=True)


if __name__ == "__main__":
    main()
