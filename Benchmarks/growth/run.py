"""How time and memory grow: with pixels, channels, classes, batches, connections, waiting requests, models, rows of a data set and lines of a body.

    .venv/bin/python -m Benchmarks.growth.run --program .build/release/tusk --output runs/growth.json
    .venv/bin/python -m Benchmarks.growth.report runs/growth.json

Says of each curve the power that it grows with, beside that of the work. Half an hour; `--quick` is a pass of some minutes, `--only pixels`
one kind of curve. What is there already in OUTPUT is not measured again.
"""

import argparse
import dataclasses
import json
import os
import pathlib
import tempfile

from Benchmarks import machine
from . import flows, services, streams

KINDS = {
    "pixels": flows.pixels, "channels": flows.channels, "batch": flows.batch, "classes": services.classes,
    "connections": services.connections, "queue": services.queue, "models": services.loaded_models, "rows": streams.rows,
    "lines": streams.lines,
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True)
    parser.add_argument("--output", type=pathlib.Path, required=True, help="JSON, which grows as curves are done")
    parser.add_argument("--only", action="append", choices=list(KINDS), help="a kind of curve; may be repeated")
    parser.add_argument("--quick", action="store_true", help="fewer and smaller points")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--seconds", type=float, default=0.5, help="of a point of a flow")
    parser.add_argument("--requests", type=int, default=4000, help="of a point of the service")
    options = parser.parse_args()
    options.program = str(pathlib.Path(options.program).resolve())
    return options


def main():
    options = arguments()
    found = json.loads(options.output.read_text()) if options.output.exists() else {"curves": {}}
    found["machine"] = machine.description([])
    options.output.parent.mkdir(parents=True, exist_ok=True)
    for kind in options.only or KINDS:
        if kind in found["curves"]:
            continue
        with tempfile.TemporaryDirectory() as folder:
            options.folder = pathlib.Path(folder)
            curves = list(KINDS[kind](options))
        for curve in curves:
            fitted = curve.exponent()
            grown = "–" if fitted is None else f"{fitted[0]:.2f} ± {fitted[1]:.2f}"
            print(f"{kind}: {curve.title} ({curve.unit}): power {grown} of {curve.x}, of the work {curve.work:g}"
                  f"{'   FASTER' if curve.grows_faster() else ''}", flush=True)
        found["curves"][kind] = [dataclasses.asdict(curve) for curve in curves]
        options.output.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
