"""zuko's flows on the animal silhouettes: train for a given time, keep the best on validation, report on test as JSON.

    python zuko_elephants.py --data FOLDER --seconds 300 --threads 1 --layers 5 --hidden 512,512

The defaults are what did best for zuko on validation in runs of 25 to 100 s on one thread (alpha 1e-6 and 1e-4; learning
rate 1e-3 and 3e-3; with and without the average; shifts of 0, 1 and 2 pixels): moving the 700 images by up to two pixels
matters most, 2.75 bits/dim after 100 s and still falling, against 3.00 after 19 s and overfitting from there.
"""

import argparse
import functools
import json
import pathlib
import sys

import torch
import zuko

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from idx import read_split  # noqa: E402
from training import held_out, to_logits, train  # noqa: E402


class ZukoFlow(torch.nn.Module):
    """`forward(w)` is log p(w), nats. Inputs are standardized with the training rows' mean and deviation first."""

    def __init__(self, kind, dims, layers, hidden):
        super().__init__()
        build = {"maf": zuko.flows.MAF, "coupling": zuko.flows.RealNVP}[kind]
        self.flow = build(dims, transforms=layers, hidden_features=hidden)
        self.register_buffer("mean", torch.zeros(dims))
        self.register_buffer("deviation", torch.ones(dims))

    def standardize(self, w):
        self.mean.copy_(w.mean(0))
        self.deviation.copy_(w.std(0).clamp_min(1e-3))

    def forward(self, w):
        return self.flow().log_prob((w - self.mean) / self.deviation) - self.deviation.log().sum()


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", required=True, help="folder of the IDX files")
    parser.add_argument("--label", type=int, default=5, help="class to learn (5: elephants)")
    parser.add_argument("--all-animals", action="store_true", help="learn all classes instead")
    parser.add_argument("--flow", choices=["maf", "coupling"], default="maf")
    parser.add_argument("--layers", type=int, default=5)
    parser.add_argument("--hidden", default="512,512")
    parser.add_argument("--seconds", type=float, required=True, help="training time, validation included")
    parser.add_argument("--clock", choices=["wall", "cpu"], default="wall", help="cpu: for a machine that is not idle")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--alpha", type=float, default=1e-4)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--lr", type=float, default=1e-3)
    parser.add_argument("--warmup", type=int, default=20, help="steps")
    parser.add_argument("--clip", type=float, default=100.0, help="limit of the gradient's norm")
    parser.add_argument("--weight-decay", type=float, default=0.0, help="decoupled (AdamW)")
    parser.add_argument("--ema", type=float, default=0.99, help="decay of the weights' moving average; 0: none")
    parser.add_argument("--no-flips", dest="flips", action="store_false")
    parser.add_argument("--shift", type=int, default=2, help="move training images by up to this many pixels")
    parser.add_argument("--evaluate-every", type=float, default=0.0, help="seconds between validations; 0: each epoch")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


def main():
    options = arguments()
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    label = None if options.all_animals else options.label
    names = ("train", "validation", "test")
    splits = {name: torch.from_numpy(read_split(options.data, name, label).copy()) for name in names}
    shape = splits["train"].shape[1:]
    rows = {name: images.reshape(len(images), -1) for name, images in splits.items()}
    hidden = [int(units) for units in options.hidden.split(",")]
    flow = ZukoFlow(options.flow, rows["train"].shape[1], options.layers, hidden)
    w, _ = to_logits(rows["train"], torch.rand(rows["train"].shape), options.alpha)
    flow.standardize(w)
    log = functools.partial(print, file=sys.stderr)
    record = train(flow, rows["train"], shape, rows["validation"], options, log)
    test = held_out(flow, rows["test"], options.alpha, options.seed + 2)
    print(json.dumps({
        "library": f"zuko {zuko.__version__}", "options": {k: v for k, v in vars(options).items() if k != "data"},
        "parameters": sum(p.numel() for p in flow.parameters()), **record,
        "test_bits_per_dim": test.mean().item(), "standard_error": (test.std() / len(test) ** 0.5).item(),
        "count": len(test),
    }))


if __name__ == "__main__":
    main()
