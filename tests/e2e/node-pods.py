#!/usr/bin/env python3
"""A node in QEMU with its agent: an image is brought by TLS, a pod runs, its port is open and no other; all of it is there after
a reboot; what a pod may write on disk ends where its limits end; power cut while an image comes in leaves it whole or not there; a byte
changed on disk is an I/O error.

usage: node-pods.py YAGURA YAGURA_INIT YAGURA_AGENT YAGURA_RUN
"""
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tarfile
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node_image as ni  # noqa: E402
from tap import Tap  # noqa: E402

yagura, init, agent, runtime = sys.argv[1:5]
tap = Tap()
ok = tap.ok


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def within(seconds, what):
    end = time.monotonic() + seconds
    while True:
        got = what()
        if got or time.monotonic() > end:
            return got
        time.sleep(0.5)


class Node:
    def __init__(self, work, image, kernel, data):
        self.work, self.ports = work, {p: free_port() for p in (7443, 8088, 8000)}
        forward = ",".join(f"hostfwd=tcp:127.0.0.1:{here}-:{there}" for there, here in self.ports.items())
        self.machine = ni.Machine(ni.qemu(kernel, image.line(), image.disk, data, net="user,id=net0," + forward, memory=384))

    def ask(self, *args):
        return subprocess.run(self.command(*args), capture_output=True, text=True, env=self.environment())

    def command(self, *args):
        return [yagura, "-q", "node", args[0], "--node", f"127.0.0.1:{self.ports[7443]}", "--cert", self.work / "operator.pem",
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
        return within(150, look)

    def pod(self, name, *states):
        return within(90, lambda: (lambda p: p if p and p["state"] in states else None)(self.json("pods", name))) or self.json("pods", name)

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


def first_boot(node, image, work):
    status = node.meet()
    if not ok(status, "the agent answers by TLS", node.machine.text):
        return False
    ok(status.get("root_hash") == image.hash and status["name"] == "demo", "it says which root it runs from", status)
    ok(status.get("init", {}).get("data", {}).get("state") == "made", "and what became of the data partition", status)
    p = node.ask("import", "--name", "demo/box", work / "image.tar")
    ok(p.returncode == 0, "an image is brought", p.stderr + node.machine.text)
    p = node.ask("apply", manifest(work, "web", ["httpd", "-f", "-p", "8000", "-h", "/etc"],
                                   container={"ports": [{"containerPort": 8000, "hostPort": 8088}],
                                              "resources": {"limits": {"memory": "32Mi"}}}))
    ok(p.returncode == 0, "a pod is taken", p.stderr)
    pod = node.pod("web", "running", "failed")
    ok(pod and pod["state"] == "running", "it runs", (pod, node.machine.text))
    body = within(60, lambda: node.fetch(8088))
    ok(body and b"a marker of its own" in body, "its published port leads to it", (body, node.json("pods"), node.machine.text))
    ok(node.fetch(8000) is None, "a port that is not published does not")
    p = node.ask("apply", manifest(work, "write", ["sh", "-c", "echo x >/bin/new; echo $?; id"], restartPolicy="Never"))
    ok((node.pod("write", "failed", "succeeded") or {}).get("state") in ("failed", "succeeded"), "a pod that ends", p.stderr)
    limits(node, work)
    return True


def limits(node, work):
    """ephemeral-storage, sizeLimit of a volume on disk, capabilities: what is asked for is there, and no more."""
    script = ("for f in /fill /vol/fill; do dd if=/dev/zero of=$f bs=64k 2>&1 | grep -c 'No space'; stat -c 'size %s' $f; done; "
              "grep Cap /proc/self/status; cat /proc/self/attr/current; cat /proc/vmallocinfo")
    p = node.ask("apply", manifest(
        work, "limits", ["sh", "-c", script], restartPolicy="Never", volumes=[{"name": "v", "emptyDir": {"sizeLimit": "16Mi"}}],
        container={"resources": {"limits": {"ephemeral-storage": "12Mi"}}, "volumeMounts": [{"name": "v", "mountPath": "/vol"}],
                   "securityContext": {"capabilities": {"add": ["CHOWN", "NET_BIND_SERVICE"], "drop": ["ALL"]}}}))
    pod = node.pod("limits", "failed", "succeeded")
    log = node.ask("logs", "limits/main").stdout
    sizes = [int(n) for n in re.findall(r"size (\d+)", log)]
    why = (p.stderr, pod, log, node.machine.text)
    ok(len(sizes) == 2 and 8 * ni.MIB < sizes[0] < 12 * ni.MIB, "its root file system ends at ephemeral-storage", why)
    ok(len(sizes) == 2 and 8 * ni.MIB < sizes[1] < 16 * ni.MIB, "a volume on disk at its sizeLimit", why)
    caps = dict(re.findall(r"Cap(\w+):\s+(\w+)", log))
    ok(all(int(caps.get(k, "ff"), 16) == 0x401 for k in ("Prm", "Eff", "Bnd")), "it has the capabilities it names, and no other", caps or why)
    ok("yagura-pod (enforce)" in log, "it is held to its profile of AppArmor", log)
    audit = within(20, lambda: [line for line in node.ask("logs", "audit.log").stdout.splitlines() if "/proc/vmallocinfo" in line])
    ok("Permission denied" in log and any('apparmor="DENIED"' in line and 'profile="yagura-pod"' in line for line in audit),
       "which denies what nothing else does, and is heard of", (log, audit))
    node.ask("delete", "limits")
    node.ask("apply", manifest(work, "wants", ["sh", "-c", "true"], restartPolicy="Never",
                               container={"securityContext": {"capabilities": {"add": ["SYS_ADMIN"]}}}))
    pod = node.pod("wants", "failed", "succeeded")
    ok(pod and pod["state"] == "failed" and "does not grant CAP_SYS_ADMIN" in pod["containers"][0].get("why", ""),
       "what the policy does not grant is refused", pod)
    node.ask("delete", "wants")


def reboot(node):
    p = node.ask("reboot")
    ok(p.returncode == 0, "a reboot is asked for", p.stderr)
    ok(node.machine.wait(90), "the machine goes down in order", node.machine.text)
    node.machine.kill()


def second_boot(node):
    ok(node.meet(), "it is there again, with the same key", node.machine.text)
    pod = node.pod("web", "running")
    ok(pod and pod["state"] == "running", "the pod runs again by itself", (pod, node.machine.text))
    body = within(60, lambda: node.fetch(8088))
    ok(body and b"a marker of its own" in body, "and answers", body)
    node.ask("delete", "web")
    node.ask("delete", "write")
    ok(within(60, lambda: node.json("pods") == []), "deleted pods are gone", node.json("pods"))
    node.ask("power-off")
    node.machine.wait(90)
    node.machine.kill()


CUTS = 15


def cuts(image, work, kernel, data):
    """Power cut while an image comes in: it is whole or not there, and what it left is gone with the next start."""
    chance, bad, seen = random.Random(4), [], []
    big = work / "big"
    container_image(big, marker="another", filler=chance.randbytes(6 * ni.MIB))
    for i in range(CUTS + 1):
        node = Node(work, image, kernel, data)
        there = node.meet() and [r["name"] for r in node.json("images")]
        seen.append(there)
        if not there or "demo/box" not in there or ("demo/big" in there and not is_whole(node, work)):
            bad.append((i, there, node.machine.text))
        if i == CUTS:
            node.ask("power-off")
            node.machine.wait(90)
        else:
            if there and "demo/big" in there:
                node.ask("remove-image", "demo/big")
            upload = node.start("import", "--name", "demo/big", big / "image.tar")
            time.sleep(chance.uniform(0.2, 4.0))
            node.machine.kill()
            upload.kill()
            upload.wait()
        node.machine.kill()
    ok(not bad, f"{CUTS} power cuts while an image comes in: it is whole or not there", (bad, seen))
    part = extract(work, data)
    layers = re.findall(r"\b[0-9a-f]{64}\b", subprocess.run(["debugfs", "-R", "ls /images/layers", part], capture_output=True, text=True).stdout)
    ok(len(layers) == len(seen[-1]), "no part of it stays", (layers, seen))
    fsck = subprocess.run(["e2fsck", "-fn", part], capture_output=True, text=True)
    ok(fsck.returncode == 0, "e2fsck finds nothing", fsck.stdout)


def is_whole(node, work):
    node.ask("apply", manifest(work, "whole", ["dd", "if=/filler", "of=/dev/null"], image="demo/big", restartPolicy="Never"))
    pod = node.pod("whole", "failed", "succeeded")
    node.ask("delete", "whole")
    within(30, lambda: node.json("pods") == [])
    return pod and pod["state"] == "succeeded"


def extract(work, data):
    """The data partition, as it is on the disk by now."""
    part = work / "data.part"
    part.write_bytes(data.read_bytes()[ni.MIB:])
    return str(part)


def changed_byte(node, work):
    ok(node.meet(), "with a byte of a layer changed it boots", node.machine.text)
    node.ask("apply", manifest(work, "read", ["cat", "/etc/passwd"], restartPolicy="Never"))
    pod = node.pod("read", "failed", "succeeded")
    log = node.ask("logs", "read/main").stdout
    ok(pod and pod["state"] == "failed" and "evil" not in log, "the byte is not read", (pod, log))
    ok("I/O error" in log or "Input/output" in log, "but an I/O error", (log, node.machine.text))
    node.machine.kill()


def change(data):
    at = data.read_bytes().find(b"root:x:0:0:a marker of its own")
    with open(data, "r+b") as f:
        f.seek(at)
        f.write(b"evil")
    return at > 0


def main():
    kernel = ni.kernel()
    missing = ni.missing(kernel) or next((f"{p} is missing" for p in ["busybox", "openssl"] if not shutil.which(p)), None)
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="yagura-pods-") as name:
        work = pathlib.Path(name)
        ni.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", str(work / "operator.key"),
               "-out", str(work / "operator.pem"), "-subj", "/CN=operator", "-days", "3650")
        container_image(work)
        image = ni.Image(work / "image", init, {
            "version": 1, "name": "demo", "release": "1.0", "hostname": "tower", "network": [{"interface": "eth0", "dhcp": True}],
            "agent": {"tcp": 7443, "clients": [(work / "operator.pem").read_text()]}},
            {"/usr/bin/yagura-agent": agent, "/usr/bin/yagura-run": runtime,
             "/etc/yagura/run.d/00-node.conf": b"strict.capabilities = CHOWN NET_BIND_SERVICE\n"})
        data = ni.data_disk(work / "data.img", 128 * ni.MIB)
        node = Node(work, image, kernel, data)
        try:
            if first_boot(node, image, work):
                reboot(node)
                node = Node(work, image, kernel, data)
                second_boot(node)
                cuts(image, work, kernel, data)
                ok(change(data), "the layer lies on the data partition")
                node = Node(work, image, kernel, data)
                changed_byte(node, work)
        finally:
            node.machine.kill()
    return tap.end()


sys.exit(main())
