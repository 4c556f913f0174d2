"""The model file: docs/reference/model-file.md."""

from __future__ import annotations

import hashlib
import json
import math
import os
import pathlib
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load as decoded
from safetensors.torch import save as encoded
from torch import Tensor

from tusk.torch.images import ConvolutionalFlow, GlowFlow, ImageFlow, RealNVPFlow
from tusk.torch.transforms import Affine, transform_of
from tusk.torch.vectors import CouplingFlow, InverseAutoregressiveFlow, MaskedAutoregressiveFlow, NICEFlow, VectorFlow

Flow = VectorFlow | ImageFlow
Path = str | os.PathLike[str]
NEWEST = {"format_version": 2, "mathematics_version": 1}
DEQUANTIZER_BOUND = 3.0  # of the log-scales of a dequantizer's couplings, nats
#: What a size means that a file does not have.
STANDARD: dict[str, Any] = {
    "activation": "relu",
    "residual": False,
    "classes": 0,
    "bins": 8,
    "tail_bound": 5.0,
    "kernel": 3,
    "gated": False,
    "scales": 2,
    "belief": [],
    "predictor": 0,
    "scale_function": "exp",
    "order": "rising-falling",
}
VECTORS: dict[str, type[VectorFlow]] = {
    "maf": MaskedAutoregressiveFlow,
    "iaf": InverseAutoregressiveFlow,
    "coupling": CouplingFlow,
    "nice": NICEFlow,
    "nsf-coupling": CouplingFlow,
    "nsf-autoregressive": MaskedAutoregressiveFlow,
    "mixture-coupling": CouplingFlow,
    "mixture-autoregressive": MaskedAutoregressiveFlow,
}
IMAGES: dict[str, type[ImageFlow]] = {
    "realnvp": RealNVPFlow,
    "glow": GlowFlow,
    "nsf-glow": GlowFlow,
    "mixture-glow": GlowFlow,
    "nsf-convolutional": ConvolutionalFlow,
    "mixture-convolutional": ConvolutionalFlow,
}
ARCHITECTURES = [*VECTORS, *IMAGES]


class ModelFileError(ValueError):
    """A file that is none of a model, or one of a newer program."""


def read(path: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The record of a model file and its tensors, in single precision.

    Raises ModelFileError, and OSError where the file cannot be read.
    """
    data = pathlib.Path(path).read_bytes()
    try:
        tensors = {name: tensor.float() for name, tensor in decoded(data).items()}
    except SafetensorError as error:
        raise ModelFileError(f"not a sound safetensors file: {error}") from error
    metadata = json.loads(data[8 : data_start(data)]).get("__metadata__", {})
    if "tusk" not in metadata:
        raise ModelFileError('the file\'s metadata has no "tusk" document: it was not written by tusk')
    record: dict[str, Any] = json.loads(metadata["tusk"])
    for version, newest in NEWEST.items():
        if record[version] > newest:
            raise ModelFileError(f"{version} is {record[version]}; this package reads up to {newest}")
    if "sha256" in metadata and metadata["sha256"] != digest(metadata["tusk"], data):
        raise ModelFileError("the file is damaged: its contents do not have the SHA-256 that it says they have")
    if record["architecture"] not in ARCHITECTURES:
        raise ModelFileError(f"architecture is {record['architecture']}; this package knows {', '.join(ARCHITECTURES)}")
    return record, tensors


def data_start(data: bytes) -> int:
    """Place of the first tensor's bytes in a safetensors file: behind the length of the header, and the header."""
    return 8 + int.from_bytes(data[:8], "little")


def digest(record: str, data: bytes) -> str:
    """SHA-256 of a record and of all bytes behind the header of ``data``, a safetensors file."""
    return hashlib.sha256(record.encode() + data[data_start(data) :]).hexdigest()


def write(path: Path, record: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Writes a model file beside its place, and renames it there."""
    text = json.dumps(record)
    data = encoded(tensors)
    file = pathlib.Path(path)
    aside = file.with_name(f".{file.name}.new")
    aside.write_bytes(encoded(tensors, {"tusk": text, "sha256": digest(text, data)}))
    aside.replace(file)


def flow_of(record: dict[str, Any]) -> Flow:
    """The flow of a record."""
    sizes = {**STANDARD, **record["hyper_parameters"]}
    event, architecture = record["event_shape"], record["architecture"]
    shape = (event["height"], event["width"], event["channels"])
    transform = transform_of(architecture, sizes)
    if architecture in VECTORS:
        return VECTORS[architecture](math.prod(shape), sizes, transform)
    return IMAGES[architecture](shape, sizes, transform)


def dequantizer_of(record: dict[str, Any]) -> CouplingFlow | None:
    """The flow that draws the noise of a variational dequantization: its context is the image."""
    if not record.get("dequantizer"):
        return None
    event = record["event_shape"]
    dims = math.prod((event["height"], event["width"], event["channels"]))
    sizes = {**STANDARD, **record["dequantizer"], "classes": dims}
    return CouplingFlow(dims, sizes, Affine(DEQUANTIZER_BOUND), "dequantizer.")


def whole(record: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as the flow has them, with masked zeros.

    Raises ModelFileError where a tensor is missing, has another shape, or is one too many.
    """
    found: dict[str, Tensor] = {}
    parts = [part for part in (flow_of(record), dequantizer_of(record)) if part is not None]
    for part in parts:
        masks = part.masks()
        for name, shape in part.shapes().items():
            if name not in tensors:
                raise ModelFileError(f"the file has no tensor {name}")
            tensor, mask = tensors[name], masks.get(name)
            if mask is not None and record["format_version"] >= 2:
                if tensor.numel() != int(mask.sum()):
                    raise ModelFileError(f"{name} has {tensor.numel()} numbers; it must have {int(mask.sum())}")
                # rows one after another, as torch selects by a mask
                tensor = torch.zeros(shape).masked_scatter(mask, tensor)
            if tuple(tensor.shape) != shape:
                raise ModelFileError(f"{name} has shape {list(tensor.shape)}; it must be {list(shape)}")
            found[name] = tensor
    if extra := sorted(tensors.keys() - found.keys()):
        raise ModelFileError(f"the file has tensors that the architecture has not: {', '.join(extra[:5])}")
    return found


def live(record: dict[str, Any], tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Tensors as a file of format 2 has them, without masked zeros."""
    masks = flow_of(record).masks()
    return {
        name: (tensor[masks[name].to(tensor.device)] if name in masks else tensor).detach().cpu().contiguous()
        for name, tensor in tensors.items()
    }
