"""The client for asyncio and trio."""

from __future__ import annotations

import ssl
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from contextlib import aclosing
from types import TracebackType
from typing import Any, TypeVar

import anyio
import httpx
from numpy.typing import ArrayLike
from PIL.Image import Image

from tusk import routes
from tusk.admin import AsyncAdmin
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


class AsyncClient:
    """A client of a Tusk service, as ``Client``, for asyncio and trio.

    Files that are given as paths are read on the spot, as in ``Client``.
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
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """``url`` may be ``unix:PATH``, and may have a path where a proxy puts one before the service's.

        key: of ``tusk key new``, sent as ``Authorization: Bearer`` and shown nowhere.
        proxy: an HTTP proxy; else the one that the environment names, as httpx has it.
        tls: trust and client certificate; else the certificates that httpx trusts.
        transport: for tests, and for what httpx's own does not do.
        """
        self._connection = Connection(url, key, retry, timeouts, proxy, tls)
        if self._connection.socket is not None and transport is None:
            transport = httpx.AsyncHTTPTransport(uds=self._connection.socket)
        self._http = httpx.AsyncClient(transport=transport, **self._connection.arguments())
        self._limit = timeouts.answer
        self.admin = AsyncAdmin(self._send)
        """The routes of ``/admin``."""

    async def score(self, image: ImageLike, **options: Unpack[ScoreOptions]) -> Score:
        """Log-density of one image. Raises the problem of an image that cannot be read."""
        return await self._send(routes.score(image, options, self._limit))

    async def score_many(self, images: Images, **options: Unpack[ScoreOptions]) -> Scores:
        """Log-density of several images, in one request; ``Model.limits.images`` is the most.

        An image that cannot be read is a ``Failed`` in its place. ``score_stream`` takes any number.
        """
        return await self._send(routes.score_many(images, options, self._limit))

    async def typicality(self, images: Images, **options: Unpack[TypicalityOptions]) -> Typicality:
        """Whether a set of images, taken together, is like the learned ones."""
        return await self._send(routes.typicality(images, options, self._limit))

    async def sample(self, count: int = 1, **options: Unpack[SampleOptions]) -> Samples:
        """Draws ``count`` images, 256 at most; ``Model.limits.samples`` is the most that the time limit lets be."""
        return await self._send(routes.sample(count, options, self._limit))

    async def sample_sheet(self, count: int = 1, **options: Unpack[SampleOptions]) -> Image:
        """Draws ``count`` images as one picture: the image itself of one, else a contact sheet."""
        return await self._send(routes.sample_sheet(count, options, self._limit))

    async def encode(self, image: ImageLike, **options: Unpack[EncodeOptions]) -> Latent:
        """The latent of one image. Raises the problem of an image that cannot be read."""
        return await self._send(routes.encode(image, options, self._limit))

    async def encode_many(self, images: Images, **options: Unpack[EncodeOptions]) -> Latents:
        """The latents of several images."""
        return await self._send(routes.encode_many(images, options, self._limit))

    async def decode(self, latents: ArrayLike, **options: Unpack[DecodeOptions]) -> Decoded:
        """The image of each latent: ``[D]`` or ``[H, W, C]``, or a stack of such."""
        return await self._send(routes.decode_latents(latents, options, self._limit))

    async def interpolate(self, first: ImageLike, second: ImageLike, **options: Unpack[InterpolateOptions]) -> Interpolated:
        """Images between two images, at equal distances on the great circle between their latents."""
        return await self._send(routes.interpolate(first, second, options, self._limit))

    async def complete(self, image: ImageLike, mask: ImageLike, **options: Unpack[CompleteOptions]) -> Completions:
        """Draws what the mask leaves out, given the pixels where it is 0. The mask is gray, of the model's size."""
        return await self._send(routes.complete(image, mask, options, self._limit))

    async def drift(self, model: str | None = None) -> Drift:
        """Whether the images that a model scores are still like those it was calibrated with."""
        return await self._send(routes.drift(model))

    async def models(self) -> Models:
        """The models that are loaded, the default first."""
        return await self._send(routes.models())

    async def model(self, name: str) -> Model:
        """A model's card."""
        return await self._send(routes.model(name))

    async def health(self) -> Health:
        """Liveness and readiness, version, model and uptime; also of a service that is not ready."""
        return await self._send(routes.health())

    async def live(self) -> bool:
        """Whether the work of the process gets on."""
        return await self._send(routes.state("live"))

    async def ready(self) -> bool:
        """Whether every model is loaded and tested."""
        return await self._send(routes.state("ready"))

    async def metrics(self) -> str:
        """Everything that is counted, in the text format of Prometheus."""
        return await self._send(routes.metrics())

    async def openapi(self) -> dict[str, Any]:
        """The contract."""
        return await self._send(routes.openapi())

    def score_stream(
        self, images: Iterable[ImageLike] | AsyncIterable[ImageLike], *, block: int | None = None, **options: Unpack[ScoreOptions]
    ) -> AsyncGenerator[Score | Failed, None]:
        """As ``Client.score_stream``; ``images`` may be an asynchronous iterable too.

        Who leaves it before its end should have it in ``contextlib.aclosing``, as every asynchronous generator.
        """
        no_single(images)
        blocks = Blocks(block, options, self._limit)
        return self._scores(images, blocks)

    def sample_stream(self, count: int, **options: Unpack[SampleOptions]) -> AsyncGenerator[StreamedSample, None]:
        """As ``Client.sample_stream``."""
        return self._stream(SampleStream(count, options, self._limit))

    async def aclose(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.aclose()

    def __repr__(self) -> str:
        return f"tusk.AsyncClient{self._connection!r}"

    async def _send(self, call: Call[T]) -> T:
        attempts = Attempts(self._connection.retry, repeatable=call.repeatable)
        while True:
            failure: Error | None
            try:
                response = await self._http.request(**call.request())
            except httpx.HTTPError as error:
                failure = transport_error(error, call.size)
            else:
                failure = call.failure(response)
                if failure is None:
                    return call.read(response)
            await anyio.sleep(attempts.wait_after(failure))

    async def _scores(self, images: Iterable[ImageLike] | AsyncIterable[ImageLike], blocks: Blocks) -> AsyncGenerator[Score | Failed, None]:
        async with aclosing(_blocks(images, blocks)) as several:
            async for lines in several:
                async with aclosing(self._stream(lines)) as scores:
                    async for score in scores:
                        yield score

    async def _stream(self, stream: Stream[T]) -> AsyncGenerator[T, None]:
        attempts = Attempts(self._connection.retry, repeatable=True)
        while not stream.done:
            call = stream.call()
            failure: Error
            try:
                async with self._http.stream(**call.request()) as response:
                    if response.status_code != 200:
                        await response.aread()
                        raise failure_of(response)
                    stream.begin(response)
                    lines = Lines()
                    async for data in response.aiter_bytes():
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
            await anyio.sleep(attempts.wait_after(failure))


async def _blocks(images: Iterable[ImageLike] | AsyncIterable[ImageLike], blocks: Blocks) -> AsyncGenerator[Stream[Score | Failed], None]:
    if isinstance(images, AsyncIterable):
        async for image in images:
            if lines := blocks.add(image):
                yield lines
        if lines := blocks.rest():
            yield lines
    else:
        for lines in blocks.of(images):
            yield lines
