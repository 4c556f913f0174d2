"""Levels of an image, and the unit in which densities of images are compared."""

import math

LEVELS = 256


def bits_per_dim(log_prob, dims):
    """−(log p(y) − D·ln 256)/(D·ln 2), `log_prob` in nats."""
    return -(log_prob - dims * math.log(LEVELS)) / (dims * math.log(2))
