"""Trains an `nsf-convolutional` density of images in PyTorch, on a GPU, and writes a model file that `tusk` serves, evaluates and
goes on training with.

    python3 -m Training.torch.train --data FOLDER --hidden 32,32,32,32 --flips --shift 1 --seconds 600 --output animals.safetensors

The flow, the loss and `--dropout` are those of `tusk train --architecture nsf-convolutional --layers 1 --gated`. Only here there
is `--warp`, which turns, stretches and slants drawn shapes and sharpens their edges again; the last part of a training sees none.

All figures in the file are of its weights as they are rounded there: held-out density and calibration with the noise that
`tusk` draws, and the check vector in double precision, which `tusk` computes again when it loads the file and refuses the file
where the two differ.

Needs torch, numpy, safetensors and matplotlib. Beside OUTPUT stand the curve, .csv and .png, and while it runs the weights of the
best validation so far, .weights.
"""

import argparse
import hashlib
import json
import math
import pathlib
import time

import numpy as np
import safetensors.torch
import torch

from . import curve, philox
from .data import content_hash, load
from .images import moved, to_logits, warped
from .network import Flow
from .units import LEVELS, bits_per_dim

AVERAGE = 0.999  # decay of the moving average of the weights, which is validated and written
PRECISIONS = {"float32": torch.float32, "float16": torch.float16}


class Training:
    def __init__(self, options):
        self.options = options
        self.device = torch.device(options.device)
        self.is_gpu = self.device.type == "cuda"
        torch.manual_seed(options.seed)
        torch.backends.cudnn.benchmark = True
        splits = load(options.data)
        self.data_hash = content_hash(*splits["train"])
        self.images, self.labels = self.on_device(splits["train"])
        self.held_images, self.held_labels = self.on_device(splits["validation"])
        self.shape = tuple(self.images.shape[1:])
        self.dims = self.images[0].numel()
        classes = int(self.labels.max()) + 1
        self.names = options.class_name or [str(c) for c in range(classes)]
        if len(self.names) != classes:
            raise SystemExit(f"--class-name: {len(self.names)} names, the images have {classes} classes")
        counts = torch.bincount(self.labels, minlength=classes)
        self.prior = (counts.double() / len(self.labels)).tolist()
        # numbers of the images that an epoch shows
        self.shown = torch.arange(len(self.images), device=self.device)
        for word in options.repeat:
            name, _, times = word.partition("=")
            if name not in self.names or not times.isdigit():
                raise SystemExit(f"--repeat {word}: not class=n, with a class of {', '.join(self.names)}")
            again = (self.labels == self.names.index(name)).nonzero()[:, 0]
            self.shown = torch.cat([self.shown, again.repeat(int(times) - 1)])

        self.flow = self.new_flow(options.dropout).to(self.device)
        self.flow.standardize(to_logits(self.images, torch.rand_like(self.images), options.alpha)[0])
        self.average = self.new_flow().to(self.device).eval()
        self.average.load_state_dict(self.flow.state_dict())
        self.weights, self.averages = list(self.flow.parameters()), list(self.average.parameters())
        # what a step reads and writes is on the device and stays in its place, for the sake of graphs
        self.rate = torch.zeros((), device=self.device)
        self.mixing = torch.ones((), device=self.device)  # how much of the weights enters their average
        self.total = torch.zeros((), device=self.device)  # bits/dim of the steps since the last line
        self.batch = self.images[:options.batch].clone(), self.labels[:options.batch].clone()
        self.optimiser = torch.optim.Adam(self.weights, lr=self.rate, fused=self.is_gpu, capturable=self.is_gpu)
        self.output = pathlib.Path(options.output)
        self.steps = self.best_at = 0
        self.best = math.inf

    def on_device(self, split):
        images, labels = split
        return (torch.from_numpy(images.astype(np.float32)).to(self.device),
                torch.from_numpy(labels.astype(np.int64)).to(self.device))

    def new_flow(self, dropout=0.0):
        options = self.options
        return Flow(self.shape, options.hidden, options.kernel, options.bins, options.tail_bound, len(self.names), dropout,
                    options.belief)

    def run(self):
        options = self.options
        step = self.step
        if self.is_gpu:
            self.flow.fuse()
            step = self.captured()
        curve.begin(self.output.with_suffix(".csv"))
        self.began = self.said_at = time.monotonic()
        order, position, said = None, 0, 0
        while (done := (time.monotonic() - self.began) / options.seconds) < 1:
            self.rate.fill_(
                options.lr * min(1, (self.steps + 1) / options.warmup) * (0.5 + 0.5 * math.cos(math.pi * done)))
            self.mixing.fill_(max(1 - AVERAGE, 9 / (10 + self.steps)))
            if order is None or position + options.batch > len(order):
                order, position = self.shown[torch.randperm(len(self.shown), device=self.device)], 0
            chosen = order[position:position + options.batch]
            position += options.batch
            images = self.images[chosen]
            share = options.warp_share * max(0.0, 1 - done / options.warp_until)
            if options.warp and share:
                images = warped(images, share, options.warp)
            self.batch[0].copy_(images)
            self.batch[1].copy_(self.labels[chosen])
            step()
            self.steps += 1
            if self.is_gpu and self.steps % 20 == 0:
                torch.cuda.synchronize()  # or the clock would be ahead of the work
            if time.monotonic() - self.said_at >= options.validate_every:
                self.validate(self.total.item() / (self.steps - said))
                self.total.zero_()
                said = self.steps
        self.validate(self.total.item() / max(1, self.steps - said))
        self.write()
        curve.plot(self.output.with_suffix(".csv"), self.output.with_suffix(".png"))

    def captured(self):
        """The step as a CUDA graph: its thousand small kernels would wait for Python otherwise."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(5):
                self.step()  # at a rate of zero
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        self.optimiser.zero_grad(set_to_none=True)
        with torch.cuda.graph(graph):
            self.step()
        self.total.zero_()
        return graph.replay

    def step(self):
        """One step of Adam on the batch that was put in its place."""
        options = self.options
        images, labels = self.batch
        with torch.no_grad():
            images = moved(images, options.flips, options.shift)
            w, log_det = to_logits(images, torch.rand_like(images), options.alpha)
        log_prob = self.flow(w, labels, half=self.is_gpu).mean()
        loss = -log_prob / self.dims
        if options.belief:
            loss = loss + self.flow.belief_loss(w, labels) / self.dims
            # some images without their class: what the network makes of a belief is learned too
            some = max(1, round(options.unconditional * len(w)))
            loss = loss - options.unconditional * self.flow(w[:some], None, half=self.is_gpu).mean() / self.dims
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, options.clip, foreach=True)
        self.optimiser.step()
        with torch.no_grad():
            self.total += bits_per_dim(log_prob + log_det.mean(), self.dims)
            towards = torch._foreach_sub(self.weights, self.averages)
            torch._foreach_mul_(towards, self.mixing)
            torch._foreach_add_(self.averages, towards)

    def validate(self, train):
        bits = self.held_out()
        self.said_at = time.monotonic()
        spent, seen = self.said_at - self.began, self.steps * self.options.batch
        epochs = seen / len(self.shown)
        mean = bits.mean().item()
        each = "  ".join(
            f"{name} {bits[self.held_labels == self.names.index(name)].mean().item():.4f}" for name in self.options.watch)
        print(f"{spent:6.1f} s  {epochs:.1f} epochs  {seen / spent:.0f} images/s  train {train:.4f}  "
              f"validation {mean:.4f} bits/dim given the class  {each}", flush=True)
        curve.append(self.output.with_suffix(".csv"), round(spent, 1), round(epochs, 2), train, mean)
        if mean < self.best:
            self.best, self.best_at = mean, seen
            self.kept = {name: value.clone() for name, value in self.average.tensors().items()}
            safetensors.torch.save_file(self.kept, self.output.with_suffix(".weights"))

    @torch.no_grad()
    def held_out(self):
        """Bits/dim of every image of validation given its class, the same noise every time."""
        generator = torch.Generator(self.device).manual_seed(self.options.seed + 1)
        parts = []
        for images, labels in zip(self.held_images.split(250), self.held_labels.split(250)):
            noise = torch.rand(images.shape, generator=generator, device=self.device)
            w, log_det = to_logits(images.double(), noise.double(), self.options.alpha)
            parts.append(bits_per_dim(self.average(w.float(), labels).double() + log_det, self.dims))
        return torch.cat(parts)

    def write(self):
        """The model file."""
        options = self.options
        wall_seconds = round(time.monotonic() - self.began, 1)
        tensors = {name: value.to(PRECISIONS[options.file_precision]).cpu().contiguous() for name, value in self.kept.items()}
        self.average.take(tensors)
        torch.backends.cudnn.allow_tf32 = False
        log_probs = torch.cat([self.without_class(self.average, images) for images in self.held_images.split(100)])
        figures = held_out_figures(log_probs, self.dims)
        exact = self.new_flow().eval()
        exact.take(tensors)
        first = self.held_images[:1].cpu()
        height, width = self.shape
        record = {
            "format_version": 2, "mathematics_version": 1, "name": options.name, "architecture": "nsf-convolutional",
            "hyper_parameters": {
                "activation": "relu", "bins": options.bins, "classes": len(self.names), "gated": True,
                "hidden": options.hidden, "kernel": options.kernel, "layers": 1, "log_scale_bound": 5, "residual": False,
                "scales": 2, "tail_bound": options.tail_bound, "belief": options.belief},
            "event_shape": {"height": height, "width": width, "channels": 1}, "levels": LEVELS,
            "dequantization": "uniform", "logit_alpha": options.alpha, "classes": self.names, "class_prior": self.prior,
            "parameter_count": sum(value.numel() for value in tensors.values()),
            "training": {
                "data_hash": self.data_hash, "split": "train", "images": len(self.images),
                "horizontal_flips": options.flips, "seed": options.seed, "batch": options.batch,
                "epochs": self.steps * options.batch // len(self.shown), "best_epoch": self.best_at // len(self.shown),
                "wall_seconds": wall_seconds, "curve": curve.points(self.output.with_suffix(".csv"))},
            **figures,
            "check": {
                "pixels": first.flatten().int().tolist(), "log_prob": self.without_class(exact.double(), first).item()},
        }
        self.output.write_bytes(sealed(tensors, json.dumps(record)))
        self.output.with_suffix(".weights").unlink()
        print(f"{self.output}: validation {said(figures)} bits/dim")

    def without_class(self, flow, images):
        """log p(y) of each image without its class, nats: by what is believed of it, or of the mixture of all classes."""
        return log_prob_without_class(flow, images, self.options.name, self.options.alpha, self.prior)


def held_out_figures(log_probs, dims):
    """What a model file says of images of validation by their log-densities, nats: bits/dim, and quantiles to calibrate by."""
    bits = bits_per_dim(log_probs, dims)
    held = {"split": "validation", "count": len(bits)}
    return {
        "held_out": held | {
            "bits_per_dim": bits.mean().item(), "bits_per_dim_standard_error": bits.std().item() / len(bits) ** 0.5},
        "calibration": held | {"log_prob_quantiles": np.quantile(log_probs.numpy(), np.linspace(0, 1, 101)).tolist()}}


def said(figures):
    held = figures["held_out"]
    return f"{held['bits_per_dim']:.4f} ± {held['bits_per_dim_standard_error']:.4f}"


@torch.no_grad()
def log_prob_without_class(flow, images, name, alpha, prior):
    """log p(y) of each image without its class, nats, with the noise that `tusk` draws for it under the model `name`."""
    levels = images.cpu().numpy().astype(np.uint8)
    noise = np.stack([philox.dequantization_noise(name, image.reshape(-1)) for image in levels])
    w, log_det = to_logits(
        torch.from_numpy(levels).double(), torch.from_numpy(noise).double().view(levels.shape), alpha)
    w = w.to(flow.shift)
    if flow.infers_class:
        return flow(w, None).double().cpu() + log_det
    each = [flow(w, torch.full((len(w),), c, device=w.device)).double().cpu() + math.log(share)
            for c, share in enumerate(prior)]
    return torch.logsumexp(torch.stack(each), 0) + log_det


def sealed(tensors, record):
    """The bytes of a model file, with the hash of the record and of the tensors' bytes, which `tusk` verifies when it loads it."""
    data = safetensors.torch.save(tensors)
    start = 8 + int.from_bytes(data[:8], "little")
    digest = hashlib.sha256(record.encode() + data[start:]).hexdigest()
    return safetensors.torch.save(tensors, {"tusk": record, "sha256": digest})


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of IDX files, as for tusk train")
    parser.add_argument("--output", required=True, help="the model file")
    parser.add_argument("--file-precision", choices=list(PRECISIONS), default="float32", help="of the weights in the file")
    parser.add_argument("--name", default="model", help="names the model and seeds its dequantization noise")
    parser.add_argument("--class-name", action="append", default=[], help="of the labels 0, 1 and so on")
    parser.add_argument("--hidden", default="32,32,32,32,32,32,32,32", help="channels of each block, all the same")
    parser.add_argument("--belief", default="", help="channels of each block of a belief, all the same; for a density without a class in one pass")
    parser.add_argument("--unconditional", type=float, default=0.25, help="with --belief: fraction of the images that are learned without their class too")
    parser.add_argument("--kernel", type=int, default=5)
    parser.add_argument("--bins", type=int, default=12)
    parser.add_argument("--tail-bound", type=float, default=6)
    parser.add_argument("--alpha", type=float, default=1e-5)
    parser.add_argument("--flips", action="store_true", help="mirror half of the images")
    parser.add_argument("--shift", type=int, default=0, help="move images by up to so many pixels")
    parser.add_argument("--repeat", action="append", default=[], help="class=n: shown n times an epoch")
    parser.add_argument("--warp", type=float, default=0.0, help="how far shapes are turned, stretched and slanted, such as 0.06")
    parser.add_argument("--warp-share", type=float, default=0.8, help="fraction of the images that are warped, at the start; it falls with the time")
    parser.add_argument("--warp-until", type=float, default=0.7, help="fraction of the time after which none are warped")
    parser.add_argument("--dropout", type=float, default=0.0, help="fraction of a block's inner values left out")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=int, default=500, help="steps")
    parser.add_argument("--clip", type=float, default=0.1, help="largest norm of the gradient, nats a dimension")
    parser.add_argument("--seconds", type=float, required=True, help="of training; the learning rate falls with them")
    parser.add_argument("--validate-every", type=float, default=20, help="seconds")
    parser.add_argument("--watch", action="append", default=[], help="a class whose validation is shown too")
    parser.add_argument("--device", default="cuda", help="cuda, or cpu, which takes some hundred times as long")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    options.hidden = [int(word) for word in options.hidden.split(",")]
    options.belief = [int(word) for word in options.belief.split(",") if word]
    if len(set(options.hidden)) != 1:
        parser.error("--hidden: all blocks have the same number of channels")
    if options.device == "cuda" and not torch.cuda.is_available():
        parser.error("--device cuda: torch sees no GPU")
    return options


if __name__ == "__main__":
    Training(arguments()).run()
