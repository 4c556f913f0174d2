"""Options of the calls: query parameters and fields of the contract, under its names; None is as good as none."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Literal, TypedDict

if sys.version_info >= (3, 11):
    from typing import Self as Self
    from typing import Unpack as Unpack
else:
    from typing_extensions import Self as Self
    from typing_extensions import Unpack as Unpack

Fit = Literal["contain", "cover", "stretch"]
Layout = Literal["HW", "HWC", "NHW", "NHWC", "CHW", "NCHW"]
Detail = Literal["none", "verdict", "evidence", "pixels"]


class Options(TypedDict, total=False):
    """What every call takes that computes something."""

    model: str | None
    """Name of a model, ``NAME`` or ``NAME@VERSION``; the default one when missing."""
    time_limit: float | None
    """Seconds that the service has for the answer; ``Timeouts.answer`` when missing."""
    priority: Literal["interactive", "batch"] | None
    """``batch`` runs in what ``interactive`` requests leave."""
    request_id: str | None
    """By which the service's log has the request: 1 to 128 of ``[A-Za-z0-9._-]``."""


class ImageOptions(Options, total=False):
    """How images become those of the model."""

    fit: Fit | None
    """Converts size and colour mode instead of refusing."""
    layout: Layout | None
    """Order of the axes of arrays, where the model's shape does not tell."""
    scale: Literal["levels", "unit"] | None
    """What the numbers of arrays mean: levels, or fractions from 0 to 1."""
    background: str | None
    """Colour behind transparent pixels: ``white``, ``black`` or ``#`` and six hexadecimal digits."""


class ScoreOptions(ImageOptions, total=False):
    samples: int | None
    """Draws of the dequantization noise, 1 to 64; of more than one the answer is the importance-weighted bound."""
    class_: str | None
    """Asks for ``log p(y | class)``."""
    posterior: bool | None
    """Whether ``class_posterior`` and ``class_set`` are wanted where they cost more."""
    detail: Detail | None
    """How much the answer says; ``verdict`` when missing."""
    alarm: float | Decimal | None
    """Rate of false alarms of ``verdict``, above 0 and at most 0.5, of 9 decimals at most."""
    drift: bool | None
    """Whether the images count for ``drift``; they do when it is missing."""


class TypicalityOptions(ImageOptions, total=False):
    alarm: float | Decimal | None
    """Rate of false alarms of ``verdict``, above 0 and at most 0.5, of 9 decimals at most."""


class SampleOptions(Options, total=False):
    seed: int | None
    """Seed of the random numbers, of 64 bits; random when missing, and reported back."""
    temperature: float | None
    """Standard deviation of the latent; less than 1 is more typical, 2 is the most."""
    class_: str | None
    """Draws this class."""


class EncodeOptions(ImageOptions, total=False):
    class_: str | None
    """The class that the latent belongs to; the most probable one when missing."""


class DecodeOptions(Options, total=False):
    class_: str | None
    """The class that the latents belong to; a class-conditional model needs it."""
    states: bool | None
    """Of one latent: also how it becomes the image, map by map."""


class InterpolateOptions(ImageOptions, total=False):
    steps: int | None
    """Number of images, the two ends among them, 2 to 64; 8 when missing."""
    class_: str | None
    """The class of all images; the most probable that both have in common when missing."""


class CompleteOptions(ImageOptions, SampleOptions, total=False):
    count: int | None
    """Number of completions, 1 to 256."""
    particles: int | None
    """Particles of each completion by ``sequential-monte-carlo``, 1 to 64."""
    moves: int | None
    """Moves of each completion by ``latent-markov-chain``, 1 to 2000."""


_FIELDS = {"time_limit": "X-Request-Timeout-Ms", "priority": "X-Priority", "request_id": "X-Request-Id"}


def sent(
    kind: type[Any], options: Mapping[str, Any], limit: float | None, fixed: Mapping[str, Any] | None = None
) -> tuple[dict[str, str], dict[str, str]]:
    """Query parameters and header fields of options of the class ``kind``; ``limit``: the client's own ``time_limit``."""
    known = kind.__optional_keys__
    for name in options:
        if name not in known:
            raise TypeError(f"unknown option {name!r}: known are {', '.join(sorted(known))}")
    parameters: dict[str, str] = {}
    fields: dict[str, str] = {}
    for name, value in {**(fixed or {}), "time_limit": limit, **{k: v for k, v in options.items() if v is not None}}.items():
        if value is None:
            continue
        if name in _FIELDS:
            fields[_FIELDS[name]] = _milliseconds(value) if name == "time_limit" else _token(name, value)
        else:
            parameters[name.rstrip("_")] = _alarm(value) if name == "alarm" else _text(value)
    return parameters, fields


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _milliseconds(seconds: float) -> str:
    if not seconds > 0 or seconds == float("inf"):
        raise ValueError(f"time_limit: expected seconds above 0, not {seconds!r}")
    return str(max(1, round(seconds * 1000)))


def _token(name: str, value: Any) -> str:
    text = str(value)
    if not re.fullmatch(r"[A-Za-z0-9._-]{1,128}", text):
        raise ValueError(f"{name}: expected 1 to 128 of A-Z, a-z, 0-9, '.', '_' and '-', not {text!r}")
    return text


def _alarm(value: Any) -> str:
    # By repr, so that 0.01 is 0.01; the service computes with the decimal fraction.
    try:
        text = format(Decimal(str(value)), "f")
    except ArithmeticError:
        text = str(value)
    if not re.fullmatch(r"0\.[0-9]{1,9}", text):
        raise ValueError(f"alarm: expected a fraction above 0 and at most 0.5 of 9 decimals at most, not {value!r}")
    return text
