"""What flows take against the size of an image, of their networks and of a batch: `tusk bench`, a process a point."""

from Benchmarks.speed import ours
from .curve import Curve

# small, so that the largest image ends soon
GLOW = ["--architecture", "glow", "--layers", "2", "--scales", "2", "--hidden", "32,32"]
CAUSAL = ["--architecture", "nsf-convolutional", "--layers", "1", "--hidden", "32,32", "--gated"]


def milliseconds(options, flow, direction, batch, images):
    """Of a call for `batch` images."""
    found = ours.bench(options.program, [*flow, "--image", images], direction, batch, options.threads, options.seconds)
    return 1000 * batch / found["images_per_second"]


def pixels(options):
    sides = [28, 64, 128] if options.quick else [28, 40, 56, 80, 112, 160, 224, 256]
    for name, flow, direction in (
            ("glow", GLOW, "density"), ("glow", GLOW, "sample"), ("nsf-convolutional", CAUSAL, "density"),
            ("nsf-convolutional", CAUSAL, "sample"), ("glow", GLOW, "train")):
        for channels, colour in ((1, "grey"), (3, "colour")):
            curve = Curve(
                f"pixels-{name}-{direction}-{colour}", f"{name}, {direction}, {colour}", "pixels", "ms an image", 1,
                "multiply-adds are a number for each pixel")
            for side in sides:
                curve.add(side * side, milliseconds(options, flow, direction, 1, f"{side}x{side}x{channels}"))
            yield curve


def channels(options):
    counts = [16, 32, 64] if options.quick else [16, 32, 64, 128, 256]
    for direction in ("density", "sample"):
        curve = Curve(
            f"channels-{direction}", f"nsf-convolutional, {direction}", "channels of a block", "ms an image", 2,
            "a convolution has channels times channels weights")
        for count in counts:
            flow = ["--architecture", "nsf-convolutional", "--layers", "1", "--hidden", f"{count},{count}", "--gated"]
            curve.add(count, milliseconds(options, flow, direction, 1, "28x28x1"))
        yield curve


def batch(options):
    counts = [1, 16, 256] if options.quick else [1, 4, 16, 64, 256, 1024]
    vectors = ["--architecture", "coupling", "--layers", "4", "--hidden", "256,256"]
    for name, flow in (("glow", GLOW), ("coupling", vectors)):
        for direction in ("density", "sample"):
            curve = Curve(
                f"batch-{name}-{direction}", f"{name}, {direction}", "images of a batch", "ms a batch", 1,
                "every image is computed")
            for count in counts:
                curve.add(count, milliseconds(options, flow, direction, count, "28x28x1"))
            yield curve
