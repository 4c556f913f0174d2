"""Requests that are as they should be: every route, every content type, and what each must be answered with."""

import base64
import gzip
import io
import json
import secrets
import zlib

import numpy as np
from PIL import Image

from .. import messages, wire
from .link import Broken

BUSY = (429, 503, 504)  # whoever computes may say so under load
SIDE = 28


def encoded(pixels, kind):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **({"quality": 95} if kind == "JPEG" else {}))
    return file.getvalue()


def array(pixels):
    file = io.BytesIO()
    np.save(file, pixels)
    return file.getvalue()


def multipart(files):
    boundary = "soak" + secrets.token_hex(8)
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="image"; filename="{i}"\r\nContent-Type: image/png\r\n\r\n'.encode()
        + data + b"\r\n" for i, data in enumerate(files)]
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


def base64_json(files):
    return json.dumps({"images": [base64.b64encode(data).decode() for data in files]}).encode()


class Good:
    """Asks one of its requests by `ask(link, chance, authorization)`; its outcome is a status."""

    def __init__(self):
        pixels = self.pixels = messages.images((SIDE, SIDE), 12, seed=7)
        pngs = [encoded(image, "PNG") for image in pixels]
        large = encoded(np.kron(pixels[0], np.ones((9, 9), np.uint8)), "JPEG")
        raw = pixels.tobytes()
        # body, media type, images, fields
        self.bodies = {
            "png": (pngs[0], "image/png", 1, ()),
            "jpeg": (encoded(pixels[0], "JPEG"), "image/jpeg", 1, ()),
            "multipart": (*multipart(pngs[:3]), 3, ()),
            "json": (base64_json(pngs[:2]), "application/json", 2, ()),
            "json of numbers": (json.dumps({"image": pixels[0].tolist()}).encode(), "application/json", 1, ()),
            "npy": (array(pixels[:5]), "application/x-npy", 5, ()),
            "raw": (raw, "application/octet-stream", 12, ()),
            "gzip": (gzip.compress(raw), "application/octet-stream", 12, [("Content-Encoding", "gzip")]),
            "deflate": (zlib.compress(raw), "application/octet-stream", 12, [("Content-Encoding", "deflate")]),
            "fit": (large, "image/jpeg", 1, ()),
        }
        self.known = {}  # answers to the same images, which must not change
        self.table = [
            (30, self.log_prob), (6, self.pipelined), (4, self.chunked), (4, self.continued), (8, self.sample), (4, self.stream),
            (10, self.status), (2, self.not_modified), (2, self.methods)]

    def answered(self, answer, *statuses):
        if answer.status not in statuses:
            raise Broken(f"status {answer.status}, not {' or '.join(map(str, statuses))}: {answer.body[:200]!r}")
        return answer.status

    def log_prob(self, link, chance, fields):
        name = chance.choice(list(self.bodies))
        body, kind, count, more = self.bodies[name]
        query = "?fit=cover" if name == "fit" else chance.choice(["", "", "?samples=4"])
        answer = link.ask("POST", f"/logprob{query}", body, kind, fields=[*fields, *more])
        if self.answered(answer, 200, *BUSY) == 200:
            self.check(f"{name}{query}", answer.body, count)
        return answer.status

    def check(self, name, body, count):
        found = json.loads(body)
        values = [found["log_prob"]] if count == 1 else [result["log_prob"] for result in found["results"]]
        if len(values) != count:
            raise Broken(f"{name}: {len(values)} results of {count} images")
        if self.known.setdefault(name, values) != values:
            raise Broken(f"{name}: another density than before: {values}")

    def pipelined(self, link, chance, fields):
        """Several at once; the answers come in their order."""
        body, kind, _, _ = self.bodies["png"]
        asked = [(secrets.token_hex(8), chance.random() < 0.5) for _ in range(chance.randint(2, 6))]
        link.quiet()
        link.send(b"".join(
            wire.request("GET", "/health", fields=[*fields, ("X-Request-Id", name)]) if is_cheap
            else wire.request("POST", "/logprob", body, kind, fields=[*fields, ("X-Request-Id", name)]) for name, is_cheap in asked))
        for name, is_cheap in asked:
            self.answered(link.own(name), 200, *(() if is_cheap else BUSY))
        return 200

    def chunked(self, link, chance, fields):
        body, kind, count, _ = self.bodies["raw"]
        name, link_rest = secrets.token_hex(8), memoryview(body)
        link.quiet()
        link.send(wire.request("POST", "/logprob", fields=[
            *fields, ("X-Request-Id", name), ("Content-Type", kind), ("Transfer-Encoding", "chunked")]))
        while link_rest:
            size = chance.randint(1, 4000)
            part, link_rest = link_rest[:size], link_rest[size:]
            link.send(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        link.send(b"0\r\n\r\n")
        answer = link.own(name)
        if self.answered(answer, 200, *BUSY) == 200:
            self.check("raw", answer.body, count)
        return answer.status

    def continued(self, link, chance, fields):
        """With Expect: 100-continue; the body follows at once, as it may."""
        body, kind, count, _ = self.bodies["png"]
        answer = link.ask("POST", "/logprob", body, kind, fields=[*fields, ("Expect", "100-continue")])
        return self.answered(answer, 200, *BUSY)

    def sample(self, link, chance, fields):
        kind = chance.choice(["application/json", "image/png", "application/x-npy"])
        count, seed = chance.randint(1, 8), chance.randint(0, 3)
        answer = link.ask("GET", f"/sample?count={count}&seed={seed}", fields=[*fields, ("Accept", kind)])
        if self.answered(answer, 200, *BUSY) == 200:
            name = f"{kind} {count} {seed}"
            if self.known.setdefault(name, answer.body) != answer.body:
                raise Broken(f"other samples than before of the same seed: {name}")
        return answer.status

    def stream(self, link, chance, fields):
        answer = link.ask("GET", "/sample?count=24&seed=5", fields=[*fields, ("Accept", "application/x-ndjson")])
        if self.answered(answer, 200, *BUSY) == 200 and len(answer.body.splitlines()) != 24:
            raise Broken(f"{len(answer.body.splitlines())} lines of 24 samples")
        return answer.status

    def status(self, link, chance, fields):
        path = chance.choice(["/health", "/health/live", "/health/ready", "/models", "/models/small", "/openapi.yaml", "/admin/status"])
        method = chance.choice(["GET", "GET", "GET", "HEAD"])
        coding = chance.choice([(), [("Accept-Encoding", "gzip")]])
        return self.answered(link.ask(method, path, fields=[*fields, *coding]), 200)

    def not_modified(self, link, chance, fields):
        tag = wire.field(link.ask("GET", "/models", fields=fields).head.replace(b"ETag", b"etag"), b"etag")
        if not tag:
            raise Broken("/models has no ETag")
        return self.answered(link.ask("GET", "/models", fields=[*fields, ("If-None-Match", tag.decode())]), 304)

    def methods(self, link, chance, fields):
        path = chance.choice(["/logprob", "/sample", "/health"])
        self.answered(link.ask("OPTIONS", path, fields=fields), 204)
        self.answered(link.ask("DELETE", path, fields=fields), 405)
        return self.answered(link.ask("GET", "/no-such-path", fields=fields), 404)
