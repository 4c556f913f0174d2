"""Model files of every architecture, trained by the program for a moment, as PyTorch modules and as ONNX graphs."""

from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from support import ROOT

import tusk
from tusk.torch import ARCHITECTURES, Density, ModelFileError, export_onnx, load, noise, save

VECTORS = ["maf", "iaf", "coupling", "nice", "nsf-coupling", "nsf-autoregressive", "mixture-coupling", "mixture-autoregressive"]
SMALL = ["--layers", "2", "--hidden", "12,12"]
CONVOLUTIONS = ["--layers", "2", "--hidden", "16,16"]
CONDITIONAL = ["--layers", "1", "--hidden", "16,16", "--conditional"]
#: Name of a model: the data that it learns, and options of `tusk train`.
MODELS = {
    **{name: ("gray", ["--architecture", name, *SMALL]) for name in VECTORS},
    **{name: ("colour", ["--architecture", name, *CONVOLUTIONS]) for name in ARCHITECTURES if name not in VECTORS},
    "maf-residual": ("gray", ["--architecture", "maf", "--layers", "2", "--hidden", "12,12,12", "--residual", "--activation", "gelu"]),
    **{
        f"{name}-classes": ("classes", ["--architecture", name, *CONDITIONAL])
        for name in ["maf", "nsf-coupling", "glow", "nsf-convolutional"]
    },
    "belief": ("classes", ["--architecture", "nsf-convolutional", *CONDITIONAL, "--belief", "16,16"]),
    "predicted": ("colour", ["--architecture", "mixture-convolutional", *CONVOLUTIONS, "--gated", "--predictor", "3", "--kernel", "5"]),
    "variational": ("gray", ["--architecture", "coupling", *SMALL, "--dequantization", "variational"]),
    "half": ("gray", ["--architecture", "maf", *SMALL, "--file-precision", "float16"]),
}
SEQUENTIAL = {"iaf"}
#: Which are drawn from in PyTorch in a moment.
DRAWN = ["maf", "iaf", "coupling", "nice", "nsf-coupling", "nsf-autoregressive", "realnvp", "glow", "nsf-glow"]
IMPORTED = {
    "nflows-maf": [],
    "nflows-realnvp": [],
    "nflows-nsf-autoregressive": ["--tail-bound", "3"],
    "nflows-nsf-coupling": ["--tail-bound", "3"],
    "zuko-maf": ["--slope", "0.001"],
    "zuko-realnvp": ["--slope", "0.001"],
    "normflows-maf": [],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    random = np.random.default_rng(1)
    for data, kinds in (("gray", 1), ("colour", 1), ("classes", 2)):
        for kind in range(kinds):
            own = folder / data / (f"kind{kind}" if kinds > 1 else "")
            own.mkdir(parents=True)
            for index in range(60):
                wave = np.sin(np.arange(8) / 2 + kind + random.uniform(0, 6))
                image = np.clip(127 + 80 * wave[None, :] + random.normal(0, 20, (8, 8)), 0, 255).astype(np.uint8)
                colours = np.stack([image, 255 - image, image // 2], -1)
                Image.fromarray(colours if data == "colour" else image).save(own / f"{index}.png")
    return folder


@pytest.fixture(scope="module")
def model(program: Path, folder: Path):
    """Makes the file of a model, once."""

    def make(name: str) -> Path:
        file = folder / f"{name}.safetensors"
        if name == "animals":
            return ROOT / "Models/animals.safetensors"
        if not file.exists() and name in IMPORTED:
            checkpoint = ROOT / f"Tests/FlowModelsTests/Fixtures/Imports/{name}.safetensors"
            check = checkpoint.with_suffix(".check.safetensors")
            options = ["--dialect", name, "--check", check, "--shape", "2x3", "--alpha", "0.05", "--name", name, "--output", file]
            run(program, "import", checkpoint, *options, *IMPORTED[name])
        elif not file.exists():
            data, options = MODELS[name]
            run(program, "train", "--data", folder / data, *options, "--epochs", "2", "--batch", "16", "--name", name, "--output", file)
        return file

    return make


def run(program: Path, *arguments: str | Path) -> str:
    answer = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def images(density: Density, count: int = 5) -> NDArray[np.uint8]:
    return np.random.default_rng(2).integers(0, density.levels, (count, *density.shape)).astype(np.uint8)


def scores(program: Path, file: Path, levels: NDArray[np.uint8], tmp_path: Path, *options: str) -> NDArray[np.float64]:
    """Log-densities by `tusk score`, nats."""
    np.save(tmp_path / "images.npy", levels)
    lines = run(program, "score", "--model", file, tmp_path / "images.npy", "--format", "ndjson", *options).splitlines()
    return np.array([json.loads(line)["log_prob"] for line in lines])


def assert_same(ours: NDArray[np.float64], theirs: NDArray[np.float64], dims: int) -> None:
    """Within 1e-5 of the larger of the number of dimensions and the log-density."""
    assert np.all(np.abs(ours - theirs) <= 1e-5 * np.maximum(dims, np.abs(theirs))), (ours, theirs)


@pytest.mark.parametrize("name", [*MODELS, *IMPORTED, "animals"])
def test_log_prob(name, model, program, tmp_path):
    """Densities are the program's, and a file that is saved again gives the same."""
    density = load(model(name))
    levels = images(density)
    theirs = scores(program, model(name), levels, tmp_path)
    with torch.no_grad():
        assert_same(density.log_prob(levels).numpy(), theirs, density.dims)
    save(density, tmp_path / "saved.safetensors")
    assert np.array_equal(scores(program, tmp_path / "saved.safetensors", levels, tmp_path), theirs)


@pytest.mark.parametrize("name", ["maf-classes", "glow-classes", "belief", "animals"])
def test_classes(name, model, program, tmp_path):
    density = load(model(name))
    levels, kind = images(density, 3), density.classes[1]
    theirs = scores(program, model(name), levels, tmp_path, "--class", kind)
    with torch.no_grad():
        assert_same(density.log_prob(levels, kind).numpy(), theirs, density.dims)
        assert_same(density.log_prob(levels, [kind, 1, kind]).numpy(), theirs, density.dims)
    with pytest.raises(ValueError, match="none of"):
        density.log_prob(levels, "no class")


@pytest.mark.parametrize("name", DRAWN)
def test_samples(name, model, program, tmp_path):
    density = load(model(name))
    file = tmp_path / "samples.npy"
    run(program, "sample", "--model", model(name), "--count", "3", "--seed", "4", "--output", file)
    theirs, ours = np.load(file).reshape(3, *density.shape), density.sample(3, seed=4)
    # a level may fall on the other side of a bound
    assert np.mean(ours != theirs) <= 0.01
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 1


@pytest.mark.parametrize("name", [*MODELS, "animals"])
def test_onnx(name, model, program, tmp_path):
    density = load(model(name))
    file = tmp_path / "model.onnx"
    if name in SEQUENTIAL or name == "variational":
        with pytest.raises(ValueError, match=r"number by number|variational"):
            export_onnx(density, file)
        return
    export_onnx(density, file)
    graph = onnx.load(file)
    assert {entry.domain for entry in graph.opset_import} <= {"", "ai.onnx"}
    assert not graph.functions
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    for count in (1, 3):
        levels = images(density, count)
        seeds = noise.seeds_of(density.record["name"], levels.reshape(count, -1))
        drawn = noise.uniforms(seeds, 0, density.dims).reshape(levels.shape)
        log_prob, bits = session.run(None, {"image": levels, "noise": drawn})
        assert_same(log_prob, scores(program, model(name), levels, tmp_path), density.dims)
        assert np.allclose(bits, density.bits_per_dim(torch.from_numpy(log_prob)).numpy())


def test_triton(model, tmp_path):
    """The configuration of Triton names what the graph of the animals has."""
    export_onnx(load(model("animals")), tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    kinds = {onnx.TensorProto.UINT8: "TYPE_UINT8", onnx.TensorProto.FLOAT: "TYPE_FP32", onnx.TensorProto.DOUBLE: "TYPE_FP64"}
    text = (ROOT / "deploy/triton/density/config.pbtxt").read_text()
    described = [
        (name, kind, [] if "reshape" in more else [int(size) for size in sizes.split(",")])
        for name, kind, sizes, more in re.findall(r'name: "(\w+)" data_type: (\w+) dims: \[ ([\d, ]+) \](.*)', text)
    ]
    found = [
        (value.name, kinds[value.type.tensor_type.elem_type], [axis.dim_value for axis in value.type.tensor_type.shape.dim][1:])
        for value in [*graph.input, *graph.output]
    ]
    assert found == described


def test_training_goes_on(model, program, tmp_path):
    """Gradients reach the weights, and what is saved is another model, without figures of the old one."""
    density = load(model("maf")).train()
    levels = images(density, 64) // 8
    optimizer = torch.optim.Adam([values for values in density.parameters() if values.requires_grad], 3e-3)
    losses = []
    for _ in range(20):
        optimizer.zero_grad()
        loss = -density.log_prob(levels).mean()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] - 10
    save(density, tmp_path / "tuned.safetensors", name="tuned")
    tuned = load(tmp_path / "tuned.safetensors")
    assert tuned.record["name"] == "tuned"
    assert "held_out" not in tuned.record
    with torch.no_grad():
        assert_same(tuned.log_prob(levels).numpy(), scores(program, tmp_path / "tuned.safetensors", levels, tmp_path), density.dims)


def test_the_client_loads_too(model):
    assert isinstance(tusk.load(model("maf")), Density)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: data[:100], "not a sound safetensors file"),
        (lambda data: data[:-4] + b"abcd", "is damaged"),
        (lambda data: data.replace(b'\\"format_version\\":2', b'\\"format_version\\":9', 1), "reads up to 2"),
    ],
)
def test_bad_files(change, reason, model, tmp_path):
    file = tmp_path / "bad.safetensors"
    data = model("maf").read_bytes()
    changed = change(data)
    assert changed != data
    file.write_bytes(changed)
    with pytest.raises(ModelFileError, match=reason):
        load(file)


def test_bad_images(model):
    density = load(model("maf"))
    with pytest.raises(ValueError, match="expected"):
        density.log_prob(np.zeros((2, 7, 8), np.uint8))
    with pytest.raises(ValueError, match="levels 0 to 255"):
        density.log_prob(np.full((1, 8, 8), 256))
    with pytest.raises(ValueError, match="one density for all"):
        density.log_prob(np.zeros((1, 8, 8), np.uint8), "cat")
