"""The routes: a function for each makes its call. ``limit``: seconds that the client gives an answer where ``options`` does not say."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar
from urllib.parse import quote

import httpx
import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from tusk import images, problems
from tusk.calls import Call, failure_of, json_of, object_of
from tusk.decoding import Result, decode
from tusk.errors import BadAnswer
from tusk.images import Body, ImageLike
from tusk.options import (
    CompleteOptions,
    DecodeOptions,
    EncodeOptions,
    InterpolateOptions,
    Options,
    SampleOptions,
    ScoreOptions,
    TypicalityOptions,
    sent,
)
from tusk.results import (
    Completions,
    Decoded,
    DecodedImage,
    Drift,
    Failed,
    Health,
    Interpolated,
    Latent,
    Latents,
    Model,
    Models,
    Samples,
    Score,
    Scores,
    Typicality,
)

T = TypeVar("T", bound=Result)
E = TypeVar("E", Score, Latent, DecodedImage)
Given = Mapping[str, Any]
Limit = float | None


def _call(path: str, read: Any, kind: type[Any], options: Given, limit: Limit, body: Body | None = None, **more: Any) -> Call[Any]:
    parameters, fields = sent(kind, options, limit, more.pop("fixed", None))
    return Call("GET" if body is None else "POST", path, read, parameters, fields, body, **more)


def as_object(kind: type[T]) -> Any:
    return lambda response: decode(kind, json_of(response))


def score(image: ImageLike, options: Given, limit: Limit) -> Call[Score]:
    return _call("logprob", lambda response: _only(Score, response, "score_many"), ScoreOptions, options, limit, images.one(image))


def score_many(several: Sequence[ImageLike] | NDArray[Any], options: Given, limit: Limit) -> Call[Scores]:
    body = images.several(several)

    def read(response: httpx.Response) -> Scores:
        model, entries = _entries(Score, object_of(json_of(response)), "results", body.names)
        return Scores(model, entries)

    return _call("logprob", read, ScoreOptions, options, limit, body)


def typicality(several: Sequence[ImageLike] | NDArray[Any], options: Given, limit: Limit) -> Call[Typicality]:
    return _call("typicality", as_object(Typicality), TypicalityOptions, options, limit, images.several(several))


def sample(count: int, options: Given, limit: Limit) -> Call[Samples]:
    return _call("sample", as_object(Samples), SampleOptions, options, limit, fixed={"count": count})


def sample_sheet(count: int, options: Given, limit: Limit) -> Call[Image.Image]:
    return _call("sample", _picture, SampleOptions, options, limit, fixed={"count": count}, accept="image/png")


def encode(image: ImageLike, options: Given, limit: Limit) -> Call[Latent]:
    return _call("encode", lambda response: _only(Latent, response, "encode_many"), EncodeOptions, options, limit, images.one(image))


def encode_many(several: Sequence[ImageLike] | NDArray[Any], options: Given, limit: Limit) -> Call[Latents]:
    body = images.several(several)

    def read(response: httpx.Response) -> Latents:
        model, entries = _entries(Latent, object_of(json_of(response)), "results", body.names)
        return Latents(model, entries)

    return _call("encode", read, EncodeOptions, options, limit, body)


def decode_latents(latents: ArrayLike, options: Given, limit: Limit) -> Call[Decoded]:
    def read(response: httpx.Response) -> Decoded:
        model, entries = _entries(DecodedImage, object_of(json_of(response)), "images")
        return Decoded(model, entries)

    return _call("decode", read, DecodeOptions, options, limit, images.latents(latents))


def interpolate(first: ImageLike, second: ImageLike, options: Given, limit: Limit) -> Call[Interpolated]:
    def read(response: httpx.Response) -> Interpolated:
        value = object_of(json_of(response))
        return decode(Interpolated, {**value, "steps": value.get("images")})

    body = images.form([("image", first), ("image", second)])
    return _call("interpolate", read, InterpolateOptions, options, limit, body)


def complete(image: ImageLike, mask: ImageLike, options: Given, limit: Limit) -> Call[Completions]:
    body = images.form([("image", image), ("mask", mask)])
    return _call("complete", as_object(Completions), CompleteOptions, options, limit, body)


def drift(model: str | None) -> Call[Drift]:
    return _call("drift", as_object(Drift), Options, {"model": model}, None)


def models() -> Call[Models]:
    return Call("GET", "models", as_object(Models))


def model(name: str) -> Call[Model]:
    return Call("GET", f"models/{segment(name)}", as_object(Model))


def health() -> Call[Health]:
    def read(response: httpx.Response) -> Health:
        if "problem" in response.headers.get("Content-Type", ""):
            raise failure_of(response)
        return decode(Health, json_of(response))

    return Call("GET", "health", read, also=frozenset({503}))


def state(which: Literal["live", "ready"]) -> Call[bool]:
    def read(response: httpx.Response) -> bool:
        if response.status_code == 200:
            return decode(bool, object_of(json_of(response)).get(which))
        failure = failure_of(response)
        if isinstance(failure, (problems.Loading, problems.Draining, problems.Stalled)):
            return False
        raise failure

    return Call("GET", f"health/{which}", read, also=frozenset({503}))


def metrics() -> Call[str]:
    return Call("GET", "metrics", lambda response: response.text, accept="text/plain")


def openapi() -> Call[dict[str, Any]]:
    return Call("GET", "openapi.json", lambda response: object_of(json_of(response)))


def segment(name: str) -> str:
    """``name`` as a part of a path."""
    if not name or name in (".", ".."):
        raise ValueError(f"model: {name!r} is no name of a model")
    return quote(name, safe="@")


def _only(kind: type[E], response: httpx.Response, otherwise: str) -> E:
    """The one answer; raises its problem."""
    value = object_of(json_of(response))
    if "results" not in value:
        return decode(kind, _shaped(value, value))
    _, entries = _entries(kind, value, "results")
    if len(entries) != 1:
        raise ValueError(f"image: the service read it as {len(entries)} images; {otherwise} takes several, layout says what the axes are")
    if isinstance(entries[0], Failed):
        raise entries[0].problem
    return entries[0]


def _entries(kind: type[E], value: dict[str, Any], member: str, names: tuple[str | None, ...] = ()) -> tuple[str, tuple[E | Failed, ...]]:
    """Model and entries of a list, or of the one answer to one image; ``names``: those of the files that were sent."""
    model = decode(str, value.get("model"), "the answer.model")
    items = value.get(member, [value])
    if not isinstance(items, list):
        raise BadAnswer(f"the answer.{member}: expected list, not {type(items).__name__}")
    if names and len(items) != len(names):
        raise BadAnswer(f"the answer.{member}: expected {len(names)}, not {len(items)}")
    entries = []
    for index, item in enumerate(items):
        # The name as it is here: in a form some characters are written otherwise.
        given = {**item, "file": names[index]} if names and isinstance(item, dict) else item
        entries.append(entry(kind, _shaped(given, value), model, f"the answer.{member}[{index}]"))
    return model, tuple(entries)


def entry(kind: type[E], item: Any, model: str | None, where: str) -> E | Failed:
    """An entry of a list: an answer, or the problem in its place."""
    members = object_of(item, where)
    if "type" in members and "error" in members:
        return decode(Failed, members, where)
    return decode(kind, {**members, "model": model} if model is not None else members, where)


def _shaped(item: Any, value: dict[str, Any]) -> Any:
    """Gives a latent the ``shape`` that stands in the answer."""
    if not isinstance(item, dict) or "latent" not in item or "shape" not in value:
        return item
    try:
        return {**item, "latent": np.asarray(item["latent"], np.float32).reshape(value["shape"])}
    except (ValueError, TypeError) as error:
        raise BadAnswer(f"the answer.latent: {error}") from error


def _picture(response: httpx.Response) -> Image.Image:
    try:
        image = Image.open(io.BytesIO(response.content), formats=["PNG"])
        image.load()
    except OSError as error:
        raise BadAnswer(f"the answer is no PNG: {error}") from error
    return image
