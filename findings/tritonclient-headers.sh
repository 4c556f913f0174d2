#!/usr/bin/env bash
# tritonclient 2.73.0 (PyPI, extra http), Python 3.11, Linux: infer() writes a length into the caller's own dictionary of headers, and the
# next request that is given the same dictionary carries it although it has another body.
#
# Expected: a dictionary of headers that is given to a call is read, as other HTTP clients of Python do; one that holds an Authorization
# field can be made once and given to every call.
# Seen: an inference with binary tensors puts Inference-Header-Content-Length into that dictionary, and nothing takes it out. The next
# inference with the same dictionary, whose tensors are JSON and whose body has no binary part, is sent with the length of the one before
# it. A server that obeys the field (Open Inference Protocol, binary tensor data extension) splits a body that is not divided.
#
# Installs the package in a temporary folder; a server of the standard library on loopback writes down what comes, and answers with one
# tensor. Fails when what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check "tritonclient[http]==2.73.0" numpy==2.4.6
"$folder/venv/bin/python" - <<'PYTHON'
import http.server
import json
import threading

import numpy as np
import tritonclient.http as triton

FIELD = "Inference-Header-Content-Length"
received = []


class Server(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        received.append((self.headers[FIELD], body))
        answer = json.dumps({
            "model_name": "m", "outputs": [{"name": "y", "datatype": "FP32", "shape": [1], "data": [0.0]}]}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
client = triton.InferenceServerClient(f"127.0.0.1:{server.server_port}")
headers = {"Authorization": "Bearer of-anyone"}
for binary in (True, False):
    tensor = triton.InferInput("x", [1, 3], "UINT8")
    tensor.set_data_from_numpy(np.array([[1, 2, 3]], np.uint8), binary_data=binary)
    outputs = [triton.InferRequestedOutput("y", binary_data=False)]
    client.infer("m", [tensor], outputs=outputs, headers=headers)
client.close()
server.shutdown()

(first, with_binary), (second, all_json) = received
print("dictionary afterwards:", headers)
print("binary tensors:", first, "of", len(with_binary), "bytes")
print("JSON alone:", second, "of", len(all_json), "bytes")
assert FIELD in headers
assert int(first) == len(with_binary) - 3
json.loads(all_json)
assert second == first and int(second) != len(all_json)
PYTHON
echo "as described"
