"""Trains the peer of one entry of the model zoo, and evaluates it on the test split. run.py calls it.

    python peer.py --entry maf --data FOLDER --folder FOLDER --seconds 2400 --threads 1

Everything goes into the folder: peer.checkpoint, from which the same call continues after Ctrl-C or a kill, peer.csv (the
curve), peer.pt (weights) and, at the end, peer.result, which run.py completes to peer.json.
"""

import argparse
import csv
import functools
import importlib.metadata
import json
import pathlib
import signal
import sys
import types

import torch

from Benchmarks.peers import image_flows, vector_flows
from Benchmarks.peers.training import Training, held_out, to_logits
from Training.torch import data
from .entries import named

PEERS = {
    "zuko nice": vector_flows.zuko_nice,
    "zuko coupling": vector_flows.zuko_coupling,
    "zuko maf": vector_flows.zuko_maf,
    "zuko nsf-coupling": vector_flows.zuko_nsf_coupling,
    "zuko nsf-autoregressive": vector_flows.zuko_nsf_autoregressive,
    "nflows realnvp": image_flows.nflows_realnvp,
    "nflows glow": image_flows.nflows_glow,
    "nflows nsf-glow": image_flows.nflows_nsf_glow,
    "normflows iaf": vector_flows.normflows_iaf,
}
INITIALIZATION_IMAGES = 1024  # for what starts from data, as ours
INTERRUPTED = 130


def build(entry, images):
    """The flow, its first weights drawn from the entry's seed and its standardization from some training images."""
    torch.manual_seed(entry.seed)
    flow = PEERS[entry.peer](entry)
    generator = torch.Generator().manual_seed(entry.seed)
    rows = images[torch.randperm(len(images), generator=generator)[:INITIALIZATION_IMAGES]]
    w, _ = to_logits(rows, torch.rand(rows.shape, generator=generator), entry.alpha)
    flow.initialize(w)
    return flow


def live_parameters(flow):
    """Numbers of the flow that no mask of its networks holds at zero."""
    networks = [module for module in flow.modules() if type(module).__name__ == "MaskedLinear"]  # in all three libraries
    held = sum(network.mask.numel() - int(network.mask.sum()) for network in networks)
    return sum(p.numel() for p in flow.parameters()) - held


def settings(entry, seconds):
    """Ours where we have them. Our gradient's norm is in nats a dimension, the peer's loss in nats."""
    return types.SimpleNamespace(
        seed=entry.seed, lr=entry.lr, warmup=100, weight_decay=0.0, clip=1.0 * entry.dims, ema=entry.ema,
        batch=entry.batch, alpha=entry.alpha, flips=entry.flips, shift=entry.shift, evaluate_every=0.0,
        seconds=seconds)


def write_curve(path, curve):
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, ["epoch", "step", "train_bits_per_dim", "validation_bits_per_dim", "seconds"])
        writer.writeheader()
        writer.writerows(curve)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entry", required=True, type=named)
    parser.add_argument("--data", required=True, help="folder of the IDX files")
    parser.add_argument("--folder", required=True, type=pathlib.Path, help="where everything goes")
    parser.add_argument("--seconds", required=True, type=float, help="processor time of the training, validation included")
    parser.add_argument("--threads", required=True, type=int)
    return parser.parse_args()


def main():
    options = arguments()
    entry = options.entry
    interrupted = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.append(True))
    torch.set_num_threads(options.threads)
    log = functools.partial(print, flush=True)
    splits = data.load(options.data)
    rows = {name: torch.from_numpy(images.reshape(len(images), -1).copy()) for name, (images, _) in splits.items()}
    flow = build(entry, rows["train"])
    parameters = live_parameters(flow)
    training = Training(
        flow, rows["train"], entry.shape[:2], rows["validation"], settings(entry, options.seconds), log,
        checkpoint=options.folder / "peer.checkpoint")
    progress = training.progress
    log(f"{entry.peer}, {parameters:,} parameters; {len(rows['train']):,} images to train, "
        f"{len(rows['validation']):,} to validate; {options.threads} threads")
    if progress["step"]:
        log(f"resumed after {progress['epoch']} epochs, {progress['step']} steps, {progress['spent']:.0f} s")
    if not training.run(lambda: bool(interrupted)):
        log(f"interrupted after {training.progress['step']} steps; the same call continues")
        sys.exit(INTERRUPTED)
    progress = training.progress
    write_curve(options.folder / "peer.csv", progress["curve"])
    training.keep_best()
    torch.save(flow.state_dict(), options.folder / "peer.pt")
    test = held_out(flow, rows["test"], entry.alpha, entry.seed + 2)
    library = entry.peer.split()[0]
    record = {
        "entry": entry.name, "peer": entry.peer, "seed": entry.seed,
        "versions": {package: importlib.metadata.version(package) for package in (library, "torch")},
        "settings": vars(settings(entry, options.seconds)), "parameters": parameters,
        "data_hash": data.content_hash(*splits["train"]),
        "seconds": progress["spent"], "epochs": progress["epoch"], "best_epoch": progress["best"]["epoch"],
        "steps": progress["step"], "rollbacks": progress["rollbacks"],
        "validation_bits_per_dim": progress["best"]["validation_bits_per_dim"],
        "test": {"count": len(test), "bits_per_dim": test.mean().item(),
                 "bits_per_dim_standard_error": (test.std() / len(test) ** 0.5).item()},
    }
    (options.folder / "peer.result").write_text(json.dumps(record))


if __name__ == "__main__":
    main()
