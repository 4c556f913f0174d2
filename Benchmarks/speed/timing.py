"""Speed of one call, by repetition."""

import statistics
import time


def timed(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


LONG = 2.0  # seconds; a call that takes longer is not repeated


def call_times(call, seconds):
    """Seconds of each call: as many as fit into `seconds`, at least one, after one that warms up. A call longer than
    `LONG` stands as the only one."""
    first = timed(call)
    if first > LONG:
        return [first]
    times = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or not times:
        times.append(timed(call))
    return times


def rates(times, batch):
    """Images/s under the names of `tusk bench`, and the number of calls they rest on."""
    return {
        "images_per_second": batch / statistics.median(times),
        "images_per_second_min": batch / max(times),
        "images_per_second_max": batch / min(times),
        "calls": len(times),
    }


class Budget:
    """Wall-clock time that the whole comparison may take."""

    def __init__(self, seconds):
        self.until = time.monotonic() + seconds

    @property
    def left(self):
        return self.until - time.monotonic()
