#!/usr/bin/env python3
"""Serves Page/ from its files, and hands everything else on to a running service, so that a change of the page is seen at the next reload.

    scripts/page.py [--service http://127.0.0.1:8080] [--port 8081]

For work on the page only: the program carries the page inside. Listens on 127.0.0.1, ends with Ctrl-C.
"""
import argparse
import http.client
import http.server
import pathlib
import re
import urllib.parse

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "Page"
TYPES = {".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade", "host"}


def policy():
    """The fields that the program sends with the page, read from its source so that they cannot differ."""
    source = (FOLDER.parent / "Sources/DensityAPI/Page/PagePolicy.swift")
    return re.search(r'"""\n(.*?)\n\s*"""', source.read_text(), re.S).group(1).split("\n") if source.exists() else []


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    service = None

    def file(self):
        path = urllib.parse.urlsplit(self.path).path
        name = {"/": "index.html", "/docs": "docs/docs.html"}.get(path, path.removeprefix("/page/") if path.startswith("/page/") else None)
        file = (FOLDER / name).resolve() if name else None
        return file if file and file.is_file() and FOLDER in file.parents else None

    def answer(self):
        file = self.file()
        if not file:
            return self.hand_on()
        content = file.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", TYPES.get(file.suffix, "text/plain; charset=utf-8"))
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Cache-Control", "no-store")
        policy_text = " ".join(line.strip().rstrip("\\").strip() for line in policy())
        if policy_text:
            self.send_header("Content-Security-Policy", policy_text)
        self.end_headers()
        self.wfile.write(content)

    def hand_on(self):
        connection = http.client.HTTPConnection(self.service.hostname, self.service.port, timeout=120)
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        fields = {name: value for name, value in self.headers.items() if name.lower() not in HOP | {"accept-encoding", "origin"}}
        try:
            connection.request(self.command, self.path, body=body or None, headers=fields)
            response = connection.getresponse()
        except OSError:
            self.send_error(502, "the service cannot be reached")
            return
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in HOP:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.close_connection = True
        try:
            self.end_headers()
            while part := response.read1(65536):
                self.wfile.write(part)
                self.wfile.flush()
        except ConnectionError:
            pass  # the browser left
        finally:
            connection.close()  # and so does this one, which tells the service

    def handle(self):
        try:
            super().handle()
        except ConnectionError:
            pass  # the browser left

    do_GET = do_POST = do_HEAD = do_PUT = answer

    def log_message(self, *arguments):
        pass


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--service", default="http://127.0.0.1:8080", help="the running service (default: %(default)s)")
    parser.add_argument("--port", type=int, default=8081, help="port to listen on (default: %(default)s)")
    arguments = parser.parse_args()
    Handler.service = urllib.parse.urlsplit(arguments.service)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", arguments.port), Handler)
    print(f"the page is at http://127.0.0.1:{arguments.port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
