"""What load does to those who ask for one image, beside LitServe and Ray Serve: `make bench-load`.

    .venv/bin/python -m Benchmarks.load.run --program .build/release/tusk [--beside ../earlier/.build/release/tusk] [--quick]

Every request has a time at which it is due, whatever the server does, and its latency counts from then. A lone caller asks for one
image now and then; what others do to its 99th percentile is a ratio to that of the same server alone, minutes before.
Contestants take turns. Everything listens on loopback, shares this machine's processors with its callers, and is
stopped when the script ends, also by Ctrl-C. Figures go to a JSON file, tables to standard output.
"""

import argparse
import json
import os
import pathlib
import signal
import sys
import tempfile

from Benchmarks import machine
from Benchmarks.http import processes
from . import contestants, models, report
from .scenarios import NEEDS, SCENARIOS, Trial

PATIENCE, QUICK_PATIENCE = 60.0, 10.0  # seconds that a lone caller waits
DESCRIPTORS = 16_000


def one_of(parser, option, chosen, known):
    names = [name for name in chosen.split(",") if name]
    for name in names:
        if name not in known:
            parser.error(f"--{option}: {name} is not one of {', '.join(known)}")
    return names


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--beside", action="append", default=[], help="another build, in turns with it; may be repeated")
    parser.add_argument("--peers", default=",".join(contestants.PEERS), help="which of " + ", ".join(contestants.PEERS) + ", or ''")
    parser.add_argument("--models", default=",".join(models.MODELS), help="which of " + ", ".join(models.MODELS))
    parser.add_argument("--data", default=models.FASHION_MNIST, help="images that the small model is trained on, as for tusk train")
    parser.add_argument("--only", default=",".join(SCENARIOS), help="which of " + ", ".join(SCENARIOS))
    parser.add_argument("--seconds", type=float, help="of a scenario; 60 of the default model, 20 of the small one, with --quick 10 and 4")
    parser.add_argument("--rounds", type=int, default=1, help="of all contestants")
    parser.add_argument("--quick", action="store_true", help="some 3 minutes for one build without peers: shorter scenarios, two runs of overload instead of six")
    parser.add_argument("--output", default="runs/load/load.json", help="where the figures go")
    parser.add_argument("--write", metavar="PAGE", help="write the tables, with what was measured and how, as a page")
    options = parser.parse_args()
    options.peers = one_of(parser, "peers", options.peers, contestants.PEERS)
    options.models = one_of(parser, "models", options.models, models.MODELS)
    chosen = one_of(parser, "only", options.only, SCENARIOS)
    needed = {name for scenario in chosen for name in NEEDS.get(scenario, [])}
    options.only = [name for name in SCENARIOS if name in needed or name in chosen]
    if options.rounds < 1 or options.seconds is not None and options.seconds < 1:
        parser.error("--rounds and --seconds are at least 1")
    if processes.raise_descriptor_limit(DESCRIPTORS) < 2000:
        parser.error("the storm needs 2,000 descriptors: ulimit -Hn")
    return options


def all_contestants(options):
    """In the order of the tables."""
    names = report.short_names([options.program, *options.beside])
    ours = [contestants.tusk(name, program) for name, program in zip(names, [options.program, *options.beside])]
    return ours, [contestants.PEERS[name] for name in options.peers]


def measure(contestant, model, options, expected):
    """Figures of one contestant, scenario by scenario, and its log-densities of the image."""
    found = {}
    patience = QUICK_PATIENCE if options.quick else PATIENCE
    seconds = options.seconds or (model.quick_seconds if options.quick else model.seconds)
    with Trial(contestant, model, seconds, patience, options.quick) as trial:
        values = [contestants.log_prob(trial.port, message) for message in (trial.one, trial.load_message())]
        height, width = model.shape
        for value, other in zip(values, expected or values):
            if abs(value - other) > contestants.DENSITY_TOLERANCE * height * width:
                raise RuntimeError(f"its log-density of the image is {value:.3f}, not {other:.3f}: it has other weights")
        for name in options.only:
            if any("failed" in found[need] for need in NEEDS.get(name, [])):
                found[name] = {"failed": "what it is compared with was not measured"}
                continue
            try:
                found[name] = SCENARIOS[name](trial)
            except (RuntimeError, OSError) as error:
                # the other scenarios are worth having; the exit status tells
                found[name] = {"failed": str(error)}
            if name != "alone" and trial.lone:
                found[name]["recovered_after"] = trial.recover()
            print(f"{model.key}: {contestant.name}: {report.line(name, found[name])}", flush=True)
        found["starts"] = trial.starts
    return found, values


def terminated(*_):
    raise KeyboardInterrupt


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, terminated)
    ours, peers = all_contestants(options)
    result = {
        "machine": machine.description([package for peer in peers if not peer.missing for package in peer.packages]),
        "load_average_before": os.getloadavg(), "quick": options.quick, "rounds": options.rounds,
        "missing": {c.name: c.missing for c in peers if c.missing}, "models": {},
    }
    result["machine"]["versions"] = {
        one.name: contestants.version(program) for one, program in zip(ours, [options.program, *options.beside])
    } | result["machine"]["versions"]
    output = pathlib.Path(options.output)
    output.parent.mkdir(parents=True, exist_ok=True)
    failed = []
    with tempfile.TemporaryDirectory() as folder:
        for key in options.models:
            model = models.MODELS[key](folder, options.program, options.data)
            entry = {"title": model.title, "load_images": model.load_images, "load_draws": model.load_draws, "runs": {}}
            runs = result["models"].setdefault(key, entry)["runs"]
            present = [c for c in [*ours, *peers] if not c.missing]
            expected = None
            for round in range(options.rounds):
                # the first stays first in the first round, since the others' answers are compared with its
                for contestant in present[round % len(present):] + present[:round % len(present)]:
                    try:
                        found, values = measure(contestant, model, options, expected)
                        expected = expected or values
                    except (RuntimeError, OSError) as error:
                        found = {"failed": str(error)}
                    failed += [f"{key}: {contestant.name}"] if "failed" in found else [
                        f"{key}: {contestant.name}: {name}" for name, figures in found.items() if name != "starts" and "failed" in figures]
                    runs.setdefault(contestant.name, []).append(found)
                    # after every one, so that Ctrl-C loses only what is at hand
                    result["load_average_after"] = os.getloadavg()
                    output.write_text(json.dumps(result, indent=1))
    print("\n" + report.tables(result))
    if options.write:
        pathlib.Path(options.write).write_text(report.page(result))
    if failed:
        sys.exit("bench-load: not measured: " + "; ".join(failed))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
