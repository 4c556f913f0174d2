"""What is measured, each scenario by itself: a function of a `Trial`, which returns what goes into the JSON.

`alone` comes first: it finds what the others are compared with.
"""

import bisect
import contextlib
import math
import statistics
import time

from . import callers
from .arrivals import jittered, poisson
from .clients import Clients, attentive, clock
from .exchange import percentile, summary

USE = 1 / 8  # of the time: a lone caller's requests under way; less than its share beside four others, and it never waits for itself
MOST_PROBES = 50  # a second
LEAST_PROBES = 4  # of a scenario, however slow the server is
WARM_UP, CALIBRATION = 2, 5  # requests, one after the other
CLOSED_LOOP = 16  # callers who ask without pause: what finds the capacity
SAME_BATCH = 0.01  # seconds between answers, at most
GIVE_UP = 5.0  # seconds after which callers of an overloaded server leave
STORM = 1000


class Trial:
    """One contestant that serves one model."""

    def __init__(self, contestant, model, seconds, patience, quick):
        self.contestant, self.model, self.seconds, self.patience, self.quick = contestant, model, seconds, patience, quick
        self.dialect = contestant.dialect(model.shape)
        self.one = self.dialect.one()
        self.service_time = self.rate = self.lone = self.capacity = self.load_service_time = None  # s, 1/s, ms, 1/s by keep_alive, s
        self.running, self.server, self.starts = contextlib.ExitStack(), None, 0

    def start(self):
        self.server = self.running.enter_context(self.contestant.start(self.model))
        self.starts += 1

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.running.close()

    @property
    def port(self):
        return self.server.port

    def recover(self):
        """Waits until a lone request is answered about as if nothing had been; a server that takes too long for that is started
        anew. Seconds, or None for one that was."""
        longest = 5 if self.quick else 45
        began = clock()
        allowed = 3 * self.lone["p99"] / 1000
        with Clients(self.port, self.one, patience=longest) as clients:
            while clock() < began + longest:
                (exchange,) = clients.run([0.0])
                if exchange.latency <= allowed:
                    return exchange.answered - began
                time.sleep(0.05)
        self.running.close()
        self.start()
        return None

    def load_message(self, keep_alive=True, timeout=None):
        """What loads the server: as much work as makes it busier than its callers."""
        return self.dialect.load(self.model.load_images, self.model.load_draws, keep_alive, timeout)

    def time_of(self, message):
        """Median of some requests one after the other, seconds; the first answers are for warming up."""
        with Clients(self.port, message, patience=self.patience) as clients, attentive():
            latencies = [clients.run([0.0])[0].latency for _ in range(WARM_UP + CALIBRATION)]
        median = statistics.median(latencies[WARM_UP:])
        if not math.isfinite(median):
            raise RuntimeError("the lone caller is not answered")
        return median

    def probe(self, seed=1):
        """A lone caller's requests, one image each, and how they compare with those of `alone`."""
        with Clients(self.port, self.one, patience=self.patience) as clients, attentive() as before_others:
            exchanges = clients.run(jittered(self.rate, max(self.seconds, LEAST_PROBES / self.rate), seed))
        found = summary(sorted(exchanges, key=lambda exchange: exchange.due)) | {"rate": self.rate, "attentive": before_others}
        if self.lone:
            found["p99_ratio"] = found["p99"] / self.lone["p99"] if found["p99"] is not None else None
            found["p50_ratio"] = found["p50"] / self.lone["p50"] if found["p50"] is not None else None
        return found


def alone(trial):
    trial.service_time = trial.time_of(trial.one)
    trial.rate = min(MOST_PROBES, USE / trial.service_time)
    trial.lone = trial.probe()
    if trial.lone["p99"] is None:
        raise RuntimeError(f"the lone caller is not answered: {trial.lone['outcomes']}")
    return trial.lone


def beside(trial, count, *bodies):
    """The lone caller beside `count` who post the first of `bodies`, or the next if that is too much, without pause."""
    if bodies[0] is None:
        return {"not_offered": True}
    with callers.busy(trial.port, bodies, count) as figures:
        found = trial.probe()
    return found | {"beside": figures}


def halves(trial, most):
    """Requests of `most` images, of half as many, and so on."""
    return [trial.dialect.several(most >> i) for i in range(most.bit_length())]


def beside_64(trial):
    return beside(trial, 1, *halves(trial, 64))


def beside_256(trial):
    return beside(trial, 4, *halves(trial, 256))


def beside_samples(trial):
    return beside(trial, 4, *(trial.dialect.sample(count) for count in (16, 4, 1)))


def beside_scans(trial):
    return beside(trial, 4, trial.dialect.picture("scans"))


def beside_progressive(trial):
    return beside(trial, 4, trial.dialect.picture("progressive"))


def beside_flat(trial):
    return beside(trial, 4, trial.dialect.picture("flat"))


def capacity(trial):
    """Answers a second when callers ask again at once, on kept connections and on one each."""
    trial.load_service_time = trial.time_of(trial.load_message())
    found = closed_loop(trial)
    each = closed_loop(trial, keep_alive=False)["per_second"]
    trial.capacity = {True: found["per_second"], False: each}
    return found | {"service_time": trial.load_service_time, "per_second_a_connection_each": each}


def closed_loop(trial, keep_alive=True):
    # some batches, even where a batch has them all
    seconds = max(trial.seconds / 2, 3 * CLOSED_LOOP * trial.load_service_time)
    with Clients(trial.port, trial.load_message(keep_alive), keep_alive=keep_alive) as clients, attentive():
        began = clock()
        exchanges = clients.closed_loop(CLOSED_LOOP, within=seconds)
    times = sorted(exchange.answered for exchange in exchanges if math.isfinite(exchange.latency))
    found = summary(exchanges)
    del found["latencies_ms"]
    return found | {"per_second": steady_rate(times, began + seconds / 4), "callers": CLOSED_LOOP, "seconds": seconds}


def steady_rate(times, since):
    """Of answers at `times`, sorted: how many there are a second behind the last one before `since`, while the batches fill, up to the
    last of all. Both are ends of batches, which may be answered at once."""
    first = bisect.bisect_right(times, since)
    if first == 0:  # nothing so early: the first batch has to do
        first = 1
        while first < len(times) and times[first] - times[first - 1] < SAME_BATCH:
            first += 1
    if first >= len(times):
        raise RuntimeError(f"{len(times)} answers are too few for a capacity")
    return (len(times) - first) / (times[-1] - times[first - 1])


def overload(trial, factor, keep_alive, says_deadline=False):
    """Offered `factor` times the capacity of callers of that kind, who give up; what is answered in time a second, in the steady state.

    A server that answers in order of arrival and works for those who left holds out until its queue is as long as their patience: for
    `GIVE_UP` · f/(f − 1) seconds. So the measurement begins after a fourth more than that.
    """
    capacity = trial.capacity[keep_alive]
    filling = 1.25 * GIVE_UP * factor / (factor - 1)
    window = max(trial.seconds / 2, GIVE_UP)
    message = trial.load_message(keep_alive, GIVE_UP if says_deadline else None)
    with Clients(trial.port, message, keep_alive=keep_alive, patience=GIVE_UP) as clients, attentive():
        began = clock()
        exchanges = clients.run(poisson(factor * capacity, filling + window, seed=1), within=filling + window)
    since, until = began + filling, began + filling + window
    answered = sum(since <= exchange.answered < until for exchange in exchanges if math.isfinite(exchange.latency))
    # whose end is known: those who came later could still be waiting
    found = summary([exchange for exchange in exchanges if since - GIVE_UP <= exchange.due < until - GIVE_UP])
    del found["latencies_ms"]
    return found | {
        "offered": factor * capacity, "factor": factor, "keep_alive": keep_alive, "says_deadline": says_deadline,
        "per_second": answered / window, "goodput": answered / window / capacity}


def goodput(trial):
    runs = [(3, True), (3, False)] if trial.quick else [(1.5, True), (1.5, False), (3, True), (3, False)]
    if not trial.quick and trial.dialect.knows_deadlines:
        runs += [(1.5, True, True), (3, True, True)]
    found = []
    for run in runs:
        found.append(overload(trial, *run))
        trial.recover()
    # beside the first it tells whether the machine is still the same
    return {"runs": found, "capacity_after": closed_loop(trial)["per_second"]}


def storm(trial):
    """A thousand requests at once, of callers who leave after ten service times, and then a lone caller."""
    patience = min(10 * trial.service_time, GIVE_UP)
    with Clients(trial.port, trial.dialect.load(1, 1, keep_alive=False), keep_alive=False, patience=patience) as clients, attentive():
        thousand = summary(clients.run([0.0] * STORM))
    found = trial.probe(seed=2)
    return found | {"storm": thousand["outcomes"], "patience": patience}


def at_70_percent(trial):
    """Poisson arrivals at 70% of the capacity; compared with the service time, and with what the same arrivals would wait at a server
    that does one after the other at its capacity: no server of that capacity has a lower p99 of requests that are all alike."""
    due = poisson(0.7 * trial.capacity[True], trial.seconds, seed=1)
    with Clients(trial.port, trial.load_message(), patience=trial.patience) as clients, attentive():
        found = summary(clients.run(due))
    ideal = percentile(one_after_the_other(due, 1 / trial.capacity[True]), 99)
    p99 = found["p99"] / 1000 if found["p99"] is not None else None
    return found | {
        "rate": 0.7 * trial.capacity[True], "p99_of_service_time": p99 and p99 / trial.load_service_time,
        "ideal_p99_of_service_time": ideal / trial.load_service_time}


def one_after_the_other(due, service_time):
    """Latencies of requests that are due at `due`, seconds, each of which takes a server `service_time`, in order of arrival."""
    free, latencies = 0.0, []
    for time in due:
        free = max(free, time) + service_time
        latencies.append(free - time)
    return latencies


SCENARIOS = {
    "alone": alone,
    "beside-64": beside_64,
    "beside-256": beside_256,
    "beside-samples": beside_samples,
    "beside-scans": beside_scans,
    "beside-progressive": beside_progressive,
    "beside-flat": beside_flat,
    "capacity": capacity,
    "goodput": goodput,
    "storm": storm,
    "poisson": at_70_percent,
}
# what a scenario cannot do without
NEEDS = {name: ["alone"] for name in SCENARIOS if name != "alone"} | {"goodput": ["alone", "capacity"], "poisson": ["alone", "capacity"]}
