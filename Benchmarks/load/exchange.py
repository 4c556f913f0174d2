"""A request and what became of it, and the figures of many."""

import collections
import math

ANSWERED, GAVE_UP, CLOSED, REFUSED, CUT = "answered", "gave up", "closed", "refused", "cut"
REFUSAL_PAUSE, LONGEST_PAUSE = 0.1, 1.0  # seconds: where a refusal says nothing, and at most


class Exchange:
    """Times are seconds of the monotonic clock, None for what did not happen.

    `end` is `answered`; `gave up` when the client closed after its patience; `closed` when the server closed without a whole
    answer; `refused` when no connection was to be had; `cut` when the measurement ended first.
    """

    __slots__ = ("due", "message", "sent", "answered", "status", "retry_after", "end")

    def __init__(self, due, message):
        self.due, self.message = due, message
        self.sent = self.answered = self.status = self.retry_after = self.end = None

    @property
    def latency(self):
        """Seconds from when the request was due, so that a client that was held up hides nothing; infinite unless it was
        answered with 200."""
        return self.answered - self.due if self.end == ANSWERED and self.status == 200 else math.inf

    @property
    def outcome(self):
        """Status of the answer, or how else it ended."""
        return str(self.status) if self.end == ANSWERED else self.end


def refusal_pause(exchange):
    """Seconds that a caller who asks without pause waits after all: as long as a refusal says, at most a second."""
    if exchange.status == 200:
        return 0.0
    return min(exchange.retry_after or REFUSAL_PAUSE, LONGEST_PAUSE)


def percentile(values, percent):
    """The nearest rank."""
    ordered = sorted(values)
    return ordered[max(math.ceil(len(ordered) * percent / 100), 1) - 1]


def finite(value):
    """`value`, or None where it is infinite: JSON knows no infinity."""
    return value if value is not None and math.isfinite(value) else None


def summary(exchanges):
    """Figures of a measurement, ms. A percentile is None when it falls on a request that was not answered with 200."""
    latencies = [1000 * exchange.latency for exchange in exchanges]
    refusals = [
        1000 * (exchange.answered - exchange.due) for exchange in exchanges
        if exchange.end == ANSWERED and exchange.status != 200]
    late = [1000 * (exchange.sent - exchange.due) for exchange in exchanges if exchange.sent is not None]
    found = {
        "requests": len(exchanges),
        "outcomes": dict(collections.Counter(exchange.outcome for exchange in exchanges).most_common()),
        "latencies_ms": [round(latency, 3) for latency in latencies if math.isfinite(latency)],
    }
    for percent in (50, 90, 99):
        found[f"p{percent}"] = finite(percentile(latencies, percent)) if latencies else None
    if late:
        # of the clients, not of the server: above some ms this machine could not ask as it should have
        found["sent_late_p99"] = percentile(late, 99)
    if refusals:
        found["refusal_p50"], found["refusal_p99"] = percentile(refusals, 50), percentile(refusals, 99)
    return found
