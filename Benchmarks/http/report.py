"""The HTTP section of docs/measurements/http-server.md, from what run.py measured.

    .venv/bin/python -m Benchmarks.http.report [runs/http.json] [--write]
"""

import json
import pathlib
import statistics
import sys

from Benchmarks import machine
from Benchmarks.document import table, write_section
from .load import percentile


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def spread(values):
    """Smallest to largest of what the median is of."""
    return f"{min(values):,.0f}–{max(values):,.0f}"


def ms(value):
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"


def rates(runs):
    """Columns that every wrk table has."""
    speeds = [run["requests_per_second"] for run in runs]
    cpu = statistics.median(1e6 * run["cpu_seconds"] / run["requests"] for run in runs)
    return [f"{statistics.median(speeds):,.0f}", spread(speeds), ms(median(runs, "p50")), ms(median(runs, "p99")),
            f"{cpu:,.1f}", str(sum(run["errors"] for run in runs))]


RATE_COLUMNS = ["requests/s", "of all rounds", "p50, ms", "p99, ms", "CPU of the server, µs a request", "errors"]


def health(result):
    found = ["**GET /health**: the same JSON and fields from every server; FastAPI, nginx and Node with one process. "
             "Servers took turns; medians."]
    for threads, runs in result["runs"].items():
        ours = runs["tusk"]
        rows = []
        for name, those in runs.items():
            # of the same round, so that what slows the machine slows both
            ratios = [a["requests_per_second"] / b["requests_per_second"] for a, b in zip(ours, those)]
            cpu = [(b["cpu_seconds"] / b["requests"]) / (a["cpu_seconds"] / a["requests"]) for a, b in zip(ours, those)]
            first = "–" if name == "tusk" else f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f})"
            rows.append([name, *rates(those), first, "–" if name == "tusk" else f"{statistics.median(cpu):.2f}"])
        found.append(table(
            [f"{result['connections']} connections, {threads} wrk thread{'' if threads == '1' else 's'}", *RATE_COLUMNS,
             "tusk ÷ it", "its CPU ÷ tusk's"], rows))
    found += [f"{name} was left out: {reason}." for name, reason in result["missing"].items()]
    return "\n\n".join(found)


def logged(result):
    found = ["**GET /health with the log of requests on**, a JSON line each, in a file: nginx with one process and its log as it is by "
             "default, a write for each line; TLS with the same suites. Servers took turns; medians."]
    for kind, runs in result["runs"].items():
        ours = runs["tusk"]
        rows = []
        for name, those in runs.items():
            ratios = [a["requests_per_second"] / b["requests_per_second"] for a, b in zip(ours, those)]
            cpu = [(a["cpu_seconds"] / a["requests"]) / (b["cpu_seconds"] / b["requests"]) for a, b in zip(ours, those)]
            is_ours = name == "tusk"
            rows.append([name, *rates(those), "–" if is_ours else f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f}–{max(ratios):.2f})",
                         "–" if is_ours else f"{statistics.median(cpu):.2f}"])
        found.append(table([f"{kind}, {result['connections']} connections", *RATE_COLUMNS, "tusk ÷ it", "tusk's CPU ÷ its"], rows))
    return "\n\n".join(found)


def start(result):
    def told(figures):
        return (f"{statistics.median(figures['start_ms']):.0f} ms from start to ready "
                f"({spread(figures['start_ms'])}, {len(figures['start_ms'])} starts); resident "
                f"{statistics.median(figures['idle_mb']):.1f} MB 3 s later, {statistics.median(figures['loaded_mb']):.1f} MB after a "
                "second of /health from 64 connections.")

    others = "".join(f" In turns with it, {program}: {told(figures)}" for program, figures in result.get("against", {}).items())
    return f"**Start and memory**: {told(result)}{others}"


def service(result):
    return "**Routes that compute**, wrk with one thread:\n\n" + table(
        ["", *RATE_COLUMNS], [[name, *rates(runs)] for name, runs in result["runs"].items()])


def poisson(result):
    runs = result["runs"]
    row = [f"{median(runs, 'capacity'):,.0f}", f"{median(runs, 'rate'):,.0f}",
           *(ms(median(runs, key)) for key in ("p50", "p90", "p99")), f"{ms(min(r['p99'] for r in runs))}–{ms(max(r['p99'] for r in runs))}",
           str(sum(run["requests"] for run in runs)), str(sum(run["refused"] for run in runs))]
    return ("**POST /logprob, open loop**: one PNG a request, Poisson arrivals at half of the capacity that the same client "
            "measured just before; latency from the time at which a request was due.\n\n" + table(
                ["", "capacity, requests/s", "rate", "p50, ms", "p90, ms", "p99, ms", "p99 of all rounds", "requests", "refused"],
                [["32 connections", *row]]))


def idle(result):
    rows = [[name, f"{found['connections']:,}", f"{found['before_mb']:.1f}", f"{found['with_mb']:.1f}",
             f"{(found['with_mb'] - found['before_mb']) * 1000 / found['connections']:.2f}"] for name, found in result.items()]
    return "**Idle keep-alive connections**, each of which asked once; resident memory in MB of 10⁶ bytes:\n\n" + table(
        ["over", "connections", "before, MB", "with them, MB", "kB a connection"], rows)


def change(with_them, without):
    """Of the 99th percentile, in percent."""
    return 100 * (percentile(with_them, 99) / percentile(without, 99) - 1)


def pooled(windows):
    return [value for window in windows for value in window["latencies_us"]]


def slow(result):
    windows = result["windows"]
    alone = [index for index, window in enumerate(windows) if window["slow"] is None]
    seconds = len(windows) and len(windows[0]["latencies_us"]) / result["rate"]
    rows = []

    def row(name, those, text, attached):
        latencies = pooled(those)
        tails = [percentile(window["latencies_us"], 99) / 1000 for window in those]
        cpu = statistics.median(window["cpu_seconds"] for window in those)
        rows.append([name, attached, ms(percentile(latencies, 50) / 1000), ms(percentile(latencies, 99) / 1000),
                     f"{ms(min(tails))}–{ms(max(tails))}", text, f"{100 * cpu / seconds:.1f}%"])

    row("no slow clients", [windows[i] for i in alone], "–", "0")
    if len(alone) > 2:
        odd, even = ([windows[i] for i in alone[first::2]] for first in (1, 0))
        text = f"{change(pooled(odd), pooled(even)):+.1f}%"
        rows.append(["of these, every other against the rest", "0", "", "", "", text, ""])
    for kind in dict.fromkeys(window["slow"] for window in windows if window["slow"]):
        theirs = [index for index, window in enumerate(windows) if window["slow"] == kind]
        beside = [windows[index + step] for index in theirs for step in (-1, 1)]
        text = f"**{change(pooled([windows[i] for i in theirs]), pooled(beside)):+.1f}%**"
        attached = f"{min(min(windows[i]['attached']) for i in theirs):,}"
        row(f"slow {kind}", [windows[i] for i in theirs], text, attached)
    refused = sum(window["refused"] for window in windows)
    return (f"**Slow clients** of slowhttptest, {result['clients']:,} at a time, while honest ones ask for /health at "
            f"{result['rate']} requests/s, Poisson arrivals, latency from the time at which a request was due; windows with and "
            "without them in turns. The change is that of the p99 of all windows against the windows next to them; "
            f"{refused} honest requests were refused.\n\n" + table(
                ["", "attached, at least", "p50, ms", "p99, ms", "p99 of all windows", "change of p99", "CPU of the server"], rows))


PARTS = {"health": health, "logged": logged, "start": start, "service": service, "poisson": poisson, "idle": idle, "slow": slow}


def part(name, result):
    """The text of one part, or why there is none."""
    return f"**{name}** was not measured: {result['failed']}." if "failed" in result else PARTS[name](result)


def section(result):
    before, after = result["load_average_before"][0], result["load_average_after"][0]
    options = result["options"]
    return "\n\n".join([
        machine.sentence(result["machine"]),
        f"{options['rounds']} rounds of {options['seconds']} s. Load average of the last minute {before:.1f} before and {after:.1f} "
        "after, that of the measurement itself included.",
        *(part(name, result[name]) for name in PARTS if name in result)])


def write(result):
    write_section("http-server", "http", section(result))


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--write"]
    result = json.loads(pathlib.Path(arguments[0] if arguments else "runs/http.json").read_text())
    print(section(result))
    if "--write" in sys.argv:
        write(result)


if __name__ == "__main__":
    main()
