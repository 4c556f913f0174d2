"""What schemathesis cannot know by itself: bodies of our media types, and how to read them.

The bodies are of the size of the default animals, 28 x 28 x 1, and now and then of another.
"""

import json
import struct
import zlib

import schemathesis
from hypothesis import strategies as st

SIDES = st.sampled_from([28, 28, 28, 28, 1, 27, 29])


def png(width, height, level):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = (b"\0" + bytes([level]) * width) * height
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def npy(shape, level):
    text = str({"descr": "|u1", "fortran_order": False, "shape": shape}).encode()
    text += b" " * (-(len(text) + 11) % 64) + b"\n"
    count = 1
    for side in shape:
        count *= side
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + bytes([level]) * count


LEVELS = st.integers(0, 255)
PNGS = st.builds(png, SIDES, SIDES, LEVELS)
STACKS = st.tuples(st.integers(0, 3), SIDES, SIDES)
# A damaged image is valid by the schema too.
DAMAGED = st.builds(lambda image, length: image[:length], PNGS, st.integers(0, 100))

schemathesis.openapi.media_type("image/png", st.one_of(PNGS, PNGS, DAMAGED))
schemathesis.openapi.media_type("image/jpeg", DAMAGED)
schemathesis.openapi.media_type("application/x-npy", st.builds(npy, STACKS, LEVELS))
schemathesis.openapi.media_type(
    "application/octet-stream", st.builds(lambda count, level: bytes([level]) * count, st.sampled_from([784, 1568, 783, 0]), LEVELS)
)


@schemathesis.deserializer("application/x-ndjson")
def ndjson(ctx, response):
    lines = [json.loads(line) for line in response.content.decode().splitlines()]
    assert lines and all({"model", "seed", "index", "image", "log_prob", "bits_per_dim"} == set(line) for line in lines)
    return lines


@schemathesis.deserializer("application/x-npy")
def array(ctx, response):
    assert response.content.startswith(b"\x93NUMPY\x01\x00")
    return response.content


@schemathesis.deserializer("application/octet-stream")
def tensors(ctx, response):
    length = int(response.headers["Inference-Header-Content-Length"][0])
    outputs = json.loads(response.content[:length])["outputs"]
    assert sum(output.get("parameters", {}).get("binary_data_size", 0) for output in outputs) == len(response.content) - length
    return response.content


@schemathesis.deserializer("image/png")
def picture(ctx, response):
    assert response.content.startswith(b"\x89PNG\r\n\x1a\n") and response.content.endswith(b"IEND\xaeB`\x82")
    return response.content
