#!/usr/bin/env python3
"""A node whose data partition is not as it should be: it boots, it says so, and it has its network.

usage: node-faults.py YAGURA YAGURA_INIT YAGURA_AGENT YAGURA_RUN NODE_PROBE
"""
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node_image as ni  # noqa: E402
from node_operator import Node, container_image, manifest, node_image, unable  # noqa: E402
from tap import Tap  # noqa: E402

YAGURA, INIT, AGENT, RUN, PROBE = sys.argv[1:6]

SPEC = {"version": 1, "name": "demo", "release": "1.0", "network": [{"interface": "eth0", "dhcp": True}]}
tap = Tap()
ok = tap.ok


def partition(disk):
    return ni.MIB, disk.stat().st_size - 2 * ni.MIB


def fill(disk):
    """Nearly all of the file system is one file."""
    part = disk.with_suffix(".part")
    start, size = partition(disk)
    with open(disk, "rb") as f:
        f.seek(start)
        part.write_bytes(f.read(size))
    free = None
    for line in ni.run("dumpe2fs", "-h", str(part)).splitlines():
        if line.startswith("Free blocks:"):
            free = int(line.split()[-1])
    big = disk.with_suffix(".big")
    with open(big, "wb") as f:
        f.write(b"x" * (free - 3) * 4096)
    subprocess.run(["debugfs", "-w", "-R", f"write {big} big", str(part)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    with open(disk, "r+b") as f:
        f.seek(start)
        f.write(part.read_bytes())
    part.unlink()
    big.unlink()


def poke(offset, data):
    def change(disk):
        with open(disk, "r+b") as f:
            f.seek(ni.MIB + offset)
            f.write(data)
    return change


def error_flag(disk):
    """As the kernel leaves it after an error; debugfs keeps the checksum right."""
    part = disk.with_suffix(".part")
    start, size = partition(disk)
    with open(disk, "rb") as f:
        f.seek(start)
        part.write_bytes(f.read(size))
    subprocess.run(["debugfs", "-w", "-R", "ssv state 3", str(part)], check=True, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    with open(disk, "r+b") as f:
        f.seek(start)
        f.write(part.read_bytes())
    part.unlink()


def boot(image, kernel, data, until=("agent: T done", "eth0 has"), **more):
    m = ni.Machine(ni.qemu(kernel, image.line(), image.disk, data, **more))
    for text in until:
        m.expect(text)
    return m


def states(image, kernel, work):
    def made(disk):
        m = boot(image, kernel, disk)
        time.sleep(1)
        m.kill()
        # A journal that has to be replayed, as after a power cut: what follows is about the rest.
        start, size = partition(disk)
        part = disk.with_suffix(".part")
        with open(disk, "rb") as f:
            f.seek(start)
            part.write_bytes(f.read(size))
        subprocess.run(["e2fsck", "-fp", str(part)], stdout=subprocess.DEVNULL, check=False)
        with open(disk, "r+b") as f:
            f.seek(start)
            f.write(part.read_bytes())
        part.unlink()

    sound = ni.data_disk(work / "sound.img")
    made(sound)
    rows = [
        ("full", fill, "data partition /dev/vdb1 is full", True),
        ("a changed superblock", poke(1024 + 0x70, b"xx"), "damaged", False),
        ("garbage at its head", poke(0, os.urandom(65536)), "damaged", False),
        ("its head overwritten with zeroes", poke(0, bytes(4096)), "damaged", False),
        ("marked with errors by the kernel", error_flag, "damaged", False),
    ]
    for name, change, word, kept in rows:
        disk = work / "state.img"
        disk.write_bytes(sound.read_bytes())
        change(disk)
        before = disk.read_bytes()
        m = boot(image, kernel, disk)
        m.kill()
        ok("yagura-init: the data partition" in m.text and word in m.text, f"{name}: said on the console", m.text)
        ok('"state": "' + (word if word == "damaged" else "full") in m.text, f"{name}: said to the agent", m.text)
        ok("agent: T done" in m.text and "eth0 has 10.0.2.15" in m.text, f"{name}: it boots and has its network", m.text)
        if not kept:
            ok(disk.read_bytes() == before, f"{name}: nothing is written to it", m.text)
    for name, disk, word in [("missing", None, "missing"),
                             ("too small", ni.data_disk(work / "small.img", size=10 * ni.MIB), "too small"),
                             ("another name", ni.data_disk(work / "name.img", name="other"), "missing")]:
        m = boot(image, kernel, disk)
        m.kill()
        ok(f"the data partition is {word}" in m.text and "agent: T done" in m.text and "eth0 has" in m.text,
           f"{name}: said, and it boots and has its network", m.text)
    for name, change in (("a larger disk", None), ("the same, the writing of its table cut short before", entries_in_between)):
        grown = work / "grown.img"
        grown.write_bytes(sound.read_bytes())
        os.truncate(grown, 256 * ni.MIB)
        if change:
            change(grown)
        m = boot(image, kernel, grown)
        m.kill()
        ok("now reaches to its end" in m.text and "has been grown" in m.text and "is ok" in m.text,
           f"{name}: its partition and the file system are grown", m.text)
        said = ni.run("sfdisk", "--verify", str(grown)) + ni.run("sfdisk", "--dump", str(grown))
        ok("No errors" in said and "size=      520192" in said and "entries" not in said, f"{name}: sfdisk finds the table sound", said)
    m = boot(image, kernel, grown)
    m.kill()
    ok("is ok" in m.text and "reaches" not in m.text and "grown" not in m.text, "at the next boot there is nothing to grow", m.text)


def entries_in_between(disk):
    """As src/node/gpt.c leaves a table whose replacement was cut: the entries lie behind the first copy."""
    with open(disk, "r+b") as f:
        head = bytearray(f.read(34 * 512))
        header = head[512:512 + 92]
        header[72:80] = (34).to_bytes(8, "little")
        header[16:20] = bytes(4)
        header[16:20] = zlib.crc32(header).to_bytes(4, "little")
        f.seek(512)
        f.write(header)
        f.seek(2 * 512)
        f.write(bytes(32 * 512))
        f.seek(34 * 512)
        f.write(head[2 * 512:])


def agent(kernel, work):
    """With its agent: the state is in the status, and what needs no data that is kept goes on."""
    container_image(work)
    image = node_image(work, INIT, AGENT, RUN)
    damaged = ni.data_disk(work / "damaged.img")
    poke(0, b"not of ours" * 1000)(damaged)
    before = damaged.read_bytes()
    for state, disk in (("missing", None), ("damaged", damaged)):
        node = Node(YAGURA, work, image, kernel, disk)
        try:
            status = node.meet() or {}
            ok(status.get("init", {}).get("data", {}).get("state") == state, f"{state}: the agent says so", (status, node.machine.text))
            p = node.ask("import", "--name", "demo/box", work / "image.tar")
            node.ask("apply", manifest(work, "short", ["echo", "it", "runs"], restartPolicy="Never"))
            pod = node.pod("short", "succeeded", "failed")
            ok(pod and pod["state"] == "succeeded" and "it runs" in node.ask("logs", "short/main").stdout,
               f"{state}: a pod runs", (p.stderr, pod, node.machine.text))
            p = node.ask("reboot")
            down = node.machine.wait(90) and node.machine.text.partition("going down to reboot")[2]
            ok(p.returncode == 0 and down and "again" not in down, f"{state}: it reboots, and starts nothing again on the way",
               (p.stderr, node.machine.text))
            ok("service agent ended (status 0)" in (down or ""), f"{state}: the agent ended in order", node.machine.text)
        finally:
            node.machine.kill()
    ok(damaged.read_bytes() == before, "nothing is written to the damaged one")


def main():
    kernel = ni.kernel()
    missing = unable(kernel)
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="yagura-node-") as name:
        work = pathlib.Path(name)
        states(ni.Image(work / "image", INIT, SPEC, {"/usr/bin/yagura-agent": PROBE}), kernel, work)
        agent(kernel, work)
    return tap.end()


sys.exit(main())
