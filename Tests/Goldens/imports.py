"""Checkpoints of flows of other libraries, with what those say of some rows: Tests/FlowModelsTests/Fixtures/Imports.

    python -m venv venv && venv/bin/pip install nflows==0.14 normflows==1.7.3 zuko==1.6.0 safetensors
    venv/bin/python Tests/Goldens/imports.py [FOLDER]

Weights are random: what is tested is how they are read. Tests/conformance/imports.py does the same with flows that were trained.
"""

import math
import pathlib
import sys

import normflows
import torch
import zuko
from nflows import transforms
from nflows.distributions import StandardNormal
from nflows.flows.autoregressive import MaskedAutoregressiveFlow
from nflows.flows.base import Flow
from nflows.flows.realnvp import SimpleRealNVP
from nflows.nn.nets import ResidualNet

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))
import checkpoint  # noqa: E402

DIMS = 6


def spline_map(reverses=True, residual=True):
    net = transforms.MaskedPiecewiseRationalQuadraticAutoregressiveTransform(
        DIMS, 8, num_bins=3, tails="linear", tail_bound=3.0, num_blocks=1, use_residual_blocks=residual)
    return [transforms.ReversePermutation(DIMS), net] if reverses else [net]


def spline_coupling(index):
    mask = torch.tensor([1 if (d + index) % 2 else -1 for d in range(DIMS)])
    return transforms.PiecewiseRationalQuadraticCouplingTransform(
        mask, lambda inputs, outputs: ResidualNet(inputs, outputs, hidden_features=8, num_blocks=1), num_bins=4, tails="linear", tail_bound=3.0)


def composite(*maps):
    return Flow(transforms.CompositeTransform(list(maps)), StandardNormal([DIMS]))


def inverse_autoregressive():
    flows = [normflows.flows.MaskedAffineAutoregressive(DIMS, 8, num_blocks=1) for _ in range(2)]
    return normflows.NormalizingFlow(normflows.distributions.DiagGaussian(DIMS, trainable=False), flows)


FLOWS = {
    "nflows-maf": lambda: MaskedAutoregressiveFlow(DIMS, 12, 3, 1),
    "nflows-maf.plain": lambda: MaskedAutoregressiveFlow(DIMS, 4, 2, 1, use_residual_blocks=False),
    "nflows-realnvp": lambda: SimpleRealNVP(DIMS, 8, 3, 1),
    "nflows-nsf-autoregressive": lambda: composite(*spline_map(), *spline_map()),
    "nflows-nsf-autoregressive.rising": lambda: composite(*spline_map(False, False), *spline_map(False, False)),
    "nflows-nsf-coupling": lambda: composite(spline_coupling(0), spline_coupling(1)),
    "zuko-maf": lambda: zuko.flows.MAF(DIMS, 0, transforms=3, hidden_features=(9, 7)),
    "zuko-realnvp": lambda: zuko.flows.RealNVP(DIMS, 0, transforms=3, hidden_features=(8, 7)),
    "normflows-maf": inverse_autoregressive,
}


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "Tests/FlowModelsTests/Fixtures/Imports"
    folder.mkdir(parents=True, exist_ok=True)
    for name, make in FLOWS.items():
        torch.manual_seed(1)
        flow = make()
        with torch.no_grad():
            for values in flow.parameters():
                values += 0.3 * torch.randn_like(values) / math.sqrt(values.shape[-1])
        checkpoint.write(flow, DIMS, folder / name, rows=4)
    print(f"{len(FLOWS)} flows")


if __name__ == "__main__":
    main()
