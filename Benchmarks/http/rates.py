"""Requests/s of two builds of `tusk`, in turns on one machine: /logprob with one PNG, and what else is asked for, each with its own default
model.

    .venv/bin/python -m Benchmarks.http.rates --program .build/release/tusk --against ../earlier/.build/release/tusk \
        [--connections 16] [--query ?class=elephant]

wrk asks again as soon as it is answered. Each round asks both, in alternating order; the figures are medians over rounds. Prints Markdown.
"""

import argparse
import contextlib
import statistics
import tempfile

from Benchmarks import machine
from . import load, parts, servers


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=".build/release/tusk", help="the built tusk")
    parser.add_argument("--against", required=True, help="another build")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--query", action="append", help="of /logprob, such as ?class=elephant; may be repeated; default: none")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=8, help="of one run")
    return parser.parse_args()


def main():
    options = arguments()
    print(f"{options.program} against {options.against}, {options.connections} connections, {options.rounds} rounds of "
          f"{options.seconds} s; {machine.processor()}\n")
    print("| POST /logprob, one PNG | against, requests/s | p99, ms | this build, requests/s | p99, ms | ratio |")
    print("|---|--:|--:|--:|--:|--:|")
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        script = parts.posting_script(folder)
        builds = [stack.enter_context(servers.tusk(program)) for program in (options.against, options.program)]
        for query in options.query or [""]:
            runs = [[], []]
            for turn in range(options.rounds):
                for i in (0, 1) if turn % 2 == 0 else (1, 0):
                    runs[i].append(load.wrk(
                        f"{builds[i].url}/logprob{query}", options.connections, 1, options.seconds, script))
            failed = sum(run["errors"] for run in runs[0] + runs[1])
            if failed:
                raise RuntimeError(f"/logprob{query}: {failed} requests failed")
            (rate, p99), (new_rate, new_p99) = (
                [statistics.median(run[name] for run in some) for name in ("requests_per_second", "p99")] for some in runs)
            print(f"| {query or 'no class'} | {rate:.4g} | {p99:.0f} | {new_rate:.4g} | {new_p99:.0f} | {new_rate / rate:.2f} |",
                  flush=True)


if __name__ == "__main__":
    main()
