"""Writes the golden files of Tests/FlowModelsTests/Fixtures from PyTorch; see README.md beside this file.

Weights and inputs are float32 values; everything that follows from them is computed in float64 and checked here against
`torch.autograd.functional.jacobian` and, where they have the same, against zuko and nflows before it is written.
"""

import json
import math
import pathlib

import safetensors.torch
import torch
from nflows.transforms.coupling import AdditiveCouplingTransform

from . import flows, image_checks, image_flows
from .mixture import Mixture
from .transfer import Peer
from .transforms import Affine, Shift, Spline


FIXTURES = pathlib.Path(__file__).resolve().parents[1] / "FlowModelsTests" / "Fixtures"
DIMS, HIDDEN, BOUND, ROWS = 12, [16, 16], 2.5, 5
ADAM_STEPS, LEARNING_RATE = 10, 1e-3


def numbers(tensor):
    """Shortest decimals that give the float32 back; nine digits for float64."""
    if tensor.dtype == torch.float32:
        return [float(str(v)) for v in tensor.flatten().numpy()]
    return [float(f"{v:.9g}") for v in tensor.flatten().tolist()]


def array(tensor):
    return {"shape": list(tensor.shape), "values": numbers(tensor)}


def write(name, document):
    FIXTURES.mkdir(parents=True, exist_ok=True)
    path = FIXTURES / name
    path.write_text(json.dumps(document, separators=(",", ":")).replace('],"', '],\n"') + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes")


def random_parameters(flow, generator):
    """Non-zero everywhere but under the masks; small enough that log-scales stay off their bound, and for images, whose residual
    streams are sums, that splines bend gently: where they do not, single precision loses digits whoever computes."""
    parameters = {}
    for name, shape in flow.shapes().items():
        if name.endswith(".permutation"):
            parameters[name] = torch.randperm(*shape, generator=generator).float()
            continue
        small = name.startswith(("standardize", "scaling")) or name.endswith("log_scale")
        size = 0.4 if name.endswith((".output.weights", ".lower", ".upper")) else 0.8
        deviation = 0.3 if small else size / math.sqrt(shape[-1] if len(shape) == 2 else 4)
        value = torch.randn(shape, generator=generator) * deviation
        if isinstance(flow, flows.MaskedAutoregressiveFlow) and ".weights." in name:
            l = name.rsplit(".", 1)[1]
            value = torch.where(flow.masks()[int(l)], value, torch.zeros(()))
        if name.endswith(".sign"):
            value = value.sign()
        if name.endswith((".lower", ".upper")):
            value = value.tril(-1) if name.endswith(".lower") else value.triu(1)
        parameters[name] = value
    return parameters


def check_jacobian(flow, parameters, x, log_det):
    for row, expected in zip(x, log_det):
        jacobian = torch.autograd.functional.jacobian(lambda v: flow.forward(parameters, v[None])[0][0], row)
        _, actual = torch.linalg.slogdet(jacobian)
        torch.testing.assert_close(actual, expected, rtol=1e-10, atol=1e-10)


def check_library(library, flow, parameters, x, log_prob, latents, decoded):
    """The masked flow in the library's own code, with our masks and weights put in."""
    peer = Peer(library, flow, parameters)
    torch.testing.assert_close(peer.log_prob(x), log_prob, rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(peer.inverse(latents), decoded, rtol=1e-9, atol=1e-9)


class Network(torch.nn.Module):
    """The shifts of coupling `i` as nflows asks for them."""

    def __init__(self, flow, i, parameters):
        super().__init__()
        self.shifts = lambda key: flow.network(i, parameters, key)[..., 0]

    def forward(self, key, context=None):
        return self.shifts(key)


def check_additive(flow, parameters, x):
    """nflows' own additive couplings around the same networks, both ways."""
    for i in range(flow.layers):
        moved = torch.zeros(flow.dims)
        moved[flow.rest(i)] = 1
        theirs = AdditiveCouplingTransform(moved, lambda inputs, outputs, i=i: Network(flow, i, parameters))
        z, log_det = flow.map(i, parameters, x)
        torch.testing.assert_close(theirs.forward(x), (z, log_det), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(theirs.inverse(z)[0], flow.unmap(i, parameters, z), rtol=1e-12, atol=1e-12)


def print_rounding(name, flow, parameters, inputs, latents, expected, gradients):
    """How far the same in single precision is off by PyTorch: what the tests' tolerances are to be compared with."""
    def gap(actual, expected):
        return ((actual - expected).abs() / expected.abs().clamp(min=1)).max().item()

    parameters = {key: value.clone().requires_grad_() for key, value in parameters.items()}
    z = flow.forward(parameters, inputs)[0]
    (-flow.log_prob(parameters, inputs).mean()).backward()
    with torch.no_grad():
        actual = {"latents": z, "decoded latents": flow.inverse(parameters, latents)}
    gaps = {key: gap(value.detach(), expected[key].detach()) for key, value in actual.items()}
    gaps["gradients"] = max(gap(value.grad, gradients[key]) for key, value in parameters.items() if value.grad is not None)
    print(f"{name} in single precision:", ", ".join(f"{key} {value:.1e}" for key, value in gaps.items()))


def flow_golden(name, flow, seed):
    generator = torch.Generator().manual_seed(seed)
    single = random_parameters(flow, generator)
    inputs = torch.randn(ROWS, flow.dims, generator=generator)
    latents = torch.randn(ROWS, flow.dims, generator=generator)
    is_of_images = isinstance(flow, image_flows.ImageFlow)

    parameters = {key: value.double().requires_grad_() for key, value in single.items()}
    x = inputs.double()
    z, log_det = flow.forward(parameters, x)
    log_prob = flow.log_prob(parameters, x)
    check_jacobian(flow, parameters, x, log_det)
    with torch.no_grad():
        decoded = flow.inverse(parameters, latents.double())
        torch.testing.assert_close(flow.forward(parameters, decoded)[0], latents.double(), rtol=1e-10, atol=1e-10)
        for library in ("zuko", "nflows") if name == "maf" else ():
            check_library(library, flow, parameters, x, log_prob, latents.double(), decoded)
        flow.transform.check(generator)
        if isinstance(flow, flows.NICEFlow):
            check_additive(flow, parameters, x)
        if is_of_images:
            image_checks.check(flow, parameters, x, generator)

    (-log_prob.mean()).backward()
    # permutations, signs and predictions have none
    gradients = {key: torch.zeros_like(value) if value.grad is None else value.grad.clone()
                 for key, value in parameters.items()}

    optimiser = torch.optim.Adam(parameters.values(), lr=LEARNING_RATE, betas=(0.9, 0.999), eps=1e-8)
    losses = [-log_prob.mean().item()]
    for _ in range(ADAM_STEPS):
        optimiser.zero_grad()
        (-flow.log_prob(parameters, x).mean()).backward()
        optimiser.step()
        losses.append(-flow.log_prob(parameters, x).mean().item())

    print_rounding(name, flow, single, inputs, latents, {"latents": z, "decoded latents": decoded}, gradients)
    write(f"{name}.json", {
        "dims": flow.dims,
        **({"shape": flow.shape} if is_of_images else {}),
        "hyper_parameters": {
            "layers": flow.layers, "hidden": flow.hidden, "log_scale_bound": BOUND, "activation": flow.activation,
            "residual": flow.residual, **flow.transform.sizes(),
            **(flow.sizes_of_images() if is_of_images else {}),
        },
        "parameters": {key: array(value) for key, value in single.items()},
        "x": array(inputs), "z": array(z.detach()),
        "log_det": array(log_det.detach()), "log_prob": array(log_prob.detach()),
        "latents": array(latents), "decoded": array(decoded),
        "gradients": {key: array(value) for key, value in gradients.items()},
        "learning_rate": LEARNING_RATE, "losses": [float(f"{v:.12g}") for v in losses],
    })


def preprocessing_golden():
    """y = (x + u)/levels, s = α + (1−2α)y, w = logit s; log p(y) for a standard normal w; bits/dim."""
    generator = torch.Generator().manual_seed(3)
    cases = []
    for levels, alpha in [(256, 1e-6), (256, 0.05), (17, 1e-4), (2, 0.01)]:
        pixels = torch.randint(0, levels, (DIMS,), generator=generator)
        pixels[0], pixels[1] = 0, levels - 1
        noise = torch.randint(0, 2**24, (DIMS,), generator=generator).float() * 2**-24
        noise[2], noise[3] = 0.0, 1 - 2**-24
        y = (pixels.double() + noise.double()) / levels
        y.requires_grad_()
        w = torch.logit(alpha + (1 - 2 * alpha) * y)
        jacobian = torch.autograd.functional.jacobian(lambda v: torch.logit(alpha + (1 - 2 * alpha) * v), y)
        s = alpha + (1 - 2 * alpha) * y
        log_det = DIMS * math.log(1 - 2 * alpha) - (s.log() + torch.log1p(-s)).sum()
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], log_det)
        log_prob = (-w.square() / 2 - math.log(2 * math.pi) / 2).sum() + log_det
        bits = -(log_prob - DIMS * math.log(levels)) / (DIMS * math.log(2))
        cases.append({
            "levels": levels, "alpha": alpha, "pixels": pixels.tolist(), "noise": numbers(noise),
            "w": numbers(w.detach()),
            "log_det": numbers(log_det.detach())[0], "log_prob": numbers(log_prob.detach())[0],
            "bits_per_dim": numbers(bits.detach())[0],
        })
    write("preprocessing.json", {"cases": cases})


def safetensors_golden():
    """A file by the reference implementation of the format, with each type that the loader takes."""
    values = torch.tensor([[0.0, -1.0, 1.5], [0.15625, 96.0, -0.001953125]])  # exact in all three types
    tensors = {"single": values, "brain": values.bfloat16(), "half": values.half(), "vector": torch.arange(5.0)}
    path = FIXTURES / "written-by-python.safetensors"
    metadata = {"note": 'quotes " and \\ and é', "format": "pt"}
    data = safetensors.torch.save(tensors, metadata)
    # the library puts the metadata's keys in any order: until it is this one, so that the file stays the same
    while data.index(b'"note"') > data.index(b'"format"'):
        data = safetensors.torch.save(tensors, metadata)
    path.write_bytes(data)
    print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    torch.use_deterministic_algorithms(True)
    FIXTURES.mkdir(parents=True, exist_ok=True)
    affine = Affine(BOUND)
    flow_golden("maf", flows.MaskedAutoregressiveFlow(DIMS, 3, HIDDEN, affine), seed=1)
    flow_golden("coupling", flows.CouplingFlow(DIMS, 4, HIDDEN, affine), seed=2)
    flow_golden("nsf-coupling", flows.CouplingFlow(DIMS, 2, HIDDEN, Spline(5, BOUND), "tanh"), seed=5)
    flow_golden("nsf-autoregressive", flows.MaskedAutoregressiveFlow(DIMS, 2, HIDDEN, Spline(4, BOUND)), seed=6)
    flow_golden("maf-residual", flows.MaskedAutoregressiveFlow(DIMS, 2, [16, 16, 16], affine, "gelu", True), seed=4)
    flow_golden("nice", flows.NICEFlow(DIMS, 4, HIDDEN, Shift(), "elu"), seed=7)
    flow_golden("iaf", flows.InverseAutoregressiveFlow(DIMS, 3, HIDDEN, affine, "tanh"), seed=7)
    flow_golden("realnvp", image_flows.RealNVPFlow([4, 8, 1], 2, [16], affine), seed=8)
    flow_golden("glow", image_flows.GlowFlow([4, 8, 1], 1, [16], affine, "gelu", gated=True), seed=9)
    flow_golden("nsf-glow", image_flows.GlowFlow([2, 6, 3], 2, [16], Spline(3, BOUND), "elu", scales=1), seed=10)
    flow_golden("nsf-convolutional", image_flows.ConvolutionalFlow(
        [4, 3, 2], 2, [16, 16], Spline(4, BOUND), "tanh", gated=True), seed=11)
    flow_golden("mixture-coupling", flows.CouplingFlow(DIMS, 2, HIDDEN, Mixture(4, BOUND), "gelu"), seed=12)
    flow_golden("mixture-autoregressive", flows.MaskedAutoregressiveFlow(DIMS, 2, HIDDEN, Mixture(3, BOUND)), seed=13)
    flow_golden("mixture-glow", image_flows.GlowFlow([2, 6, 3], 2, [16], Mixture(3, BOUND), "elu", scales=1), seed=14)
    flow_golden("mixture-convolutional", image_flows.ConvolutionalFlow(
        [4, 3, 2], 2, [16, 16], Mixture(2, BOUND), "tanh", gated=True), seed=15)
    flow_golden("mixture-convolutional-predicted", image_flows.ConvolutionalFlow(
        [4, 3, 3], 2, [16, 16], Mixture(2, BOUND), "tanh", gated=True, predictor=3), seed=16)
    preprocessing_golden()
    safetensors_golden()
