"""Gives a class-conditional `nsf-convolutional` model a belief, so that its density without a class takes one pass.

    python3 -m Training.torch.belief --model animals.safetensors --data FOLDER --seconds 600 --output believing.safetensors

The belief is a small causal network that tells the class of an image by the pixels before each one (docs/reference/numerics.md, "A
model that tells the class by itself"). It learns that alone, as beside `tusk train --belief`, by the cross-entropy of the class at
every pixel; every other weight stays as it is, bit for bit, and so do the densities given a class. Without a GPU a few hours of a
processor do.

The figures of the file that are of the density without a class are made anew: held-out density, calibration, check vector. `tusk calibrate`
adds what verdicts need. Beside OUTPUT stands a checkpoint while it runs, .checkpoint, from which the same command goes on.
"""

import argparse
import json
import math
import pathlib
import time

import numpy as np
import safetensors
import torch
from torch.nn import functional

from .data import load
from .images import moved, to_logits, warped
from .network import Flow
from .train import PRECISIONS, held_out_figures, log_prob_without_class, said, sealed

AVERAGE = 0.997  # decay of the moving average of the weights, which is validated and written


class BeliefTraining:
    def __init__(self, options):
        self.options = options
        self.device = torch.device(options.device)
        torch.manual_seed(options.seed)
        with safetensors.safe_open(options.model, framework="pt") as file:
            self.record = json.loads(file.metadata()["tusk"])
            self.file_tensors = {name: file.get_tensor(name) for name in file.keys()}
        sizes, event = self.record["hyper_parameters"], self.record["event_shape"]
        if self.record["architecture"] != "nsf-convolutional" or not sizes["classes"] or not sizes["gated"] or sizes["layers"] != 1:
            raise SystemExit("--model: not a gated nsf-convolutional of one map with classes")
        self.shape = event["height"], event["width"]
        self.dims = math.prod(self.shape)
        self.alpha = self.record["logit_alpha"]
        splits = load(options.data)
        self.images, self.labels = self.on_device(splits["train"])
        self.held_images, self.held_labels = self.on_device(splits["validation"])
        self.flow = self.new_flow(options.dropout).to(self.device)
        self.take(self.flow, {name: value.float() for name, value in self.file_tensors.items()})
        self.average = self.new_flow(0).to(self.device).eval()
        self.average.load_state_dict(self.flow.state_dict())
        self.weights, self.averages = list(self.flow.belief.parameters()), list(self.average.belief.parameters())
        self.optimiser = torch.optim.AdamW(self.weights, lr=options.lr, weight_decay=0.02, betas=(0.9, 0.98))
        self.output = pathlib.Path(options.output)
        self.checkpoint = self.output.with_suffix(".checkpoint")
        self.steps, self.spent, self.order, self.position = 0, 0.0, None, 0
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint)
            self.flow.belief.load_state_dict(state["belief"])
            self.average.belief.load_state_dict(state["average"])
            self.optimiser.load_state_dict(state["optimiser"])
            self.steps, self.spent = state["steps"], state["spent"]

    def on_device(self, split):
        images, labels = split
        return (torch.from_numpy(images.astype(np.float32)).to(self.device),
                torch.from_numpy(labels.astype(np.int64)).to(self.device))

    def new_flow(self, dropout):
        sizes = self.record["hyper_parameters"]
        return Flow(self.shape, sizes["hidden"], sizes["kernel"], sizes["bins"], sizes["tail_bound"], sizes["classes"],
                    dropout, self.options.hidden)

    @staticmethod
    def take(flow, tensors):
        """The weights of a file, which may have no belief yet."""
        flow.take({name: tensors.get(name, value) for name, value in flow.tensors().items()})

    def run(self):
        options = self.options
        began, said = time.monotonic() - self.spent, self.spent
        total, count = 0.0, 0
        self.validate(None)
        while (done := (time.monotonic() - began) / options.seconds) < 1:
            for group in self.optimiser.param_groups:
                group["lr"] = options.lr * min(1, (self.steps + 1) / 100) * (0.5 + 0.5 * math.cos(math.pi * done))
            total, count = total + self.step(done), count + 1
            self.spent = time.monotonic() - began
            if self.spent - said >= options.validate_every:
                said = self.spent
                self.validate(total / count)
                total, count = 0.0, 0
                torch.save({"belief": self.flow.belief.state_dict(), "average": self.average.belief.state_dict(),
                            "optimiser": self.optimiser.state_dict(), "steps": self.steps, "spent": self.spent},
                           self.checkpoint)
        self.validate(total / max(1, count))
        self.write()

    def step(self, done):
        options = self.options
        if self.order is None or self.position + options.batch > len(self.order):
            self.order, self.position = torch.randperm(len(self.images), device=self.device), 0
        chosen = self.order[self.position:self.position + options.batch]
        self.position += options.batch
        with torch.no_grad():
            images = self.images[chosen]
            if share := options.warp_share * max(0.0, 1 - done / 0.7):
                images = warped(images, share, options.warp)
            images = moved(images, options.flips, options.shift)
            w, _ = to_logits(images, torch.rand_like(images), self.alpha)
        loss = self.flow.belief_loss(w, self.labels[chosen])
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.weights, 1.0)
        self.optimiser.step()
        self.steps += 1
        with torch.no_grad():
            mixing = max(1 - AVERAGE, 9 / (10 + self.steps))
            for average, weight in zip(self.averages, self.weights):
                average.lerp_(weight, mixing)
        return loss.item()

    @torch.no_grad()
    def validate(self, train):
        generator = torch.Generator(self.device).manual_seed(self.options.seed + 1)
        losses, right = [], 0
        for images, labels in zip(self.held_images.split(100), self.held_labels.split(100)):
            noise = torch.rand(images.shape, generator=generator, device=self.device)
            w, _ = to_logits(images, noise, self.alpha)
            beliefs = self.average.beliefs(w)
            losses.append(functional.nll_loss(beliefs, labels[:, None, None].expand(-1, *beliefs.shape[2:])) * len(images))
            right += (beliefs[:, :, -1, -1].argmax(1) == labels).sum().item()
        count = len(self.held_images)
        trained = "" if train is None else f"train {train:.4f}  "
        epochs = self.steps * self.options.batch / len(self.images)
        print(f"{self.spent:6.0f} s  {epochs:.1f} epochs  {trained}validation {sum(losses).item() / count:.4f} nats, "
              f"{100 * right / count:.1f} % told right by the last pixel", flush=True)

    def write(self):
        """The model file: every tensor that was there as it was, and the belief's."""
        options, record = self.options, self.record
        precision = next(iter({str(value.dtype).removeprefix("torch.") for value in self.file_tensors.values()}))
        tensors = {
            name: self.file_tensors.get(name, value.to(PRECISIONS[precision]).cpu()).contiguous()
            for name, value in self.average.tensors().items()}
        self.average.take({name: value.float() for name, value in tensors.items()})
        if options.name:
            record["name"] = options.name
        record["hyper_parameters"]["belief"] = options.hidden
        record["parameter_count"] = sum(value.numel() for value in tensors.values())
        log_probs = torch.cat([self.log_prob(self.average, images) for images in self.held_images.split(50)])
        record |= held_out_figures(log_probs, self.dims)
        record.pop("decision", None)  # of another density
        exact = self.new_flow(0).eval()
        exact.take({name: value.float() for name, value in tensors.items()})
        first = self.held_images[:1].cpu()
        record["check"] = {
            "pixels": first.flatten().int().tolist(), "log_prob": self.log_prob(exact.double(), first).item()}
        self.output.write_bytes(sealed(tensors, json.dumps(record)))
        self.checkpoint.unlink(missing_ok=True)
        print(f"{self.output}: validation {said(record)} bits/dim without the class; tusk calibrate adds verdicts")

    def log_prob(self, flow, images):
        """log p(y) of each image without its class, nats."""
        return log_prob_without_class(flow, images, self.record["name"], self.alpha, None)


def arguments(words=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", required=True, help="the model file that gets a belief")
    parser.add_argument("--data", required=True, help="folder of IDX files, those that the model learned from")
    parser.add_argument("--output", required=True, help="the new model file")
    parser.add_argument("--name", default="", help="of the new model; by default the old one's, with the same dequantization noise")
    parser.add_argument("--hidden", default="32,32,32,32", help="channels of each block of the belief, all the same")
    parser.add_argument("--flips", action="store_true", help="mirror half of the images")
    parser.add_argument("--shift", type=int, default=0, help="move images by up to so many pixels")
    parser.add_argument("--warp", type=float, default=0.06, help="how far shapes are turned, stretched and slanted")
    parser.add_argument("--warp-share", type=float, default=0.0, help="fraction of the images that are warped, at the start; it falls with the time")
    parser.add_argument("--dropout", type=float, default=0.05, help="fraction of a block's inner values left out")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument("--seconds", type=float, required=True, help="of training; the learning rate falls with them")
    parser.add_argument("--validate-every", type=float, default=60, help="seconds")
    parser.add_argument("--device", default="cuda", help="cuda or cpu")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(words)
    options.hidden = [int(word) for word in options.hidden.split(",")]
    return options


if __name__ == "__main__":
    BeliefTraining(arguments()).run()
