"""A node in QEMU with its agent, and somebody who rules it: by `yagura node`, over TLS."""
import hashlib
import http.client
import json
import os
import shutil
import socket
import ssl
import subprocess
import tarfile

import node_image as ni
import tap


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def within(what):
    return tap.within(what, 0.5)  # each look is a program and a connection


class Node:
    def __init__(self, yagura, work, image, kernel, data):
        self.yagura, self.work, self.ports = yagura, work, {p: free_port() for p in (7443, 8088, 8000)}
        forward = ",".join(f"hostfwd=tcp:127.0.0.1:{here}-:{there}" for there, here in self.ports.items())
        self.machine = ni.Machine(ni.qemu(kernel, image.line(), image.disk, data, net="user,id=net0," + forward, memory=384))

    def ask(self, *args):
        return subprocess.run(self.command(*args), capture_output=True, text=True, env=self.environment())

    def command(self, *args):
        return [self.yagura, "-q", "node", args[0], "--node", f"127.0.0.1:{self.ports[7443]}", "--cert", self.work / "operator.pem",
                "--key", self.work / "operator.key", "--ca", self.work / "node.pem", *map(str, args[1:])]

    def environment(self):
        return dict(os.environ, YAGURA_DATA=str(self.work / "data"), YAGURA_CACHE=str(self.work / "cache"))

    def start(self, *args):
        return subprocess.Popen(self.command(*args), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.environment())

    def json(self, *args):
        p = self.ask(*args)
        return json.loads(p.stdout) if p.returncode == 0 else None

    def meet(self):
        """Its certificate, which it says to everybody."""
        def look():
            try:
                text = ssl.get_server_certificate(("127.0.0.1", self.ports[7443]), timeout=5)
                (self.work / "node.pem").write_text(text)
                return self.json("status")
            except (OSError, ssl.SSLError, TimeoutError):
                return None
        return within(look)

    def pod(self, name, *states):
        return within(lambda: (lambda p: p if p and p["state"] in states else None)(self.json("pods", name))) or self.json("pods", name)

    def fetch(self, port):
        try:
            c = http.client.HTTPConnection("127.0.0.1", self.ports[port], timeout=10)
            c.request("GET", "/passwd")
            return c.getresponse().read()
        except (OSError, http.client.HTTPException):
            return None


def container_image(work, marker="a marker of its own", filler=b""):
    layer = work / "layer"
    work.mkdir(exist_ok=True)
    for d in ["bin", "etc", "proc", "sys", "dev", "tmp"]:
        (layer / d).mkdir(parents=True)
    shutil.copy(shutil.which("busybox"), layer / "bin/busybox")
    for a in ["sh", "cat", "httpd", "echo", "dd", "grep", "stat"]:
        (layer / "bin" / a).symlink_to("busybox")
    (layer / "etc/passwd").write_text(f"root:x:0:0:{marker}::/bin/sh\n" + "#" * 8192)
    (layer / "filler").write_bytes(filler)
    with tarfile.open(work / "layer.tar", "w") as t:
        t.add(layer, ".")
    digest = hashlib.sha256((work / "layer.tar").read_bytes()).hexdigest()
    (work / "config.json").write_text(json.dumps({"architecture": "amd64", "os": "linux", "config": {"Cmd": ["/bin/sh"]},
                                                  "rootfs": {"type": "layers", "diff_ids": ["sha256:" + digest]}}))
    (work / "manifest.json").write_text(json.dumps([{"Config": "config.json", "RepoTags": ["box:1"], "Layers": ["layer.tar"]}]))
    with tarfile.open(work / "image.tar", "w") as t:
        for f in ["manifest.json", "config.json", "layer.tar"]:
            t.add(work / f, f)


def manifest(work, name, command, image="demo/box", **spec):
    path = work / (name + ".json")
    container = {"name": "main", "image": image, "command": command, **spec.pop("container", {})}
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name},
                                "spec": {"terminationGracePeriodSeconds": 2, "containers": [container], **spec}}))
    return path


def node_image(work, init, agent, runtime):
    """An image whose agent listens for work/operator.pem."""
    ni.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(work / "operator.key"),
           "-out", str(work / "operator.pem"), "-subj", "/CN=operator", "-days", "3650")
    return ni.Image(work / "image", init, {
        "version": 1, "name": "demo", "release": "1.0", "hostname": "tower", "network": [{"interface": "eth0", "dhcp": True}],
        "agent": {"tcp": 7443, "clients": [(work / "operator.pem").read_text()]}},
        {"/usr/bin/yagura-agent": agent, "/usr/bin/yagura-run": runtime,
         "/etc/yagura/run.d/00-node.conf": b"strict.capabilities = CHOWN NET_BIND_SERVICE\n"})


def unable(kernel):
    """Why nothing can be tested here; None: it can."""
    return ni.missing(kernel) or next((f"{p} is missing" for p in ["busybox", "openssl"] if not shutil.which(p)), None)
