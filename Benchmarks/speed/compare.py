"""Images/s of density, sampling and training: `tusk` against zuko, nflows and normflows, in turns on one machine: masked
autoregressive flows of vectors, a Glow of images, and a convolutional spline flow of images beside PyTorch.

    .venv/bin/python -m Benchmarks.speed.compare --program .build/release/tusk

Writes what it measured as JSON; report.py makes the table and the plot of it. `make bench` does both.
"""

import argparse
import dataclasses
import functools
import json
import pathlib
import sys

import torch

from Benchmarks import machine
from Benchmarks.peers.nflows_glow import NflowsGlow
from Benchmarks.peers.nflows_maf import NflowsMAF
from Benchmarks.peers.normflows_maf import NormflowsMAF
from Benchmarks.peers.sizes import Sizes
from Benchmarks.peers.torch_convolutional import TorchConvolutional
from Benchmarks.peers.zuko_maf import ZukoMAF
from . import ours
from .contest import cell
from .scaling import scaling
from .timing import Budget

PEERS = [ZukoMAF, NflowsMAF, NormflowsMAF]


@dataclasses.dataclass(frozen=True)
class Contest:
    """A flow that is built by all: `title` for the table, `flow` the options of ours, `peers` that build theirs."""

    title: str
    dims: int
    flow: list
    peers: list
    batches: dict
    precisions: tuple = ("f32", "bf16")


def maf(dims, layers, hidden):
    width = "×".join(map(str, hidden))
    return Contest(
        f"{dims} dimensions, {layers} masked networks, hidden {width}", dims, ours.vectors(dims, layers, hidden),
        [functools.partial(peer, dims, layers, hidden) for peer in PEERS],
        {"density": [1, 16, 64, 256], "sample": [1, 16, 64, 256], "train": [1, 16, 64, 128, 256]},
        ("f32", "f16", "bf16"))


def glow(sizes):
    height, width, _ = sizes.shape
    blocks = ", ".join(map(str, sizes.hidden))
    return Contest(
        f"Glow of {height}×{width} grey images, {sizes.scales} scales of {sizes.layers} steps, residual blocks of {blocks} "
        f"channels, {sizes.kernel}×{sizes.kernel} convolutions", height * width, ours.images(sizes, "glow"),
        [functools.partial(NflowsGlow, sizes)], {"density": [16, 64, 128], "train": [16, 64, 128]})


def convolutional(sizes):
    height, width, _ = sizes.shape
    return Contest(
        f"nsf-convolutional of {height}×{width} grey images, {len(sizes.hidden)} gated blocks of {sizes.hidden[0]} channels, causal "
        f"{sizes.kernel}×{sizes.kernel} convolutions", height * width, ours.images(sizes, "nsf-convolutional"),
        [functools.partial(TorchConvolutional, sizes)], {"density": [16, 64, 128], "train": [16, 64, 128]})


CONTESTS = {
    "large": maf(784, 5, [1024, 1024]),
    "small": maf(64, 5, [256, 256]),
    "glow": glow(Sizes(shape=(28, 28, 1), layers=4, scales=2, hidden=[64, 64])),
    "nsf-convolutional": convolutional(
        Sizes(shape=(28, 28, 1), layers=1, hidden=[64] * 4, kernel=5, gated=True)),
}
# What takes a library longest comes last, so that a budget that runs out costs the least.
ORDER = [("large", "density"), ("large", "train"), ("small", "density"), ("small", "train"), ("glow", "train"),
         ("glow", "density"), ("nsf-convolutional", "train"), ("nsf-convolutional", "density"), ("small", "sample"), ("large", "sample")]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--output", default="runs/speed.json", help="where the measurements go")
    parser.add_argument("--threads", type=int, default=2, help="of each contestant")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each contestant in each cell")
    parser.add_argument("--seconds", type=float, default=0.5, help="measuring time of one run")
    parser.add_argument("--budget", type=float, default=22, help="minutes for everything")
    parser.add_argument("--models", default=",".join(CONTESTS), help="which of " + ", ".join(CONTESTS))
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
        contest = CONTESTS[name]
        torch.manual_seed(1)
        peers = [build() for build in contest.peers]
        expected = {}
        for batch in contest.batches[direction]:
            runs, left_out = cell(contest, peers, direction, batch, options, budget, expected)
            result["cells"].append({
                "model": name, "title": contest.title, "dims": contest.dims, "direction": direction, "batch": batch,
                "runs": runs, "left_out": left_out,
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
