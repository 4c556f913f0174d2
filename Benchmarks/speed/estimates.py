"""What `tusk train` says beforehand of its time and memory, beside what it takes: short trainings of several flows.

    .venv/bin/python -m Benchmarks.speed.estimates --program .build/release/tusk --data FOLDER [--only glow,maf] [--seconds 40]

Time counts from the line that says it to the end of the process, the files included; memory is the most that was resident. Epochs are
as many as take about `--seconds`, by the estimate of a first run, which is ended then. The data are grey images, with classes for
`--only conditional`. Prints Markdown.
"""

import argparse
import os
import re
import subprocess
import tempfile
import time

from Benchmarks import machine

TRAININGS = {
    "nsf-convolutional": ["--architecture", "nsf-convolutional", "--hidden", "32,32,32,32", "--gated", "--batch", 64, "--flips",
                          "--limit", 1000],
    "conditional": ["--architecture", "nsf-convolutional", "--hidden", "16,16", "--conditional", "--belief", "16", "--batch", 32,
                    "--limit", 1000],
    "glow": ["--architecture", "glow", "--layers", 4, "--scales", 2, "--hidden", "64,64", "--batch", 64, "--shift", 1, "--limit", 1000],
    "maf": ["--architecture", "maf", "--layers", 5, "--hidden", "1024,1024", "--batch", 128, "--limit", 2000],
    "nsf-autoregressive": ["--architecture", "nsf-autoregressive", "--layers", 2, "--hidden", "128,128", "--batch", 64, "--limit", 1000],
    "small": ["--architecture", "realnvp", "--layers", 2, "--scales", 2, "--hidden", "16", "--batch", 16, "--limit", 1000],
}


def seconds_of(text):
    """Seconds of `1:02:03`, `42 s` or `3 ms`."""
    if ":" in text:
        total = 0
        for part in text.split(":"):
            total = 60 * total + int(part)
        return total
    number, unit = text.split()
    return float(number) * {"s": 1, "ms": 1e-3}[unit]


def run(options, training, epochs, measure):
    """The seconds and MiB that a training says and takes; without `measure` it is ended once it has said them."""
    with tempfile.TemporaryDirectory() as folder:
        command = [options.program, "train", "--data", options.data, *training, "--epochs", epochs, "--patience", 0,
                   "--threads", options.threads, "--output", f"{folder}/m.safetensors", "--name", "m"]
        process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, text=True)
        said, memory = None, None
        for line in process.stdout:
            if found := re.match(r"memory +about ([\d,]+) MiB", line):
                memory = int(found[1].replace(",", ""))
            if found := re.match(r"time +about ([^:]+(?::\d\d)*)", line):
                started, said = time.monotonic(), seconds_of(found[1])
                if not measure:
                    process.terminate()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if measure and (process.returncode != 0 or said is None):
            raise RuntimeError(f"{' '.join(map(str, command))} ended with status {process.returncode}")
        return said, time.monotonic() - started, memory, usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--data", required=True, help="grey images to train with, as `tusk train --data` reads them")
    parser.add_argument("--only", default=",".join(TRAININGS), help="which of " + ", ".join(TRAININGS))
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)), help="of each training")
    parser.add_argument("--seconds", type=float, default=40, help="about what each training takes")
    options = parser.parse_args()
    print(f"{options.program}, {options.threads} threads; {machine.processor()}\n")
    print("| training | epochs | said, s | taken, s | said ÷ taken | said, MiB | taken, MiB | said ÷ taken |")
    print("|---|--:|--:|--:|--:|--:|--:|--:|")
    for name in options.only.split(","):
        few = 10
        epochs = max(1, round(few * options.seconds / run(options, TRAININGS[name], few, False)[0]))
        said, taken, memory, resident = run(options, TRAININGS[name], epochs, True)
        print(f"| {name} | {epochs} | {said:.3g} | {taken:.3g} | {said / taken:.2f} | {memory:,} | {resident:,.0f} | "
              f"{memory / resident:.2f} |", flush=True)


if __name__ == "__main__":
    main()
