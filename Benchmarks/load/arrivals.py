"""When requests are due, in seconds from the start of a measurement; the same seed, the same times."""

import random


def poisson(rate, seconds, seed):
    """Of a Poisson process of `rate` a second: what many callers that know nothing of each other make."""
    chance = random.Random(seed)
    due, time = [], chance.expovariate(rate)
    while time < seconds:
        due.append(time)
        time += chance.expovariate(rate)
    return due


def constant(rate, seconds):
    """Evenly spaced."""
    return [i / rate for i in range(int(rate * seconds))]


def jittered(rate, seconds, seed):
    """One in the first half of each of `rate` periods a second, at random: no two are closer than half a period, and none is in
    step with what else repeats."""
    chance = random.Random(seed)
    return [time + chance.random() / (2 * rate) for time in constant(rate, seconds)]

