"""Images/s of two builds of `tusk`, in turns on one machine: densities and training steps of flows of images, and what else is asked for.

    python3 -m Benchmarks.speed.builds --program .build/release/tusk --against ../earlier/.build/release/tusk \
        [--model FILE --against-model FILE] [--cells default:density:1,16,64 glow:train:16,64]

A cell is a flow, a direction and batches. `default` is the default model, `--model` of each build: a file of Models/ that the build can
read. The other flows have random weights. Each round asks both builds, in alternating order; the figures are medians over rounds.
Prints Markdown.
"""

import argparse
import os
import statistics

from Benchmarks import machine
from Benchmarks.peers.sizes import Sizes
from . import ours

FLOWS = {
    "glow": ours.images(Sizes(shape=(28, 28, 1), layers=4, scales=2, hidden=[64, 64]), "glow"),
    "nsf-convolutional": ours.images(
        Sizes(shape=(28, 28, 1), layers=1, hidden=[64] * 4, kernel=5, gated=True), "nsf-convolutional"),
    "maf": ours.vectors(784, 5, [1024, 1024]),
}
CELLS = ["default:density:1,16,64", "default:sample:1", "glow:density:1,16,64", "glow:train:64", "nsf-convolutional:train:64"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--against", required=True, help="another build")
    parser.add_argument("--model", default="Models/animals.safetensors", help="the default model")
    parser.add_argument("--against-model", help="the same model as the other build reads it; default: the same file")
    parser.add_argument("--cells", nargs="+", default=CELLS, help="flow:direction:batches, " + ", ".join(["default", *FLOWS]))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each build")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each build in each cell")
    parser.add_argument("--seconds", type=float, default=1, help="measuring time of one run")
    return parser.parse_args()


def measure(options, flow, direction, batch):
    """Runs of the other build and of this one."""
    builds = [(options.against, options.against_model or options.model), (options.program, options.model)]
    runs = [[], []]
    for turn in range(options.rounds):
        for i in (0, 1) if turn % 2 == 0 else (1, 0):
            program, model = builds[i]
            sizes = ["--model", model] if flow == "default" else FLOWS[flow]
            runs[i].append(ours.bench(program, sizes, direction, batch, options.threads, options.seconds))
    return runs


def middle(runs, name):
    return statistics.median(run[name] for run in runs)


def main():
    options = arguments()
    print(f"{options.program} against {options.against}, {options.threads} threads, {options.rounds} rounds; "
          f"{machine.processor()}\n")
    print("| flow | direction | batch | against, images/s | this build, images/s | ratio | multiply-adds done of an image's | "
          "GFLOP/s of peak |")
    print("|---|---|--:|--:|--:|--:|--:|--:|")
    for cell in options.cells:
        flow, direction, batches = cell.split(":")
        for batch in map(int, batches.split(",")):
            before, after = measure(options, flow, direction, batch)
            rates = [middle(runs, "images_per_second") for runs in (before, after)]
            done = f"{after[0]['multiply_adds_done'] / after[0]['multiply_adds']:.0%}" if "multiply_adds" in after[0] else "–"
            print(f"| {flow} | {direction} | {batch} | {rates[0]:.4g} | {rates[1]:.4g} | {rates[1] / rates[0]:.2f} | {done} | "
                  f"{middle(after, 'gflops'):.0f} of {middle(after, 'peak_gflops'):.0f} |", flush=True)


if __name__ == "__main__":
    main()
