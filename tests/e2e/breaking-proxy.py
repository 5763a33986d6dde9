"""A proxy before a registry that breaks off uploads: breaking-proxy.py HOST:PORT BYTES; prints its port.

Of every other request with a body of more than BYTES, only BYTES are read, then the connection is closed. All answers say where to go
on with a relative location.
"""
import http.client
import http.server
import sys

upstream, limit = sys.argv[1], int(sys.argv[2])
count = 0


class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def answer(self):
        global count
        length = int(self.headers.get("Content-Length") or 0)
        if length > limit:
            count += 1
            if count % 2:
                self.rfile.read(limit)
                print("broke", self.command, length, file=sys.stderr, flush=True)
                self.close_connection = True
                self.connection.close()
                return
        body = self.rfile.read(length) if length else None
        to = http.client.HTTPConnection(upstream)
        headers = {k: v for k, v in self.headers.items() if k.lower() not in ("host", "connection")}
        to.request(self.command, self.path, body, headers)
        got = to.getresponse()
        data = got.read()
        self.send_response(got.status)
        for k, v in got.getheaders():
            if k.lower() == "location" and "://" in v:
                v = "/" + v.split("/", 3)[3]
            if k.lower() not in ("connection", "transfer-encoding", "content-length"):
                self.send_header(k, v)
        self.send_header("Content-Length", got.getheader("Content-Length") if self.command == "HEAD" and got.getheader("Content-Length") else str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        to.close()

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = answer


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *a):
        pass


server = Server(("127.0.0.1", 0), H)
print(server.server_address[1], flush=True)
server.serve_forever()
