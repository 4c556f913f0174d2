"""Trains nflows' Glow on the patches of patches.py for some processor time, and scores the test split. run.py calls it.

    .venv/bin/python -m Benchmarks.first.peer --data runs/first/photographs --seconds 1200 --output peer.json

It has what the model zoo gives its peers: standardization, warm-up and cosine over the time, clipping, a moving average of the weights.
"""

import argparse
import functools
import importlib.metadata
import json
import pathlib
import types

import numpy as np
import torch

from Benchmarks.peers import image_flows
from Benchmarks.peers.sizes import Sizes
from Benchmarks.peers.training import Training, held_out, to_logits

ALPHA, SEED, BATCH = 0.05, 0, 16
INITIALIZATION_IMAGES = 1024


def rows(path):
    """Images as `[n, channels · height · width]`, and height, width, channels."""
    images = np.load(path)
    images = images.reshape(*images.shape[:3], -1)
    return torch.from_numpy(images.transpose(0, 3, 1, 2).reshape(len(images), -1).copy()), images.shape[1:]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, type=pathlib.Path)
    parser.add_argument("--seconds", required=True, type=float, help="processor time of the training, validation included")
    parser.add_argument("--output", required=True, type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    splits = {split: rows(options.data / f"{split}.npy") for split in ("train", "validation", "test")}
    train, shape = splits["train"]
    flow = image_flows.nflows_glow(Sizes(shape, layers=8, hidden=[64, 64], scales=2))
    first = train[torch.randperm(len(train))[:INITIALIZATION_IMAGES]]
    flow.initialize(to_logits(first, torch.rand(first.shape), ALPHA)[0])
    settings = types.SimpleNamespace(
        seed=SEED, lr=1e-3, warmup=100, weight_decay=0.0, clip=1.0 * train.shape[1], ema=0.999, batch=BATCH, alpha=ALPHA,
        flips=False, shift=0, evaluate_every=options.seconds / 20, seconds=options.seconds)
    training = Training(
        flow, train, shape[:2], splits["validation"][0], settings, functools.partial(print, flush=True),
        checkpoint=options.output.with_suffix(".checkpoint"))
    training.run()
    training.keep_best()
    test = held_out(flow, splits["test"][0], ALPHA, SEED + 2)
    options.output.write_text(json.dumps({
        "versions": {package: importlib.metadata.version(package) for package in ("nflows", "torch")},
        "parameters": sum(p.numel() for p in flow.parameters()), "seconds": training.progress["spent"],
        "epochs": training.progress["epoch"], "steps": training.progress["step"],
        "bits_per_dim": test.mean().item(), "standard_error": (test.std() / len(test) ** 0.5).item()}))


if __name__ == "__main__":
    main()
