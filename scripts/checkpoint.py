"""Writes what `tusk import` reads of a flow of nflows, normflows or zuko: its state dict, and what it says of some rows.

    import checkpoint
    checkpoint.write(flow, 784, "maf")    # maf.safetensors, maf.check.safetensors

It runs where the library runs, with torch and safetensors. A pickle becomes a flow first, by the library: torch.load, load_state_dict.
"""

import pathlib

import torch
from safetensors.torch import save_file


def write(flow, dims, name, rows=8, mean=None, std=None):
    """Writes NAME.safetensors and NAME.check.safetensors.

    `dims`: numbers of a row; `rows`: of each kind, drawn by the flow as they are and moved a little; `mean`, `std`: tensors [dims], where the flow was
    trained on (w - mean)/std of the logits w.
    """
    flow = flow.eval()
    density = flow if hasattr(flow, "log_prob") else flow()  # zuko's flows make their distribution when they are called
    with torch.no_grad():
        drawn = density.sample((rows,)) if density is not flow else flow.sample(rows)
        drawn = drawn[0] if isinstance(drawn, tuple) else drawn  # normflows gives the log-densities too
        x = torch.cat([drawn, drawn + 0.3 * torch.randn(rows, dims)]).double().float()
        log_prob = density.log_prob(x)
    check = {"x": x, "log_prob": log_prob, **({} if mean is None else {"mean": mean, "std": std})}
    for suffix, tensors in (("", flow.state_dict()), (".check", check)):
        path = pathlib.Path(f"{name}{suffix}.safetensors")
        save_file({key: value.detach().cpu().clone().contiguous() for key, value in tensors.items()}, path)
