"""What the service is and how it is doing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from tusk.decoding import Result


@dataclass(frozen=True, eq=False)
class Moment(Result):
    image: int
    """Number of the image among those that count, from 1."""
    time: datetime


@dataclass(frozen=True, eq=False)
class Suspicion(Result):
    """What a drift would consist of, if there is one."""

    since: Moment
    images_that: str
    expected_at_most: float


@dataclass(frozen=True, eq=False)
class Drift(Result):
    """Whether the images that a model scores are still like those it was calibrated with."""

    model: str
    drifted: bool
    drifted_since: Moment | None
    wealth: float
    log_wealth: float
    alarm_level: float
    alarm: float
    suspicion: Suspicion | None
    images: int
    passed_over: int
    outliers: int
    unusual: int
    began: datetime | None
    calibration_images: int


@dataclass(frozen=True, eq=False)
class Health(Result):
    """What an orchestrator asks, also of a service that is not ready."""

    status: Literal["loading", "ready", "draining", "stalled"]
    live: bool
    ready: bool
    version: str
    uptime_seconds: float
    model: str | None = None


@dataclass(frozen=True, eq=False)
class Failure(Result):
    time: datetime
    reason: str


@dataclass(frozen=True, eq=False)
class ModelFile(Result):
    """A model's file, and what is served of it."""

    name: str | None
    """None while none of the file was ever read."""
    file: str
    phase: Literal["absent", "loading", "testing", "serving", "resting", "leaving"]
    incoming: Literal["loading", "testing"] | None
    """Phase of the generation that is to take over."""
    default: bool
    loaded: datetime | None
    memory_bytes: int
    leaving_generations: int
    failure: Failure | None
    """Why the last loading failed; what was served before still is."""


@dataclass(frozen=True, eq=False)
class AdminStatus(Result):
    """What the service is at; ``metrics`` has every other metric in one number, or of a histogram an object."""

    connections: int
    max_connections: int
    requests: int
    queued_rows: int
    drift_alarms: int
    drift_images: int
    decoding_requests: int
    keys: int | None
    log_level: str
    dropped_log_lines: int
    metrics: Mapping[str, Any]
