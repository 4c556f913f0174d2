"""Model files as PyTorch modules, and as ONNX graphs: ``pip install 'tusk-density[torch]'``.

>>> density = tusk.torch.load("model.safetensors")
>>> density.log_prob(images)          # nats, as the service says
>>> tusk.torch.save(density, "tuned.safetensors")
>>> tusk.torch.export_onnx(density, "model.onnx")
"""

from tusk.torch.density import Density, load, save
from tusk.torch.files import ARCHITECTURES, ModelFileError
from tusk.torch.onnx import export_onnx

__all__ = ["ARCHITECTURES", "Density", "ModelFileError", "export_onnx", "load", "save"]
