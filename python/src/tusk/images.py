"""Images as callers have them, as bodies of requests."""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image, ImageOps

ImageLike: TypeAlias = Union["NDArray[Any]", Image.Image, bytes, str, "os.PathLike[str]"]
"""One image: an array ``[H, W]`` or ``[H, W, C]``, a Pillow image, a path, or the bytes of a PNG, JPEG, WebP or NPY file."""

Images: TypeAlias = Union["Sequence[ImageLike]", "NDArray[Any]"]
"""Several images: a list, or an array ``[N, H, W]`` or ``[N, H, W, C]``."""

_KINDS = ((b"\x89PNG\r\n\x1a\n", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"\x93NUMPY", "application/x-npy"))

Part: TypeAlias = "tuple[str, tuple[str, bytes, str]]"


@dataclass(frozen=True)
class Body:
    """What a request sends: ``content`` of a type, or the files of a form."""

    content: bytes = b""
    content_type: str | None = None
    files: tuple[Part, ...] = ()
    names: tuple[str | None, ...] = ()
    """Names of the files, None of what is not one; in the form such a part has its place for a name."""

    @property
    def size(self) -> int:
        return len(self.content) + sum(len(part[1][1]) for part in self.files)


def kind_of(data: bytes) -> str | None:
    """Media type by the first bytes; None of what the service does not read, which it then names."""
    for first, kind in _KINDS:
        if data.startswith(first):
            return kind
    return "image/webp" if data[:4] == b"RIFF" and data[8:12] == b"WEBP" else None


def one(image: ImageLike) -> Body:
    """The body of one image."""
    data, kind, _ = _encoded(image, "image")
    return Body(data, kind)


def several(images: Sequence[ImageLike] | NDArray[Any]) -> Body:
    """The body of several images: a stacked array, or a form with a file for each."""
    if isinstance(images, np.ndarray):
        return Body(npy(images, "images", 3, 4), "application/x-npy")
    no_single(images)
    return form([("image", image) for image in images])


def no_single(images: Any) -> None:
    """Refuses one image where several are expected, of which a path or bytes would else be taken for a list."""
    if isinstance(images, (str, bytes, bytearray, memoryview, os.PathLike, Image.Image)):
        raise TypeError(f"images: expected a list of images or a stacked array, not {type(images).__name__}; score takes one image")


def form(images: Sequence[tuple[str, ImageLike]]) -> Body:
    """A form with a file for each image, under its name."""
    if not images:
        raise ValueError("images: expected one or more, and there are none")
    parts: list[Part] = []
    names: list[str | None] = []
    for index, (name, image) in enumerate(images):
        data, kind, file = _encoded(image, f"{name} {index}")
        names.append(file)
        parts.append((name, (file or f"{index}", data, kind or "application/octet-stream")))
    return Body(files=tuple(parts), names=tuple(names))


def line(image: ImageLike, index: int) -> bytes:
    """A line of NDJSON. Arrays go as numbers, so that ``layout`` and ``scale`` mean the same as elsewhere."""
    where = f"image {index}"
    if not isinstance(image, (Image.Image, bytes, str, os.PathLike)):
        return _json_line(_numbers(image, where, 2, 3).tolist(), where)
    data, kind, _ = _encoded(image, where)
    if kind == "application/x-npy":
        try:
            array = np.load(io.BytesIO(data), allow_pickle=False)
        except (ValueError, EOFError, OSError) as error:
            raise ValueError(f"{where}: the NPY file cannot be read: {error}") from error
        return _json_line(array.tolist(), where)
    return _json_line(base64.b64encode(data).decode(), where)


def latents(values: ArrayLike) -> Body:
    """The body of latents ``[D]`` or ``[H, W, C]``, or of a stack of such."""
    return Body(npy(np.ascontiguousarray(values, np.float32), "latents", 1, 4), "application/x-npy")


def npy(array: NDArray[Any], where: str, least: int, most: int) -> bytes:
    file = io.BytesIO()
    np.save(file, _numbers(array, where, least, most), allow_pickle=False)
    return file.getvalue()


def _json_line(value: Any, where: str) -> bytes:
    try:
        return json.dumps({"image": value}, separators=(",", ":"), allow_nan=False).encode() + b"\n"
    except ValueError as error:
        raise ValueError(f"{where}: a number is not finite") from error


def _encoded(image: ImageLike, where: str) -> tuple[bytes, str | None, str | None]:
    """Bytes, media type and file name of an image."""
    if isinstance(image, Image.Image):
        return _png(image, where), "image/png", None
    if isinstance(image, (str, os.PathLike)):
        path = Path(image)
        data = path.read_bytes()
        return data, kind_of(data), path.name
    if isinstance(image, (bytes, bytearray, memoryview)):
        data = bytes(image)
        return data, kind_of(data), None
    return npy(_numbers(image, where, 2, 3), where, 2, 3), "application/x-npy", None


def _png(image: Image.Image, where: str) -> bytes:
    # As a file is read, too: as it is shown.
    shown = ImageOps.exif_transpose(image)
    file = io.BytesIO()
    try:
        shown.save(file, "PNG", exif=b"")
    except OSError as error:
        raise ValueError(f"{where}: a Pillow image of mode {image.mode} is no PNG; image.convert('RGB') makes it one") from error
    return file.getvalue()


def _numbers(image: Any, where: str, least: int, most: int) -> NDArray[Any]:
    if not isinstance(image, np.ndarray) and not hasattr(image, "__array__"):
        raise TypeError(f"{where}: expected an array, a Pillow image, bytes or a path, not {type(image).__name__}")
    array = np.asarray(image)
    if array.dtype.kind not in "buif":
        raise TypeError(f"{where}: expected an array of integers, floats or booleans, not of {array.dtype}")
    if not least <= array.ndim <= most:
        raise ValueError(f"{where}: expected {least} to {most} axes, not the shape {array.shape}")
    return array
