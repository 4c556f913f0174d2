"""Stock clients of the Open Inference Protocol against a running service: tritonclient and kserve, as pip installs them.

    .build/conformance-inference/bin/python Tests/conformance/inference.py URL KEY

The model is the default one, of 28 x 28 x 1 levels, with a calibration and a decision.
"""

import asyncio
import base64
import gzip
import io
import json
import struct
import sys
import zlib

import httpx
import numpy as np
import tritonclient.http as triton
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput
from tritonclient.utils import InferenceServerException

url, key = sys.argv[1:]
headers = {"Authorization": f"Bearer {key}"}
plain = httpx.Client(base_url=url, headers=headers)
client = triton.InferenceServerClient(url.removeprefix("http://"), network_timeout=60.0, connection_timeout=60.0)
MODEL = plain.get("/models").json()["default"]
SAMPLE = MODEL + ":sample"
NAMES = ["log_prob", "bits_per_dim", "percentile", "p_value", "verdict"]
random = np.random.default_rng(1)
images = random.integers(0, 256, (3, 28, 28, 1), np.uint8)


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what)
    if not holds:
        sys.exit(1)


def png(image):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in image[..., 0])
    header = struct.pack(">IIBBBBB", 28, 28, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def npy(array):
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


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

# MARK: without a client

length = "Inference-Header-Content-Length"
for what, body in [("levels", images[0].tobytes()), ("a picture", png(images[0]))]:
    answer = plain.post(f"/v2/models/{MODEL}/infer", content=body, headers={length: "0"})
    check(f"a body of {what} alone", answer.headers["Content-Type"] == "application/octet-stream" and struct.unpack("<d", answer.content[int(answer.headers[length]):][:8])[0] == expected["log_prob"][0])
for kind in [None, "application/x-www-form-urlencoded", "image/png", "text/plain"]:
    answer = plain.post(f"/v2/models/{MODEL}/infer", content=b'{"inputs":[]}', headers={} if kind is None else {"Content-Type": kind})
    check(f"Content-Type {kind}: {answer.json()['error']}", answer.status_code == 400 and answer.headers["Content-Type"] == "application/json" and "Content-Encoding" not in answer.headers and set(answer.json()) == {"error"})
whole = gzip.compress(b'{"inputs":[{"name":"image","datatype":"UINT8","shape":[1,28,28],"parameters":{"binary_data_size":784}}]}' + images[0].tobytes())
answer = plain.post(f"/v2/models/{MODEL}/infer", content=whole, headers={length: "104", "Content-Encoding": "gzip"})
check(f"the header counts decoded bytes: {answer.text[:80]}", answer.status_code == 200)
for path in ["/v2", f"/v2/models/{MODEL}", "/v2/health/ready", "/v2/models/stats"]:
    check(f"{path} has no content coding", "Content-Encoding" not in plain.get(path, headers={"Accept-Encoding": "gzip"}).headers)
for path in [f"/v2/models/{MODEL}/ready", f"/v2/models/%{ord(MODEL[0]):x}{MODEL[1:]}/ready", f"/v2/models/{MODEL}%3Asample/ready", f"/v2/models/{MODEL}:sample/versions/1/ready"]:
    check(f"{path} names a model", plain.get(path).status_code == 200)
for path in ["/v2/", "//v2", f"/v2/models/{MODEL}/", f"/v2/models/{MODEL}/ready/", f"/v2/models/a/{MODEL}", f"/v2/models/a%2F{MODEL}", "/v2/models/", "/v2/health", "/v2/health/live/"]:
    answer = plain.get(path)
    check(f"{path} is {answer.status_code}, no redirect", answer.status_code in (400, 404) and "Location" not in answer.headers)
body = {"model_name": "giraffes", "unknown": [1], "inputs": [{"name": "image", "datatype": "UINT8", "shape": [1, 28, 28], "data": images[0].ravel().tolist(), "unknown": {}}]}
answer = plain.post(f"/v2/models/{MODEL}/infer", json={**body, "id": "\u00e9 7"}).json()
check("unknown members are passed over, the id comes back", answer["id"] == "\u00e9 7" and answer["model_name"] == MODEL)
check("  and without an id there is none", "id" not in plain.post(f"/v2/models/{MODEL}/infer", json=body).json())
outputs = [{"name": "log_prob", "parameters": {"binary_data": False}}, {"name": "p_value"}]
answer = plain.post(f"/v2/models/{MODEL}/infer", json={**body, "parameters": {"binary_data_output": True}, "outputs": outputs})
parts = json.loads(answer.content[: int(answer.headers[length])])["outputs"]
check("an output's own form goes before the request's", "data" in parts[0] and parts[1]["parameters"]["binary_data_size"] == 8)
for path in ["/v2/repository/index", "/v2/repository/models/giraffes/load", "/v2/repository/models/giraffes/unload"]:
    answer = plain.post(path, headers={"Content-Type": "application/x-www-form-urlencoded"})
    check(f"{path} as libcurl sends it: {answer.status_code}", answer.status_code == (200 if path.endswith("index") else 404))
# kserve reads the reason from exactly this type, tritonclient undoes no coding of errors
bare = httpx.Client(base_url=url, timeout=60)
infer_path, coded = f"/v2/models/{MODEL}/infer", {"Accept-Encoding": "gzip, deflate"}
for status, answer in [
    (400, plain.post(infer_path, content=b"[", headers=coded)),
    (401, bare.post(infer_path, json=body, headers=coded)),
    (404, plain.post("/v2/models/giraffes/infer", json=body, headers=coded)),
    (404, plain.get("/v2/models/giraffes", headers=coded)),
    (405, plain.delete(infer_path, headers=coded)),
    (413, plain.post(infer_path, content=bytes(80 << 20), headers=coded)),
    (415, plain.post(infer_path, content=b"{}", headers={**coded, "Content-Encoding": "br"})),
    (503, plain.post(infer_path, json={**body, "parameters": {"timeout": 1}}, headers=coded)),
]:
    held = answer.headers["Content-Type"] == "application/json" and "Content-Encoding" not in answer.headers and isinstance(answer.json()["error"], str)
    check(f"{answer.status_code} {answer.headers['Content-Type']}: {answer.text[:100]}", answer.status_code == status and held)
check("503 says when to come back, though no client reads it", int(answer.headers["Retry-After"]) > 0)
print("tritonclient and kserve: all as expected")
