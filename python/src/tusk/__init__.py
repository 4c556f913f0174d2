"""Client of Tusk, the service that tells how probable an image is and draws new ones."""

from __future__ import annotations

import importlib
import importlib.util
from typing import TYPE_CHECKING, Any

from tusk import problems, results
from tusk._version import __version__
from tusk.async_client import AsyncClient
from tusk.client import Client
from tusk.errors import BadAnswer, ConnectionBroken, ConnectionFailed, Error, Problem, TimedOut, TransportError
from tusk.images import ImageLike, Images
from tusk.policy import Retry, Timeouts

if TYPE_CHECKING:
    import os

__all__ = [
    "AsyncClient",
    "BadAnswer",
    "Client",
    "ConnectionBroken",
    "ConnectionFailed",
    "Error",
    "ImageLike",
    "Images",
    "Problem",
    "Retry",
    "TimedOut",
    "Timeouts",
    "TransportError",
    "__version__",
    "load",
    "problems",
    "results",
]


def load(path: str | os.PathLike[str], **options: Any) -> Any:
    """Loads a model file as a PyTorch module, without a service: ``tusk.torch.load``, which has the options.

    Raises ImportError where PyTorch is not installed (``pip install 'tusk-density[torch]'``).
    """
    found = importlib.util.find_spec("torch")
    if found is None or found.origin is None:  # without a file it is a folder of that name
        raise ImportError("tusk.load needs PyTorch: pip install 'tusk-density[torch]'", name="torch")
    return importlib.import_module("tusk.torch").load(path, **options)
