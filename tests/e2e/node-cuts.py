#!/usr/bin/env python3
"""Fifty power cuts of a node, at moments chosen by chance: while it boots for the first time, and while an image comes in and settings
are written. It boots every time, settings are what was acknowledged last or what was on its way, an image is whole or not there,
and no part of anything stays.

usage: node-cuts.py YAGURA YAGURA_INIT YAGURA_AGENT YAGURA_RUN
"""
import hashlib
import json
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node_image as ni  # noqa: E402
from node_operator import Node, container_image, node_image, unable  # noqa: E402
from tap import Tap  # noqa: E402

yagura, init, agent, runtime = sys.argv[1:5]
CUTS, DISKS = 50, 15  # of which two on each new disk are of its first boot
ROWS = 64
tap = Tap()
ok = tap.ok
chance = random.Random(20261201)


def came_up(m):
    """A machine that boots has nothing to complain of."""
    found = m.expect("data made", "data ok", "data partition is damaged", "cannot run", "Kernel panic")
    return found if found in ("data made", "data ok") else None


def time_to_data(image, work, kernel):
    """Seconds from the first process to the mounted new partition, here and now."""
    m = ni.Machine(ni.qemu(kernel, image.line(), image.disk, ni.data_disk(work / "first.img")))
    m.expect("starts after")
    begun = time.monotonic()
    came_up(m)
    m.kill()
    return time.monotonic() - begun


def first_boots(image, work, kernel):
    """Cut while the partition is made and after; what the second cut left, a third boot finds."""
    bad, seen, seconds = [], [], time_to_data(image, work, kernel)
    for i in range(DISKS):
        disk = ni.data_disk(work / "first.img")
        for cut in range(2):
            m = ni.Machine(ni.qemu(kernel, image.line(), image.disk, disk))
            begun = m.expect("starts after")
            time.sleep(chance.uniform(0, 1.4 * seconds))  # both before it every other time
            m.kill()
            if not begun or re.search("Kernel panic|cannot run|damaged", m.text):
                bad.append((i, cut, m.text))
        m = ni.Machine(ni.qemu(kernel, image.line(), image.disk, disk))
        found = came_up(m)
        m.kill()
        seen.append(found)
        if not found:
            bad.append((i, "after", m.text))
    ok(not bad, f"{2 * DISKS} power cuts, two on each of {DISKS} empty disks: it boots, and has its data", bad[:2])
    # Otherwise the moments would have to be chosen anew.
    ok({"data made", "data ok"} <= set(seen), "some before the data partition was made, some after", seen)


class Writer(threading.Thread):
    """Somebody who changes the settings as fast as the node answers: each time all rows have the same number."""

    def __init__(self, node, value):
        super().__init__()
        self.node, self.acknowledged, self.sent, self.ending = node, value, value, False

    def run(self):
        while not self.ending:
            self.sent += 1
            path = self.node.work / "settings.json"
            path.write_text(json.dumps({"version": 1, "hosts": [
                {"name": f"n{i}", "address": f"10.{self.sent >> 8}.{self.sent & 255}.{i + 1}"} for i in range(ROWS)]}))
            if self.node.ask("settings", path).returncode != 0:
                break
            self.acknowledged = self.sent


def number(settings):
    """That of its rows; None when they do not have the same."""
    found = {tuple(row["address"].split(".")[1:3]) for row in settings.get("hosts", [])}
    if len(settings.get("hosts", [])) != ROWS or len(found) != 1:
        return None
    high, low = found.pop()
    return int(high) << 8 | int(low)


class Disk:
    """What is on the data partition when nothing runs: after the journal was replayed, on a copy."""

    def __init__(self, work, data):
        self.part = work / "data.part"
        with open(data, "rb") as f:
            f.seek(ni.MIB)
            self.part.write_bytes(f.read(data.stat().st_size - 2 * ni.MIB))
        replayed = subprocess.run(["e2fsck", "-p", self.part], capture_output=True, text=True)
        fsck = subprocess.run(["e2fsck", "-fn", self.part], capture_output=True, text=True)
        self.sound = replayed.returncode <= 1 and fsck.returncode == 0
        self.said = replayed.stdout + fsck.stdout
        self.layers = {name: self.digest(f"/images/layers/{name}") for name in self.names("/images/layers")}
        self.parts = [name for d in ("/agent", "/agent/pods", "/settings", "/images/records") for name in self.names(d) if ".tmp-" in name]
        self.records = {json.loads(self.read(f"/images/records/{name}"))["name"] for name in self.names("/images/records")
                        if name.endswith(".json")}

    def debugfs(self, command):
        return subprocess.run(["debugfs", "-R", command, self.part], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout

    def names(self, directory):
        return [n.decode() for n in re.findall(rb"^ *\d+ +100\d+ .* (\S+)$", self.debugfs(f"ls -l {directory}"), re.M)]

    def read(self, path):
        return self.debugfs(f"cat {path}")

    def digest(self, path):
        return hashlib.sha256(self.read(path)).hexdigest()


def known(node, work, data):
    """Both images brought without a cut: the layers as they have to be, and how long the second took."""
    for name, archive in (("demo/box", work), ("demo/big", work / "big")):
        begun = time.monotonic()
        p = node.ask("import", "--name", name, archive / "image.tar")
        ok(p.returncode == 0, f"{name} is brought", p.stderr)
    seconds = time.monotonic() - begun
    node.machine.kill()
    disk = Disk(work, data)
    ok(disk.sound and disk.records == {"demo/box", "demo/big"} and len(disk.layers) == 2, "what was acknowledged is on the disk, at once",
       (disk.said, disk.records, disk.layers))
    return disk, seconds


def busy(image, work, kernel):
    """Cut while an image comes in and settings are written, both at once."""
    chance_bytes = chance.randbytes(6 * ni.MIB)
    container_image(work)
    container_image(work / "big", marker="another", filler=chance_bytes)
    data = ni.data_disk(work / "data.img", 64 * ni.MIB)
    node = Node(yagura, work, image, kernel, data)
    if not ok(node.meet(), "the agent answers", node.machine.text):
        return
    whole, seconds = known(node, work, data)
    disk = whole
    bad, images, writes, writer = [], [], 0, None
    for i in range(CUTS - 2 * DISKS + 1):
        node = Node(yagura, work, image, kernel, data)
        there = node.meet() and {r["name"] for r in node.json("images")}
        images.append("demo/big" in (there or ()))
        settings = node.json("settings") or {}
        if not there or there != disk.records or not came_up(node.machine):
            bad.append((i, there, disk.records, node.machine.text))
        if writer and not (number(settings) is not None and writer.acknowledged <= number(settings) <= writer.sent):
            bad.append((i, settings, writer.acknowledged, writer.sent))
        if bad or i == CUTS - 2 * DISKS:
            break
        if images[-1]:
            node.ask("remove-image", "demo/big")
        upload = node.start("import", "--name", "demo/big", work / "big/image.tar")
        writer = Writer(node, number(settings) or 0)
        first = writer.acknowledged
        writer.start()
        time.sleep(chance.uniform(0.1, 2 * seconds))  # about half of them before its end, on a busy machine too
        node.machine.kill()
        writer.ending = True
        upload.kill()
        upload.wait()
        writer.join()
        writes += writer.acknowledged - first
        disk = Disk(work, data)
        wrong = {n: d for n, d in disk.layers.items() if whole.layers.get(n) != d}
        if (not disk.sound or "demo/box" not in disk.records or len(disk.records) > len(disk.layers) or
                ("demo/big" in disk.records and wrong)):
            bad.append((i, disk.said, disk.records, disk.layers, whole.layers))
    ok(not bad, f"{CUTS - 2 * DISKS} while an image comes in and settings are written: whole or not there, old or new", bad)
    ok(writes > 2 and True in images[1:] and False in images, "some were in time, some were not", (writes, images))
    node.ask("reboot")
    ok(node.machine.wait(90), "after the last it goes down in order", node.machine.text)
    node.machine.kill()
    disk = Disk(work, data)
    ok(disk.sound and len(disk.layers) == len(disk.records) and not disk.parts, "and no part of anything stays",
       (disk.said, disk.layers, disk.records, disk.parts))


def main():
    kernel = ni.kernel()
    missing = unable(kernel) or (None if shutil.which("debugfs", path="/usr/sbin:/sbin:/usr/bin") else "debugfs is missing")
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="yagura-cuts-") as name:
        work = pathlib.Path(name)
        image = node_image(work, init, agent, runtime)
        first_boots(image, work, kernel)
        busy(image, work, kernel)
    return tap.end()


sys.exit(main())
