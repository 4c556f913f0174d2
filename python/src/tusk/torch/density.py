"""A model as a PyTorch module."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from tusk.torch import noise
from tusk.torch.files import ModelFileError, Path, dequantizer_of, flow_of, live, read, whole, write

Classes = str | int | Sequence[str | int] | Tensor | None
LOG_2PI = math.log(2 * math.pi)


def normal_log_density(z: Tensor) -> Tensor:
    """log N(z; 0, I) of each row, nats."""
    return (-z.square() / 2 - LOG_2PI / 2).sum(-1)


class Density(torch.nn.Module):
    """A model file's density of images; ``load`` makes one.

    Parameters have the names of the model file, below ``weights``. The mean over images of ``-log_prob(images)`` is a loss.
    """

    def __init__(self, record: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
        """``record``: the document of a model file; ``tensors``: by their names in it, masked zeros among them."""
        super().__init__()
        self.record: dict[str, Any] = copy.deepcopy(dict(record))
        self.flow, self.dequantizer = flow_of(self.record), dequantizer_of(self.record)
        self.weights = torch.nn.Module()
        for name, tensor in tensors.items():
            place = self.weights
            *folders, last = name.split(".")
            for folder in folders:
                if not hasattr(place, folder):
                    place.add_module(folder, torch.nn.Module())
                place = getattr(place, folder)
            # of an invertible convolution signs and permutation are no parameters
            trains = last not in ("permutation", "sign") and ".prediction." not in name
            place.register_parameter(last, torch.nn.Parameter(tensor.clone(), requires_grad=trains))

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels."""
        event = self.record["event_shape"]
        return event["height"], event["width"], event["channels"]

    @property
    def dims(self) -> int:
        return self.flow.dims

    @property
    def levels(self) -> int:
        return int(self.record["levels"])

    @property
    def classes(self) -> list[str]:
        """Names of the classes that the density is conditioned on."""
        return list(self.record["classes"]) if self.flow.classes else []

    def parameters_by_name(self) -> dict[str, Tensor]:
        """Parameters by their names in the model file."""
        return dict(self.weights.named_parameters())

    # The density

    def log_prob(self, images: ArrayLike | Tensor, classes: Classes = None, draw: int = 0) -> Tensor:
        """log p of each image, ``[n]``, nats, in double precision: what ``POST /logprob`` answers.

        ``images``: levels, ``[n, height, width]``, ``[n, height, width, channels]`` or ``[n, dims]``; ``classes``: a name or number for
        all, or one an image, None for the density of all classes together; ``draw``: number of the dequantization noise. Raises
        ValueError.
        """
        levels = self.levels_of(images)
        seeds = noise.seeds_of(self.record["name"], levels)
        x = torch.from_numpy(levels.astype(np.float64)).to(self.device)
        if self.dequantizer is None:
            u = torch.from_numpy(noise.uniforms(seeds, draw, self.dims)).to(self.device).double()
            log_q = torch.zeros(len(levels), dtype=torch.float64, device=self.device)
        else:
            epsilon = torch.from_numpy(noise.normals(seeds, np.full(len(seeds), draw, np.uint64), self.dims)).to(self.device, self.dtype)
            context = (2 * x / (self.levels - 1) - 1).to(self.dtype)
            v, log_det = self.dequantizer.forward(self.parameters_by_name(), epsilon, context)
            u = torch.special.ndtr(v.double())
            log_q = normal_log_density(epsilon.double()) - log_det.double() - normal_log_density(v.double())
        return self.log_prob_of_noisy(x, u, self.class_indices(classes, len(levels))) - log_q

    def log_prob_of_noisy(self, x: Tensor, u: Tensor, classes: Tensor | None = None) -> Tensor:
        """log p(y) of y = (x + u)/levels, ``[n]``, nats; levels and noise in (0, 1), ``[n, dims]`` both, in double precision."""
        alpha = self.record["logit_alpha"]
        step = (1 - 2 * alpha) / self.levels
        # each side by itself: near 1 nothing is left of 1 - s
        log_s = (alpha + (x + u) * step).log()
        log_rest = (alpha + (self.levels - x - u) * step).log()
        derivative = self.dims * math.log(1 - 2 * alpha) - (log_s + log_rest).sum(-1)
        return self.log_prob_of_input((log_s - log_rest).to(self.dtype), classes).double() + derivative

    def log_prob_of_input(self, w: Tensor, classes: Tensor | None = None) -> Tensor:
        """log p(w) of logits, ``[n, dims]``, nats: what a flow of other libraries calls log_prob. ``classes``: numbers,
        ``[n]``, or None."""
        if classes is not None:
            return self._log_prob(w, torch.nn.functional.one_hot(classes, self.flow.classes).to(w.dtype))
        if not self.flow.classes or self.infers_class:
            return self._log_prob(w, None)
        prior = torch.tensor(self.record["class_prior"], dtype=torch.float64, device=w.device).log()
        every = torch.eye(self.flow.classes, dtype=w.dtype, device=w.device)
        given = [self._log_prob(w, every[c].expand(w.shape[0], -1)).double() + prior[c] for c in range(self.flow.classes)]
        return torch.stack(given).logsumexp(0)

    @property
    def infers_class(self) -> bool:
        """Whether the flow tells the class by itself, so that the density without one takes one pass."""
        return getattr(self.flow, "belief", None) is not None

    def _log_prob(self, w: Tensor, context: Tensor | None) -> Tensor:
        z, log_det = self.flow.forward(self.parameters_by_name(), w, context)
        return normal_log_density(z.double()) + log_det.double()

    def bits_per_dim(self, log_prob: Tensor) -> Tensor:
        """-(log p - D · ln levels) / (D · ln 2)."""
        return -(log_prob - self.dims * math.log(self.levels)) / (self.dims * math.log(2))

    def forward(self, images: ArrayLike | Tensor, classes: Classes = None) -> Tensor:
        """As ``log_prob``."""
        return self.log_prob(images, classes)

    # Latents and samples

    def encode(self, w: Tensor, classes: Tensor | None = None) -> Tensor:
        """Latents of logits, ``[n, dims]`` both; a conditional flow needs the classes' numbers, ``[n]``."""
        return self.flow.forward(self.parameters_by_name(), w, self._context(classes, w))[0]

    def decode(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Logits of latents, ``[n, dims]`` both. Of an autoregressive flow a pass for each dimension, or pixel: the program is the one
        for this."""
        return self.flow.inverse(self.parameters_by_name(), z, self._context(classes, z))

    @torch.no_grad()
    def sample(self, count: int, seed: int = 0, classes: Classes = None, temperature: float = 1.0) -> NDArray[np.uint8]:
        """Images as levels, ``[count, height, width, channels]``: those of ``GET /sample`` with this seed, but for a level here and
        there where single precision decides. A conditional model needs ``classes``."""
        indices = self.class_indices(classes, count)
        if self.flow.classes and indices is None:
            raise ValueError(f"classes: the model draws given a class; it is one of {', '.join(self.classes)}")
        streams = np.arange(count, dtype=np.uint64)
        z = torch.from_numpy(noise.normals(np.full(count, seed, np.uint64), streams, self.dims)).to(self.device, self.dtype) * temperature
        w = self.decode(z, indices).double()
        y = (torch.sigmoid(w) - self.record["logit_alpha"]) / (1 - 2 * self.record["logit_alpha"])
        levels = (y * self.levels).floor().clamp(0, self.levels - 1)
        return levels.to(torch.uint8).cpu().numpy().reshape(count, *self.shape)

    def _context(self, classes: Tensor | None, like: Tensor) -> Tensor | None:
        if not self.flow.classes:
            return None
        if classes is None:
            raise ValueError("classes: a conditional flow has latents given a class alone")
        return torch.nn.functional.one_hot(classes, self.flow.classes).to(like.dtype)

    # What goes in

    def levels_of(self, images: ArrayLike | Tensor) -> NDArray[np.uint8]:
        """Levels, ``[n, dims]``. Raises ValueError for another size, or for what is no level."""
        array = images.detach().cpu().numpy() if isinstance(images, Tensor) else np.asarray(images)
        height, width, channels = self.shape
        allowed = {(self.dims,), (height, width, channels), *({(height, width)} if channels == 1 else ())}
        if array.shape[1:] not in allowed:
            raise ValueError(f"images: expected [n, {height}, {width}, {channels}], but the shape is {list(array.shape)}")
        flat = array.reshape(len(array), self.dims)
        if flat.size and not (np.all(flat == np.floor(flat)) and flat.min() >= 0 and flat.max() < self.levels):
            raise ValueError(f"images: expected levels 0 to {self.levels - 1}")
        return np.ascontiguousarray(flat.astype(np.uint8))

    def class_indices(self, classes: Classes, count: int) -> Tensor | None:
        """Numbers of classes, ``[count]``; None without. Raises ValueError for what is none of the model's."""
        if classes is None:
            return None
        if not self.flow.classes:
            raise ValueError("classes: the model has one density for all")
        given = classes.tolist() if isinstance(classes, Tensor) else classes
        all_given = [given] * count if isinstance(given, (str, int)) else list(given)
        if len(all_given) != count:
            raise ValueError(f"classes: expected {count}, one an image, but there are {len(all_given)}")
        indices = []
        for one in all_given:
            index = self.classes.index(one) if isinstance(one, str) and one in self.classes else one
            if not isinstance(index, int) or not 0 <= index < self.flow.classes:
                raise ValueError(f"classes: {one} is none of {', '.join(self.classes)}")
            indices.append(index)
        return torch.tensor(indices, device=self.device)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


def load(path: Path) -> Density:
    """The module of a model file, in single precision, verified by the file's check vector.

    Raises ModelFileError, and OSError where the file cannot be read.
    """
    record, tensors = read(path)
    density = Density(record, whole(record, tensors)).eval()
    check = record["check"]
    with torch.no_grad():
        found = density.log_prob(np.array([check["pixels"]], np.uint8)).item()
    # as the program allows, room for another order of summation
    if not abs(found - check["log_prob"]) <= 1e-4 * density.dims:
        raise ModelFileError(f"the check vector has log-density {found}; the file says {check['log_prob']}")
    return density


#: What stands in a file only as long as the density is the one that it was computed with.
OF_THE_DENSITY = ("held_out", "calibration", "decision", "evaluation")


def save(density: Density, path: Path, name: str | None = None) -> None:
    """Writes a model file that the program loads, in single precision, with the hash of its contents.

    Weights may have been trained further: what a file says of a density by figures (held-out density, calibration, verdicts,
    evaluation) is left out, unless no weight has changed since ``load``; ``tusk calibrate`` and ``tusk evaluate`` make it anew.
    ``name`` is another name of the model, which seeds its noise.
    """
    record = copy.deepcopy(density.record)
    check = np.array([record["check"]["pixels"]], np.uint8)
    named = density if name is None else _renamed(density, name)
    record["name"] = named.record["name"]
    with torch.no_grad():
        log_prob = named.log_prob(check).item()
    if name is not None or abs(log_prob - record["check"]["log_prob"]) > 1e-9 * density.dims:
        for part in OF_THE_DENSITY:
            record.pop(part, None)
    tensors = live(record, {key: value.float() for key, value in density.parameters_by_name().items()})
    record.update(format_version=2, parameter_count=sum(tensor.numel() for tensor in tensors.values()))
    record["check"]["log_prob"] = log_prob
    write(path, record, tensors)


def _renamed(density: Density, name: str) -> Density:
    other = copy.copy(density)
    other.record = {**density.record, "name": name}
    return other
