"""The page of what Benchmarks.growth.run found: a table of powers, and a plot of each kind.

    .venv/bin/python -m Benchmarks.growth.report runs/growth.json
"""

import json
import pathlib
import sys

import matplotlib

from Benchmarks import document, machine
from .curve import Curve

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

PAGE = "growth"


def number(value):
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def plot(kind, curves, path):
    """All curves of a kind on logarithmic axes, a panel for each unit."""
    units = list(dict.fromkeys(curve.unit for curve in curves))
    figure, panels = plt.subplots(1, len(units), figsize=(7.0 * len(units), 3.8), dpi=100, squeeze=False)
    for unit, axes in zip(units, panels[0]):
        for curve in [curve for curve in curves if curve.unit == unit]:
            points = sorted(curve.points)
            fitted = curve.exponent()
            grown = "" if fitted is None else f"  ∝ x^{fitted[0]:.2f}"
            axes.plot(*zip(*points), marker="o", markersize=3.5, linewidth=1.4, label=curve.title + grown)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel(curves[0].x, fontsize=8)
        axes.set_ylabel(unit, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(True, color="#e4e4e4", linewidth=0.7)
        axes.spines[["top", "right"]].set_visible(False)
        axes.legend(frameon=False, fontsize=7, loc="upper left", bbox_to_anchor=(1.01, 1))
    figure.tight_layout()
    figure.savefig(path, metadata={"Software": None})
    plt.close(figure)


def main():
    found = json.loads(pathlib.Path(sys.argv[1]).read_text())
    parts = [machine.sentence(found["machine"]).replace(", .", ".")]
    rows = []
    for kind, curves in found["curves"].items():
        curves = [Curve(**{**curve, "points": [tuple(point) for point in curve["points"]]}) for curve in curves]
        plot(kind, curves, document.MEASUREMENTS / f"{PAGE}-{kind}.png")
        for curve in curves:
            fitted, points = curve.exponent(), sorted(curve.points)
            rows.append([
                curve.title, curve.x, f"{number(points[0][0])} to {number(points[-1][0])}",
                f"{number(points[0][1])} to {number(points[-1][1])} {curve.unit}",
                "–" if fitted is None else f"**{fitted[0]:.2f}** ± {fitted[1]:.2f}", f"{curve.work:g}", curve.why])
    header = ["what", "against", "from, to", "takes", "power", "of the work", "the work"]
    lines = [header, ["---"] * len(header), *rows]
    parts.append("\n".join("| " + " | ".join(line) + " |" for line in lines))
    parts += [f"![{kind}]({PAGE}-{kind}.png)" for kind in found["curves"]]
    document.write_section(PAGE, "growth", "\n\n".join(parts))


if __name__ == "__main__":
    main()
