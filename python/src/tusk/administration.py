"""The routes of ``/admin``, none of which is sent again by itself unless it only reads."""

from __future__ import annotations

import dataclasses
from typing import Literal, get_args

import httpx

from tusk.calls import Call, json_of, object_of
from tusk.decoding import decode
from tusk.results import AdminStatus, Drift, ModelFile
from tusk.routes import as_object, segment

LogLevel = Literal["trace", "debug", "info", "notice", "warning", "error", "critical"]


def status() -> Call[AdminStatus]:
    own = {field.name for field in dataclasses.fields(AdminStatus)}

    def read(response: httpx.Response) -> AdminStatus:
        value = object_of(json_of(response))
        return decode(AdminStatus, {**value, "metrics": {name: member for name, member in value.items() if name not in own}})

    return Call("GET", "admin/status", read)


def files() -> Call[tuple[ModelFile, ...]]:
    return Call("GET", "admin/models", lambda response: decode(tuple[ModelFile, ...], object_of(json_of(response)).get("models")))


def load(model: str) -> Call[ModelFile]:
    return Call("POST", f"admin/models/{segment(model)}/load", as_object(ModelFile), repeatable=False)


def unload(model: str) -> Call[None]:
    return Call("POST", f"admin/models/{segment(model)}/unload", _nothing, repeatable=False)


def reload() -> Call[tuple[str, ...]]:
    return Call(
        "POST", "admin/reload", lambda response: decode(tuple[str, ...], object_of(json_of(response)).get("reloaded")), repeatable=False
    )


def log_level(level: LogLevel) -> Call[None]:
    if level not in get_args(LogLevel):
        raise ValueError(f"level: expected one of {', '.join(get_args(LogLevel))}, not {level!r}")
    return Call("PUT", "admin/log-level", _nothing, {"level": level}, repeatable=False)


def reset_drift(model: str | None) -> Call[Drift]:
    parameters: dict[str, str] = {} if model is None else {"model": model}
    return Call("POST", "admin/drift/reset", as_object(Drift), parameters, repeatable=False)


def _nothing(response: httpx.Response) -> None:
    object_of(json_of(response))
