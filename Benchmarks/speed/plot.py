"""Time per sample against D, on two logarithmic axes."""

import statistics

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

LOOKS = {"tusk f32": ("tusk: one pass", "#c0392b", "o"), "zuko": ("zuko: D passes", "#2c6fbb", "s"),
         "nflows": ("nflows: D passes", "#3a8f5c", "^")}


def plot_scaling(points, path):
    """`points` as scaling.py gives them. Dashed: the number of weights, and D times it, through the 784 of a curve."""
    figure, axes = plt.subplots(figsize=(7, 4.6), dpi=110)
    weights = {point["dims"]: point["weights"] for point in points}
    dims = sorted(weights)
    curves = {}
    for point in points:
        if "runs" in point:
            rate = statistics.median(run["images_per_second"] for run in point["runs"])
            curves.setdefault(point["who"], {})[point["dims"]] = 1000 / rate
    for who, curve in curves.items():
        label, colour, marker = LOOKS[who]
        axes.plot(list(curve), list(curve.values()), color=colour, marker=marker, label=label, linewidth=1.8)

    def reference(curve, growth, label):
        anchor = 784 if 784 in curve else max(curve)
        values = [curve[anchor] * growth(d) / growth(anchor) for d in dims]
        axes.plot(dims, values, color="#888888", linestyle="--", linewidth=1, zorder=0)
        axes.annotate(label, (dims[0], values[0]), xytext=(-6, -3), textcoords="offset points", fontsize=8,
                      color="#666666", ha="right")

    reference(curves["tusk f32"], lambda d: weights[d], "weights")
    slow = curves.get("nflows") or curves.get("zuko")
    if slow:
        reference(slow, lambda d: d * weights[d], "D · weights")
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlim(dims[0] / 2.1, dims[-1] * 1.25)
    axes.set_xticks(dims, [f"{d:,}" for d in dims])
    axes.minorticks_off()
    axes.set_xlabel("D, dimensions of an image")
    axes.set_ylabel("milliseconds per sample, batch of 64")
    axes.set_title("Sampling from one masked network, hidden 1024×1024", fontsize=10)
    axes.grid(True, which="major", color="#e4e4e4", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, loc="upper left", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
