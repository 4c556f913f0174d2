"""One cell of the table: ours and every library at the same task, in turns."""

import gc
import time

import torch

from . import ours
from .timing import LONG, call_times, rates

def peer_call(model, direction, dims, batch):
    """What is timed of a library, after a first pass, so that even a call that is timed once finds its memory warm, and with the
    images' layout that is fastest for it."""
    x = torch.randn(batch, dims, generator=torch.Generator().manual_seed(batch))
    if direction == "train":
        model.training_step(x)
        model.settle(lambda: model.training_step(x))
        return lambda: model.training_step(x)

    def inference():
        with torch.inference_mode():
            return model.log_prob(x) if direction == "density" else model.sample(batch)

    with torch.inference_mode():
        model.log_prob(x)
    if direction == "density":
        model.settle(inference)
    return inference


def cell(contest, peers, direction, batch, options, budget, expected):
    """Runs of each contestant of a contest, ours with the options `contest.flow`: `{name: [run, …]}`, and `{name: why not}` for
    those that were left out.

    A round is ours, library, ours, library, … and last ours in the other precisions of the contest. A library whose call is too long to
    be repeated runs once. `expected` maps a library to the seconds that a call may take, from smaller batches; one
    that would not fit into the budget is left out. When the budget is spent, the first round is the last.
    """
    runs, left_out, finished = {}, {}, set()

    def run_ours(precision):
        result = ours.bench(
            options.program, contest.flow, direction, batch, options.threads, options.seconds, precision)
        runs.setdefault(f"tusk {precision}", []).append(result)

    for turn in range(options.rounds):
        if turn > 0 and budget.left <= 0:
            break
        for peer in peers:
            name = peer.package
            run_ours("f32")
            if name in finished:
                continue
            if expected.get(name, 0) > budget.left:
                left_out[name] = f"a call of about {expected[name]:,.0f} s does not fit into the time budget"
                finished.add(name)
                continue
            times = call_times(peer_call(peer, direction, contest.dims, batch), options.seconds)
            runs.setdefault(name, []).append(rates(times, batch))
            expected[name] = sum(times) / len(times)
            if times[0] > LONG:
                finished.add(name)
            time.sleep(0.05)  # its threads spin for a while after their last product
        if direction != "train":
            for precision in contest.precisions[1:]:
                run_ours(precision)
    gc.collect()
    return runs, left_out
