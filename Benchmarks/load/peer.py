"""What the peers have in common: their options."""

import argparse


def arguments(description):
    """Options of a peer, whose first line of `description` is its help."""
    parser = argparse.ArgumentParser(description=description.splitlines()[0])
    parser.add_argument("--model", required=True, help="model file of tusk")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--batch", type=int, default=8, help="most requests of a batch")
    parser.add_argument("--batch-wait", type=float, default=0.01, help="seconds that a batch waits for more")
    parser.add_argument("--threads", type=int, default=2, help="of PyTorch")
    return parser.parse_args()
