"""Client of Tusk, the service that tells how probable an image is and draws new ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tusk._version import __version__

if TYPE_CHECKING:
    import os

__all__ = ["__version__", "load"]


def load(path: str | os.PathLike[str], **options: Any) -> Any:
    """Loads a model file as a PyTorch module, without a service: ``tusk.torch.load``, which has the options.

    Raises ImportError where PyTorch is not installed (``pip install 'tusk-density[torch]'``).
    """
    try:
        import torch  # noqa: F401, PLC0415
    except ModuleNotFoundError as error:
        if error.name != "torch":
            raise
        raise ImportError("tusk.load needs PyTorch: pip install 'tusk-density[torch]'", name="torch") from error
    import tusk.torch  # noqa: PLC0415

    return tusk.torch.load(path, **options)
