#!/usr/bin/env bash
# litserve 0.2.19 (PyPI), Python 3.11, Linux: SIGTERM ends the process that was started, and nothing else.
#
# Expected: a server that is told to end by SIGTERM, as systemd, Docker and Kubernetes do it, finishes or ends its workers and stops
# listening; docs of its `run` say nothing else.
# Seen: the process with the id that one has dies at once of the signal. The processes that it had started, the HTTP server and the worker
# of the model among them, go on as children of init: the port still answers 200, and the worker still polls its queue. Whoever stops a
# server by its process id, as a benchmark or a test does, must end the whole process group, else each run leaves one behind.
#
# Installs the package in a temporary folder, asks a server of its own on loopback, and ends everything. Fails when what is seen changes.
set -euo pipefail
folder=$(mktemp -d)
group=""
finish() {
    [ -z "$group" ] || kill -KILL -- "-$group" 2>/dev/null || true
    rm -rf "$folder"
}
trap finish EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check litserve==0.2.19
cat > "$folder/server.py" <<'PYTHON'
import sys

import litserve


class Double(litserve.LitAPI):
    def setup(self, device):
        pass

    def decode_request(self, request):
        return request["x"]

    def predict(self, x):
        return 2 * x

    def encode_response(self, output):
        return {"y": output}


if __name__ == "__main__":
    server = litserve.LitServer(Double(), accelerator="cpu")
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="error")
PYTHON
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
ask() {
    curl --silent --max-time 10 --output /dev/null --write-out '%{http_code}' --request POST \
        --header 'Content-Type: application/json' --data '{"x": 3}' "http://127.0.0.1:$port/predict" || true
}
cd "$folder"
setsid "$folder/venv/bin/python" server.py "$port" > "$folder/log" 2>&1 &
server=$!
group=$server
for _ in $(seq 120); do
    [ "$(ask)" = 200 ] && break
    sleep 1
done
echo "before SIGTERM: the port answers $(ask), $(ps -o pid= -g "$group" | wc -l) processes"
kill -TERM "$server"
wait "$server" && status=0 || status=$?
sleep 10
left=$(ps -o pid= -g "$group" | wc -l)
answer=$(ask)
echo "10 s after SIGTERM: the started process ended with status $status, $left processes are left, the port answers $answer"
[ "$status" = 143 ] && [ "$left" -ge 2 ] && [ "$answer" = 200 ]
