"""A class for each type of problem in the contract, by which ``except`` tells them apart.

>>> from tusk import problems
>>> problems.QueueFull.code
429
"""

from __future__ import annotations

from tusk.errors import Problem


class MalformedRequest(Problem):
    """Not HTTP, or a query that is not percent-encoded UTF-8."""

    slug, code = "malformed-request", 400


class EncryptionRequired(Problem):
    """Plain HTTP to a port that speaks TLS."""

    slug, code = "encryption-required", 400


class MalformedBody(Problem):
    """The body is not what its type says, or its content coding is damaged or unfolds too far."""

    slug, code = "malformed-body", 400


class Unauthorized(Problem):
    """No key, an unknown or an expired one."""

    slug, code = "unauthorized", 401


class Forbidden(Problem):
    """The key lacks the scope, or ``/admin`` came without one."""

    slug, code = "forbidden", 403


class ForeignOrigin(Problem):
    """A web page of an origin that is not admitted."""

    slug, code = "foreign-origin", 403


class NotFound(Problem):
    """No such path."""

    slug, code = "not-found", 404


class UnknownModel(Problem):
    """No model of this name is loaded."""

    slug, code = "unknown-model", 404


class MethodNotAllowed(Problem):
    """The path has other methods."""

    slug, code = "method-not-allowed", 405


class NotAcceptable(Problem):
    """No form of the answer is one that the client takes."""

    slug, code = "not-acceptable", 406


class RequestTimeout(Problem):
    """The request came too slowly."""

    slug, code = "request-timeout", 408


class ReloadFailed(Problem):
    """A reload could not take everything; what was in force stays."""

    slug, code = "reload-failed", 409


class ModelUnchanged(Problem):
    """A model could not be loaded or unloaded; it stays as it was."""

    slug, code = "model-unchanged", 409


class ModelMemory(Problem):
    """The model would exceed ``--model-memory``."""

    slug, code = "model-memory", 409


class LengthRequired(Problem):
    """Neither a length nor chunks."""

    slug, code = "length-required", 411


class BodyTooLarge(Problem):
    """Longer than the model's images, or ``--max-body``, allow."""

    slug, code = "body-too-large", 413


class TargetTooLong(Problem):
    """The request line is longer than ``--max-request-line``."""

    slug, code = "target-too-long", 414


class UnsupportedMediaType(Problem):
    """A picture or body of a kind that is not read."""

    slug, code = "unsupported-media-type", 415


class UnsupportedContentCoding(Problem):
    """Not gzip, deflate or identity."""

    slug, code = "unsupported-content-coding", 415


class ExpectationFailed(Problem):
    """An ``Expect`` other than 100-continue."""

    slug, code = "expectation-failed", 417


class MisdirectedRequest(Problem):
    """``Host`` is no name of this service, on a loopback address."""

    slug, code = "misdirected-request", 421


class Parameter(Problem):
    """A query parameter is unknown, twice, out of range, or more than can be done in the time limit."""

    slug, code = "parameter", 422


class ImageDamaged(Problem):
    """A picture cannot be decoded."""

    slug, code = "image-damaged", 422


class ImageSize(Problem):
    """Not the model's size."""

    slug, code = "image-size", 422


class ImageMode(Problem):
    """Not the model's colour mode."""

    slug, code = "image-mode", 422


class ImageValue(Problem):
    """Values that the model does not know."""

    slug, code = "image-value", 422


class ImageCount(Problem):
    """No images, or more than can be done in the time limit."""

    slug, code = "image-count", 422


class ImageWork(Problem):
    """Decoding takes too much work, as of hundreds of scans."""

    slug, code = "image-work", 422


class LatentValue(Problem):
    """A latent that is none of the model's."""

    slug, code = "latent-value", 422


class DensityNotFinite(Problem):
    """The model has no finite density there."""

    slug, code = "density-not-finite", 422


class RateLimited(Problem):
    """The key has used what its limits allow."""

    slug, code = "rate-limited", 429


class QueueFull(Problem):
    """``--max-queue-rows`` images wait, or ``--max-decoding-requests`` requests."""

    slug, code = "queue-full", 429


class TooLate(Problem):
    """It would be done after its time limit."""

    slug, code = "too-late", 429


class FieldsTooLarge(Problem):
    """The header fields exceed ``--max-header``."""

    slug, code = "fields-too-large", 431


class Internal(Problem):
    """A fault of the program, or of a model."""

    slug, code = "internal", 500


class UnsupportedMethod(Problem):
    """CONNECT."""

    slug, code = "unsupported-method", 501


class UnsupportedTransferCoding(Problem):
    """Other than chunked."""

    slug, code = "unsupported-transfer-coding", 501


class BodyMemoryFull(Problem):
    """All bodies together, or this client's, exceed ``--max-body-memory``."""

    slug, code = "body-memory-full", 503


class OutOfMemory(Problem):
    """A picture's conversion needs more than there is."""

    slug, code = "out-of-memory", 503


class Stalled(Problem):
    """``/health/live``: work runs, and none of it ends."""

    slug, code = "stalled", 503


class Loading(Problem):
    """No model is ready yet, or one that rested could not be loaded again."""

    slug, code = "loading", 503


class Draining(Problem):
    """It is about to end."""

    slug, code = "draining", 503


class Deadline(Problem):
    """The time limit passed while it waited or ran."""

    slug, code = "deadline", 504


class UnsupportedVersion(Problem):
    """Not HTTP/1.0 or 1.1."""

    slug, code = "unsupported-version", 505
