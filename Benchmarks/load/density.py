"""A model file's density in PyTorch, for the peers: the flows of Training/torch and Tests/Goldens with the file's weights, and the
noise that `tusk` draws, so that every server gives the same answer to the same image."""

import io
import json
import math
import pathlib

import numpy as np
import safetensors
import torch
from PIL import Image

from Tests.Goldens.flows import CouplingFlow
from Tests.Goldens.transforms import Affine
from Training.torch import philox
from Training.torch.images import to_logits
from Training.torch.network import Flow
from Training.torch.units import bits_per_dim

ROWS_AT_ONCE = 160  # through the convolutions, which bounds the memory


class Density:
    """log p(y) of images, nats. `architecture` is `coupling`, or `nsf-convolutional` with classes."""

    def __init__(self, path):
        with safetensors.safe_open(path, framework="pt") as file:
            self.record = json.loads(file.metadata()["tusk"])
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}
        sizes, event = self.record["hyper_parameters"], self.record["event_shape"]
        self.shape = event["height"], event["width"]
        self.dims = math.prod(self.shape)
        if self.record["architecture"] == "coupling" and not sizes["residual"]:
            flow = CouplingFlow(
                self.dims, sizes["layers"], sizes["hidden"], Affine(sizes["log_scale_bound"]), sizes["activation"])
            self.of_logits = lambda w: flow.log_prob(tensors, w.flatten(1))
        elif self.record["architecture"] == "nsf-convolutional" and sizes["classes"] and sizes["gated"]:
            self.flow = Flow(
                self.shape, sizes["hidden"], sizes["kernel"], sizes["bins"], sizes["tail_bound"], sizes["classes"],
                belief=sizes.get("belief", ())).eval()
            self.flow.take(tensors)
            self.of_logits = self.believing if self.flow.infers_class else self.mixture
        else:
            raise SystemExit(f"{pathlib.Path(path).name}: no counterpart in PyTorch of a {self.record['architecture']} with its sizes")

    @classmethod
    def warmed_up(cls, path):
        density = cls(path)
        density.log_probs([(np.zeros((1, *density.shape), np.uint8), 1)])
        return density

    def believing(self, w):
        return torch.cat([self.flow(rows, None) for rows in w.split(ROWS_AT_ONCE)])

    def mixture(self, w):
        prior = self.record["class_prior"]
        rows = w.repeat_interleave(len(prior), 0)
        classes = torch.arange(len(prior)).repeat(len(w))
        parts = [self.flow(*both) for both in zip(rows.split(ROWS_AT_ONCE), classes.split(ROWS_AT_ONCE))]
        return torch.logsumexp(torch.cat(parts).reshape(len(w), -1) + torch.tensor(prior).log(), 1)

    @torch.inference_mode()
    def log_probs(self, inputs):
        """Nats of each image of each request; a request is levels, `[n, height, width]`, and the number of draws, of which the bound
        log (1/K) Σ p_k is taken."""
        rows = np.concatenate([images.repeat(draws, 0) for images, draws in inputs])
        noise = np.concatenate([
            philox.dequantization_noises(self.record["name"], images.reshape(len(images), -1), draws) for images, draws in inputs])
        levels = torch.from_numpy(rows.astype(np.float64))
        w, log_det = to_logits(levels, torch.from_numpy(noise).double().view(levels.shape), self.record["logit_alpha"])
        found = (self.of_logits(w.float()).double() + log_det).split([len(images) * draws for images, draws in inputs])
        return [
            (torch.logsumexp(part.view(-1, draws), 1) - math.log(draws)).numpy() for part, (_, draws) in zip(found, inputs)]

    def answer(self, log_prob):
        """The fields that `tusk` has in an answer and that a peer can have too."""
        return {"log_prob": float(log_prob), "bits_per_dim": float(bits_per_dim(log_prob, self.dims))}

    def decode(self, data):
        """Levels of a PNG or JPEG, `[height, width]`, made to fit as `fit=contain` does."""
        image = Image.open(io.BytesIO(data)).convert("L")
        if image.size != self.shape[::-1]:
            image.thumbnail(self.shape[::-1])
            whole = Image.new("L", self.shape[::-1])
            whole.paste(image, tuple((space - side) // 2 for space, side in zip(whole.size, image.size)))
            image = whole
        return np.asarray(image)
