"""The table and the plot of docs/measurements/speed.md, from what compare.py measured.

    .venv/bin/python -m Benchmarks.speed.report [runs/speed.json]
"""

import json
import pathlib
import statistics
import sys

from Benchmarks import machine
from Benchmarks.document import MEASUREMENTS, table, write_section
from .plot import plot_scaling
from .timing import LONG

OTHERS = ["tusk f16", "tusk bf16"]
PEERS = ["zuko", "nflows", "normflows", "torch"]
# Sections of the page, and the contests that are in them.
SECTIONS = {"speed": ["large", "small"], "speed-images": ["glow", "nsf-convolutional"]}
TITLES = {"density": "Density", "sample": "Sampling", "train": "Training step"}


def number(value):
    """Three digits, or all that stand before the point."""
    return f"{value:,.0f}" if value >= 100 else f"{value:#.3g}"


def median(cell, who, key="images_per_second"):
    """Median over the runs of one contestant, or None where it did not run."""
    runs = cell["runs"].get(who)
    return statistics.median(run[key] for run in runs) if runs else None


def row(cell, names, others):
    """`others`: ours in other precisions than f32."""
    ours = median(cell, "tusk f32")
    peers = {peer: median(cell, peer) for peer in names}
    ran = [value for value in peers.values() if value]
    gflops, peak = median(cell, "tusk f32", "gflops"), median(cell, "tusk f32", "peak_gflops")
    single = {peer for peer, runs in cell["runs"].items() if len(runs) == 1 and runs[0].get("calls") == 1}
    ratios = [f"**{number(ours / max(ran))}**" if ran else "²"]
    if len(names) > 1:
        ratios += [number(ours / value) if value else "²" for value in peers.values()]
    texts = [f"{number(value)}{'¹' if peer in single else ''}" if value else "²" for peer, value in peers.items()]
    return [
        f"{TITLES[cell['direction']]}, {cell['batch']}",
        number(ours), *(number(value) if (value := median(cell, other)) else "–" for other in others), *texts,
        *ratios,
        number(gflops), f"{100 * gflops / peak:.0f}%",
        "/".join(str(len(cell["runs"].get(who, []))) for who in ["tusk f32", *names]),
    ]


def header(names, others):
    ratios = ["tusk ÷ best", *(f"÷ {peer}" for peer in names)] if len(names) > 1 else [f"tusk ÷ {peer}" for peer in names]
    return ["images/s at batch", "tusk", *others, *names, *ratios, "GFLOP/s", "of peak", "runs"]


def section(result, models):
    """The contests among `models` that were run, or None."""
    result = {**result, "cells": [cell for cell in result["cells"] if cell["model"] in models]}
    if not result["cells"]:
        return None
    peaks = [run["peak_gflops"] for cell in result["cells"] for run in cell["runs"]["tusk f32"]]
    parts = [
        machine.sentence(result["machine"]),
        f"{result['threads']} threads each. Single-precision peak, median of the runs: "
        f"{statistics.median(peaks):,.0f} GFLOP/s.",
    ]
    for name in dict.fromkeys(cell["model"] for cell in result["cells"]):
        cells = [cell for cell in result["cells"] if cell["model"] == name]
        cells.sort(key=lambda cell: (list(TITLES).index(cell["direction"]), cell["batch"]))
        names = [peer for peer in PEERS if any(peer in cell["runs"] or peer in cell["left_out"] for cell in cells)]
        parts.append(f"**{cells[0]['title']}**")
        others = [who for who in OTHERS if any(who in cell["runs"] for cell in cells)]
        parts.append(table(header(names, others), [row(cell, names, others) for cell in cells]))
    notes = [
        f"A run is {result['seconds']:g} s of calls, and counts with its median; the table has the median over the runs, "
        "whose numbers (ours, then theirs in the order of the columns) stand in the last column. Ours and theirs ran in turns. "
        "GFLOP/s count the multiply-adds that ours does, two operations each; the peak was measured in the same process.",
        f"¹ one call: it takes longer than {LONG:g} s.",
    ]
    reasons = {f"{cell['title']}, {cell['direction']} {cell['batch']}, {peer}: {why}"
               for cell in result["cells"] for peer, why in cell["left_out"].items()}
    if reasons:
        notes.append("² left out: " + "; ".join(sorted(reasons)) + ".")
    parts.append("\n".join(f"{note}  " for note in notes[:-1]) + f"\n{notes[-1]}")
    return "\n\n".join(parts)


def scaling_section(result, picture):
    points = result["scaling"]
    text = [f"![Milliseconds per sample against D]({picture.name})",
            "Milliseconds per sample, batch of 64, one masked network with hidden 1024×1024:"]
    dims = sorted({point["dims"] for point in points})
    who = list(dict.fromkeys(point["who"] for point in points))
    found = {(point["who"], point["dims"]): point for point in points}

    def entry(name, size):
        point = found[name, size]
        if "left_out" in point:
            return "left out"
        return number(1000 / statistics.median(run["images_per_second"] for run in point["runs"]))

    text.append(table(["D", *map(str, dims)], [
        ["weights", *(f"{found[who[0], size]['weights'] / 1e6:.1f} M" for size in dims)],
        *([name, *(entry(name, size) for size in dims)] for name in who),
    ]))
    left_out = [f"{p['who']} at D = {p['dims']}: {p['left_out']}" for p in points if "left_out" in p]
    if left_out:
        text.append("Left out: " + "; ".join(left_out) + ".")
    return "\n\n".join(text)


def main():
    result = json.loads(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "runs/speed.json").read_text())
    for name, models in SECTIONS.items():
        text = section(result, models)
        if text:
            write_section("speed", name, text)
            print(text)
    if result["scaling"]:
        picture = MEASUREMENTS / "sampling-time.png"
        plot_scaling(result["scaling"], picture)
        write_section("speed", "scaling", scaling_section(result, picture))


if __name__ == "__main__":
    main()
