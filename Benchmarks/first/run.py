"""A first training by the default choice, beside nflows' Glow in the same processor time and beside image files.

    .venv/bin/python -m Benchmarks.first.patches --output runs/first
    .venv/bin/python -m Benchmarks.first.run --program .build/release/tusk --data runs/first/photographs [--seconds 1200] [--no-peer]

Each side has one thread at a time or --threads, and so much processor time, which other work on the machine does not shorten: ten
minutes of two cores by default. Held-out are the `test` patches; a sheet of samples beside them is written too.
"""

import argparse
import json
import pathlib
import subprocess
import sys

import numpy as np

from Benchmarks import machine
from Benchmarks.document import table
from .patches import file_bits


def ours(options, model):
    """Trains with nothing said but the time, draws samples, and returns the figures of the test split."""
    subprocess.run(
        [options.program, "train", "--data", options.data, "--name", options.data.name, "--output", model, "--overwrite",
         "--seconds", f"{options.seconds:g}", "--clock", "processor", "--threads", str(options.threads)], check=True)
    subprocess.run(
        [options.program, "sample", "--model", model, "--output", model.with_suffix(".samples.png"), "--beside",
         options.data, "--split", "test"], check=True)
    answer = subprocess.run(
        [options.program, "evaluate", "--model", model, "--data", options.data, "--split", "test", "--json"], check=True,
        stdout=subprocess.PIPE, text=True)
    return json.loads(answer.stdout)


def peer(options, path):
    subprocess.run(
        [sys.executable, "-m", "Benchmarks.first.peer", "--data", options.data, "--seconds", str(options.seconds),
         "--output", path], check=True)
    return json.loads(path.read_text())


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, type=pathlib.Path)
    parser.add_argument("--data", required=True, type=pathlib.Path, help="folder that patches.py made")
    parser.add_argument("--seconds", type=float, default=1200, help="processor time of each side")
    parser.add_argument("--threads", type=int, default=2, help="threads of ours")
    parser.add_argument("--no-peer", action="store_true")
    options = parser.parse_args()
    model = options.data.parent / f"{options.data.name}.safetensors"
    figures = ours(options, model)
    test = np.load(options.data / "test.npy")
    rows = [
        ["PNG files, Pillow's optimize", f"{file_bits(test, 'PNG', optimize=True):.2f}"],
        ["lossless WebP files, method 6", f"{file_bits(test, 'WEBP', lossless=True, quality=100, method=6):.2f}"],
    ]
    if not options.no_peer:
        theirs = peer(options, model.with_suffix(".peer.json"))
        rows.append(
            [f"nflows' Glow, 8 × (64, 64), {theirs['epochs']} epochs",
             f"{theirs['bits_per_dim']:.3f} ± {theirs['standard_error']:.3f}"])
    rows.append(
        ["tusk, nothing said",
         f"**{figures['bits_per_dim']:.3f} ± {figures['bits_per_dim_standard_error']:.3f}**"])
    print(machine.sentence(machine.description(["numpy", "pillow"])))
    print(table([f"{options.data.name}, {options.seconds:g} s of processor time", "bits/dim, test"], rows))


if __name__ == "__main__":
    main()
