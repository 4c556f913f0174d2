"""Our side of the comparison: `tusk bench`, a process for each measurement."""

import json
import subprocess


def bench(program, dims, layers, hidden, direction, batch, threads, seconds, precision="f32", architecture="maf"):
    """The JSON object that it prints; a failure says what the program said."""
    command = [
        program, "bench", "--architecture", architecture, "--dims", dims, "--layers", layers,
        "--hidden", ",".join(map(str, hidden)), "--direction", direction, "--batch", batch, "--threads", threads,
        "--precision", precision, "--seconds", seconds,
    ]
    ended = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(map(str, command))}: {ended.stderr.strip()}")
    return json.loads(ended.stdout)
