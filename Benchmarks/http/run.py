"""The HTTP server under load, beside its peers: `make bench-http`.

    .venv/bin/python -m Benchmarks.http.run --program .build/release/tusk [--quick] [--only health,slow] [--write]

Everything listens on loopback, shares this machine's cores with what asks it, and is stopped when the script ends, also
by Ctrl-C. Measurements go to a JSON file; --write puts the tables into docs/measurements/http-server.md.
"""

import argparse
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile

from Benchmarks import machine
from . import parts, processes, report, servers


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--output", default="runs/http.json", help="where the measurements go")
    parser.add_argument("--only", default=",".join(parts.PARTS), help="which of " + ", ".join(parts.PARTS))
    parser.add_argument("--against", action="append", default=[], metavar="PROGRAM",
                        help="another build of tusk, beside which the parts `logged` and `start` measure; may be repeated")
    parser.add_argument("--seconds", type=int, help="of one measurement; 5, with --quick 1")
    parser.add_argument("--rounds", type=int, help="measurements of each contestant; 5, with --quick 2")
    parser.add_argument("--idle", type=int, help="idle connections; 10000, with --quick 2000")
    parser.add_argument("--slow", type=int, help="slow clients; 2000, with --quick 500")
    parser.add_argument("--rate", type=int, default=500, help="requests/s of the honest clients beside the slow ones")
    parser.add_argument("--quick", action="store_true", help="two minutes instead of fifteen")
    parser.add_argument("--write", action="store_true", help="rewrite the section of docs/measurements/http-server.md")
    options = parser.parse_args()
    defaults = {"seconds": (5, 1), "rounds": (5, 2), "idle": (10_000, 2_000), "slow": (2_000, 500)}
    for name, values in defaults.items():
        if getattr(options, name) is None:
            setattr(options, name, values[options.quick])
        if getattr(options, name) < 1:
            parser.error(f"--{name} is less than 1")
    options.only = options.only.split(",")
    unknown = set(options.only) - set(parts.PARTS)
    if unknown:
        parser.error(f"--only: {', '.join(sorted(unknown))} is not one of {', '.join(parts.PARTS)}")
    room = processes.raise_descriptor_limit(2 * max(options.idle, options.slow)) - 200
    if max(options.idle, options.slow) > room:
        parser.error(f"--idle and --slow are at most {room} here: ulimit -Hn")
    return options


def terminated(*_):
    raise KeyboardInterrupt


def main():
    options = arguments()
    signal.signal(signal.SIGTERM, terminated)
    result = {
        "machine": machine.description(["fastapi", "uvicorn", "uvloop", "httptools"]),
        "load_average_before": os.getloadavg(),
        "options": {name: getattr(options, name) for name in ("seconds", "rounds", "idle", "slow", "rate")},
    }
    result["machine"]["versions"] |= servers.versions()
    with tempfile.TemporaryDirectory() as folder:
        for name in options.only:
            try:
                result[name] = parts.PARTS[name](options, folder)
            except (RuntimeError, OSError, subprocess.CalledProcessError) as error:
                # the other parts are worth having; the exit status tells
                result[name] = {"failed": str(error)}
            # after every part, so that Ctrl-C loses only the one at hand
            result["load_average_after"] = os.getloadavg()
            output = pathlib.Path(options.output)
            output.parent.mkdir(parents=True, exist_ok=True)
            output.write_text(json.dumps(result, indent=1))
            print(report.part(name, result[name]), "\n", flush=True)
    if options.write:
        report.write(result)
    failed = [name for name in options.only if "failed" in result[name]]
    if failed:
        sys.exit(f"bench-http: not measured: {', '.join(failed)}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
