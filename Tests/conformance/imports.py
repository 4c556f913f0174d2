"""Flows of nflows, zuko and normflows, trained here for a moment, become model files that say what the libraries say.

    .build/conformance-imports/bin/python Tests/conformance/imports.py [--program PROGRAM]

Each is imported, and then scored by `tusk score` as images: the library's own log-density of the same logits, with the logit's log-derivative, must
agree. Samples of `tusk sample` must be as probable under the library as its own are.
"""

import argparse
import json
import math
import pathlib
import subprocess
import sys
import tempfile

import normflows
import numpy
import torch
import zuko
from nflows.flows.autoregressive import MaskedAutoregressiveFlow
from nflows.flows.realnvp import SimpleRealNVP

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "Tests/Goldens")]
import checkpoint  # noqa: E402
import imports  # noqa: E402

SHAPE, ALPHA = (4, 5), 0.05
DIMS = SHAPE[0] * SHAPE[1]


def check(what, holds, seen=""):
    print(("ok   " if holds else "FAIL ") + what + (f": {seen}" if seen and not holds else ""), flush=True)
    if not holds:
        sys.exit(1)


def images(count, seed):
    """Stripes with a phase: levels [count, DIMS]."""
    random = numpy.random.default_rng(seed)
    phase = random.uniform(0, 2 * math.pi, (count, 1, 1))
    place = numpy.arange(SHAPE[1])[None, None] + 0.5 * numpy.arange(SHAPE[0])[None, :, None]
    return numpy.clip(127 + 90 * numpy.sin(place + phase) + random.normal(0, 12, (count, *SHAPE)), 0, 255).astype(numpy.uint8)


def logits(levels, noise):
    """The flow's input, and the log-derivative by y = (x + u)/256, nats."""
    s = ALPHA + (1 - 2 * ALPHA) * (torch.as_tensor(levels.reshape(len(levels), -1)).double() + noise) / 256
    return torch.logit(s), (DIMS * math.log(1 - 2 * ALPHA) - (torch.log(s) + torch.log1p(-s)).sum(1))


def density(flow):
    return flow if hasattr(flow, "log_prob") else flow()


def train(flow):
    torch.manual_seed(2)
    optimizer = torch.optim.Adam(flow.parameters(), 2e-3)
    for step in range(150):
        levels = images(128, step)
        w, _ = logits(levels, torch.rand(len(levels), DIMS, dtype=torch.double))
        optimizer.zero_grad()
        loss = -density(flow).log_prob(w.float()).mean()
        loss.backward()
        optimizer.step()
    return flow.eval()


def run(program, *arguments):
    return subprocess.run([program, *map(str, arguments)], capture_output=True, text=True)


def imported(program, folder, name, dialect, flow, *options):
    checkpoint.write(flow, DIMS, folder / name)
    answer = run(program, "import", folder / f"{name}.safetensors", "--dialect", dialect, "--check", folder / f"{name}.check.safetensors",
                 "--shape", "x".join(map(str, SHAPE)), "--alpha", ALPHA, "--name", name, "--output", folder / f"{name}.model", *options)
    check(f"{name} is imported: {' '.join(answer.stdout.splitlines()[1].split()[1:]) if answer.stdout else ''}", answer.returncode == 0, answer.stderr)
    return folder / f"{name}.model"


def scored(program, folder, model, flow):
    """Densities and samples of the imported model beside the library's own, bits/dim."""
    levels = images(200, 1000)
    numpy.save(folder / "images.npy", levels)
    answer = run(program, "score", "--model", model, folder / "images.npy", "--format", "ndjson")
    ours = numpy.array([json.loads(line)["log_prob"] for line in answer.stdout.splitlines()])
    check("  200 images are scored", len(ours) == 200, answer.stderr)
    with torch.no_grad():
        draws = []
        for _ in range(16):
            w, derivative = logits(levels, torch.rand(len(levels), DIMS, dtype=torch.double))
            draws.append(density(flow).log_prob(w.float()).double() + derivative)
        theirs = torch.stack(draws).mean(0).numpy()
    # other noise between the levels, so only the mean over images is alike
    error = numpy.std(ours - theirs) / math.sqrt(len(ours))
    check(f"  {ours.mean():.2f} nats on average, {theirs.mean():.2f} by the library", abs(ours.mean() - theirs.mean()) <= 4 * error + 1e-3, error)
    answer = run(program, "sample", "--model", model, "--count", 256, "--seed", 5, "--output", folder / f"{model.stem}.npy")
    check("  256 images are drawn", answer.returncode == 0, answer.stderr)
    drawn = numpy.load(folder / f"{model.stem}.npy").reshape(256, *SHAPE)
    with torch.no_grad():
        w, _ = logits(drawn, torch.full((256, DIMS), 0.5, dtype=torch.double))
        own = density(flow).sample((256,)) if density(flow) is not flow else flow.sample(256)
        own = own[0] if isinstance(own, tuple) else own
        # as images have levels, so have these
        rounded = torch.clamp(((torch.sigmoid(own.double()) - ALPHA) / (1 - 2 * ALPHA) * 256).floor(), 0, 255)
        v, _ = logits(rounded.numpy(), torch.full((256, DIMS), 0.5, dtype=torch.double))
        a, b = density(flow).log_prob(w.float()), density(flow).log_prob(v.float())
    error = math.hypot(a.std().item(), b.std().item()) / 16
    check(f"  samples have {a.mean():.2f} nats by the library, its own {b.mean():.2f}", abs(a.mean() - b.mean()).item() <= 5 * error, error)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--program", type=pathlib.Path, default=ROOT / ".build/release/tusk")
    program = parser.parse_args().program
    base = normflows.distributions.DiagGaussian(DIMS, trainable=False)
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        torch.manual_seed(1)
        flows = {
            "maf": ("nflows-maf", MaskedAutoregressiveFlow(DIMS, 64, 3, 1)),
            "realnvp": ("nflows-realnvp", SimpleRealNVP(DIMS, 64, 4, 1)),
            "zuko": ("zuko-maf", zuko.flows.MAF(DIMS, 0, transforms=3, hidden_features=(64, 64)), "--slope", 1e-3),
            "zuko-realnvp": ("zuko-realnvp", zuko.flows.RealNVP(DIMS, 0, transforms=4, hidden_features=(64, 64)), "--slope", 1e-3),
            "normflows": ("normflows-maf", normflows.NormalizingFlow(
                base, [normflows.flows.MaskedAffineAutoregressive(DIMS, 64, num_blocks=1) for _ in range(2)])),
        }
        imports.DIMS = DIMS
        flows["splines"] = ("nflows-nsf-autoregressive", imports.FLOWS["nflows-nsf-autoregressive"](), "--tail-bound", 3)
        flows["spline-couplings"] = ("nflows-nsf-coupling", imports.FLOWS["nflows-nsf-coupling"](), "--tail-bound", 3)
        for name, (dialect, flow, *options) in flows.items():
            model = imported(program, folder, name, dialect, train(flow), *options)
            scored(program, folder, model, flow)
        answer = run(program, "import", folder / "zuko.safetensors", "--dialect", "zuko-maf", "--check", folder / "zuko.check.safetensors", "--slope", 1e-4,
                     "--shape", "x".join(map(str, SHAPE)), "--alpha", ALPHA, "--name", "other", "--output", folder / "other.model")
        check("zuko's slope of another version is refused, and nothing is written",
              answer.returncode != 0 and "check vector is not met" in answer.stderr and not (folder / "other.model").exists(), answer.stderr)


if __name__ == "__main__":
    main()
