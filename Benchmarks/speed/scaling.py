"""Time per sample against D: one pass of ours, D passes of the libraries'. One masked network, so that only D differs."""

import torch

from Benchmarks.peers.nflows_maf import NflowsMAF
from Benchmarks.peers.zuko_maf import ZukoMAF
from . import ours
from .timing import call_times, rates

DIMS = [16, 64, 256, 784, 1568, 3072]
HIDDEN = [1024, 1024]
BATCH = 64


def weights(dims, hidden=HIDDEN):
    """Weights of one masked network that gives a shift and a scale for each dimension."""
    sizes = [dims, *hidden, 2 * dims]
    return sum(before * after for before, after in zip(sizes, sizes[1:]))


def scaling(options, budget, log):
    """A list of `{"who", "dims", "batch", "weights", "runs" or "left_out"}`."""
    points = []
    expected = {}
    for dims in DIMS:
        size = {"dims": dims, "batch": BATCH, "weights": weights(dims)}
        runs = [
            ours.bench(
                options.program, ours.vectors(dims, 1, HIDDEN), "sample", BATCH, options.threads, options.seconds)
            for _ in range(options.rounds)
        ]
        points.append({"who": "tusk f32", **size, "runs": runs})
        for peer in (ZukoMAF, NflowsMAF):
            name = peer.package
            # From the last size: by the number of passes, and by the work of one.
            last = expected.get(name)
            needed = last[1] * dims * weights(dims) / (last[0] * weights(last[0])) if last else 0
            if needed > budget.left:
                why = f"about {needed:,.0f} s do not fit into the time budget"
                points.append({"who": name, **size, "left_out": why})
                log(f"D = {dims}: {name} left out, {why}")
                continue
            torch.manual_seed(1)
            model = peer(dims, 1, HIDDEN)
            with torch.inference_mode():
                model.log_prob(torch.randn(BATCH, dims))
                times = call_times(lambda: model.sample(BATCH), options.seconds)
            expected[name] = (dims, sum(times) / len(times))
            points.append({"who": name, **size, "runs": [rates(times, BATCH)]})
        log(f"D = {dims}: " + ", ".join(
            f"{point['who']} {1000 / point['runs'][-1]['images_per_second']:.4g} ms an image"
            for point in points if point["dims"] == dims and "runs" in point))
    return points
