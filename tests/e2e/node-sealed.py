#!/usr/bin/env python3
"""A sealed node: its kernel carries the command line and a policy with the root's hash. What is appended is not looked at, what the
root does not vouch for is not executed, wherever it lies; a changed bit is a panic whatever the command line says, and so is another
image that is whole, and an initramfs. Packages of the specification are on its root.

usage: node-sealed.py YAGURA NODE_PROBE
"""
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node_image as ni  # noqa: E402
from tap import Tap  # noqa: E402

YAGURA, PROBE = map(os.path.abspath, sys.argv[1:3])
SPEC = f"""version: 1
name: sealed
release: "1.0"
kernel: {{ sealed: true }}
packages: [ netbase ]
files: [ {{ path: /usr/bin/node-probe, source: {PROBE}, mode: "0755" }} ]
services: [ {{ name: user, command: [/usr/bin/node-probe, user], user: 1000, memory: 32Mi, pids: 16 }} ]
"""
HOSTILE = "root=/dev/vda rootfstype=ext4 ipe.enforce=0 init=/usr/bin/node-probe lockdown=none ignore_corruption"
PANIC = "Kernel panic - not syncing"
tap = Tap()
ok = tap.ok


def machine(out, disk, append, *more):
    return ni.Machine(["qemu-system-x86_64", "-M", "q35", "-accel", "tcg", "-cpu", "max", "-m", "256", "-nodefaults", "-no-user-config",
                       "-no-reboot", "-display", "none", "-monitor", "none", "-serial", "stdio", "-kernel", str(out / "kernel"),
                       "-append", append, "-drive", f"id=root,file={disk},format=raw,if=none,readonly=on",
                       "-device", "virtio-blk-pci,drive=root", "-device", "virtio-rng-pci", *more])


def build(work):
    (work / "spec.yaml").write_text(SPEC)
    ni.run("openssl", "genpkey", "-algorithm", "ed25519", "-out", str(work / "key"))
    cache = os.environ.get("YAGURA_CACHE") or os.path.expanduser("~/.cache/yagura")
    p = subprocess.run([YAGURA, "-q", "node", "build", "spec.yaml", "-o", "out", "--key", "key"], cwd=work, capture_output=True, text=True,
                       env=dict(os.environ, YAGURA_CACHE=cache, YAGURA_DATA=str(work / "data")))
    ok(p.returncode == 0, "it is built", p.stderr)
    return p.returncode == 0


def boots(out, manifest):
    m = machine(out, out / "disk.img", HOSTILE)
    m.expect("user: T done", timeout=200)
    m.kill()
    text = m.text.replace("\r", "")
    ok("yagura-init: sealed 1.0 runs after" in text and f"root {manifest['root']['hash'][7:23]}" in text,
       "it boots from the root that it knows; what is appended is not looked at", text)
    ok("IPE enforces" in text, "its policy is in force", text)
    for name, what in (("exec-memfd", "a program in memory is not executed"), ("map-exec", "memory that is written is not executed"),
                       ("map-exec-file", "a file in memory is not mapped to be executed")):
        ok(f"user: T {name} EACCES" in text, what, text)


def changed(out, manifest):
    disk = out / "disk.img"
    at = disk.read_bytes().index((out / "root.img").read_bytes()[1024:1024 + 64])
    with open(disk, "r+b") as f:
        f.seek(at + 40)
        byte = f.read(1)[0]
        f.seek(at + 40)
        f.write(bytes([byte ^ 1]))
    m = machine(out, disk, HOSTILE)
    found = m.expect("Kernel panic - not syncing", "runs after", timeout=200)
    m.kill()
    ok(found == "Kernel panic - not syncing", "a changed bit of the root is a panic, though the command line says to ignore it", m.text)


def panics(name, m):
    found = m.expect(PANIC, "runs after", timeout=200)
    m.kill()
    ok(found == PANIC and "T user" not in m.text, name, m.text)


def another(work, out, manifest):
    """An image that is as good as the right one, but not it: under its own partition's name, and under the right one's."""
    init = work / "init"
    shutil.copy(PROBE, init)
    other = ni.Image(work / "other", init, {"version": 1, "name": "other", "release": "6.6.6"})
    panics("another valid image under its own name is not started", machine(out, other.disk, other.line() + " " + HOSTILE))
    disk = out / "disk.img"
    at = disk.read_bytes().index((out / "root.img").read_bytes()[1024:1024 + 64]) - 1024
    whole = disk.read_bytes()
    disk.write_bytes(whole[:at] + other.img.read_bytes() + whole[at + other.img.stat().st_size:])
    panics("nor under the name of the right one", machine(out, disk, other.line() + " " + HOSTILE))
    disk.write_bytes(whole)


def newc(*entries):
    """An initramfs (Documentation/driver-api/early-userspace/buffer-format.rst)."""
    data = b""
    for i, (name, mode, body) in enumerate((*entries, ("TRAILER!!!", 0, b"")), 1):
        fields = (i, mode, 0, 0, 1, 0, len(body), 0, 0, 0, 0, len(name) + 1, 0)
        head = b"070701" + b"".join(b"%08x" % n for n in fields) + name.encode() + b"\0"
        data += head + bytes(-len(head) % 4) + body + bytes(-len(body) % 4)
    return data


def initramfs(work, out):
    """The kernel unpacks it before it looks for a root, and would run its /init."""
    archive = work / "initramfs"
    program = pathlib.Path(PROBE).read_bytes()
    archive.write_bytes(newc(("dev", 0o40755, b""), ("init", 0o100755, program), ("sbin", 0o40755, b""), ("sbin/yagura-init", 0o100755, program)))
    m = machine(out, out / "disk.img", HOSTILE + " rdinit=/init", "-initrd", str(archive))
    panics("a hostile initramfs is not executed", m)
    ok('path="/init" dev="rootfs"' in m.text and "DENY" in m.text or "Failed to execute /init" in m.text, "the kernel says why", m.text)


def main():
    kernel = ni.kernel()
    missing = ni.missing(kernel) or (None if os.path.exists("/usr/src/linux-source-6.12.tar.xz") else "no linux-source-6.12 here")
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="yagura-sealed-") as name:
        work = pathlib.Path(name)
        if build(work):
            out = work / "out"
            manifest = json.loads((out / "manifest.json").read_text())
            files = json.loads((out / "provenance.json").read_text())["files"]
            of_package = [f for f in files if f["path"] == "/etc/protocols" and f["from"]["name"] == "netbase"]
            ok(of_package, "a package's files are on the root, with their origin", [f["path"] for f in files])
            ok('CONFIG_IPE_BOOT_POLICY="ipe.pol"' in (out / "config").read_text(), "the configuration names no path of this machine")
            ok(manifest["kernel"]["sealed"], "the manifest says that the kernel is sealed", manifest)
            boots(out, manifest)
            another(work, out, manifest)
            initramfs(work, out)
            changed(out, manifest)
    return tap.end()


sys.exit(main())
