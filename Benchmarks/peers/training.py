"""Preprocessing and the training loop that every model of this folder goes through."""

import copy
import math
import os
import pathlib
import time

import torch

from Training.torch.units import LEVELS, bits_per_dim

MAX_ROLLBACKS = 5  # as `tusk train --rollbacks`
CHECKPOINT_EVERY = 30.0  # seconds, as `tusk train --checkpoint-interval`
LINE_EVERY = 10.0  # seconds


def to_logits(images, noise, alpha):
    """w = logit(α + (1−2α)y) of y = (x + u)/256, `[n, D]`, and the log-det of y → w per row, nats."""
    y = (images.double() + noise.double()) / LEVELS
    s = alpha + (1 - 2 * alpha) * y
    log_s, log_rest = torch.log(s), torch.log1p(-s)
    log_det = images.shape[1] * math.log1p(-2 * alpha) - (log_s + log_rest).sum(-1)
    return (log_s - log_rest).float(), log_det


@torch.no_grad()
def held_out(flow, images, alpha, seed, batch=256):
    """Bits/dim of every image, one dequantization draw each, in double precision."""
    flow.eval()
    generator = torch.Generator().manual_seed(seed)
    parts = []
    for part in images.split(batch):
        w, log_det = to_logits(part, torch.rand(part.shape, generator=generator), alpha)
        parts.append(bits_per_dim(flow(w).double() + log_det, images.shape[1]))
    return torch.cat(parts)


def augmented(images, shape, flips, shift, generator):
    """Mirrored with probability ½, and moved by up to `shift` pixels with black filled in."""
    height, width = shape
    picture = images.view(-1, height, width)
    if flips:
        mirror = torch.rand(len(picture), 1, 1, generator=generator) < 0.5
        picture = torch.where(mirror, picture.flip(-1), picture)
    if shift:
        padded = torch.nn.functional.pad(picture, (shift,) * 4)
        by = torch.randint(0, 2 * shift + 1, (len(picture), 2), generator=generator).tolist()
        picture = torch.stack([p[dy : dy + height, dx : dx + width] for p, (dy, dx) in zip(padded, by)])
    return picture.reshape(len(images), -1)


def clock_text(seconds):
    """`1:02:03`, or `2:03` below an hour."""
    total = round(max(0.0, seconds))
    hours, minutes, rest = total // 3600, total // 60 % 60, total % 60
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


class Diverged(RuntimeError):
    """The loss or the gradient is not finite."""


class Training:
    """Maximum likelihood for `options.seconds` of processor time, as `tusk train` does it.

    `flow(w)` is the log-density of `[n, D]` logits. The learning rate rises over `options.warmup` steps and falls as half a
    cosine over the time; gradients are clipped; the weights that are validated, and kept where that was best, are a moving
    average. All time counts, validation and checkpoints as well, but for what a divergence threw away: it goes back to the last
    checkpoint with half the learning rate, `MAX_ROLLBACKS` times at most.

    With a `checkpoint` path the whole state is written there every `CHECKPOINT_EVERY` seconds, at an interruption and at the
    end, and a file that is there already is continued from, in the middle of an epoch as well.
    """

    def __init__(self, flow, images, shape, validation, options, log=print, checkpoint=None):
        self.flow, self.images, self.shape, self.validation = flow, images, shape, validation
        self.options, self.log = options, log
        self.checkpoint = pathlib.Path(checkpoint) if checkpoint else None
        self.generator = torch.Generator().manual_seed(options.seed)
        self.parameters = [p for p in flow.parameters() if p.requires_grad]
        self.optimiser = torch.optim.AdamW(self.parameters, lr=options.lr, weight_decay=options.weight_decay)
        self.average = copy.deepcopy(flow)
        self.order = None  # of the epoch under way
        self.best_weights = None
        self.progress = {
            "spent": 0.0, "step": 0, "epoch": 0, "position": 0, "bits": 0.0, "seen": 0, "validated_at": 0.0, "best": None,
            "curve": [], "rollbacks": 0,
        }
        self._began = self._saved_at = self._shown_at = 0.0
        if self.checkpoint and self.checkpoint.exists():
            self._load()

    # Time

    def _tick(self):
        now = time.process_time()
        self.progress["spent"] += now - self._began
        self._began = now

    # Checkpoints

    def _save(self):
        if not self.checkpoint:
            return
        state = {
            "progress": self.progress, "flow": self.flow.state_dict(), "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(), "generator": self.generator.get_state(), "order": self.order,
            "best_weights": self.best_weights,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        os.replace(partial, self.checkpoint)
        self._saved_at = self.progress["spent"]

    def _load(self):
        state = torch.load(self.checkpoint, weights_only=True)
        self.progress = state["progress"]
        self.flow.load_state_dict(state["flow"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.generator.set_state(state["generator"])
        self.order, self.best_weights = state["order"], state["best_weights"]
        self._saved_at = self._shown_at = self.progress["spent"]

    # Training

    def run(self, is_interrupted=lambda: False):
        """Returns whether the training is over: False after an interruption."""
        self._began = time.process_time()
        self._rate_from = (self.progress["spent"], 0)
        self._images_done = 0
        if not self.progress["step"]:
            self._save()  # something to go back to
        while self.progress["spent"] < self.options.seconds:
            try:
                if self._epoch(is_interrupted):
                    self._tick()
                    self._save()
                    return False
            except Diverged as error:
                if not self.checkpoint or self.progress["rollbacks"] >= MAX_ROLLBACKS:
                    raise
                rollbacks = self.progress["rollbacks"] + 1
                self._load()
                self.progress["rollbacks"] = rollbacks
                self._began = time.process_time()
                self._save()
                self.log(f"{error}; going back to the checkpoint of step {self.progress['step']}, learning rate times "
                         f"{0.5 ** rollbacks:g}")
        self._save()
        return True

    def _epoch(self, is_interrupted):
        """The rest of the epoch under way; whether it was interrupted."""
        progress, options = self.progress, self.options
        self.flow.train()
        if self.order is None:
            self.order = torch.randperm(len(self.images), generator=self.generator)
        batches = math.ceil(len(self.images) / options.batch)
        parts = self.order.tensor_split(batches)  # of nearly equal size
        while progress["position"] < batches and not (progress["seen"] and progress["spent"] >= options.seconds):
            if is_interrupted():
                return True
            self._step(self.images[parts[progress["position"]]])
            if progress["spent"] - self._saved_at >= CHECKPOINT_EVERY:
                self._save()
        progress["epoch"] += 1
        train_bits = progress["bits"] / progress["seen"]
        self.order = None
        progress.update(position=0, bits=0.0, seen=0)
        over = progress["spent"] >= options.seconds
        if over or progress["spent"] - progress["validated_at"] >= options.evaluate_every:
            self._validate(train_bits)
        return False

    def _step(self, images):
        progress, options = self.progress, self.options
        done = min(1.0, progress["spent"] / options.seconds)
        rate = options.lr * min(1, (progress["step"] + 1) / options.warmup) * (0.5 + 0.5 * math.cos(math.pi * done))
        for group in self.optimiser.param_groups:
            group["lr"] = rate * 0.5 ** progress["rollbacks"]
        batch = augmented(images, self.shape, options.flips, options.shift, self.generator)
        w, log_det = to_logits(batch, torch.rand(batch.shape, generator=self.generator), options.alpha)
        log_prob = self.flow(w)
        loss = -log_prob.mean()
        self.optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, options.clip)
        if not (torch.isfinite(loss) and torch.isfinite(norm)):
            raise Diverged(f"loss {loss.item():g}, norm of the gradient {norm.item():g} in step {progress['step'] + 1}")
        self.optimiser.step()
        progress["step"] += 1
        progress["position"] += 1
        decay = min(options.ema, (1 + progress["step"]) / (10 + progress["step"]))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.flow.parameters()), 1 - decay)
        progress["bits"] += bits_per_dim(log_prob.detach().double() + log_det, batch.shape[1]).sum().item()
        progress["seen"] += len(batch)
        self._images_done += len(batch)
        self._tick()
        if progress["spent"] - self._shown_at >= LINE_EVERY:
            self._shown_at = progress["spent"]
            speed = self._images_done / (progress["spent"] - self._rate_from[0])
            self.log(
                f"epoch {progress['epoch'] + 1}  {progress['seen']}/{len(self.images)} images  {speed:.3g} images/s  "
                f"train {progress['bits'] / progress['seen']:.4f} bits/dim  "
                f"{clock_text(options.seconds - progress['spent'])} left")

    def _validate(self, train_bits):
        progress = self.progress
        bits = held_out(self.average, self.validation, self.options.alpha, self.options.seed + 1).mean().item()
        if not math.isfinite(bits):
            raise Diverged(f"validation is {bits} bits/dim")
        self._tick()
        progress["validated_at"] = progress["spent"]
        point = {"epoch": progress["epoch"], "step": progress["step"], "train_bits_per_dim": train_bits,
                 "validation_bits_per_dim": bits, "seconds": progress["spent"]}
        progress["curve"].append(point)
        self.log(f"epoch {point['epoch']}  train {train_bits:.4f}  validation {bits:.4f} bits/dim  "
                 f"{clock_text(point['seconds'])}")
        if progress["best"] is None or bits < progress["best"]["validation_bits_per_dim"]:
            progress["best"] = point
            self.best_weights = {name: value.clone() for name, value in self.average.state_dict().items()}

    def keep_best(self):
        """The weights of the best validation, in `flow`."""
        self.flow.load_state_dict(self.best_weights)


def train(flow, images, shape, validation, options, log=print):
    """A whole training without a checkpoint; leaves the best weights on validation in `flow` and returns a record."""
    training = Training(flow, images, shape, validation, options, log)
    training.run()
    training.keep_best()
    progress = training.progress
    return {
        "seconds": round(progress["spent"], 1), "epochs": progress["epoch"], "steps": progress["step"],
        "best_at_seconds_epoch": [round(progress["best"]["seconds"], 1), progress["best"]["epoch"]],
        "final_train_bits_per_dim": progress["curve"][-1]["train_bits_per_dim"],
        "validation_bits_per_dim": progress["best"]["validation_bits_per_dim"],
    }
