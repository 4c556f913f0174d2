"""Stock clients of the Open Inference Protocol against a running service: tritonclient and kserve, as pip installs them.

    .build/conformance-inference/bin/python Tests/conformance/inference.py URL KEY

The model is the default one, of 28 x 28 x 1 levels, with a calibration and a decision.
"""

import asyncio
import base64
import io
import sys

import httpx
import numpy as np
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from tritonclient.utils import InferenceServerException

from common import check, images, npy, png

url, key = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}"}
plain = httpx.Client(base_url=url, headers=headers)
client = triton.InferenceServerClient(url.removeprefix("http://"), network_timeout=60.0, connection_timeout=60.0)
MODEL = plain.get("/models").json()["default"]
SAMPLE = MODEL + ":sample"
NAMES = ["log_prob", "bits_per_dim", "percentile", "p_value", "verdict"]


def refused(what, call, *parts, status=None):
    """The call fails with what the service says, which both clients hand on."""
    try:
        call()
    except (InferenceServerException, httpx.HTTPStatusError) as error:
        text = str(error)
        code = error.status() if isinstance(error, InferenceServerException) else str(error.response.status_code)
        check(f"{what}: {text[:140]}", all(part in text for part in parts) and (status is None or str(status) in code))
    else:
        check(f"{what} is refused", False)


scores = plain.post("/logprob", content=npy(images), headers={"Content-Type": "application/x-npy"}).json()["results"]
expected = {name: np.array([score[name] for score in scores]) for name in NAMES}


def same(outputs):
    """Whether outputs by name, as arrays, are the scores of /logprob, bit by bit."""
    for name in NAMES:
        values = outputs[name]
        if name == "verdict":
            values = np.array([value.decode() if isinstance(value, bytes) else value for value in values.tolist()])
        if values.shape != (3,) or not (values == expected[name]).all():
            return False
    return True


# MARK: tritonclient: health, metadata, configuration, index, statistics

check("tritonclient: live, ready, model ready", client.is_server_live() and client.is_server_ready() and client.is_model_ready(MODEL) and client.is_model_ready(MODEL, "1"))
check("another model, another version are not ready", not client.is_model_ready("giraffes") and not client.is_model_ready(MODEL, "2"))
server = client.get_server_metadata(headers)
check("server metadata", server["name"] == "tusk" and "binary_tensor_data" in server["extensions"] and isinstance(server["version"], str))
for name, version in [(MODEL, ""), (MODEL, "1"), (SAMPLE, ""), (SAMPLE, "1")]:
    metadata = client.get_model_metadata(name, version, headers)
    config = client.get_model_config(name, version, headers)
    check(f"metadata and configuration of {name} {version}", metadata["name"] == config["name"] == name and metadata["versions"] == ["1"])
    for ours, theirs in [("inputs", "input"), ("outputs", "output")]:
        check(f"  {ours} have the names of the configuration", [t["name"] for t in metadata[ours]] == [t["name"] for t in config[theirs]])
metadata, config = client.get_model_metadata(MODEL, headers=headers), client.get_model_config(MODEL, headers=headers)
check("the first axis is the batch's", metadata["inputs"][0]["shape"] == [-1] + config["input"][0]["dims"] and config["max_batch_size"] > 0)
check("the outputs are all that there are", [t["name"] for t in metadata["outputs"]] == NAMES)
index = client.get_model_repository_index(headers)
check("index", [(m["name"], m["version"], m["state"]) for m in index] == [(MODEL, "1", "READY"), (SAMPLE, "1", "READY")])
refused("loading a model of no file", lambda: client.load_model("giraffes", headers=headers), "giraffes", status=404)
refused("loading a client's configuration", lambda: client.load_model(MODEL, headers=headers, config="{}"), "config", status=400)
refused("unloading a model of no file", lambda: client.unload_model("giraffes", headers=headers), "giraffes", status=404)
refused("metadata of another model", lambda: client.get_model_metadata("giraffes", headers=headers), "giraffes", status=404)
refused("no key", lambda: client.get_model_metadata(MODEL), "Bearer", status=401)
for what, call in [
    ("trace settings", lambda: client.get_trace_settings(headers=headers)),
    ("log settings", lambda: client.get_log_settings(headers=headers)),
    ("trace settings of a model", lambda: client.update_trace_settings(MODEL, {"trace_level": ["OFF"]}, headers=headers)),
    ("new log settings", lambda: client.update_log_settings({"log_info": False}, headers=headers)),
    ("a region of shared memory", lambda: client.register_system_shared_memory("region", "/region", 64, headers=headers)),
    ("the end of a region", lambda: client.unregister_system_shared_memory("region", headers=headers)),
    ("a region of CUDA's", lambda: client.register_cuda_shared_memory("region", b"handle", 0, 64, headers=headers)),
    ("shared memory", lambda: client.get_system_shared_memory_status(headers=headers)),
    ("CUDA's shared memory", lambda: client.get_cuda_shared_memory_status(headers=headers)),
]:
    refused(what, call, status=404)

# MARK: tritonclient: inference


def tensor(array, type="UINT8", binary=True, name="image"):
    tensor = triton.InferInput(name, list(array.shape), type)
    tensor.set_data_from_numpy(array, binary_data=binary)
    return tensor


def infer(inputs, names=None, binary=True, model=MODEL, **options):
    # the client writes into the dictionary of headers, so that the next request would have this one's length
    outputs = [triton.InferRequestedOutput(name, binary_data=binary) for name in names] if names else None
    return client.infer(model, inputs, outputs=outputs, headers=dict(headers), **options)


before = client.get_inference_statistics(MODEL, headers=headers)["model_stats"][0]
for shape, array in [("NHWC", images), ("NCHW", images.transpose(0, 3, 1, 2).copy()), ("NHW", images[..., 0].copy())]:
    for type, values in [("UINT8", array), ("FP32", array.astype(np.float32))]:
        for binary in [True, False]:
            for names in [None, NAMES]:
                result = infer([tensor(values, type, binary)], names, binary)
                what = f"tritonclient {shape} {type}, {'binary' if binary else 'JSON'}, {'named' if names else 'all'}"
                check(what, same({name: result.as_numpy(name) for name in NAMES}))
unit = (images / np.float32(255)).astype(np.float32)
for binary in [True, False]:  # in JSON they are written as doubles, with all digits
    result = infer([tensor(unit, "FP32", binary)], parameters={"scale": "unit"})
    check(f"fractions with scale=unit, {'binary' if binary else 'JSON'}", same({name: result.as_numpy(name) for name in NAMES}))
pictures = np.array([png(image) for image in images], object)
check("pictures, binary", same({name: infer([tensor(pictures, "BYTES")]).as_numpy(name) for name in NAMES}))
text = np.array([base64.b64encode(picture) for picture in pictures], object)
check("pictures, JSON", same({name: infer([tensor(text, "BYTES", False)]).as_numpy(name) for name in NAMES}))
result = infer([tensor(images)], ["verdict", "log_prob"], request_id="a é", model_version="1")
response = result.get_response()
check("names, id, model, version of the answer", [o["name"] for o in response["outputs"]] == ["verdict", "log_prob"] and response["id"] == "a é" and response["model_name"] == MODEL and response["model_version"] == "1")
for coding in ["gzip", "deflate"]:
    result = infer([tensor(images)], request_compression_algorithm=coding, response_compression_algorithm=coding)
    check(f"request and answer in {coding}", same({name: result.as_numpy(name) for name in NAMES}))
    result = infer([tensor(images, binary=False)], NAMES, False, request_compression_algorithm=coding, response_compression_algorithm=coding)
    check(f"request and answer in {coding}, JSON", same({name: result.as_numpy(name) for name in NAMES}))
check("async_infer", same({n: v for r in [client.async_infer(MODEL, [tensor(images)], headers=dict(headers)).get_result()] for n, v in ((n, r.as_numpy(n)) for n in NAMES)}))
handles = [client.async_infer(MODEL, [tensor(images)], headers=dict(headers), request_id=str(n)) for n in range(32)]
results = [handle.get_result() for handle in handles]
check("32 of async_infer at a time", all(same({name: r.as_numpy(name) for name in NAMES}) for r in results) and [r.get_response()["id"] for r in results] == [str(n) for n in range(32)])
samples = plain.post("/logprob?samples=4", content=npy(images), headers={"Content-Type": "application/x-npy"}).json()["results"]
check("samples", infer([tensor(images)], parameters={"samples": 4}).as_numpy("log_prob").tolist() == [score["log_prob"] for score in samples])
check("timeout and priority", infer([tensor(images)], timeout=20_000_000, priority=2).as_numpy("log_prob").shape == (3,))
after = client.get_inference_statistics(MODEL, headers=headers)["model_stats"][0]
success = [s["inference_stats"]["success"] for s in (before, after)]
check(f"statistics: {success[1]}", success[1]["count"] - success[0]["count"] > 24 and success[1]["ns"] > success[0]["ns"])
check("  rows, batches, queue and computing", after["inference_count"] - before["inference_count"] > 72 and all(after["inference_stats"][n]["count"] > 0 for n in ["queue", "compute_infer"]))
counts = ["success", "fail", "queue", "compute_input", "compute_infer", "compute_output", "cache_hit", "cache_miss"]
numbers = [after[n] for n in ["inference_count", "execution_count", "last_inference"]] + [after["inference_stats"][n][m] for n in counts for m in ["count", "ns"]]
check("  numbers are whole and not negative", all(isinstance(number, int) and number >= 0 for number in numbers))
times = [after["inference_stats"][n]["count"] for n in ["compute_input", "compute_infer", "compute_output"]]
check(f"  the three parts of computing have one count, or perf_analyzer aborts: {times}", len(set(times)) == 1)
check("  of all models, and of a version", len(client.get_inference_statistics(headers=headers)["model_stats"]) == 2 and client.get_inference_statistics(MODEL, "1", headers=headers)["model_stats"][0]["name"] == MODEL)

# MARK: tritonclient: what is refused

for binary in [True, False]:
    bad = images.astype(np.float32)
    bad[1, 2, 3, 0] = np.nan
    refused(f"NaN, {'binary' if binary else 'JSON'}", lambda: infer([tensor(bad, "FP32", binary)]), "image", "[1, 2, 3, 0]", "nan", status=400)
    for value, word in [(np.inf, "inf"), (-np.inf, "-inf")]:
        bad[1, 2, 3, 0] = value
        refused(f"{value}, {'binary' if binary else 'JSON'}", lambda: infer([tensor(bad, "FP32", binary)]), "image", "[1, 2, 3, 0]", word, status=400)
    refused(f"an empty batch, {'binary' if binary else 'JSON'}", lambda: infer([tensor(images[:0], binary=binary)]), "from 1 to", "not 0", status=400)
    refused("an error of a coded answer", lambda: infer([tensor(images[:, :27].copy(), binary=binary)], response_compression_algorithm="gzip"), "28x28", status=400)
refused("another type", lambda: infer([tensor(images.astype(np.int64), "INT64")]), "INT64", "UINT8, FP32, BYTES", status=400)
refused("FP64, since FP32 has all levels", lambda: infer([tensor(images.astype(np.float64), "FP64")]), "FP64", "UINT8, FP32, BYTES", status=400)
refused("FP16", lambda: infer([tensor(images.astype(np.float16), "FP16")]), "FP16", "UINT8, FP32, BYTES", status=400)
refused("another input", lambda: infer([tensor(images, name="pixels")]), "pixels", "image", status=400)
refused("another output", lambda: infer([tensor(images)], ["density"]), "density", "log_prob", status=400)
refused("another parameter", lambda: infer([tensor(images)], parameters={"sampels": 2}), "sampels", "samples", status=400)
refused("a damaged picture", lambda: infer([tensor(np.array([pictures[0], pictures[1][:60]], object), "BYTES")]), "image 2 of 2", status=400)
shared = triton.InferInput("image", [3, 28, 28, 1], "UINT8")
shared.set_shared_memory("region", images.nbytes)
refused("shared memory", lambda: infer([shared]), "shared memory", status=400)
refused("no time", lambda: infer([tensor(np.repeat(images, 80, 0))], timeout=1), "time limit", status=503)

# MARK: tritonclient: images that are drawn

drawn = plain.get("/sample?count=2&seed=7", headers={"Accept": "application/x-npy"}).content
drawn = np.load(io.BytesIO(drawn))
for binary in [True, False]:
    result = infer([], ["image", "log_prob"], binary, model=SAMPLE, parameters={"count": 2, "seed": 7})
    check(f"{SAMPLE}, {'binary' if binary else 'JSON'}", (result.as_numpy("image")[..., 0] == drawn).all() and result.as_numpy("log_prob").shape == (2,))
seed = infer([], model=SAMPLE).get_response()["parameters"]["seed"]
again = infer([], model=SAMPLE, parameters={"seed": seed}).as_numpy("image")
check("a seed that was drawn draws the same again", again.shape == (1, 28, 28, 1))


# MARK: kserve


async def kserve_client():
    rest = InferenceRESTClient(RESTConfig(protocol="v2", timeout=60))
    check("kserve: live, ready, model ready", await rest.is_server_live(url) and await rest.is_server_ready(url) and await rest.is_model_ready(url, MODEL))
    check("another model is not ready", not await rest.is_model_ready(url, "giraffes"))

    async def infer(array, type="UINT8", binary=True, model=MODEL, outputs=None, **parameters):
        inputs = []
        if array is not None:
            tensor = InferInput("image", list(array.shape), type)
            tensor.set_data_from_numpy(array, binary_data=binary)
            inputs = [tensor]
        request = InferRequest(model, inputs, request_id="k1", parameters=parameters, request_outputs=outputs)
        return await rest.infer(url, request, model_name=model, headers=dict(headers))

    def arrays(response):
        return {output.name: output.as_numpy() for output in response.outputs}

    for type, values in [("UINT8", images), ("FP32", images.astype(np.float32))]:
        for binary in [True, False]:
            for form in [{}, {"binary_data_output": True}]:
                response = await infer(values, type, binary, **form)
                what = f"kserve {type}, {'binary' if binary else 'JSON'}, {form or 'answered in JSON'}"
                check(what, same(arrays(response)) and response.id == "k1" and response.model_name == MODEL)
    response = await infer(images, outputs=[RequestedOutput("log_prob", {"binary_data": True}), RequestedOutput("verdict", {"binary_data": False})])
    check("outputs of both forms", set(arrays(response)) == {"log_prob", "verdict"} and arrays(response)["log_prob"].tolist() == expected["log_prob"].tolist())
    response = await infer(text, "BYTES", False)
    check("pictures, JSON", same(arrays(response)))
    check("pictures, binary", same(arrays(await infer(pictures, "BYTES"))))
    response = await infer(None, model=SAMPLE, count=2, seed=7)
    check(SAMPLE, (arrays(response)["image"][..., 0] == drawn).all())

    async def refusal(what, call, *parts, status):
        try:
            await call
        except httpx.HTTPStatusError as error:
            check(f"{what}: {str(error)[:140]}", all(part in str(error) for part in parts) and error.response.status_code == status)
        else:
            check(f"{what} is refused", False)

    bad = images.astype(np.float32)
    bad[1, 2, 3, 0] = np.nan
    await refusal("NaN, binary", infer(bad, "FP32"), "image", "[1, 2, 3, 0]", "nan", status=400)
    await refusal("NaN, JSON", infer(bad, "FP32", False), "image", "[1, 2, 3, 0]", "null", status=400)
    for value in [np.inf, -np.inf]:
        bad[1, 2, 3, 0] = value
        await refusal(f"{value}, JSON", infer(bad, "FP32", False), "[1, 2, 3, 0]", "null", status=400)
    await refusal("an empty batch, binary", infer(images[:0]), "from 1 to", status=400)
    await refusal("an empty batch, JSON", infer(images[:0], binary=False), "from 1 to", status=400)
    await refusal("another model", infer(images, model="giraffes"), "giraffes", status=404)
    await rest.close()


asyncio.run(kserve_client())
print("tritonclient and kserve: all as expected")
