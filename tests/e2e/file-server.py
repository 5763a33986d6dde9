"""Serves the files of a directory with validators and ranges: file-server.py DIR; prints the port when ready.

Each request is a line "PATH Range If-None-Match" of DIR/log. DIR/limit: after so many bytes of a body the connection is
closed. DIR/pause: seconds before each answer.
"""
import hashlib
import http.server
import os
import sys
import time

www = sys.argv[1]


class H(http.server.BaseHTTPRequestHandler):
    def log_message(self, *a):
        pass

    def do_GET(self):
        try:
            data = open(www + self.path, "rb").read()
        except OSError:
            self.send_error(404)
            return
        with open(www + "/log", "a") as log:
            print(self.path, self.headers.get("Range"), self.headers.get("If-None-Match"), file=log)
        if os.path.exists(www + "/pause"):
            time.sleep(float(open(www + "/pause").read()))
        tag = '"' + hashlib.sha256(data).hexdigest()[:12] + '"'
        if self.headers.get("If-None-Match") == tag:
            self.send_response(304)
            self.end_headers()
            return
        first = 0
        if self.headers.get("Range") and self.headers.get("If-Range") == tag:
            first = int(self.headers["Range"][6:-1])
        self.send_response(206 if first else 200)
        if first:
            self.send_header("Content-Range", f"bytes {first}-{len(data) - 1}/{len(data)}")
        self.send_header("ETag", tag)
        self.send_header("Content-Length", str(len(data) - first))
        self.end_headers()
        limit = int(open(www + "/limit").read()) if os.path.exists(www + "/limit") else None
        self.wfile.write(data[first:][:limit])


s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H)
s.handle_error = lambda *a: None
print(s.server_port, flush=True)
s.serve_forever()
