"""The tables and curves of docs/measurements/model-zoo.md, from what run.py left.

    .venv/bin/python -m Benchmarks.zoo.report [--runs runs/zoo] [--keep]

With --keep what is finished goes to records/ beside this file, replaces there what those entries had, and the tables are made
from all that is there: so a zoo can be trained on several days and machines.
"""

import argparse
import csv
import json
import pathlib
import shutil

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402

from Benchmarks import machine  # noqa: E402
from Benchmarks.document import MEASUREMENTS, table, write_section  # noqa: E402
from .entries import DATA, ENTRIES, PUBLISHED  # noqa: E402

RECORDS = pathlib.Path(__file__).with_name("records")
LATE = 0.95  # a best validation after this part of the epochs says that more time would help


def record(runs, entry, side):
    path = runs / entry.name / f"{side}.json"
    return json.loads(path.read_text()) if path.exists() else None


def curve(runs, entry, side):
    """`[seconds, validation bits/dim]` of each epoch."""
    with open(runs / entry.name / f"{side}.csv", newline="") as file:
        return [(float(row["seconds"]), float(row["validation_bits_per_dim"])) for row in csv.DictReader(file)]


def is_falling(result):
    return result["best_epoch"] >= LATE * result["epochs"]


def duration(seconds):
    for size, name in ((3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and seconds % size < 0.05 * size):
            return f"{seconds / size:.3g} {name}"
    return f"{seconds:.3g} s"


def figure(result):
    return f"{result['test']['bits_per_dim']:.3f} ± {result['test']['bits_per_dim_standard_error']:.3f}"


def epochs(result):
    return f"{result['best_epoch']:,} / {result['epochs']:,}" + ("\\*" if is_falling(result) else "")


def parameters(result):
    return f"{result['parameters'] / 1e6:.2f} M"


def row(entry, ours, peer):
    cells = [f"`{entry.architecture}`" + (", conditional" if entry.conditional else ""), entry.sizes(),
             duration(ours["seconds"] if ours else peer["seconds"])]
    cells += [f"**{figure(ours)}**", parameters(ours), epochs(ours)] if ours else ["–"] * 3
    if peer:
        library = peer["peer"].split()[0]
        cells += [f"{library} {figure(peer)}", parameters(peer), epochs(peer)]
    else:
        cells += ["–"] * 3
    difference = "–"
    if ours and peer:
        difference = f"{ours['test']['bits_per_dim'] - peer['test']['bits_per_dim']:+.3f}"
    return [*cells, difference]


def notes(found):
    """What a reader must know of single rows."""
    lines = []
    for entry, ours, peer in found:
        if entry.note:
            lines.append(f"`{entry.name}`: {entry.note}.")
        if ours and ours["test"].get("accuracy") is not None:
            lines.append(f"`{entry.name}`: {100 * ours['test']['accuracy']:.1f}% of the test images have their own class as "
                         "the most probable one.")
        for who, result in (("ours", ours), ("the peer", peer)):
            if not result:
                continue
            if result["epochs"] <= 1:
                lines.append(f"`{entry.name}`, {who}: no more than {result['steps']:,} steps, {duration(result['seconds'])}.")
            elif result["seconds"] > 1.05 * (result["overridden_seconds"] or entry.seconds):
                lines.append(f"`{entry.name}`, {who}: the last step or validation ended after {duration(result['seconds'])}.")
            if result.get("rollbacks"):
                lines.append(f"`{entry.name}`, {who}: diverged {result['rollbacks']} times and went back to its checkpoint.")
    return lines


def conditions(found):
    """Machine, versions and load of the records, a sentence for each that differs."""
    sides = [result for _, ours, peer in found for result in (ours, peer) if result]
    machines = {}
    for result in sides:
        described = result["machine"]
        key = (described["processor"], described["cores"])
        dates, commits, versions = machines.setdefault(key, (set(), set(), {}))
        dates.add(described["date"])
        commits.add(described["tusk"])
        versions |= described["versions"]
    lines = []
    for (processor, cores), (dates, commits, versions) in machines.items():
        days = min(dates) if len(dates) == 1 else f"{min(dates)} to {max(dates)}"
        libraries = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
        lines.append(f"{days}, {processor}, {cores} cores; tusk at commit "
                     f"{', '.join(sorted(commits))}"
                     + (f"; {libraries}" if libraries else "") + ".")
    trials = {(entry.name, duration(entry.seconds)) for entry, *results in found
              if any(result and result["overridden_seconds"] for result in results)}
    if trials:
        which = "All" if len(trials) == len(found) else ", ".join(f"`{name}`" for name, _ in sorted(trials))
        whole = ", ".join(sorted({whole for _, whole in trials}))
        lines.append(f"**Shorter than they are meant to be** (`--seconds`): {which}; whole they are {whole} each.")
    return " ".join(lines)


def plot(runs, found, path):
    """Validation over time of the entries whose validation was still falling, a panel each."""
    columns = min(3, len(found))
    rows = -(-len(found) // columns)
    drawing, axes = plt.subplots(rows, columns, figsize=(3.2 * columns, 2.5 * rows), dpi=110, squeeze=False)
    for panel in axes.flat[len(found):]:
        panel.set_visible(False)
    for panel, (entry, ours, peer) in zip(axes.flat, found):
        shown = []
        for side, result, colour in (("ours", ours, "#c0392b"), ("peer", peer, "#2c6fbb")):
            if result:
                points = curve(runs, entry, side)
                unit = 3600 if result["seconds"] > 7200 else 60 if result["seconds"] > 120 else 1
                label = "tusk" if side == "ours" else result["peer"].split()[0]
                panel.plot([t / unit for t, _ in points], [bits for _, bits in points], color=colour, linewidth=1.3,
                           marker="." if len(points) < 12 else "", label=label)
                # the first epochs are far above all that follow
                shown += [bits for _, bits in points[len(points) // 10:]]
        low, high = min(shown), max(shown)
        panel.set_ylim(low - 0.05 * (high - low + 0.01), high + 0.1 * (high - low + 0.01))
        panel.set_title(entry.name, fontsize=9)
        panel.set_xlabel({1: "seconds", 60: "minutes", 3600: "hours"}[unit], fontsize=8)
        panel.tick_params(labelsize=7)
        panel.grid(True, color="#e4e4e4", linewidth=0.7)
        panel.spines[["top", "right"]].set_visible(False)
        panel.legend(frameon=False, fontsize=7)
    for panel in axes[:, 0]:
        panel.set_ylabel("validation, bits/dim", fontsize=8)
    drawing.tight_layout()
    drawing.savefig(path, metadata={"Software": None})
    plt.close(drawing)


def published(found):
    """Figures of papers beside ours, the best first."""
    lines = [(entry.bits_per_dim, [entry.model, f"{entry.bits_per_dim:g}",
                                   entry.source + (", from memory" if entry.from_memory else "")])
             for entry in PUBLISHED]
    lines += [(ours["test"]["bits_per_dim"], [
        f"**tusk `{entry.architecture}`, {parameters(ours)} parameters, {duration(ours['seconds'])} on this machine**",
        f"**{figure(ours)}**", "the table above"]) for entry, ours, _ in found if ours]
    lines.sort(key=lambda line: line[0])
    return table(["source", "model", "bits/dim, test"], [[source, model, bits] for _, (model, bits, source) in lines])


def section(runs, name):
    """The text of one data set, or None where nothing has been run."""
    entries = [entry for entry in ENTRIES if entry.data == name]
    found = [(entry, record(runs, entry, "ours"), record(runs, entry, "peer")) for entry in entries]
    missing = [entry.name for entry, ours, peer in found if not ours and not peer]
    found = [item for item in found if item[1] or item[2]]
    if not found:
        return None
    header = ["architecture", "sizes", "time", "ours, bits/dim", "parameters", "epochs", "peer, bits/dim", "parameters",
              "epochs", "ours − peer"]
    parts = [conditions(found), table(header, [row(*item) for item in found])]
    after = ["Parameters: what no mask holds at zero. Epochs: of the weights that are kept / trained. \\* The best "
             f"validation is among the last {100 * (1 - LATE):.0f}%: more time would help."]
    after += notes(found)
    if missing:
        after.append(f"Not run: {', '.join(f'`{name}`' for name in missing)}.")
    parts.append("  \n".join(after))
    if name == "fashion-mnist":
        parts.append(published(found))
    # one epoch is no curve
    falling = [item for item in found
               if any(result and is_falling(result) and result["epochs"] > 1 for result in item[1:])]
    if falling:
        picture = MEASUREMENTS / f"zoo-{name}.png"
        plot(runs, falling, picture)
        parts.append(f"![Validation over time of the entries with a \\*]({picture.name})")
    return "\n\n".join(parts)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=pathlib.Path, default=pathlib.Path("runs/zoo"), help="what run.py wrote")
    parser.add_argument("--keep", action="store_true", help="keep what is finished in Benchmarks/zoo/records")
    options = parser.parse_args()
    if options.keep:
        keep(options.runs)
    write(RECORDS if options.keep else options.runs)


def keep(runs):
    """Records and curves of what is finished, without this machine's paths."""
    for path in sorted(runs.glob("*/*.json")):
        record = json.loads(path.read_text())
        for command in ("training", "evaluation"):
            if command in record:
                record[command][0] = pathlib.Path(record[command][0]).name
                record[command] = [relative(word) for word in record[command]]
        folder = RECORDS / path.parent.name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / path.name).write_text(json.dumps(record, indent=1) + "\n")
        shutil.copyfile(path.with_suffix(".csv"), folder / f"{path.stem}.csv")


def relative(word):
    """A path of the repository from its root."""
    path, root = pathlib.Path(word), machine.REPOSITORY
    return str(path.relative_to(root)) if path.is_relative_to(root) else word


def write(runs):
    """All sections that have results into the document; an error where none has."""
    sections = {name: section(runs, name) for name in DATA}
    if not any(sections.values()):
        raise SystemExit(f"{runs}: no entry has been run")
    for name, text in sections.items():
        if text:
            write_section("model-zoo", f"zoo-{name}", text)
            print(f"{text}\n")


if __name__ == "__main__":
    main()
