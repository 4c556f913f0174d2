"""JSON as frozen dataclasses: a member for each field, by its type; members that a class does not have are passed over."""

from __future__ import annotations

import base64
import dataclasses
import functools
import io
import types
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar, Union

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tusk.errors import BadAnswer

T = TypeVar("T")

_Codec = Callable[[Any], Any]


def _png(value: Any) -> NDArray[np.uint8]:
    return _still(png_levels(base64.b64decode(value, validate=True)))


def png_levels(data: bytes) -> NDArray[np.uint8]:
    """The levels of a PNG, ``[H, W]`` or ``[H, W, C]``."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as image:
        levels = np.array(image)
    if levels.dtype != np.uint8:
        raise ValueError(f"a PNG of {levels.dtype}")
    return levels


def _numbers(dtype: Any) -> _Codec:
    return lambda value: _still(np.array(value, dtype))


def _still(array: NDArray[Any]) -> NDArray[Any]:
    array.flags.writeable = False
    return array


Picture = Annotated[NDArray[np.uint8], _png]
"""Levels of an image, ``[H, W]`` or ``[H, W, C]``."""
Doubles = Annotated[NDArray[np.float64], _numbers(np.float64)]
Singles = Annotated[NDArray[np.float32], _numbers(np.float32)]


class Result:
    """Base of all answers: equal when all fields are, arrays among them."""

    def __eq__(self, other: object) -> bool:
        if type(self) is not type(other):
            return NotImplemented
        fields = dataclasses.fields(self)  # type: ignore[arg-type]
        return all(_equal(getattr(self, field.name), getattr(other, field.name)) for field in fields)

    __hash__ = None  # type: ignore[assignment]


def _equal(left: Any, right: Any) -> bool:
    if isinstance(left, np.ndarray) or isinstance(right, np.ndarray):
        return np.array_equal(left, right)
    return bool(left == right)


def decode(kind: type[T], value: Any, where: str = "the answer") -> T:
    """``value`` as a ``kind``; BadAnswer says where it is none."""
    return typing.cast(T, _decode(kind, value, where))


def _decode(kind: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any:
        return value
    if origin is Annotated:
        try:
            return arguments[1](value)
        except (ValueError, TypeError, OSError) as error:
            raise BadAnswer(f"{where}: {error}") from error
    if origin in (Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        (kind,) = (argument for argument in arguments if argument is not type(None))
        return _decode(kind, value, where)
    if origin is Literal:
        # A word that a newer service has is handed on.
        return _scalar(str, value, where)
    if origin is tuple:
        items = _instance(list, value, where)
        return tuple(_decode(arguments[0], item, f"{where}[{index}]") for index, item in enumerate(items))
    if origin is Mapping:
        return {key: _decode(arguments[1], item, f"{where}.{key}") for key, item in _instance(dict, value, where).items()}
    if dataclasses.is_dataclass(kind):
        return _object(kind, value, where)
    if kind is datetime:
        try:
            return datetime.fromisoformat(_instance(str, value, where).replace("Z", "+00:00"))
        except ValueError as error:
            raise BadAnswer(f"{where}: {error}") from error
    return _scalar(kind, value, where)


def _scalar(kind: Any, value: Any, where: str) -> Any:
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:
        raise BadAnswer(f"{where}: expected {kind.__name__}, not {type(value).__name__}")
    return value


def _instance(kind: type[T], value: Any, where: str) -> T:
    if not isinstance(value, kind):
        raise BadAnswer(f"{where}: expected {kind.__name__}, not {type(value).__name__}")
    return value


@functools.cache
def _fields(kind: type[Any]) -> tuple[tuple[str, str, Any, bool], ...]:
    """Of each field: name, member, type, whether it must be there."""
    hints = typing.get_type_hints(kind, include_extras=True)
    missing = dataclasses.MISSING
    return tuple(
        (field.name, field.name.rstrip("_"), hints[field.name], field.default is missing and field.default_factory is missing)
        for field in dataclasses.fields(kind)
    )


def _object(kind: Any, value: Any, where: str) -> Any:
    members = _instance(dict, value, where)
    found = {}
    for name, member, field_kind, required in _fields(kind):
        if member in members:
            found[name] = _decode(field_kind, members[member], f"{where}.{member}")
        elif required:
            raise BadAnswer(f"{where}.{member}: missing")
    return kind(**found)
