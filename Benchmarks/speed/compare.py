"""Images/s of density, sampling and training: `tusk` against zuko, nflows and normflows, in turns on one machine.

    .venv/bin/python Benchmarks/speed/compare.py --program .build/release/tusk

Writes what it measured as JSON; report.py makes the table and the plot of it. `make bench` does both.
"""

import argparse
import json
import pathlib
import sys

import torch

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / folder) for folder in ("", "peers")]
import machine  # noqa: E402
from contest import cell  # noqa: E402
from nflows_maf import NflowsMAF  # noqa: E402
from normflows_maf import NormflowsMAF  # noqa: E402
from scaling import scaling  # noqa: E402
from timing import Budget  # noqa: E402
from zuko_maf import ZukoMAF  # noqa: E402

PEERS = [ZukoMAF, NflowsMAF, NormflowsMAF]
MODELS = {"large": (784, 5, [1024, 1024]), "small": (64, 5, [256, 256])}
BATCHES = {"density": [1, 16, 64, 256], "sample": [1, 16, 64, 256], "train": [1, 16, 64, 128, 256]}
# What takes a library longest comes last, so that a budget that runs out costs the least.
ORDER = [("large", "density"), ("large", "train"), ("small", "density"), ("small", "train"), ("small", "sample"),
         ("large", "sample")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--output", default="runs/speed.json", help="where the measurements go")
    parser.add_argument("--threads", type=int, default=2, help="of each contestant")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant in each cell")
    parser.add_argument("--seconds", type=float, default=0.5, help="measuring time of one run")
    parser.add_argument("--budget", type=float, default=20, help="minutes for everything")
    parser.add_argument("--models", default="large,small", help="which of large, small")
    parser.add_argument("--directions", default="density,train,sample", help="which of density, train, sample")
    parser.add_argument("--no-scaling", dest="scaling", action="store_false", help="without the times for the plot")
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    budget = Budget(options.budget * 60)
    result = {
        "machine": machine.description(["torch", *(peer.package for peer in PEERS)]),
        "threads": options.threads, "seconds": options.seconds, "rounds": options.rounds, "cells": [], "scaling": [],
    }
    log = lambda text: print(text, file=sys.stderr, flush=True)  # noqa: E731
    for name, direction in ORDER:
        if name not in options.models.split(",") or direction not in options.directions.split(","):
            continue
        dims, layers, hidden = MODELS[name]
        torch.manual_seed(1)
        peers = [peer(dims, layers, hidden) for peer in PEERS]
        expected = {}
        for batch in BATCHES[direction]:
            runs, left_out = cell(MODELS[name], peers, direction, batch, options, budget, expected)
            result["cells"].append({
                "model": name, "dims": dims, "layers": layers, "hidden": hidden, "direction": direction,
                "batch": batch, "runs": runs, "left_out": left_out,
            })
            log(f"{name} {direction} {batch}: " + ", ".join(
                f"{who} {values[-1]['images_per_second']:.4g}" for who, values in runs.items())
                + f" images/s; {budget.left / 60:.1f} minutes left")
    if options.scaling:
        result["scaling"] = scaling(options, budget, log)
    output = pathlib.Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(result, indent=1) + "\n")
    log(f"wrote {output}")


if __name__ == "__main__":
    main()
