"""Preprocessing, bits/dim and the training loop that every model of this folder goes through."""

import copy
import math
import time

import torch

LEVELS = 256


def to_logits(images, noise, alpha):
    """w = logit(α + (1−2α)y) of y = (x + u)/256, `[n, D]`, and the log-det of y → w per row, nats."""
    y = (images.double() + noise.double()) / LEVELS
    s = alpha + (1 - 2 * alpha) * y
    log_s, log_rest = torch.log(s), torch.log1p(-s)
    log_det = images.shape[1] * math.log1p(-2 * alpha) - (log_s + log_rest).sum(-1)
    return (log_s - log_rest).float(), log_det


def bits_per_dim(log_prob, dims):
    """−(log p(y) − D·ln 256)/(D·ln 2), `log_prob` in nats."""
    return -(log_prob - dims * math.log(LEVELS)) / (dims * math.log(2))


@torch.no_grad()
def held_out(flow, images, alpha, seed):
    """Bits/dim of every image, one dequantization draw each."""
    noise = torch.rand(images.shape, generator=torch.Generator().manual_seed(seed))
    w, log_det = to_logits(images, noise, alpha)
    log_prob = torch.cat([flow(part) for part in w.split(256)]).double() + log_det
    return bits_per_dim(log_prob, images.shape[1])


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


def train(flow, images, shape, validation, options, log=print):
    """Maximum likelihood for `options.seconds`; leaves the best weights on validation in `flow` and returns a record.

    `flow(w)` is the log-density of `[n, D]` logits. The learning rate rises over `options.warmup` steps and falls as
    half a cosine over the time. Time spent on validation does not count.
    """
    generator = torch.Generator().manual_seed(options.seed)
    clock = time.process_time if options.clock == "cpu" else time.monotonic
    parameters = [p for p in flow.parameters() if p.requires_grad]
    optimiser = torch.optim.AdamW(parameters, lr=options.lr, weight_decay=options.weight_decay)
    average = copy.deepcopy(flow) if options.ema else flow
    best, best_weights, best_at, curve = math.inf, None, None, []
    spent, step, epoch, since = 0.0, 0, 0, 0.0
    while spent < options.seconds:
        started = clock()
        train_bits, seen = 0.0, 0
        for rows in torch.randperm(len(images), generator=generator).split(options.batch):
            progress = min(1.0, (spent + clock() - started) / options.seconds)
            rate = min(1, (step + 1) / options.warmup) * (0.5 + 0.5 * math.cos(math.pi * progress))
            for group in optimiser.param_groups:
                group["lr"] = options.lr * rate
            batch = augmented(images[rows], shape, options.flips, options.shift, generator)
            w, log_det = to_logits(batch, torch.rand(batch.shape, generator=generator), options.alpha)
            log_prob = flow(w)
            loss = -log_prob.mean()
            if not torch.isfinite(loss):
                raise RuntimeError(f"loss is {loss.item()} at step {step}")
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, options.clip)
            optimiser.step()
            step += 1
            if options.ema:
                decay = min(options.ema, (1 + step) / (10 + step))
                with torch.no_grad():
                    torch._foreach_lerp_(list(average.parameters()), list(flow.parameters()), 1 - decay)
            train_bits += bits_per_dim(log_prob.detach().double() + log_det, batch.shape[1]).sum().item()
            seen += len(batch)
        spent += clock() - started
        epoch += 1
        if spent - since < options.evaluate_every and spent < options.seconds:
            continue
        since = spent
        bits = held_out(average, validation, options.alpha, options.seed + 1).mean().item()
        curve.append([round(spent, 1), epoch, round(train_bits / seen, 4), round(bits, 4)])
        log(f"{spent:7.1f} s  epoch {epoch:4d}  train {train_bits / seen:.4f}  validation {bits:.4f} bits/dim")
        if bits < best:
            best, best_at = bits, [round(spent, 1), epoch]
            best_weights = {name: value.clone() for name, value in average.state_dict().items()}
    flow.load_state_dict(best_weights)
    return {
        "seconds": round(spent, 1), "epochs": epoch, "steps": step, "best_at_seconds_epoch": best_at,
        "final_train_bits_per_dim": curve[-1][2], "validation_bits_per_dim": best,
    }
