"""The same density served by LitServe, with its batching: POST /logprob of PNGs in JSON, {"images": [base64, …], "samples": 1}.

    .venv/bin/python -m Benchmarks.load.litserve_peer --model FILE --port PORT
"""

import base64

import litserve
import numpy as np
import torch

from . import peer
from .density import Density


class LogProb(litserve.LitAPI):
    def __init__(self, model, threads, **batching):
        super().__init__(api_path="/logprob", **batching)
        self.model, self.threads = model, threads

    def setup(self, device):
        torch.set_num_threads(self.threads)
        self.density = Density.warmed_up(self.model)

    def decode_request(self, request):
        return np.stack([self.density.decode(base64.b64decode(text)) for text in request["images"]]), request["samples"]

    def batch(self, inputs):
        return inputs

    def predict(self, inputs):
        return self.density.log_probs(inputs)

    def unbatch(self, output):
        return output

    def encode_response(self, log_probs):
        return {"results": [self.density.answer(log_prob) for log_prob in log_probs]}


def main():
    options = peer.arguments(__doc__)
    api = LogProb(options.model, options.threads, max_batch_size=options.batch, batch_timeout=options.batch_wait)
    server = litserve.LitServer(api, accelerator="cpu", timeout=30)
    server.run(host="127.0.0.1", port=options.port, generate_client_file=False, log_level="error", access_log=False)


if __name__ == "__main__":
    main()
