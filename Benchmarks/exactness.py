"""Whether the running service computes what zuko and nflows compute from the same weights and the same latents.

    .venv/bin/python -m Benchmarks.exactness --program .build/release/tusk [--model FILE] [--write]

Without --model a random masked autoregressive flow is written as a model file: 784 dimensions, 5 networks, hidden
1024×1024, no weight zero but under the masks. Its check vector is zuko's density, which the program verifies when it
loads the file. Then `tusk serve` is asked over HTTP for densities of images and for samples of a seed, and so are the
libraries, in float32 and in float64, with dequantization noise and latents drawn again in Python.
"""

import argparse
import json
import pathlib
import tempfile
import urllib.request

import numpy as np
import safetensors
import safetensors.torch
import torch

from Tests.Goldens.flows import MaskedAutoregressiveFlow
from Tests.Goldens.transfer import Peer
from Training.torch import philox
from . import machine
from .document import table, write_section
from .service import Service

LIBRARIES = ["zuko", "nflows"]
DENSITY_TOLERANCE = 1e-4  # nats a dimension
EDGE_TOLERANCE = 0.01  # of a level: how far from a level's edge a library's sample may be when ours is beyond the edge
SEED = 1


def preprocess(record, images):
    """What the flow sees and log|∂w/∂y| per row: docs/reference/numerics.md, in double precision, `w` rounded to float32."""
    noise = np.stack([philox.dequantization_noise(record["name"], image) for image in images]).astype(np.float64)
    alpha = record["logit_alpha"]
    s = alpha + (1 - 2 * alpha) * (images + noise) / record["levels"]
    log_det = images.shape[1] * np.log1p(-2 * alpha) - (np.log(s) + np.log1p(-s)).sum(1)
    return torch.from_numpy(np.log(s) - np.log1p(-s)).float(), torch.from_numpy(log_det)


def postprocess(record, w):
    """Samples as levels before rounding down, and log|∂w/∂y|."""
    w = w.double()
    alpha = record["logit_alpha"]
    levels = (torch.sigmoid(w) - alpha) / (1 - 2 * alpha) * record["levels"]
    log_det = w.shape[1] * np.log1p(-2 * alpha) - torch.nn.functional.logsigmoid(torch.stack([w, -w])).sum((0, 2))
    return levels, log_det


def random_parameters(flow, generator):
    """Shifts of about 0.3 and log-scales of about 0.15, so that the inverse is as well conditioned as a trained one."""
    parameters = {}
    for name, shape in flow.shapes().items():
        deviation = 0.2
        if ".weights." in name:
            mask = flow.masks()[int(name.rsplit(".", 1)[1])]
            deviation = torch.sqrt(2 / mask.sum(1, keepdim=True).clamp_min(1))
        value = torch.randn(shape, generator=generator) * deviation
        if ".weights." in name:
            value = torch.where(mask, value, torch.zeros(()))
        parameters[name] = value
    for i in range(flow.layers):
        for kind in ("weights", "biases"):
            last = parameters[f"layers.{i}.{kind}.{len(flow.hidden)}"]
            last[0::2] *= 0.2  # shifts
            last[1::2] *= 0.1  # raw log-scales
    return parameters


def mask_of(flow, name):
    return flow.masks()[int(name.rsplit(".", 1)[1])]


def whole(flow, name, value):
    """A tensor of a file with the masked zeros that files since version 2 leave out."""
    if ".weights." not in name or value.dim() == 2:
        return value
    mask = mask_of(flow, name)
    return torch.zeros(mask.shape).masked_scatter(mask, value)


def write_random_model(path):
    hyper = {"layers": 5, "hidden": [1024, 1024], "log_scale_bound": 3.0}
    flow = MaskedAutoregressiveFlow(784, hyper["layers"], hyper["hidden"], hyper["log_scale_bound"])
    parameters = random_parameters(flow, torch.Generator().manual_seed(SEED))
    pixels = np.random.default_rng(SEED).integers(0, 256, 784, dtype=np.uint8)
    record = {
        "format_version": 2, "mathematics_version": 1, "name": "exactness", "architecture": "maf",
        "hyper_parameters": hyper, "event_shape": {"height": 28, "width": 28, "channels": 1}, "levels": 256,
        "dequantization": "uniform", "logit_alpha": 0.05, "classes": [],
    }
    w, log_det = preprocess(record, pixels[None])
    log_prob = Peer("zuko", flow, parameters).log_prob(w).double() + log_det
    record["check"] = {"pixels": pixels.tolist(), "log_prob": log_prob.item()}
    # of a masked matrix the file has what the mask leaves, row by row
    stored = {name: value[mask_of(flow, name)] if ".weights." in name else value for name, value in parameters.items()}
    record["parameter_count"] = sum(value.numel() for value in stored.values())
    safetensors.torch.save_file(stored, path, metadata={"tusk": json.dumps(record)})


def read_model(path):
    with safetensors.safe_open(path, framework="pt") as file:
        record = json.loads(file.metadata()["tusk"])
        stored = {name: file.get_tensor(name).float() for name in file.keys()}
    if record["architecture"] != "maf":
        raise SystemExit(f"{path}: a {record['architecture']}; only a maf has a counterpart in the libraries")
    hyper = record["hyper_parameters"]
    dims = stored["standardize.shift"].numel()
    flow = MaskedAutoregressiveFlow(dims, hyper["layers"], hyper["hidden"], hyper["log_scale_bound"])
    return record, flow, {name: whole(flow, name, value) for name, value in stored.items()}


def ask(url, body=None, **headers):
    fields = {name.replace("_", "-"): value for name, value in headers.items()}
    with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=fields), timeout=120) as answer:
        return answer.read()


def ask_service(program, path, record, images, count):
    """Log-densities of `images`; levels and log-densities of `count` samples."""
    with Service(program, path) as service:
        answer = json.loads(ask(f"{service.url}/logprob", images.tobytes(), Content_Type="application/octet-stream"))
        densities = [result["log_prob"] for result in answer["results"]]
        query = f"{service.url}/sample?count={count}&seed={SEED}"
        lines = ask(query, Accept="application/x-ndjson").splitlines()
        sample_densities = [json.loads(line)["log_prob"] for line in lines]
        array = ask(query, Accept="application/x-npy")
    levels = np.frombuffer(array, np.uint8, offset=len(array) - count * images.shape[1]).reshape(count, -1)
    return torch.tensor(densities), torch.from_numpy(levels.copy()), torch.tensor(sample_densities)


def compare(record, flow, parameters, images, ours):
    """A row of numbers for each library and precision."""
    densities, levels, sample_densities = (value.double() for value in ours)
    w, log_det = preprocess(record, images)
    z = torch.from_numpy(philox.latents(SEED, len(levels), flow.dims))
    rows = []
    for library in LIBRARIES:
        for dtype in (torch.float32, torch.float64):
            peer = Peer(library, flow, {name: value.to(dtype) for name, value in parameters.items()})
            drawn = peer.inverse(z.to(dtype))
            theirs, drawn_log_det = postprocess(record, drawn)
            beyond = torch.maximum(levels - theirs, theirs - (levels + 1)).clamp_min(0)
            beyond[(theirs < 0) & (levels == 0)] = 0  # mass outside the cube belongs to the first and the last level
            beyond[(theirs >= record["levels"]) & (levels == record["levels"] - 1)] = 0
            density_gap = (peer.log_prob(w.to(dtype)).double() + log_det - densities).abs().max().item()
            sample_gap = (peer.log_prob(drawn).double() + drawn_log_det - sample_densities).abs().max().item()
            rows.append({
                "library": library, "precision": str(dtype).removeprefix("torch."),
                "density": density_gap / flow.dims, "sample_density": sample_gap / flow.dims,
                "other_level": int((beyond > 0).sum()), "beyond_edge": beyond.max().item(),
            })
    return rows


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--model", help="a maf model file; without it a random one")
    parser.add_argument("--images", type=int, default=32, help="whose densities are compared")
    parser.add_argument("--samples", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2, help="of the libraries")
    parser.add_argument("--write", action="store_true", help="write the table into docs/measurements/exactness.md")
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(options.model or pathlib.Path(folder) / "exactness.safetensors")
        if not options.model:
            write_random_model(path)
        record, flow, parameters = read_model(path)
        images = np.random.default_rng(SEED + 1).integers(
            0, record["levels"], (options.images, flow.dims), dtype=np.uint8)
        ours = ask_service(options.program, path, record, images, options.samples)
    rows = compare(record, flow, parameters, images, ours)
    hidden = "×".join(map(str, flow.hidden))
    shown = table(
        ["tusk against", "density, nats a dimension", "density of a sample, nats a dimension", "samples: other level",
         "samples: beyond the edge, levels"],
        [[f"{row['library']}, {row['precision']}", f"{row['density']:.1e}", f"{row['sample_density']:.1e}",
          f"{row['other_level']} of {ours[1].numel():,}", f"{row['beyond_edge']:.1e}"] for row in rows])
    text = (
        f"{machine.sentence(machine.description(['torch', *LIBRARIES]))}\n\n"
        f"Largest differences over {options.images} images and {options.samples} samples; {flow.dims} dimensions, "
        f"{flow.layers} masked networks, hidden {hidden}. Samples leave the service as levels, `⌊256·y⌋`: where ours is "
        f"another level, the last column says how far from the level's edge the library's `256·y` is.\n\n{shown}")
    print(text)
    if options.write:
        write_section("exactness", "exactness", text)
    failed = [row for row in rows if not (row["density"] <= DENSITY_TOLERANCE
                                          and row["sample_density"] <= DENSITY_TOLERANCE
                                          and row["beyond_edge"] <= EDGE_TOLERANCE)]
    if failed:
        raise SystemExit(f"\n{len(failed)} of {len(rows)} comparisons differ by more than {DENSITY_TOLERANCE} nats a "
                         f"dimension or {EDGE_TOLERANCE} of a level")


if __name__ == "__main__":
    main()
