"""The same density served by Ray Serve, with its batching: POST /logprob?samples=1 of a PNG, a JPEG or stacked raw images.

    .venv/bin/python -m Benchmarks.load.ray_peer --model FILE --port PORT
"""

import os
import signal
import tempfile

import numpy as np
import ray
import torch
from ray import serve
from starlette.requests import Request
from starlette.responses import JSONResponse

from Benchmarks import machine
from . import peer
from .density import Density


def application(model, threads, batch, batch_wait):
    @serve.deployment(num_replicas=1, max_ongoing_requests=4096, ray_actor_options={"num_cpus": 1})
    class LogProb:
        def __init__(self):
            torch.set_num_threads(threads)
            self.density = Density.warmed_up(model)

        @serve.batch(max_batch_size=batch, batch_wait_timeout_s=batch_wait)
        async def log_probs(self, inputs):
            return self.density.log_probs(inputs)

        def decode(self, kind, body):
            if kind == "application/octet-stream":
                return np.frombuffer(body, np.uint8).reshape(-1, *self.density.shape)
            return self.density.decode(body)[None]

        async def __call__(self, request: Request):
            if request.url.path == "/health":
                return JSONResponse({"status": "ready"})
            images = self.decode(request.headers["content-type"], await request.body())
            found = await self.log_probs((images, int(request.query_params.get("samples", 1))))
            answers = [self.density.answer(log_prob) for log_prob in found]
            return JSONResponse(answers[0] if len(answers) == 1 else {"results": answers})

    return LogProb.bind()


def main():
    options = peer.arguments(__doc__)
    # blocked, so that sigwait has it and not one of the threads that Ray starts
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
    # its processes inherit these
    os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "PYTHONPATH": str(machine.REPOSITORY)}
    with tempfile.TemporaryDirectory(prefix="ray-") as folder:
        ray.init(
            num_cpus=options.threads, include_dashboard=False, log_to_driver=False, logging_level="error",
            _temp_dir=folder)
        serve.start(http_options={"host": "127.0.0.1", "port": options.port})
        serve.run(application(options.model, options.threads, options.batch, options.batch_wait))
        signal.sigwait([signal.SIGTERM, signal.SIGINT])
        serve.shutdown()
        ray.shutdown()


if __name__ == "__main__":
    main()
