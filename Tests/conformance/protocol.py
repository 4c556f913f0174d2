"""The Open Inference Protocol of a running service, by requests that no stock client sends, or not on purpose.

    .build/conformance-inference/bin/python Tests/conformance/protocol.py URL KEY
"""

import gzip
import json
import struct
import sys

import httpx

from common import check, images, npy, png

url, key = sys.argv[1:]
plain = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60)
MODEL = plain.get("/models").json()["default"]
scores = plain.post("/logprob", content=npy(images), headers={"Content-Type": "application/x-npy"}).json()["results"]

length = "Inference-Header-Content-Length"
for what, body in [("levels", images[0].tobytes()), ("a picture", png(images[0]))]:
    answer = plain.post(f"/v2/models/{MODEL}/infer", content=body, headers={length: "0"})
    check(f"a body of {what} alone", answer.headers["Content-Type"] == "application/octet-stream" and struct.unpack("<d", answer.content[int(answer.headers[length]):][:8])[0] == scores[0]["log_prob"])
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
    answer = plain.get(f"{url}{path}")
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
print("the protocol: all as expected")
