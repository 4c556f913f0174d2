"""What bfloat16 changes in a model's answers: every test image is asked of two services, `--precision f32` and `bf16`.

    python3 -m Benchmarks.half_precision --program .build/release/tusk --data FOLDER [--model FILE] [--class 5]

Prints one row for docs/measurements/2026-11-24-bfloat16-answers.md. A verdict is whether an image is less probable than all but so many per cent of the
images that the model was calibrated on.
"""

import argparse
import json
import math
import urllib.request

import numpy as np

from Training.torch.idx import read_split
from .service import Service

AT_ONCE = 256  # images of a request
VERDICTS = [1, 5, 10]  # per cent


def answers(options, precision, images):
    """The service's answer to every image."""
    results = []
    with Service(options.program, options.model, ["--precision", precision]) as service:
        for first in range(0, len(images), AT_ONCE):
            body = images[first:first + AT_ONCE].tobytes()
            request = urllib.request.Request(
                f"{service.url}/logprob", data=body, headers={"Content-Type": "application/octet-stream"})
            with urllib.request.urlopen(request, timeout=300) as answer:
                content = json.load(answer)
            results += content.get("results", [content])
    return results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", required=True, help="the built tusk")
    parser.add_argument("--data", required=True, help="folder of IDX files with a test split")
    parser.add_argument("--model", help="model file; without it the embedded one")
    parser.add_argument("--class", type=int, dest="label", help="only images of this class")
    options = parser.parse_args()
    images = read_split(options.data, "test", options.label)
    single, half = (answers(options, precision, images) for precision in ("f32", "bf16"))
    dims = images[0].size
    changes = np.array([h["log_prob"] - s["log_prob"] for s, h in zip(single, half)]) / (dims * math.log(2))
    spread = np.std([s["bits_per_dim"] for s in single])
    percentiles = np.array([[answer["percentile"] for answer in answers] for answers in (single, half)])
    verdicts = [np.count_nonzero((percentiles[0] < limit) != (percentiles[1] < limit)) for limit in VERDICTS]
    print(f"{len(images)} images, {np.mean([s['bits_per_dim'] for s in single]):.3f} bits/dim, standard deviation "
          f"{spread:.3f}; change in bits/dim: mean {np.mean(changes):+.6f}, mean of the size {np.mean(np.abs(changes)):.6f}, "
          f"largest {np.max(np.abs(changes)):.5f}; percentile moves by {np.max(np.abs(np.diff(percentiles, axis=0))):.2f} "
          "at most; other verdicts: "
          + ", ".join(f"{count} at {limit}%" for limit, count in zip(VERDICTS, verdicts)))


if __name__ == "__main__":
    main()
