#!/usr/bin/env python3
"""A node in QEMU with its agent: an image is brought by TLS, a pod runs, its port is open and no other; all of it is there after
a reboot; what a pod may write on disk ends where its limits end; a byte changed on disk is an I/O error.

usage: node-pods.py YAGURA YAGURA_INIT YAGURA_AGENT YAGURA_RUN
"""
import pathlib
import re
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node_image as ni  # noqa: E402
from node_operator import Node, container_image, manifest, node_image, unable, within  # noqa: E402
from tap import Tap  # noqa: E402

yagura, init, agent, runtime = sys.argv[1:5]
tap = Tap()
ok = tap.ok


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
    body = within(lambda: node.fetch(8088))
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
    audit = within(lambda: [line for line in node.ask("logs", "audit.log").stdout.splitlines() if "/proc/vmallocinfo" in line])
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
    body = within(lambda: node.fetch(8088))
    ok(body and b"a marker of its own" in body, "and answers", body)
    node.ask("delete", "web")
    node.ask("delete", "write")
    ok(within(lambda: node.json("pods") == []), "deleted pods are gone", node.json("pods"))
    node.ask("power-off")
    ok(node.machine.wait(90) and "going down to power off" in node.machine.text, "the power is off: the machine has ended", node.machine.text)
    node.machine.kill()


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
    missing = unable(kernel)
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="yagura-pods-") as name:
        work = pathlib.Path(name)
        container_image(work)
        image = node_image(work, init, agent, runtime)
        data = ni.data_disk(work / "data.img", 128 * ni.MIB)
        node = Node(yagura, work, image, kernel, data)
        try:
            if first_boot(node, image, work):
                reboot(node)
                node = Node(yagura, work, image, kernel, data)
                second_boot(node)
                ok(change(data), "the layer lies on the data partition")
                node = Node(yagura, work, image, kernel, data)
                changed_byte(node, work)
        finally:
            node.machine.kill()
    return tap.end()


sys.exit(main())
