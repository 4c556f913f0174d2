"""`GET /health` as `tusk serve` answers it, on FastAPI: the same JSON, the same fields."""

import secrets
import time

from fastapi import FastAPI
from fastapi.responses import JSONResponse

started = time.monotonic()
app = FastAPI()


@app.get("/health")
async def health():
    members = {"status": "ready", "live": True, "ready": True, "model": "animals", "version": "0.1.0",
               "uptime_seconds": round(time.monotonic() - started, 3)}
    return JSONResponse(members, headers={
        "x-request-id": secrets.token_hex(16),
        "server-timing": 'queue;dur=0.000, batch;desc="0 rows", compute;dur=0.000, decode;dur=0.000'})
