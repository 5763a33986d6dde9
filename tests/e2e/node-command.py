#!/usr/bin/env python3
"""`yagura node boot`: what is vouched for boots, with a data disk that is kept and a port passed on; nothing else does.

usage: node-command.py YAGURA YAGURA_INIT NODE_PROBE
"""
import hashlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node_image as ni  # noqa: E402
from tap import Tap  # noqa: E402

YAGURA, INIT, PROBE = sys.argv[1:4]
SPEC = {"version": 1, "name": "demo", "release": "1.0", "network": [{"interface": "eth0", "dhcp": True}],
        "firewall": [{"proto": "tcp", "port": 1111, "from": "0.0.0.0/0"}]}
tap = Tap()
ok = tap.ok


def about(path):
    data = path.read_bytes()
    return {"digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)}


def make(work, kernel):
    image = ni.Image(work / "image", INIT, SPEC, {"/usr/bin/yagura-agent": PROBE})
    shutil.copy(kernel, work / "image/kernel")
    ni.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", str(work / "key"))
    ni.run("openssl", "pkey", "-in", str(work / "key"), "-pubout", "-out", str(work / "key.pub"))
    root = about(image.img)
    manifest = {
        "version": 1, "name": "demo", "release": "1.0", "epoch": 1,
        "kernel": {**about(work / "image/kernel"), "sealed": False}, "command_line": image.line(),
        "root": {"hash": "sha256:" + image.hash, "image": root["digest"], "size": root["size"]},
    }
    (work / "image/manifest.json").write_text(json.dumps(manifest))
    sign(work)
    return image


def sign(work):
    ni.run("openssl", "pkeyutl", "-sign", "-rawin", "-inkey", str(work / "key"), "-in", str(work / "image/manifest.json"),
           "-out", str(work / "image/manifest.sig"))


def command(work, *more, key="key.pub", where="image"):
    return [YAGURA, "node", "boot", "--accel", "tcg", "--key", str(work / key), *more, str(work / where)]


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def greets(port):
    for _ in range(20):
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as s:
                if s.recv(64) == b"yagura\n":
                    return True
        except OSError:
            pass
        time.sleep(0.5)
    return False


def boots(work):
    disk, port = work / "kept.img", free_port()
    more = ["--data-disk", str(disk), "--data-size", "64MiB", "--forward", f"{port}:1111"]
    m = ni.Machine(command(work, *more))
    ok(m.expect("agent: T done") and "data partition /dev/vdb is made" in m.text, "it boots, and makes the data disk", m.text)
    ok(greets(port), "a port is passed on")
    m.kill()
    m = ni.Machine(command(work, *more))
    ok(m.expect("agent: T done") and "T kept 2" in m.text, "what is on the data disk is there again", m.text)
    m.kill()


def refused(work, name, change, text, **more):
    """A copy of the image that was changed."""
    other = work / "other"
    shutil.rmtree(other, ignore_errors=True)
    other.mkdir()
    for part in ("kernel", "manifest.json", "manifest.sig"):
        shutil.copy(work / "image" / part, other / part)
    os.link(work / "image/disk.img", other / "disk.img")
    change(other)
    r = subprocess.run(command(work, where="other", **more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       stdin=subprocess.DEVNULL, timeout=60)
    ok(r.returncode == 3 and text in r.stdout and r.stdout.count("\n") == 1, f"{name}: refused", f"{r.returncode} {r.stdout}")


def flip(part, at):
    def change(directory):
        data = bytearray((directory / part).read_bytes())
        data[at] ^= 1
        (directory / part).write_bytes(data)
    return change


def own_key(work):
    """Without --key it is the user's own that counts."""
    config = work / "home/.config/yagura"

    def boot():
        return subprocess.run([YAGURA, "node", "boot", str(work / "image")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              env={**os.environ, "HOME": str(work / "home"), "XDG_CONFIG_HOME": ""})
    r = boot()
    ok(r.returncode == 3 and "--key" in r.stdout, "no key given, and none of one's own", r.stdout)
    config.mkdir(parents=True, exist_ok=True)
    shutil.copy(work / "other.key", config / "node.key")
    r = boot()
    ok(r.returncode == 3 and "not signed by this key" in r.stdout, "one's own key, which has not signed it", r.stdout)


def main():
    kernel = ni.kernel()
    missing = ni.missing(kernel) or (None if shutil.which("openssl") else "openssl is missing")
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="yagura-node-") as name:
        work = pathlib.Path(name)
        make(work, kernel)
        ni.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", str(work / "other.key"))
        ni.run("openssl", "pkey", "-in", str(work / "other.key"), "-pubout", "-out", str(work / "other.pub"))
        refused(work, "a bit of the manifest", flip("manifest.json", 20), "not signed by this key")
        refused(work, "a bit of the signature", flip("manifest.sig", 5), "not signed by this key")
        refused(work, "a bit of the kernel", flip("kernel", 100000), "not the one that the manifest vouches for")
        refused(work, "another key", lambda d: None, "not signed by this key", key="other.pub")
        refused(work, "no signature", lambda d: (d / "manifest.sig").unlink(), "manifest.sig")
        refused(work, "a signature that is cut short", lambda d: os.truncate(d / "manifest.sig", 63), "not signed by this key")
        refused(work, "no key file", lambda d: None, "nothing.pub", key="nothing.pub")
        own_key(work)
        boots(work)
    return tap.end()


sys.exit(main())
