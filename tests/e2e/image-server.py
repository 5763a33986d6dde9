"""Servers for image.sh: image-server.py WHAT DIR [...]; prints the port when ready.

hostile DIR        a registry over DIR/layout whose repositories misbehave, each in the way its name says; what was asked
                   is written to DIR/requests, and to DIR/elsewhere of the host it redirects to
token DIR PORT     a token server (distribution project, spec/auth/token.md and oauth.md) for the registry, key and
                   certificate in DIR/token.{key,pem}; user u, password p, refresh token r
daemon DIR         the export call of a container daemon at the socket DIR/socket, for DIR/old.tar
"""
import base64
import http.server
import json
import pathlib
import socketserver
import subprocess
import sys
import threading
import time
import urllib.parse

what, root = sys.argv[1], pathlib.Path(sys.argv[2])
layout = root / "layout"
counts = {}


def once(key, times=1):
    """True for the first `times` calls with this key."""
    counts[key] = counts.get(key, 0) + 1
    return counts[key] <= times


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        if "Content_Length" not in headers:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
        except OSError:
            pass

    def endless(self, text=b"{"):
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            self.wfile.write(text)
            while True:
                self.wfile.write(b" " * 65536)
        except OSError:
            pass


def blob(name):
    return (layout / "blobs" / "sha256" / name.removeprefix("sha256:")).read_bytes()


def named(name):
    """Digest of the layout's image of a name."""
    for entry in json.loads((layout / "index.json").read_text())["manifests"]:
        if entry.get("annotations", {}).get("org.opencontainers.image.ref.name") == name:
            return entry["digest"]
    return name


class Hostile(Handler):
    other = 0  # port of the host that blobs are redirected to

    def do_GET(self):
        parts = self.path.split("?")[0].split("/")
        with open(root / "requests", "a", encoding="ascii") as log:
            log.write(f"{self.path} {self.headers.get('Range', '')}\n")
        if self.path == "/v2/":
            return self.answer(200, b"{}")
        if len(parts) != 5 or parts[1] != "v2":
            return self.answer(404)
        how, kind, name = parts[2:]
        try:
            body = blob(named(name))
        except OSError:
            return self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')
        method = getattr(self, how.replace("-", "_"), None)
        if method and method(kind, name, body):
            return None
        return self.answer(200, body)

    def endless_manifest(self, kind, name, body):
        return kind == "manifests" and (self.endless() or True)

    def endless_config(self, kind, name, body):
        return kind == "blobs" and body.startswith(b"{") and (self.endless() or True)

    def endless_blob(self, kind, name, body):
        return kind == "blobs" and not body.startswith(b"{") and (self.endless(body) or True)

    def huge_manifest(self, kind, name, body):
        return kind == "manifests" and (self.answer(200, body, Content_Length="1000000000000") or True)

    def redirect_loop(self, kind, name, body):
        return self.answer(307, Location=self.path) or True

    def other_manifest(self, kind, name, body):
        self.answer(200, body + b" ", Docker_Content_Digest=named(name))
        return True

    def other_config(self, kind, name, body):
        return kind == "blobs" and body.startswith(b"{") and (self.answer(200, body + b" ") or True)

    def other_blob(self, kind, name, body):
        if kind != "blobs" or body.startswith(b"{"):
            return False
        self.answer(200, bytes(len(body)))
        return True

    def short_blob(self, kind, name, body):
        return kind == "blobs" and not body.startswith(b"{") and (self.answer(200, body[:-1]) or True)

    def long_claim(self, kind, name, body):
        """Content-Length says more than comes, each time."""
        if kind != "blobs" or body.startswith(b"{"):
            return False
        self.close_connection = True
        self.answer(200, body[:-10], Content_Length=str(len(body)))
        return True

    def trickle(self, kind, name, body):
        if kind != "blobs" or body.startswith(b"{"):
            return False
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.close_connection = True
        try:
            for byte in body:
                self.wfile.write(bytes([byte]))
                time.sleep(0.1)
        except OSError:
            pass
        return True

    def fails(self, kind, name, body):
        return kind == "blobs" and not body.startswith(b"{") and (self.answer(500, b"no") or True)

    def flaky(self, kind, name, body):
        return once(self.path, 2) and (self.answer(503, b"later") or True)

    def breaks(self, kind, name, body):
        if kind != "blobs" or body.startswith(b"{"):
            return False
        start = 0
        if "Range" in self.headers:
            start = int(self.headers["Range"].removeprefix("bytes=").rstrip("-"))
        rest = body[start:]
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Length", str(len(rest)))
        self.send_header("ETag", '"same"')
        self.end_headers()
        self.close_connection = True
        self.wfile.write(rest if start else rest[:len(rest) // 2])
        return True

    def web_page(self, kind, name, body):
        return self.answer(200, b"<html>log in</html>") or True

    def schema1(self, kind, name, body):
        return self.answer(200, b'{"schemaVersion":1,"fsLayers":[]}') or True

    def odd_challenge(self, kind, name, body):
        return self.answer(401, WWW_Authenticate='Bearer realm="') or True

    def no_challenge(self, kind, name, body):
        return self.answer(401) or True

    def file_realm(self, kind, name, body):
        return self.answer(401, WWW_Authenticate='Bearer realm="file:///etc/passwd"') or True

    def elsewhere(self, kind, name, body):
        if not self.headers.get("Authorization", "").startswith("Basic "):
            self.answer(401, WWW_Authenticate='Basic realm="x"')
        elif kind == "blobs":
            self.answer(307, Location=f"http://127.0.0.1:{self.other}/{name}")
        else:
            return False
        return True

    def expires(self, kind, name, body):
        """Each token is good for manifests, and once for a layer."""
        have = self.headers.get("Authorization", "").removeprefix("Bearer ")
        layer = kind == "blobs" and not body.startswith(b"{")
        if have and not (layer and not once("layer of " + have)):
            return False
        self.answer(401, WWW_Authenticate=f'Bearer realm="http://{self.headers["Host"]}/v2/token/x/one"')
        return True

    def token(self, kind, name, body):
        counts["tokens"] = counts.get("tokens", 0) + 1
        return self.answer(200, json.dumps({"token": f"t{counts['tokens']}"}).encode()) or True


class Elsewhere(Handler):
    def do_GET(self):
        with open(root / "elsewhere", "a", encoding="ascii") as log:
            log.write(f"{self.path} {self.headers.get('Authorization', 'nothing')}\n")
        self.answer(200, blob(self.path[1:]))


def b64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def sign(claims):
    der = subprocess.run(["openssl", "x509", "-in", root / "token.pem", "-outform", "DER"], check=True,
                         capture_output=True).stdout
    header = {"typ": "JWT", "alg": "RS256", "x5c": [base64.b64encode(der).decode()]}
    text = b64url(json.dumps(header).encode()) + b"." + b64url(json.dumps(claims).encode())
    signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", root / "token.key"], input=text, check=True,
                               capture_output=True).stdout
    return (text + b"." + b64url(signature)).decode()


class Token(Handler):
    def give(self, query):
        access = []
        for scope in query.get("scope", []):
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        self.answer(200, json.dumps({"token": sign({
            "iss": "test", "sub": "u", "aud": query["service"][0], "exp": now + 300, "nbf": now - 5, "iat": now,
            "jti": str(now), "access": access})}).encode())

    def do_GET(self):
        if self.headers.get("Authorization") != "Basic " + base64.b64encode(b"u:p").decode():
            return self.answer(401, b"{}")
        return self.give(urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query))

    def do_POST(self):
        form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        if form.get("grant_type") != ["refresh_token"] or form.get("refresh_token") != ["r"]:
            return self.answer(401, b"{}")
        return self.give(form)


class Daemon(Handler):
    def address_string(self):
        return "socket"

    def do_GET(self):
        url = urllib.parse.urlsplit(self.path)
        if not url.path.endswith("/images/get") or urllib.parse.parse_qs(url.query).get("names") != ["local/x:1"]:
            return self.answer(404, b'{"message":"no such image"}')
        return self.answer(200, (root / "old.tar").read_bytes())


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True


class SocketServer(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True


def main():
    if what == "daemon":
        server = SocketServer(str(root / "socket"), Daemon)
        print(0, flush=True)
    else:
        handler = {"hostile": Hostile, "token": Token}[what]
        server = Server(("127.0.0.1", int(sys.argv[3]) if len(sys.argv) > 3 else 0), handler)
        if what == "hostile":
            other = Server(("127.0.0.1", 0), Elsewhere)
            Hostile.other = other.server_port
            threading.Thread(target=other.serve_forever, daemon=True).start()
        print(server.server_port, flush=True)
    server.serve_forever()


main()
