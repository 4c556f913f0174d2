"""Runs the program with the arguments of KServe's runtime, a folder in place of /mnt/models, and asks as KServe's clients do.

    python3 kserve.py --program PATH --model FILE
"""
import argparse
import pathlib
import re
import shutil
import tempfile

import yaml
from tritonclient.http import InferenceServerClient, InferInput
from tritonclient.utils import triton_to_np_dtype

import numpy

from service import free_port, service

DEPLOY = pathlib.Path(__file__).parents[2] / "deploy/kserve"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", default=".build/release/tusk")
    parser.add_argument("--model", required=True)
    options = parser.parse_args()
    runtime = yaml.safe_load((DEPLOY / "runtime.yaml").read_text())
    inference = yaml.safe_load((DEPLOY / "inferenceservice.yaml").read_text())
    name = inference["metadata"]["name"]
    model = inference["spec"]["predictor"]["model"]
    formats = {f["name"]: f for f in runtime["spec"]["supportedModelFormats"]}
    if model["runtime"] != runtime["metadata"]["name"] or model["modelFormat"]["name"] not in formats:
        raise SystemExit("the InferenceService asks for what the runtime does not have")
    if model["protocolVersion"] not in runtime["spec"]["protocolVersions"]:
        raise SystemExit("the runtime does not speak the InferenceService's protocol")
    container = runtime["spec"]["containers"][0]
    port = runtime["spec"]["annotations"]["prometheus.kserve.io/port"]
    if container["name"] != "kserve-container" or [str(p["containerPort"]) for p in container["ports"]] != [port]:
        raise SystemExit("KServe wants kserve-container, and metrics are on its port")
    with tempfile.TemporaryDirectory() as folder:
        shutil.copyfile(options.model, pathlib.Path(folder, "model.safetensors"))
        # KServe fills in the InferenceService's name.
        arguments = [re.sub(r"{{\s*\.Name\s*}}", name, a).replace("/mnt/models", folder) for a in container["args"]]
        assert arguments[0] == "serve"
        with service(options.program, *arguments[1:], "--port", str(free_port()), "--access-log", "off") as url:
            address = f"127.0.0.1:{url.rpartition(':')[2].strip('/')}"
            client = InferenceServerClient(address)
            if not (client.is_server_live() and client.is_server_ready() and client.is_model_ready(name)):
                raise SystemExit(f"{name} is not ready")
            described = client.get_model_metadata(name)["inputs"][0]
            shape = [max(size, 1) for size in described["shape"]]
            image = InferInput(described["name"], shape, "UINT8")
            image.set_data_from_numpy(numpy.zeros(shape, triton_to_np_dtype("UINT8")))
            score = client.infer(name, [image]).as_numpy("log_prob")
            if not numpy.isfinite(score).all():
                raise SystemExit(f"log_prob is {score}")
            for probe in ("readinessProbe", "livenessProbe"):
                path = container[probe]["httpGet"]["path"]
                if client._get(path.lstrip("/"), None, None).status_code != 200:
                    raise SystemExit(f"{path} does not answer 200")
            client.close()
    print(f"runtime.yaml: {' '.join(container['args'])}; /v2/models/{name} is ready and infers")


if __name__ == "__main__":
    main()
