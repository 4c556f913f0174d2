// `GET /health` as `tusk serve` answers it, on Node's own http: the same JSON, the same fields.
import { randomBytes } from "node:crypto";
import { createServer } from "node:http";

const started = performance.now();

createServer((request, response) => {
  if (request.url !== "/health") {
    response.writeHead(404).end();
    return;
  }
  const body = JSON.stringify({
    status: "ready", live: true, ready: true, model: "animals", version: "0.1.0",
    uptime_seconds: Math.round(performance.now() - started) / 1000,
  });
  response.writeHead(200, {
    "content-type": "application/json",
    "x-request-id": randomBytes(16).toString("hex"),
    "server-timing": 'queue;dur=0.000, batch;desc="0 rows", compute;dur=0.000, decode;dur=0.000',
    "content-length": Buffer.byteLength(body),
  }).end(body);
}).listen(Number(process.argv[2]), "127.0.0.1");
