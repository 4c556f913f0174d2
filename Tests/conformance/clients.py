"""What real clients make of our content codings, conditional requests and host names: curl and Python's requests.

    .build/conformance/bin/python Tests/conformance/clients.py URL KEY
"""

import gzip
import subprocess
import sys
import zlib

import requests

url, key = sys.argv[1:]
client = requests.Session()
client.headers["Authorization"] = f"Bearer {key}"
NDJSON = {"Accept": "application/x-ndjson"}


def check(what, holds):
    print(("ok   " if holds else "FAIL ") + what)
    if not holds:
        sys.exit(1)


def curl(path, *options):
    return subprocess.run(["curl", "--silent", "--fail", "--oauth2-bearer", key, *options, url + path], check=True, capture_output=True).stdout


for path, accept in [
    ("/openapi.yaml", "application/yaml"),
    ("/models", "application/json"),
    ("/sample?seed=1&count=64", "application/json"),
    ("/sample?seed=1&count=64", "application/x-npy"),
    ("/sample?seed=1&count=64", "application/x-ndjson"),
]:
    header = ["--header", f"Accept: {accept}"]
    plain = curl(path, *header)
    coded = curl(path, *header, "--header", "Accept-Encoding: gzip")
    check(f"curl --compressed {path} {accept}: {len(plain)} bytes, {len(coded)} coded", curl(path, *header, "--compressed") == plain)
    check("  smaller, and by gzip", len(coded) < len(plain) and gzip.decompress(coded) == plain)
    check("  the same by deflate", zlib.decompress(curl(path, *header, "--header", "Accept-Encoding: deflate")) == plain)
    answer = client.get(url + path, headers={"Accept": accept})
    check("  requests undoes it", answer.headers["Content-Encoding"] == "gzip" and answer.content == plain)
    if "ETag" in answer.headers:
        headers = {"Accept": accept, "If-None-Match": answer.headers["ETag"]}
        again = client.get(url + path, headers=headers)
        check("  304 with its tag", again.status_code == 304 and not again.content)

with client.get(url + "/sample?seed=1&count=32", headers=NDJSON, stream=True) as answer:
    lines = list(answer.iter_lines())
check("requests reads a coded stream line by line", len(lines) == 32 and answer.headers["Content-Encoding"] == "gzip")

pixels = bytes(784)
types = {"Content-Type": "application/octet-stream"}
plain = client.post(url + "/logprob", data=pixels, headers=types).json()
raw = zlib.compressobj(wbits=-15)
for coding, body in [
    ("gzip", gzip.compress(pixels)),
    ("gzip", gzip.compress(pixels[:300]) + gzip.compress(pixels[300:])),
    ("deflate", zlib.compress(pixels)),
    ("deflate", raw.compress(pixels) + raw.flush()),
]:
    answer = client.post(url + "/logprob", data=body, headers={**types, "Content-Encoding": coding})
    check(f"a {coding} body of {len(body)} bytes scores the same", answer.json() == plain)
answer = client.post(url + "/logprob", data=b"x", headers={**types, "Content-Encoding": "gzip, gzip"})
check("gzip, gzip is 415 with Accept-Encoding", answer.status_code == 415 and "gzip" in answer.headers["Accept-Encoding"])
bomb = client.post(url + "/logprob", data=gzip.compress(bytes(64 << 20)), headers={**types, "Content-Encoding": "gzip"})
check(f"a bomb of 64 MiB is {bomb.status_code}", bomb.status_code in (400, 413))

check("another Host is 421", client.get(url + "/health", headers={"Host": "evil.example"}).status_code == 421)
foreign = {**types, "Origin": "https://evil.example"}
check("another Origin is 403", client.post(url + "/logprob", data=pixels, headers=foreign).status_code == 403)
