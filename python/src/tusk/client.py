"""The client."""

from __future__ import annotations

import ssl
import time
from collections.abc import Generator, Iterable, Iterator
from types import TracebackType
from typing import Any, TypeVar

import httpx
from numpy.typing import ArrayLike
from PIL.Image import Image

from tusk import routes
from tusk.admin import Admin
from tusk.calls import Call, failure_of
from tusk.connection import DEFAULT_URL, Connection
from tusk.errors import Error
from tusk.images import ImageLike, Images, no_single
from tusk.options import (
    CompleteOptions,
    DecodeOptions,
    EncodeOptions,
    InterpolateOptions,
    SampleOptions,
    ScoreOptions,
    Self,
    TypicalityOptions,
    Unpack,
)
from tusk.policy import Attempts, Retry, Timeouts, transport_error
from tusk.results import (
    Completions,
    Decoded,
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
    StreamedSample,
    Typicality,
)
from tusk.streams import Blocks, Lines, SampleStream, Stream

T = TypeVar("T")


class Client:
    """A client of a Tusk service, for any number of threads.

    Options are those of the contract (``tusk.options``). What the service refuses is a ``Problem``, what never got an answer a
    ``TransportError``.
    """

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        key: str | None = None,
        retry: Retry = Retry(),
        timeouts: Timeouts = Timeouts(),
        proxy: str | None = None,
        tls: ssl.SSLContext | None = None,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """``url`` may be ``unix:PATH``, and may have a path where a proxy puts one before the service's.

        key: of ``tusk key new``, sent as ``Authorization: Bearer`` and shown nowhere.
        proxy: an HTTP proxy; else the one that the environment names, as httpx has it.
        tls: trust and client certificate; else the certificates that httpx trusts.
        transport: for tests, and for what httpx's own does not do.
        """
        self._connection = Connection(url, key, retry, timeouts, proxy, tls)
        if self._connection.socket is not None and transport is None:
            transport = httpx.HTTPTransport(uds=self._connection.socket)
        self._http = httpx.Client(transport=transport, **self._connection.arguments())
        self._limit = timeouts.answer
        self.admin = Admin(self._send)
        """The routes of ``/admin``."""

    def score(self, image: ImageLike, **options: Unpack[ScoreOptions]) -> Score:
        """Log-density of one image. Raises the problem of an image that cannot be read."""
        return self._send(routes.score(image, options, self._limit))

    def score_many(self, images: Images, **options: Unpack[ScoreOptions]) -> Scores:
        """Log-density of several images, in one request; ``Model.limits.images`` is the most.

        An image that cannot be read is a ``Failed`` in its place. ``score_stream`` takes any number.
        """
        return self._send(routes.score_many(images, options, self._limit))

    def typicality(self, images: Images, **options: Unpack[TypicalityOptions]) -> Typicality:
        """Whether a set of images, taken together, is like the learned ones."""
        return self._send(routes.typicality(images, options, self._limit))

    def sample(self, count: int = 1, **options: Unpack[SampleOptions]) -> Samples:
        """Draws ``count`` images, 256 at most; ``Model.limits.samples`` is the most that the time limit lets be."""
        return self._send(routes.sample(count, options, self._limit))

    def sample_sheet(self, count: int = 1, **options: Unpack[SampleOptions]) -> Image:
        """Draws ``count`` images as one picture: the image itself of one, else a contact sheet."""
        return self._send(routes.sample_sheet(count, options, self._limit))

    def encode(self, image: ImageLike, **options: Unpack[EncodeOptions]) -> Latent:
        """The latent of one image. Raises the problem of an image that cannot be read."""
        return self._send(routes.encode(image, options, self._limit))

    def encode_many(self, images: Images, **options: Unpack[EncodeOptions]) -> Latents:
        """The latents of several images."""
        return self._send(routes.encode_many(images, options, self._limit))

    def decode(self, latents: ArrayLike, **options: Unpack[DecodeOptions]) -> Decoded:
        """The image of each latent: ``[D]`` or ``[H, W, C]``, or a stack of such."""
        return self._send(routes.decode_latents(latents, options, self._limit))

    def interpolate(self, first: ImageLike, second: ImageLike, **options: Unpack[InterpolateOptions]) -> Interpolated:
        """Images between two images, at equal distances on the great circle between their latents."""
        return self._send(routes.interpolate(first, second, options, self._limit))

    def complete(self, image: ImageLike, mask: ImageLike, **options: Unpack[CompleteOptions]) -> Completions:
        """Draws what the mask leaves out, given the pixels where it is 0. The mask is gray, of the model's size."""
        return self._send(routes.complete(image, mask, options, self._limit))

    def drift(self, model: str | None = None) -> Drift:
        """Whether the images that a model scores are still like those it was calibrated with."""
        return self._send(routes.drift(model))

    def models(self) -> Models:
        """The models that are loaded, the default first."""
        return self._send(routes.models())

    def model(self, name: str) -> Model:
        """A model's card."""
        return self._send(routes.model(name))

    def health(self) -> Health:
        """Liveness and readiness, version, model and uptime; also of a service that is not ready."""
        return self._send(routes.health())

    def live(self) -> bool:
        """Whether the work of the process gets on."""
        return self._send(routes.state("live"))

    def ready(self) -> bool:
        """Whether every model is loaded and tested."""
        return self._send(routes.state("ready"))

    def metrics(self) -> str:
        """Everything that is counted, in the text format of Prometheus."""
        return self._send(routes.metrics())

    def openapi(self) -> dict[str, Any]:
        """The contract."""
        return self._send(routes.openapi())

    def score_stream(
        self, images: Iterable[ImageLike], *, block: int | None = None, **options: Unpack[ScoreOptions]
    ) -> Generator[Score | Failed, None, None]:
        """Log-densities of any number of images, in their order, while they are taken from ``images``.

        They are sent in blocks of ``block`` images (256, or 32 with ``detail="pixels"``), or of 1 MiB; a camera's should be 1. After
        a break those of a block that have no answer are sent again.
        """
        no_single(images)
        blocks = Blocks(block, options, self._limit)
        return self._scores(blocks.of(images))

    def sample_stream(self, count: int, **options: Unpack[SampleOptions]) -> Generator[StreamedSample, None, None]:
        """Draws ``count`` images and hands on each as it is ready. After a break it goes on with the next, by the same seed."""
        return self._stream(SampleStream(count, options, self._limit))

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"tusk.Client{self._connection!r}"

    def _send(self, call: Call[T]) -> T:
        attempts = Attempts(self._connection.retry, repeatable=call.repeatable)
        while True:
            failure: Error | None
            try:
                response = self._http.request(**call.request())
            except httpx.HTTPError as error:
                failure = transport_error(error, call.size)
            else:
                failure = call.failure(response)
                if failure is None:
                    return call.read(response)
            time.sleep(attempts.wait_after(failure))

    def _scores(self, blocks: Iterator[Stream[Score | Failed]]) -> Generator[Score | Failed, None, None]:
        for lines in blocks:
            yield from self._stream(lines)

    def _stream(self, stream: Stream[T]) -> Generator[T, None, None]:
        attempts = Attempts(self._connection.retry, repeatable=True)
        while not stream.done:
            call = stream.call()
            failure: Error
            try:
                with self._http.stream(**call.request()) as response:
                    if response.status_code != 200:
                        response.read()
                        raise failure_of(response)
                    stream.begin(response)
                    lines = Lines()
                    for data in response.iter_bytes():
                        for line in lines.feed(data):
                            if (item := stream.take(line)) is not None:
                                attempts.progress()
                                yield item
                    stream.end()
            except httpx.HTTPError as error:
                failure = transport_error(error, call.size)
            except Error as error:
                failure = error
            else:
                return
            time.sleep(attempts.wait_after(failure))
