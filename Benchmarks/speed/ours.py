"""Our side of the comparison: `tusk bench`, a process for each measurement."""

import json
import subprocess


def vectors(dims, layers, hidden, architecture="maf"):
    """Options of a flow of vectors."""
    return ["--architecture", architecture, "--dims", dims, "--layers", layers, "--hidden", ",".join(map(str, hidden))]


def images(sizes, architecture):
    """Options of a flow of images."""
    return ["--architecture", architecture, "--image", "x".join(map(str, sizes.shape)), "--layers", sizes.layers,
            "--hidden", ",".join(map(str, sizes.hidden)), "--kernel", sizes.kernel,
            *(["--scales", sizes.scales] if sizes.scales else []), *(["--gated"] if sizes.gated else [])]


# How the networks' numbers are kept: options of `tusk bench`. Products of f16 are those of f32, weights as a model file of half
# precision has them.
PRECISIONS = {"f32": [], "f16": ["--file-precision", "float16"], "bf16": ["--precision", "bf16"]}


def bench(program, flow, direction, batch, threads, seconds, precision="f32"):
    """The JSON object that it prints for the options `flow`; a failure says what the program said."""
    command = [
        program, "bench", *flow, "--direction", direction, "--batch", batch, "--threads", threads,
        *PRECISIONS[precision], "--seconds", seconds,
    ]
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {ended.stderr.strip()}")
    return json.loads(ended.stdout)
