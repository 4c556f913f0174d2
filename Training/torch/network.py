"""`nsf-convolutional` with one map, in PyTorch and fast on a GPU: `SplineConvolutionalFlow` of the Swift sources again.

Parameters have the shapes and, in `tensors()`, the names of the model file.
"""

import math

import torch
from torch.nn import functional

from .spline import spline


def uniform(*shape, deviation):
    bound = math.sqrt(3) * deviation
    return torch.nn.Parameter(torch.empty(shape).uniform_(-bound, bound))


class CausalConvolution(torch.nn.Module):
    """A square kernel of which only the rows above and the pixels to the left are there, with the centre or without it.

    `weights` are `[outputs, taps · inputs]`, taps row by row.
    """

    def __init__(self, inputs, outputs, side, with_centre):
        super().__init__()
        self.taps = side**2 // 2 + with_centre
        self.side, self.inputs, self.outputs = side, inputs, outputs
        self.weights = uniform(outputs, self.taps * inputs, deviation=(self.taps * inputs) ** -0.5)
        self.biases = torch.nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        half, height = self.side // 2, x.shape[2]
        rows = half + 1  # those below the centre are not multiplied with
        kernel = self.weights.reshape(self.outputs, self.taps, self.inputs)
        kernel = functional.pad(kernel, (0, 0, 0, rows * self.side - self.taps))
        kernel = kernel.reshape(self.outputs, rows, self.side, self.inputs).permute(0, 3, 1, 2)
        kernel = kernel.contiguous(memory_format=torch.channels_last)
        return functional.conv2d(x, kernel, self.biases, padding=half)[:, :, :height]


class FirstConvolution(CausalConvolution):
    """That of a block, which adds something for each class; `context` is `[n, classes]`, or one a pixel, `[n, classes, height, width]`."""

    def __init__(self, channels, side, classes):
        super().__init__(channels, channels, side, True)
        self.context = torch.nn.Parameter(torch.zeros(channels, classes))

    def forward(self, x, context):
        if context.dim() == 4:
            added = torch.einsum("nkhw,ck->nchw", context, self.context)
        else:
            added = (context @ self.context.T)[:, :, None, None]
        return super().forward(x) + added.to(x.dtype)


class Point(torch.nn.Module):
    """A 1×1 convolution."""

    def __init__(self, inputs, outputs, scale):
        super().__init__()
        self.weights = uniform(outputs, inputs, deviation=scale * inputs**-0.5)
        self.biases = torch.nn.Parameter(torch.zeros(outputs))

    def forward(self, x):
        return functional.conv2d(x, self.weights[:, :, None, None], self.biases)


class Block(torch.nn.Module):
    """h + v · sigmoid(g), with v and g of relu(conv(relu(h)) + context), of which dropout leaves out a share in training."""

    def __init__(self, channels, side, classes, dropout):
        super().__init__()
        self.first = FirstConvolution(channels, side, classes)
        self.value = Point(channels, channels, 0.1)
        self.gate = Point(channels, channels, 1)
        self.dropout = dropout

    def forward(self, h, context):
        inner = torch.relu(self.first(torch.relu(h), context))
        if self.dropout:
            inner = functional.dropout(inner, self.dropout, self.training)
        return h + self.value(inner) * torch.sigmoid(self.gate(inner))


class Network(torch.nn.Module):
    def __init__(self, shape, hidden, side, outputs, classes, dropout):
        super().__init__()
        height, width = shape
        channels = hidden[0]
        self.input = CausalConvolution(1, channels, side, False)
        self.positions = torch.nn.Parameter(torch.zeros((1 + classes) * height * width, channels))
        self.blocks = torch.nn.ModuleList(Block(channels, side, classes, dropout) for _ in hidden)
        self.output = Point(channels, outputs, 0)  # the flow starts at the identity

    def forward(self, image, context):
        """Of `[n, 1, height, width]` and classes as one-hot, `[n, classes]`, or weights of them at each pixel,
        `[n, classes, height, width]`, the parameters `[n, outputs, height, width]`."""
        height, width = image.shape[2:]
        places = self.positions.reshape(1 + context.shape[1], height * width, -1)
        if context.dim() == 4:
            places = places[0] + torch.einsum("nkp,kpc->npc", context.flatten(2), places[1:])
        else:
            # a product: the gradient of an index would add up the images of a class one after the other
            places = places[0] + (context @ places[1:].flatten(1)).reshape(len(image), *places.shape[1:])
        places = places.reshape(len(image), height, width, -1).permute(0, 3, 1, 2)
        h = self.input(image)
        h = h + places.to(h.dtype)
        for block in self.blocks:
            h = block(h, context)
        return self.output(torch.relu(h))


class Belief(Network):
    """What is believed of an image's class by the pixels before each one: `ContextBelief` of the Swift sources again."""

    def __init__(self, shape, hidden, side, classes, dropout):
        super().__init__(shape, hidden, side, classes, 0, dropout)

    def forward(self, image):
        """Of `[n, 1, height, width]` the logarithms of the beliefs, `[n, classes, height, width]`."""
        scores = super().forward(image, image.new_zeros(len(image), 0))
        return torch.log_softmax(scores.flatten(2).cumsum(2), 1).reshape(scores.shape)


class Flow(torch.nn.Module):
    """log p(w | class) of logits, `[n, height, width]`, nats; with a `belief`, channels of each of its blocks, log p(w) too."""

    def __init__(self, shape, hidden, side, bins, bound, classes, dropout=0.0, belief=()):
        super().__init__()
        self.infers_class = bool(belief)
        if belief:
            self.belief = Belief(shape, belief, side, classes, dropout)
        dims = math.prod(shape)
        self.shift = torch.nn.Parameter(torch.zeros(dims))
        self.log_scale = torch.nn.Parameter(torch.zeros(dims))
        self.network = Network(shape, hidden, side, 3 * bins - 1, classes, dropout)
        self.bins, self.bound, self.classes = bins, bound, classes
        self.spline = spline

    def forward(self, w, classes, half=False):
        """`classes` are numbers, `[n]`, None for those that are believed in; with `half` the network is in bfloat16, the rest never."""
        x = (w.flatten(1) + self.shift) * self.log_scale.exp()
        image = x.reshape(len(w), 1, *w.shape[1:])
        context = self.beliefs(w).exp() if classes is None else functional.one_hot(classes, self.classes).to(w.dtype)
        with torch.autocast(w.device.type, torch.bfloat16, enabled=half):
            raw = self.network(image, context)
        raw = raw.permute(0, 2, 3, 1).to(w.dtype).flatten(1, 2)
        z, slope = self.spline(x, raw, self.bins, self.bound)
        return (slope - z**2 / 2 - math.log(2 * math.pi) / 2).sum(1) + self.log_scale.sum()

    def beliefs(self, w):
        """Logarithms of what is believed of the classes of logits, `[n, classes, height, width]`."""
        x = (w.flatten(1) + self.shift) * self.log_scale.exp()
        return self.belief(x.reshape(len(w), 1, *w.shape[1:]))

    def belief_loss(self, w, labels):
        """Mean over images and pixels of −log belief[own class], nats."""
        beliefs = self.beliefs(w)
        return functional.nll_loss(beliefs, labels[:, None, None].expand(-1, *beliefs.shape[2:]))

    @torch.no_grad()
    def standardize(self, w):
        """The first step as `tusk train` starts it: every dimension of `w` has mean 0 and variance 1."""
        self.shift.copy_(-w.flatten(1).mean(0))
        self.log_scale.copy_(-w.flatten(1).std(0).log())

    def fuse(self):
        """Compiles what has many small operations."""
        self.spline = torch.compile(spline, dynamic=False)
        for block in [*self.network.blocks, *(self.belief.blocks if self.infers_class else ())]:
            block.compile(dynamic=False)

    def tensors(self):
        """The weights by their names in the model file."""
        named = {}
        for name, value in self.state_dict().items():
            if value.numel():  # a belief's blocks add nothing for classes
                named[name.replace("network.", "layers.0.").replace("belief.", "layers.0.belief.")] = value
        return {name if "." in name else f"standardize.{name}": value for name, value in named.items()}

    @torch.no_grad()
    def take(self, tensors):
        own = self.tensors()
        if own.keys() != tensors.keys():
            raise ValueError(f"the tensors differ: {sorted(own.keys() ^ tensors.keys())}")
        for name, value in tensors.items():
            own[name].copy_(value)
