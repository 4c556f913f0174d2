"""Checks of the model zoo's own machinery: densities, bits/dim, sizes, interruption. Seconds; fails loudly.

    .venv/bin/python -m Benchmarks.zoo.check --program .build/release/tusk --data FOLDER
"""

import argparse
import json
import math
import pathlib
import subprocess
import tempfile

import torch

from Benchmarks.exactness import preprocess, read_model
from Benchmarks.peers.training import Training, held_out
from Tests.Goldens.checks import check
from Tests.Goldens.transfer import Peer
from Training.torch import data
from Training.torch.units import bits_per_dim
from .entries import ENTRIES, Entry
from .peer import PEERS, build, settings


class Uniform(torch.nn.Module):
    """The density of w = logit(α + (1−2α)y) where y is uniform."""

    def __init__(self, alpha):
        super().__init__()
        self.alpha = alpha

    def forward(self, w):
        log_s, log_rest = torch.nn.functional.logsigmoid(w), torch.nn.functional.logsigmoid(-w)
        return (log_s + log_rest - math.log1p(-2 * self.alpha)).double().sum(-1)


def check_uniform(images):
    for alpha in (1e-6, 1e-5, 0.05):
        bits = held_out(Uniform(alpha), images, alpha, seed=1).mean().item()
        check(f"the uniform density, alpha {alpha:g}", abs(bits - 8) < 1e-5, f"{bits:.7f} bits/dim, 8 by definition")


class Small(Entry):
    """An entry on images of 4×4, whose Jacobian is quickly had."""

    shape = (4, 4, 1)

    def __init__(self, entry):
        super().__init__(**vars(entry) | {"layers": 2, "hidden": [32] * len(entry.hidden)})


def latent(library, flow, w):
    """z of one row in the library's own words."""
    x, _ = flow.standardize(w[None])
    if flow.shape:
        x = x.view(1, *flow.shape)
    if library == "zuko":
        return flow.module().transform(x)[0]
    if library == "nflows":
        return flow.module.transform_to_noise(x).flatten()
    return flow.module.inverse(x)[0]


def check_density(entry):
    """log p(w) is that of the change of variables, with the Jacobian of the whole map by automatic differentiation."""
    torch.manual_seed(1)
    flow = PEERS[entry.peer](Small(entry))
    flow.initialize(torch.randn(64, 16))
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    flow = flow.double().eval()
    w = torch.randn(16, dtype=torch.float64)
    jacobian = torch.autograd.functional.jacobian(lambda w: latent(entry.peer.split()[0], flow, w), w)
    with torch.no_grad():
        z = latent(entry.peer.split()[0], flow, w)
        expected = -0.5 * (z @ z + 16 * math.log(2 * math.pi)) + torch.linalg.slogdet(jacobian).logabsdet
        gap = (flow(w[None])[0] - expected).abs().item()
    check(f"{entry.peer}, log p(w) and its Jacobian", gap < 1e-6, f"{expected.item():.4f} nats, {gap:.1e} apart")


def dense(*sizes):
    return sum(a * b + b for a, b in zip(sizes, sizes[1:]))


def image_network(entry, inputs, outputs):
    """nflows' `ConvResidualNet` of 48 channels, where ours have 64."""
    assert set(entry.hidden) == {64} and entry.kernel == 3
    c = 48
    return (inputs * c + c) + len(entry.hidden) * 2 * (9 * c * c + c) + (c * outputs + outputs)


def expected_parameters(entry):
    """What a flow of the entry's sizes has, counted by hand; standardization first."""
    d, n = entry.dims, entry.layers
    given = 3 * entry.bins - 1 if entry.is_spline else 1 if entry.architecture == "nice" else 2
    if entry.architecture in ("nice", "coupling", "nsf-coupling"):
        return 2 * d + n * dense(d // 2, *entry.hidden, given * d // 2)
    if entry.architecture in ("maf", "iaf", "nsf-autoregressive"):
        return 2 * d + n * dense(d, *entry.hidden, given * d)
    total, channels = 2 * d, 1
    for scale in range(entry.scales):
        channels *= 4
        coupling = image_network(entry, channels // 2, given * channels // 2)
        if entry.architecture == "realnvp":
            total += (n if scale == entry.scales - 1 else 2 * n) * coupling  # of channels between scales alone
        else:  # actnorm 2C; 1×1 convolution: triangles, diagonal, bias
            total += n * (2 * channels + channels * (channels - 1) + 2 * channels + coupling)
        channels //= 2
    return total


def check_sizes(entry):
    count = sum(p.numel() for p in PEERS[entry.peer](entry).parameters())
    expected = expected_parameters(entry)
    check(f"{entry.peer}, parameters at the sizes of {entry.name}", count == expected, f"{count:,}, by hand {expected:,}")


class Stepped(Training):
    """A training whose clock is its steps, and which can be made to see a loss that is not finite."""

    fails_at = ()

    def _tick(self):
        self.progress["spent"] = float(self.progress["step"])

    def _step(self, images):
        if self.progress["step"] in self.fails_at:
            self.fails_at = tuple(step for step in self.fails_at if step != self.progress["step"])
            flow = self.flow
            self.flow = lambda w: flow(w) * math.nan
            try:
                super()._step(images)
            finally:
                self.flow = flow
        else:
            super()._step(images)


def stepped(entry, rows, checkpoint, seconds=40):
    return Stepped(build(entry, rows["train"]), rows["train"], entry.shape[:2], rows["validation"],
                   settings(entry, seconds), lambda _: None, checkpoint)


def check_interruption(rows):
    entry = Entry("interrupted", "coupling", 2, [32, 32], peer="zuko coupling", batch=64)
    with tempfile.TemporaryDirectory() as folder:
        whole = stepped(entry, rows, pathlib.Path(folder) / "whole.checkpoint")
        whole.run()
        pieces = 0
        while True:
            steps = iter(range(7))  # in the middle of an epoch of 16 steps
            part = stepped(entry, rows, pathlib.Path(folder) / "parts.checkpoint")
            pieces += 1
            if part.run(lambda: next(steps, None) is None):
                break
        same = all(torch.equal(a, b) for a, b in zip(whole.flow.state_dict().values(), part.flow.state_dict().values()))
        best = all(torch.equal(a, b) for a, b in zip(whole.best_weights.values(), part.best_weights.values()))
        check("a training in pieces and in one, the same bits", same and best and whole.progress == part.progress,
              f"{pieces} pieces, {part.progress['step']} steps, {part.progress['epoch']} epochs")
        diverging = stepped(entry, rows, pathlib.Path(folder) / "diverging.checkpoint")
        diverging.fails_at = (5, 20)
        diverging.run()
        check("a diverged training goes back and on", diverging.progress["rollbacks"] == 2
              and diverging.progress["step"] == 40 and math.isfinite(diverging.progress["best"]["validation_bits_per_dim"]),
              f"{diverging.progress['rollbacks']} times, {diverging.progress['step']} steps")


def check_evaluation(program, folder, images, count=200):
    """`tusk evaluate` of a model of ours against the formula of the peers, the density by zuko from the same weights."""
    with tempfile.TemporaryDirectory() as work:
        model = f"{work}/checked.safetensors"
        subprocess.run([program, "train", "--data", folder, "--architecture", "maf", "--layers", "2", "--hidden", "64,64",
                        "--epochs", "1", "--alpha", "1e-5", "--name", "checked", "--output", model],
                       check=True, stdout=subprocess.DEVNULL)
        ours = json.loads(subprocess.run(
            [program, "evaluate", "--model", model, "--data", folder, "--split", "test", "--limit", str(count), "--json"],
            check=True, capture_output=True).stdout)
        record, flow, parameters = read_model(model)
    w, log_det = preprocess(record, images[:count])
    theirs = bits_per_dim(Peer("zuko", flow, parameters).log_prob(w).double() + log_det, flow.dims)
    error = theirs.std().item() / count ** 0.5
    gap = max(abs(theirs.mean().item() - ours["bits_per_dim"]), abs(error - ours["bits_per_dim_standard_error"]))
    check("tusk evaluate and the peers' bits/dim, the same weights and noise", gap < 1e-5,
          f"{ours['bits_per_dim']:.6f} ± {ours['bits_per_dim_standard_error']:.6f}, {gap:.1e} apart")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--data", required=True, help="folder of the animal shapes")
    options = parser.parse_args()
    torch.set_num_threads(1)
    splits = data.load(options.data)
    rows = {name: torch.from_numpy(images.reshape(len(images), -1).copy()) for name, (images, _) in splits.items()}
    check_uniform(rows["test"][:500])
    peers = {entry.peer: entry for entry in ENTRIES if entry.peer}
    for entry in peers.values():
        check_density(entry)
    for entry in peers.values():
        check_sizes(entry)
    check_interruption({name: images[:1024] for name, images in rows.items()})
    check_evaluation(options.program, options.data, splits["test"][0].reshape(len(splits["test"][0]), -1))


if __name__ == "__main__":
    main()
