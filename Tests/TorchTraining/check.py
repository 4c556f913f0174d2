"""Checks of the training on a GPU, without one: its density is that of the goldens' flow, and `tusk` finds the file's figures again.

    .venv/bin/python -m Tests.TorchTraining.check --program .build/release/tusk
"""

import argparse
import itertools
import json
import math
import pathlib
import subprocess
import tempfile

import numpy as np
import safetensors
import torch

from Tests.Goldens.checks import check
from Tests.Goldens.image_flows import ConvolutionalFlow
from Tests.Goldens.transforms import Spline
from Training.torch.idx import write_idx
from Training.torch.images import moved, warped
from Training.torch.network import Flow
from Training.torch.train import Training, arguments

BINS, BOUND, SIDE = 5, 4.0, 5


def check_density():
    """Of each class that of the goldens' flow, which knows no classes: what a class adds goes into its biases."""
    shape, hidden, classes = (6, 7), [16, 16, 16], 3
    torch.manual_seed(1)
    flow = Flow(shape, hidden, SIDE, BINS, BOUND, classes).double()
    with torch.no_grad():
        for value in flow.parameters():
            value.copy_(0.3 * torch.randn_like(value))
    w = torch.randn(4, *shape, dtype=torch.float64)
    golden = ConvolutionalFlow((*shape, 1), 1, hidden, Spline(BINS, BOUND), kernel=SIDE, gated=True)
    worst = 0.0
    for c in range(classes):
        parameters = {}
        for name, value in flow.tensors().items():
            if name.endswith(".positions"):
                each = value.reshape(1 + classes, math.prod(shape), -1)
                value = each[0] + each[1 + c]
            parameters[name] = value
        for name in [name for name in parameters if name.endswith(".context")]:
            biases = name.replace(".context", ".biases")
            parameters[biases] = parameters[biases] + parameters.pop(name)[:, c]
        assert {name: tuple(value.shape) for name, value in parameters.items()} == golden.shapes()
        z, log_det = golden.forward(parameters, w.flatten(1))
        theirs = log_det - (z**2).sum(1) / 2 - z.shape[1] * math.log(2 * math.pi) / 2
        ours = flow(w, torch.full((len(w),), c))
        worst = max(worst, (ours - theirs).abs().max().item())
    check("log-density beside the goldens' flow", worst < 1e-9, f"{worst:.1e} nats apart, {classes} classes")


def check_moves():
    """Every result is one of the mirrored and moved images, and each of those turns up."""
    torch.manual_seed(1)
    image = torch.randint(1, 256, (5, 6)).float()
    padded = torch.nn.functional.pad(image, (1, 1, 1, 1))
    expected = [
        part.flip(1) if mirrored else part
        for dy, dx, mirrored in itertools.product(range(3), range(3), range(2))
        for part in [padded[dy:dy + 5, dx:dx + 6]]]
    drawn = moved(image.expand(2000, 5, 6), flips=True, shift=1)
    equal = torch.stack([(drawn == one).all(2).all(1) for one in expected], 1)
    check("mirrored and moved images", bool(equal.any(1).all() and equal.any(0).all()),
          f"{int(equal.any(0).sum())} of {len(expected)} turn up, {int(equal.any(1).sum())} of {len(drawn)} are among them")


def check_warps():
    torch.manual_seed(1)
    image = torch.zeros(500, 20, 20)
    image[:, 5:15, 4:14] = 255
    same, other = warped(image, 0, 0.06), warped(image, 1, 0.06)
    levels = other.unique()
    area = other.mean((1, 2)) / image[0].mean()
    check("warped images", torch.equal(same, image) and torch.equal(levels, levels.round())
          and 0 <= levels.min() and levels.max() <= 255 and len(other.flatten(1).unique(dim=0)) == 500
          and abs(area.mean().item() - 1) < 0.05 and 0.02 < area.std().item() < 0.3,
          f"areas {area.mean().item():.3f} ± {area.std().item():.3f} of the square's")


def check_belief():
    """The density without a class is that of beliefs that nothing after a pixel moves, and of the class where they are certain of it."""
    shape, classes = (5, 6), 3
    torch.manual_seed(1)
    flow = Flow(shape, [16], SIDE, BINS, BOUND, classes, belief=[16]).double()
    with torch.no_grad():
        for value in flow.parameters():
            value.copy_(0.3 * torch.randn_like(value))
    w = torch.randn(2, *shape, dtype=torch.float64)
    later = w.clone()
    later[:, 2, 3:] += 1
    later[:, 3:] += 1
    moved_by = (flow.beliefs(w) - flow.beliefs(later)).abs().flatten(2)
    before = 2 * shape[1] + 4  # pixels that see none of what was moved
    check("beliefs see the pixels before alone", moved_by[:, :, :before].max() == 0 and moved_by[:, :, before:].max() > 0,
          f"{moved_by[:, :, before:].max():.2f} where they may")
    with torch.no_grad():
        flow.belief.output.weights.zero_()
        flow.belief.output.biases.copy_(torch.tensor([0.0, 100.0, 0.0]))
    gap = (flow(w, None) - flow(w, torch.ones(2, dtype=torch.long))).abs().max().item()
    check("a belief that is certain", gap < 1e-9, f"{gap:.1e} nats from the class")


def check_file(program, belief):
    """A model of bright and dark squares, made on this processor."""
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        random = np.random.default_rng(1)
        for split, count in (("train", 600), ("val", 80)):
            labels = np.arange(count) % 3
            squares = np.zeros((count, 8, 8))
            squares[:, 2:6, 2:6] = np.array([60, 120, 250])[labels][:, None, None]
            images = np.clip(squares + random.integers(0, 6, squares.shape), 0, 255)
            write_idx(folder / f"{split}-images-idx3-ubyte.gz", images.astype(np.uint8))
            write_idx(folder / f"{split}-labels-idx1-ubyte.gz", labels.astype(np.uint8))
        output = str(folder / "squares.safetensors")
        words = ["--data", name, "--output", output, "--name", "squares", "--hidden", "16,16", "--bins", "6", "--seconds", "20",
                 "--batch", "32", "--device", "cpu", "--file-precision", "float16", "--flips", "--shift", "1", "--warp", "0.05",
                 "--dropout", "0.1", "--lr", "3e-3", "--warmup", "20", "--repeat", "dark=2"]
        if belief:
            words += ["--belief", belief]
        for one in ("dark", "grey", "bright"):
            words += ["--class-name", one]
        training = Training(arguments(words))
        before = training.held_out().mean().item()
        training.run()
        with safetensors.safe_open(output, "np") as file:
            record = json.loads(file.metadata()["tusk"])

        def tusk(*command):
            done = subprocess.run([program, *command], capture_output=True, text=True)
            if done.returncode:
                check(f"tusk {command[0]}", False, done.stderr.strip())
            return done.stdout

        seen = tusk("inspect", output)
        check("tusk's check vector", "verified" in seen, f"{record['check']['log_prob']:.4f} nats")
        ours = json.loads(tusk("evaluate", "--model", output, "--data", name, "--split", "validation", "--json"))
        gap = abs(ours["bits_per_dim"] - record["held_out"]["bits_per_dim"])
        check("tusk evaluate and the held-out density in the file", gap < 1e-4,
              f"{ours['bits_per_dim']:.5f}, {gap:.1e} apart; {before:.2f} before the training")
        check("tusk evaluate's accuracy", ours["accuracy"] > 0.9, f"{ours['accuracy']:.3f}")
        check("the training learned", ours["bits_per_dim"] < before, f"{before:.2f} → {ours['bits_per_dim']:.2f} bits/dim")
        more = str(folder / "more.safetensors")
        tusk("finetune", "--model", output, "--data", name, "--name", "squares", "--epochs", "2", "--learning-rate", "1e-4",
             "--output", more)
        ours = json.loads(tusk("evaluate", "--model", more, "--data", name, "--split", "validation", "--json"))
        check("tusk finetune goes on", ours["bits_per_dim"] < record["held_out"]["bits_per_dim"] + 0.05,
              f"{ours['bits_per_dim']:.5f} bits/dim after two epochs")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    options = parser.parse_args()
    torch.set_num_threads(1)
    check_density()
    check_moves()
    check_warps()
    check_belief()
    for belief in ("", "16,16"):
        check_file(options.program, belief)


if __name__ == "__main__":
    main()
