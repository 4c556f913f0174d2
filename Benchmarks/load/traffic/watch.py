"""Memory and descriptors of the service, second by second, and what follows from them."""

import math
import time

import numpy as np

from Benchmarks.http import processes
from ..exchange import percentile

WARM_UP_MOST, WARM_UP_PART = 120, 0.2  # seconds, or as a fraction of the run, whichever is less
MINUTE = 60


def every_second(process, seconds, report):
    """Samples until `seconds` have gone or the service has."""
    samples, began = [], time.monotonic()
    for second in range(int(seconds) + 1):
        time.sleep(max(began + second - time.monotonic(), 0))
        if process.poll() is not None:
            break
        try:
            samples.append({
                "second": second, "resident_mb": processes.resident_mb(process.pid),
                "descriptors": processes.descriptors(process.pid)})
        except (OSError, AttributeError):  # it has just ended: there is no VmRSS any more
            break
        report(samples[-1])
    return samples


def settled_descriptors(pid, within):
    """How many there are once they do not become fewer for two seconds."""
    fewest, since, began = math.inf, time.monotonic(), time.monotonic()
    while time.monotonic() < since + 2 or time.monotonic() < began + 2:
        try:
            count = processes.descriptors(pid)
        except OSError:
            return None
        if count < fewest:
            fewest, since = count, time.monotonic()
        if time.monotonic() > began + within:
            break
        time.sleep(0.1)
    return fewest


def slope(seconds, values):
    """Least squares: units an hour and their standard error. Samples of one second hang together; the error is that of as many
    independent ones as their residuals' first autocorrelation r leaves, n (1 − r)/(1 + r)."""
    t, y = np.asarray(seconds) / 3600, np.asarray(values)
    if len(t) < 10:
        return None, None
    b, a = np.polyfit(t, y, 1)
    rest = y - (a + b * t)
    correlation = float(rest[1:] @ rest[:-1] / max(rest @ rest, 1e-12))
    independent = max(len(t) * (1 - correlation) / (1 + correlation), 3)
    error = math.sqrt(float(rest @ rest) / len(t) / (independent - 2) / float(np.var(t)))
    return float(b), error


def minute_p99(latencies, begin, end):
    of_minute = [latency if status == 200 else math.inf for due, latency, status in latencies if begin <= due < end]
    return percentile(of_minute, 99) if of_minute else None


def figures(samples, latencies, descriptors):
    total = samples[-1]["second"] if samples else 0
    warm_up = min(WARM_UP_MOST, WARM_UP_PART * total)
    steady = [sample for sample in samples if sample["second"] >= warm_up]
    growth, error = slope([s["second"] for s in steady], [s["resident_mb"] for s in steady])
    length = min(MINUTE, (total - warm_up) / 2)
    first, last = minute_p99(latencies, warm_up, warm_up + length), minute_p99(latencies, total - length, total)
    return {
        "seconds": total, "warm_up_seconds": warm_up, "slope_mb_per_hour": growth, "slope_standard_error": error,
        "resident_mb": [steady[0]["resident_mb"], steady[-1]["resident_mb"]] if steady else None,
        "most_resident_mb": max((s["resident_mb"] for s in samples), default=None),
        "idle_descriptors": descriptors, "most_descriptors": max((s["descriptors"] for s in samples), default=None),
        "p99_seconds": length, "p99_first_ms": first, "p99_last_ms": last,
        "probes": len(latencies), "probes_unanswered": sum(status is None for _, _, status in latencies),
        "probes_refused": sum(status not in (200, None) for _, _, status in latencies)}


def faults(result, options):
    """What makes the exit status 1."""
    found = []
    if result["violations"]:
        found.append(f"{result['violations']} violations, the first: {result['first_violations'][0]}")
    if result["probes_unanswered"]:
        found.append(f"{result['probes_unanswered']} of {result['probes']} probes had no answer")
    before, after = result["idle_descriptors"]
    if before is not None and after is not None and after > before:
        found.append(f"{after} descriptors without clients, {before} before the load")
    if result["seconds"] < 60 * options.judge_after:
        return found
    growth, error = result["slope_mb_per_hour"], result["slope_standard_error"]
    if growth - 2 * error > options.max_slope:
        found.append(f"memory grows by {growth:.1f} ± {error:.1f} MB an hour, more than {options.max_slope:g}")
    if not result["p99_last_ms"] <= options.max_p99_growth * result["p99_first_ms"]:
        found.append(f"the p99 became {result['p99_last_ms']:.2f} ms of {result['p99_first_ms']:.2f}, more than {options.max_p99_growth:g} times")
    return found


def text(result):
    machine = result["machine"]
    lines = [
        f"{machine['date']}, {machine['processor']}, {machine['cores']} cores; {result['seconds'] / 60:.1f} minutes, load average "
        f"{result['load_average'][0]:.1f}"]
    if result["slope_mb_per_hour"] is not None:
        first, last = result["resident_mb"]
        lines.append(
            f"memory       {result['slope_mb_per_hour']:+.2f} ± {result['slope_standard_error']:.2f} MB an hour after {result['warm_up_seconds']:.0f} s: "
            f"{first:.1f} MB, {last:.1f} at the end, {result['most_resident_mb']:.1f} at most")
    before, after = result["idle_descriptors"]
    lines.append(f"descriptors  {before} before, {after} after, without clients; {result['most_descriptors']} at most")

    def ms(value):
        return "–" if value is None else f"{value:.2f} ms"

    ratio = f", {result['p99_last_ms'] / result['p99_first_ms']:.2f} times" if result["p99_first_ms"] and result["p99_last_ms"] else ""
    lines.append(f"p99          {ms(result['p99_first_ms'])} in the first {result['p99_seconds']:.0f} s, {ms(result['p99_last_ms'])} in the last{ratio}; "
                 f"{result['probes']} probes, {result['probes_refused']} refused, {result['probes_unanswered']} without an answer")
    lines.append(f"violations   {result['violations']}")
    lines += [f"  {name:16} " + ", ".join(f"{what} {count}" for what, count in sorted(counts.items())) for name, counts in result["outcomes"].items()]
    return "\n".join(lines)


def plot(path, samples, result):
    import matplotlib
    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (above, below) = pyplot.subplots(2, sharex=True, figsize=(8, 5), layout="constrained")
    minutes = [sample["second"] / 60 for sample in samples]
    above.plot(minutes, [sample["resident_mb"] for sample in samples], linewidth=0.8)
    steady = [(s["second"], s["resident_mb"]) for s in samples if s["second"] >= result["warm_up_seconds"]]
    if result["slope_mb_per_hour"] is not None:
        t, y = np.array(steady).T
        line = y.mean() + result["slope_mb_per_hour"] * (t - t.mean()) / 3600
        label = f"{result['slope_mb_per_hour']:+.2f} ± {result['slope_standard_error']:.2f} MB an hour"
        above.plot(t / 60, line, "--", color="black", linewidth=1, label=label)
        above.legend()
    above.set(ylabel="resident, MB", ylim=(0, None))
    below.plot(minutes, [sample["descriptors"] for sample in samples], linewidth=0.8)
    below.set(ylabel="descriptors", xlabel="minutes", ylim=(0, None))
    figure.savefig(path, dpi=120)
    pyplot.close(figure)
