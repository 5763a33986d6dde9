#!/usr/bin/env python3
"""A server that misbehaves on purpose, for tests/e2e/http.sh. Prints "PORT OTHER_PORT" and serves until it is ended.

usage: http-server.py [UNIX_SOCKET]
"""
import hashlib
import http.server
import os
import socket
import socketserver
import sys
import threading
import time

BODY = bytes(range(256)) * 4096  # 1 MiB
ETAG = '"' + hashlib.sha256(BODY).hexdigest()[:16] + '"'
tries = {}
lock = threading.Lock()
other_port = 0


def count(path):
    with lock:
        tries[path] = tries.get(path, 0) + 1
        return tries[path]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "client"

    def log_message(self, *args):
        pass

    def head(self, status, headers):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def text(self, status, text, *headers):
        data = text.encode()
        self.head(status, [("Content-Length", len(data)), *headers])
        self.wfile.write(data)

    def do_HEAD(self):
        self.head(200, [("Content-Length", len(BODY)), ("ETag", ETAG)])

    def do_GET(self):
        path, _, query = self.path.partition("?")
        self.close_connection = False
        getattr(self, "get_" + path.strip("/").replace("/", "_"), self.get_none)(query)

    def get_none(self, query):
        self.text(404, "no such thing\n")

    def get_hello(self, query):
        self.text(200, "hello\n", ("X-Case", "  Kept As It Is  "))

    def get_seen(self, query):
        self.text(200, "".join(f"{k.lower()}: {v}\n" for k, v in self.headers.items()))

    def get_empty(self, query):
        self.text(200, "")

    def get_endless(self, query):
        self.head(200, [("Connection", "close")])
        self.close_connection = True
        while True:
            self.wfile.write(b"x" * 65536)

    def get_endless404(self, query):
        self.head(404, [("Connection", "close")])
        self.close_connection = True
        while True:
            self.wfile.write(b"x" * 65536)

    def get_claims(self, query):
        self.head(200, [("Content-Length", 1 << 40)])
        self.close_connection = True

    def get_loop(self, query):
        self.text(302, "again\n", ("Location", "/loop"))

    def get_hops(self, query):
        left = int(query)
        if left:
            self.text(307, "", ("Location", f"/hops?{left - 1}"))
        else:
            self.get_hello("")

    def get_away(self, query):
        self.text(302, "", ("Location", f"http://127.0.0.1:{other_port}/seen"))

    def get_here(self, query):
        self.text(302, "", ("Location", "/seen"))

    def get_tofile(self, query):
        self.text(302, "", ("Location", "file:///etc/passwd"))

    def get_headers(self, query):
        self.send_response(200)
        for i in range(2000):
            self.send_header(f"X-Flood-{i}", "y" * 100)
        self.end_headers()

    def get_slow(self, query):
        self.head(200, [("Content-Length", 1000)])
        self.close_connection = True
        for _ in range(1000):
            self.wfile.write(b"z")
            time.sleep(0.2)

    def get_slowhead(self, query):
        for _ in range(100):
            self.wfile.write(b"HTTP/1.1 200 OK\r\n"[:1] if not _ else b"")
            self.wfile.flush()
            time.sleep(0.2)
        self.close_connection = True

    def get_condition(self, query):
        if self.headers.get("If-None-Match") == ETAG:
            self.head(304, [("ETag", ETAG)])
        else:
            self.text(200, "fresh\n", ("ETag", ETAG))

    def serve_range(self, body, headers, cut):
        first = 0
        wanted = self.headers.get("Range")
        if wanted and self.headers.get("If-Range") in (None, ETAG):
            first = int(wanted.removeprefix("bytes=").rstrip("-"))
            headers = headers + [("Content-Range", f"bytes {first}-{len(body) - 1}/{len(body)}")]
        self.head(206 if first else 200, headers + [("Content-Length", len(body) - first)])
        self.wfile.write(body[first:cut])
        if cut:
            self.wfile.flush()
            self.close_connection = True

    def get_range(self, query):
        self.serve_range(BODY, [("ETag", ETAG)], None)

    def get_broken(self, query):
        n = count("broken" + query)
        self.serve_range(BODY, [("ETag", ETAG)], [300000, 700000, None][min(n, 3) - 1])

    def get_brokenplain(self, query):
        n = count("brokenplain")
        self.head(200, [("ETag", ETAG), ("Content-Length", len(BODY))])
        self.wfile.write(BODY[: 300000 if n == 1 else None])
        self.close_connection = n == 1

    def get_changed(self, query):
        n = count("changed")
        self.head(200, [("ETag", f'"{n}"'), ("Content-Length", len(BODY))])
        self.wfile.write(BODY[: 300000 if n == 1 else None])
        self.close_connection = n == 1

    def get_otherrange(self, query):
        self.head(206, [("Content-Range", f"bytes 5-{len(BODY) - 1}/{len(BODY)}"), ("Content-Length", len(BODY) - 5)])
        self.close_connection = True
        self.wfile.write(BODY[5:])

    def get_busy(self, query):
        if count("busy" + query) == 1:
            self.text(429, "later\n", ("Retry-After", "1"))
        else:
            self.get_hello("")

    def get_longbusy(self, query):
        self.text(429, "much later\n", ("Retry-After", "3600"))

    def get_fails(self, query):
        self.text(503, "failed %d\n" % count("fails"))


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request, client_address):
        pass


class UnixServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    global other_port
    servers = [Server(("127.0.0.1", 0), Handler), Server(("127.0.0.1", 0), Handler)]
    other_port = servers[1].server_port
    if len(sys.argv) > 1:
        servers.append(UnixServer(sys.argv[1], Handler))
    for s in servers[1:]:
        threading.Thread(target=s.serve_forever, daemon=True).start()
    print(servers[0].server_port, other_port, flush=True)
    servers[0].serve_forever()


main()
