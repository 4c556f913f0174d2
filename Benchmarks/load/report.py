"""Tables of what run.py measured.

    .venv/bin/python -m Benchmarks.load.report [runs/load/load.json]
"""

import collections
import json
import pathlib
import statistics
import sys

from Benchmarks import machine
from Benchmarks.document import table

TITLES = {
    "beside-64": "beside a caller that posts 64 images without pause",
    "beside-256": "beside four that post 256",
    "beside-samples": "beside four that draw samples",
    "beside-scans": "beside four with JPEGs of 253 scans and 16 megapixels",
    "beside-progressive": "beside four with JPEGs of 10 scans and 16 megapixels",
    "beside-flat": "beside four with flat PNGs of 16 megapixels",
    "storm": "right after a thousand who gave up",
}
KEPT = {True: "kept connections", False: "a connection each"}


def short_names(programs):
    """A name for each build: tusk for the first, for the others with the folder that .build is in, or else a number."""
    names = ["tusk"]
    for number, program in enumerate(programs[1:], 2):
        parts = pathlib.Path(program).absolute().parts
        folder = parts[parts.index(".build") - 1] if ".build" in parts[1:] else str(number)
        names.append(f"tusk of {folder}" if f"tusk of {folder}" not in names else f"tusk of {folder}, {number}")
    return names


def duration(milliseconds):
    if milliseconds is None:
        return "never"
    if milliseconds < 1000:
        return f"{milliseconds:.3g} ms"
    return f"{milliseconds / 1000:.3g} s"


def outcomes(found, name="outcomes"):
    """What there was but answers with 200."""
    others = {what: count for what, count in found[name].items() if what not in ("200", "cut")}
    total = sum(found[name].values())
    return ", ".join(f"{count} of {total} {what}" for what, count in others.items())


def others_of(runs):
    """What the callers beside got: without it a ratio near 1 could mean that they were all refused."""
    counts = collections.Counter()
    for run in runs:
        counts.update(run["beside"]["outcomes"])
    halvings = max(run["beside"]["halvings"] for run in runs)
    text = ", ".join(f"{count} × {what}" for what, count in counts.most_common() if what != "cut") or "no answer yet"
    return text + (f", halved {halvings} times" if halvings else "")


def line(name, found):
    """One scenario in a line, while it runs."""
    if "failed" in found:
        return f"{name}: not measured: {found['failed']}"
    if "not_offered" in found:
        return f"{name}: it has no such request"
    if name == "goodput":
        return f"{name}: " + "; ".join(
            f"{run['factor']}×, {KEPT[run['keep_alive']]}{', deadline said' if run['says_deadline'] else ''}: {run['goodput']:.2f}"
            f" ({outcomes(run) or 'all 200'})" for run in found["runs"]) + f"; capacity then {found['capacity_after']:.4g}/s"
    if name == "capacity":
        return f"{name}: {found['per_second']:.4g}/s, a connection each {found['per_second_a_connection_each']:.4g}/s {outcomes(found)}"
    ratio = f", {found['p99_ratio']:.2f} of alone" if found.get("p99_ratio") else ""
    if found.get("p99_of_service_time"):
        ratio += f", {found['p99_of_service_time']:.2f} service times (one after the other: {found['ideal_p99_of_service_time']:.2f})"
    text = f"{name}: {found['requests']} requests, p50 {duration(found['p50'])}, p99 {duration(found['p99'])}{ratio}"
    text += f"; {outcomes(found)}" if outcomes(found) else ""
    text += f"; beside: {others_of([found])}" if "beside" in found else ""
    text += f"; storm: {found['storm']}" if "storm" in found else ""
    if "recovered_after" in found:
        after = found["recovered_after"]
        text += f"; normal after {after:.2f} s" if after is not None else "; started anew"
    return text


def median(values):
    """None, a request that was never answered, is above all numbers."""
    ordered = sorted(values, key=lambda value: float("inf") if value is None else value)
    return ordered[(len(ordered) - 1) // 2]


def ratio_cell(runs, key="p99_ratio", percentile="p99"):
    if any("not_offered" in run for run in runs):
        return "–"
    ratio = median([run[key] for run in runs])
    refused = sum(sum(count for what, count in run["outcomes"].items() if what != "200") for run in runs)
    asked = sum(run["requests"] for run in runs)
    said = f"; {refused} of {asked} not served" if refused else ""
    if "beside" in runs[0] and (others := others_of(runs)).rpartition("×")[2] != " 200":
        said += f"; the others: {others}"
    return f"**{ratio:.2f}** ({duration(median([run[percentile] for run in runs]))}{said})" if ratio is not None else f"never{said}"


def model_table(entry, names):
    """Rows are scenarios, columns contestants."""
    runs = entry["runs"]

    def row(title, cell, scenario):
        cells = []
        for name in names:
            measured = [run[scenario] for run in runs.get(name, []) if scenario in run and "failed" not in run[scenario]]
            cells.append(cell(measured) if measured else "not measured")
        if any(cell != "not measured" for cell in cells):
            rows.append([title, *cells])

    rows = []
    row("alone, p50 / p99", lambda found: " / ".join(duration(median([run[p] for run in found])) for p in ("p50", "p99")), "alone")
    for scenario, title in TITLES.items():
        if scenario != "storm":
            row(f"{title}: p99 ÷ alone", ratio_cell, scenario)
    row(f"{TITLES['storm']}: p99 ÷ alone", ratio_cell, "storm")
    several = f", requests of {entry['load_images']} images and {entry['load_draws']} draws" if entry["load_draws"] > 1 else ""
    row(f"capacity, 16 callers without pause{several}: kept connections / a connection each",
        lambda found: " / ".join(f"{statistics.median(run[kind] for run in found):.4g}/s"
                                  for kind in ("per_second", "per_second_a_connection_each")), "capacity")
    kinds = dict.fromkeys(
        (run["factor"], run["keep_alive"], run["says_deadline"])
        for those in runs.values() for found in those for run in found.get("goodput", {}).get("runs", []))
    for kind in kinds:
        factor, keep_alive, says = kind

        def goodput(found, kind=kind):
            of_kind = [run for those in found for run in those["runs"]
                       if (run["factor"], run["keep_alive"], run["says_deadline"]) == kind]
            # a peer is not asked what it does not know
            if not of_kind:
                return "–"
            refused = [run["refusal_p50"] for run in of_kind if "refusal_p50" in run]
            said = f" (refused in {duration(statistics.median(refused))})" if refused else ""
            return f"**{statistics.median(run['goodput'] for run in of_kind):.2f}**{said}"

        row(f"offered {factor:g}×, {KEPT[keep_alive]}{', deadline said' if says else ''}: in time ÷ capacity", goodput, "goodput")
    row("capacity after that", lambda found: f"{statistics.median(run['capacity_after'] for run in found):.4g}/s", "goodput")
    row("Poisson at 70% of capacity: p99 ÷ service time", lambda found: ratio_cell(found, "p99_of_service_time"), "poisson")
    row("the same, of a server that does one after the other at that capacity",
        lambda found: f"{statistics.median(run['ideal_p99_of_service_time'] for run in found):.2f}", "poisson")
    requests = [str(sum(run["alone"]["requests"] for run in runs.get(name, []) if "requests" in run.get("alone", {}))) for name in names]
    rows.append(["requests of each p99 beside others", *requests])
    return table([entry["title"], *names], rows)


def tables(result):
    names = [*dict.fromkeys(name for entry in result["models"].values() for name in entry["runs"])]
    before, after = result["load_average_before"][0], result.get("load_average_after", [float("nan")])[0]
    parts = [
        machine.sentence(result["machine"]) + f" Load average {before:.1f} before and {after:.1f} after; {result['rounds']} "
        f"round{'' if result['rounds'] == 1 else 's'}{', --quick' if result['quick'] else ''}.",
        *(model_table(entry, names) for entry in result["models"].values()),
        *(f"{name} was left out: {reason}." for name, reason in result["missing"].items()),
    ]
    return "\n\n".join(parts)


PAGE = """# Under load

Written by `make bench-load`. POST /logprob with one image of 28×28 pixels. A lone caller asks for one now and then, an eighth of the time; its
latency counts from when each request was due, so that a server that stalls is charged for all that it held up. A request that was
refused, or not answered within a minute, counts as never answered. What others do to the lone caller's p99 is a ratio to its p99
alone, of the same server minutes before. Callers who post without pause do so on kept connections, and wait after a refusal as
long as it says; who is told that 256 images are too many asks for half. Capacity is what 16 callers get who ask again at
once; callers of an overloaded server give up after 5 s by closing, and what they get in time is counted once the queues are full.
Where the small model is loaded, a request has four images and asks
for 64 draws of their noise (`samples=64`), since otherwise the callers would be busier than the server. Poisson arrivals at 70% of the
capacity are compared with what the same arrivals would wait at a server that does one request after the other, each at the capacity's
pace: for requests that are all alike nobody's p99 is lower, and it is some 7 service times (the queue M/D/1) where one request alone uses
all processors. The peers have the same weights in PyTorch, one process with as many threads as processors, batches of at most 8 requests of the default
model and 64 of the small one, which wait 10 ms for more. LitServe takes JSON, the others PNG. Clients share the processors with the
servers and come first.

{tables}
"""


def page(result):
    return PAGE.format(tables=tables(result))


def main():
    path = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else "runs/load/load.json")
    print(tables(json.loads(path.read_text())))


if __name__ == "__main__":
    main()
