#!/usr/bin/env python3
"""Hostile programs in containers: that each limit holds is read from the kernel's counters, and a neighbour's work goes on.

usage: tests/e2e/attacks.py YAGURA_RUN ATTACKER        prints TAP; needs root, loop devices, veth

Everything happens in a network namespace, groups and a folder of the test's own. Figures go to standard output as comments:
"# ATTACK: what the kernel counted".
"""
import ctypes
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402
from run_bundle import wait_for  # noqa: E402
from tap import PATIENCE  # noqa: E402

MIB = 1 << 20
MEMORY = 64 * MIB
PIDS = 64
UNITS = 20  # of the neighbour's work that must be done while an attack goes on
ATTACKER = pathlib.Path(sys.argv[2]).resolve() if len(sys.argv) > 2 else None
CLONE_NEWNET = 0x40000000


class Attack:
    """One container under attack; its counters."""

    def __init__(self, rt, name, *way, annotations=None, change=None, memory=MEMORY):
        name = name.replace(" ", "-")
        self.rt, self.name = rt, name
        self.out = rt.place / f"{name}.out"

        def shape(config):
            config["linux"]["resources"] = {"memory": {"limit": memory}, "pids": {"limit": PIDS}}
            config["annotations"] = dict(annotations or {})
            config["root"]["readonly"] = not any(k.startswith("yagura.disk") for k in config["annotations"])
            config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/tmp"] + [
                {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev"]}]
            if change:
                change(config)
        rt.args("attacker", *way, cgroup=name, change=shape)
        with open(self.out, "w") as out, open(self.out.with_suffix(".err"), "w+") as err:
            result = subprocess.run(rt.argv("create", name), stdin=subprocess.DEVNULL, stdout=out, stderr=err,
                                    cwd=rt.bundle, timeout=PATIENCE)
        if result.returncode:
            raise AssertionError(f"create {name}: {self.out.with_suffix('.err').read_text()}")
        self.pid = json.loads(rt.call("state", name, check=True).stdout)["pid"]

    def start(self):
        self.rt.call("start", self.name, check=True)
        return self

    def knob(self, v1, v2, default=None):
        """A file of its group: "memory/memory.failcnt" on v1, "memory.events" on v2."""
        controller, file = v1.split("/")
        for path in (run_bundle.CGROUPS / controller / self.rt.group / self.name / file,
                     run_bundle.CGROUPS / self.rt.group / self.name / v2):
            if path.exists():
                return path.read_text()
        if default is None:
            raise AssertionError(f"neither {v1} nor {v2}")
        return default

    def keyed(self, v1, v2, key):
        for line in self.knob(v1, v2).splitlines():
            words = line.split()
            if words[0] == key:
                return int(words[1])
        return 0

    def memory_peak(self):
        return int(self.knob("memory/memory.max_usage_in_bytes", "memory.peak"))

    def ooms(self):
        return self.keyed("memory/memory.oom_control", "memory.events", "oom_kill")

    def said(self, what):
        """The number behind a word of its output."""
        for line in self.out.read_text().splitlines():
            words = line.split()
            if words and words[0] == what:
                return int(words[1])
        return None

    def verified(self):
        result = self.rt.call("verify", "--format", "json", self.name)
        return result.returncode == 0, result.stdout + result.stderr

    def device(self):
        rows = json.loads(self.rt.call("verify", "--format", "json", self.name).stdout)["limits"]
        where = next(row["where"] for row in rows if row["limit"] == "disk.size")
        return where.split()[-1]

    def written(self):
        """(requests, bytes) that reached its device."""
        fields = pathlib.Path(f"/sys/dev/block/{self.device_number}/stat").read_text().split()
        return int(fields[4]), int(fields[6]) * 512


class Neighbour:
    def __init__(self, rt):
        self.attack = Attack(rt, "neighbour", "work", "/tmp/x").start()
        wait_for(self.units)

    def units(self):
        lines = self.attack.out.read_text().split()
        return int(lines[-1]) if lines else 0

    def goes_on(self, tap, name):
        before = self.units()
        done = wait_for(lambda: self.units() >= before + UNITS)
        tap.ok(done, f"{name}: the neighbour does {UNITS} more units of work",
               f"{self.units() - before} units; {self.attack.rt.call('state', 'neighbour').stdout}")


def finish(tap, rt, neighbour, attack, name, figure):
    print(f"# {name}: {figure}")
    neighbour.goes_on(tap, name)
    rt.call("delete", "--force", attack.name, check=True)


def fork_bomb(tap, rt, neighbour):
    # What the kernel made for a process that it then refuses is charged until RCU gives it back: at so many a second tens of
    # megabytes, of which 64 ended the container now and then.
    a = Attack(rt, "fork", "fork", memory=16 * MEMORY).start()
    hit = wait_for(lambda: a.keyed("pids/pids.events", "pids.events", "max"))
    tap.ok(hit, "fork bomb: the kernel refused processes", a.knob("pids/pids.events", "pids.events"))
    now = int(a.knob("pids/pids.current", "pids.current"))
    tap.ok(now <= PIDS, "fork bomb: no more processes than the limit", now)
    tap.ok(*((a.verified()[0], "fork bomb: verify", a.verified()[1])))
    finish(tap, rt, neighbour, a, "fork bomb", f"{now} of {PIDS} processes, refused so far: {hit}")


def memory(tap, rt, neighbour, name, *way, annotations=None):
    """Ends in the OOM killer, of this group alone, at the limit."""
    a = Attack(rt, name, *way, annotations=annotations).start()
    hit = wait_for(a.ooms)
    tap.ok(hit, f"{name}: out of memory in its own group", a.knob("memory/memory.oom_control", "memory.events"))
    peak = a.memory_peak()
    tap.ok(peak <= MEMORY, f"{name}: no more memory than the limit", peak)
    finish(tap, rt, neighbour, a, name, f"{peak} of {MEMORY} bytes at most")


def heap(tap, rt, neighbour):
    memory(tap, rt, neighbour, "heap", "heap")


def memfd(tap, rt, neighbour):
    memory(tap, rt, neighbour, "memfd", "memfd")


def tmpfs_is_memory(tap, rt, neighbour):
    """A tmpfs as large as the memory limit: what is written to it is the container's memory."""
    memory(tap, rt, neighbour, "tmpfs-memory", "fill", "/tmp/x")


def bounded_tmpfs(tap, rt, neighbour, name, path, key):
    a = Attack(rt, name, "fill", path, annotations={key: "8Mi"}).start()
    wrote = wait_for(lambda: a.said("wrote"))
    tap.ok(wrote is not None and 0 < wrote <= 8 * MIB, f"{name}: full at its size", wrote)
    tap.equal(a.ooms(), 0, f"{name}: nobody was killed for it")
    tap.ok(*((a.verified()[0], f"{name}: verify", a.verified()[1])))
    finish(tap, rt, neighbour, a, name, f"{wrote} of {8 * MIB} bytes")


def tmpfs(tap, rt, neighbour):
    bounded_tmpfs(tap, rt, neighbour, "tmpfs", "/tmp/x", "yagura.tmpfs.size")


def shm(tap, rt, neighbour):
    bounded_tmpfs(tap, rt, neighbour, "shm", "/dev/shm/x", "yagura.shm.size")


def tmpfs_inodes(tap, rt, neighbour):
    a = Attack(rt, "tmpfs-inodes", "inodes", "/tmp", annotations={"yagura.tmpfs.size": "8Mi"}).start()
    made = wait_for(lambda: a.said("made"))
    tap.ok(made is not None and 0 < made <= 8 * MIB // 4096, "tmpfs inodes: bounded", made)
    finish(tap, rt, neighbour, a, "tmpfs inodes", f"{made} of {8 * MIB // 4096} files")


def shared_map(tap, rt, neighbour):
    """A mapped file twice as large as memory: written back, never more memory than the limit, nobody killed."""
    a = Attack(rt, "map", "map", "/x", str(2 * MEMORY), annotations={"yagura.disk.size": "256Mi"}).start()
    tap.ok(wait_for(lambda: a.said("round") is not None), "shared map: it gets round", a.out.read_text())
    peak = a.memory_peak()
    tap.ok(peak <= MEMORY, "shared map: no more memory than the limit", peak)
    finish(tap, rt, neighbour, a, "shared map", f"{peak} of {MEMORY} bytes at most")


def layer_full(tap, rt, neighbour, name, *way, word):
    a = Attack(rt, name, *way, annotations={"yagura.disk.size": "32Mi"}).start()
    got = wait_for(lambda: a.said(word))
    text = a.out.read_text()
    used = os.statvfs(f"/proc/{a.pid}/root/")
    size = used.f_blocks * used.f_frsize
    tap.ok(got and "errno 28" in text, f"{name}: ENOSPC", text)
    tap.ok(24 * MIB < size <= 32 * MIB, f"{name}: the layer is not larger than its limit", size)
    tap.ok(*((a.verified()[0], f"{name}: verify", a.verified()[1])))
    finish(tap, rt, neighbour, a, name, f"{word} {got}, in a layer of {size} of {32 * MIB} bytes")


def disk_full(tap, rt, neighbour):
    layer_full(tap, rt, neighbour, "disk full", "fill", "/x", word="wrote")


def log_bomb(tap, rt, neighbour):
    layer_full(tap, rt, neighbour, "log bomb", "log", "/x.log", word="lines")


def inode_bomb(tap, rt, neighbour):
    a = Attack(rt, "inodes", "inodes", "/", annotations={"yagura.disk.size": "64Mi", "yagura.disk.inodes": "1000"}).start()
    made = wait_for(lambda: a.said("made"))
    tap.ok(made and 900 < made <= 1000, "inode bomb: as many files as allowed", made)
    finish(tap, rt, neighbour, a, "inode bomb", f"{made} of 1000 files")


def storm(tap, rt, neighbour, name, way, key, rate, index, most):
    """What reached the device in a time is what the rate allows for that time, and a burst."""
    a = Attack(rt, name, way, "/x", annotations={"yagura.disk.size": "64Mi", key: rate}).start()
    a.device_number = a.device()
    wait_for(lambda: a.written()[index] > most / 4)
    first, begin = a.written()[index], time.monotonic()
    neighbour.goes_on(tap, name)
    time.sleep(max(0, begin + 2 - time.monotonic()))
    done, seconds = a.written()[index] - first, time.monotonic() - begin
    tap.ok(done <= most * (seconds + 1), f"{name}: no more reaches the device than the rate", f"{done} in {seconds:.2f} s")
    tap.ok(done > 0, f"{name}: something does", done)
    tap.ok(*((a.verified()[0], f"{name}: verify", a.verified()[1])))
    finish(tap, rt, neighbour, a, name, f"{done / seconds:.0f} of {most} a second")


def buffered_storm(tap, rt, neighbour):
    storm(tap, rt, neighbour, "buffered", "buffered", "yagura.disk.write-bps", "4Mi", 1, 4 * MIB)


def direct_storm(tap, rt, neighbour):
    storm(tap, rt, neighbour, "direct", "direct", "yagura.disk.write-iops", "100", 0, 100)


def descriptor_bomb(tap, rt, neighbour):
    a = Attack(rt, "fd", "fd").start()
    wait_for(lambda: a.said("descriptors") is not None or a.ooms())
    peak = a.memory_peak()
    got = a.said("descriptors")
    tap.ok(got is not None or a.ooms(), "descriptor bomb: refused", a.out.read_text())
    tap.ok(got is None or got <= 1024, "descriptor bomb: no more than RLIMIT_NOFILE in a process", got)
    tap.ok(peak <= MEMORY, "descriptor bomb: no more memory than the limit", peak)
    finish(tap, rt, neighbour, a, "descriptor bomb", f"{got} descriptors a process, {peak} of {MEMORY} bytes at most")


def nesting(tap, rt, neighbour):
    for way in ("groups", "namespaces"):
        a = Attack(rt, way, way).start()
        wait_for(lambda: a.said(way) is not None)
        tap.equal(a.said(way), 0, f"nesting: no {way} of its own")
        rt.call("delete", "--force", way, check=True)
    neighbour.goes_on(tap, "nesting")


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def udp_flood(tap, rt, neighbour):
    """Out of a namespace with a veth, to us: what leaves the host's end, by the token bucket's own counters."""
    holder = subprocess.Popen(["unshare", "-n", "sh", "-c", "echo; exec sleep 1000"], stdout=subprocess.PIPE)
    try:
        holder.stdout.readline()
        inside = ["nsenter", "-t", str(holder.pid), "-n"]
        ip("link", "add", "y0", "type", "veth", "peer", "name", "y1", "netns", str(holder.pid))
        ip("addr", "add", "10.9.8.1/24", "dev", "y0")
        ip("link", "set", "y0", "up")
        subprocess.run([*inside, "ip", "addr", "add", "10.9.8.2/24", "dev", "y1"], check=True)
        subprocess.run([*inside, "ip", "link", "set", "y1", "up"], check=True)

        def joined(config):
            config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "network"] + [
                {"type": "network", "path": f"/proc/{holder.pid}/ns/net"}]
        a = Attack(rt, "udp", "udp", "10.9.8.1", change=joined, annotations={
            "kubernetes.io/egress-bandwidth": "8M", "kubernetes.io/ingress-bandwidth": "16M"})
        links = json.loads(subprocess.run(["ip", "-j", "link", "show", "type", "ifb"], capture_output=True, text=True).stdout)
        ifb = next(link["ifname"] for link in links if link["ifname"].startswith("yg"))

        def bucket():
            text = subprocess.run(["tc", "-s", "-j", "qdisc", "show", "dev", ifb], capture_output=True, text=True).stdout
            return json.loads(text)[0]
        a.start()
        wait_for(lambda: bucket()["drops"])
        first, begin = bucket()["bytes"], time.monotonic()
        neighbour.goes_on(tap, "udp flood")
        time.sleep(max(0, begin + 2 - time.monotonic()))
        now, seconds = bucket(), time.monotonic() - begin
        done = now["bytes"] - first
        tap.ok(now["drops"] > 0, "udp flood: packets are dropped", now)
        tap.ok(0 < done <= 1000000 * (seconds + 1), "udp flood: no more leaves than the rate", f"{done} in {seconds:.2f} s")
        tap.ok(*((a.verified()[0], "udp flood: verify", a.verified()[1])))
        finish(tap, rt, neighbour, a, "udp flood", f"{done * 8 / seconds:.0f} of 8000000 bits a second")
        links = subprocess.run(["ip", "link"], capture_output=True, text=True).stdout
        tap.ok(ifb not in links, "udp flood: the intermediate device is gone", links)
    finally:
        holder.kill()
        holder.wait()


ATTACKS = (fork_bomb, heap, memfd, tmpfs_is_memory, tmpfs, shm, tmpfs_inodes, shared_map, disk_full, log_bomb, inode_bomb,
           buffered_storm, direct_storm, descriptor_bomb, nesting, udp_flood)


def throttles():
    return "".join(p.read_text() for p in run_bundle.CGROUPS.glob("blkio/blkio.throttle.*_device"))


def attacks(tap, rt):
    shutil.copy(ATTACKER, rt.bundle / "rootfs" / "bin" / "attacker")
    rules = throttles()
    neighbour = Neighbour(rt)
    wanted = sys.argv[3:]
    for attack in ATTACKS:
        if wanted and attack.__name__ not in wanted:
            continue
        try:
            attack(tap, rt, neighbour)
        except Exception as error:  # the others are tried all the same
            tap.ok(False, attack.__name__, repr(error))
            for name in rt.call("list", "-q").stdout.split():
                if name != "neighbour":
                    rt.call("delete", "--force", name)
    tap.ok(neighbour.attack.verified()[0], "the neighbour's own limits hold", neighbour.attack.verified()[1])
    rt.call("delete", "--force", "neighbour", check=True)
    tap.equal(throttles(), rules, "the root group's rules are as before")


if __name__ == "__main__":
    if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) == 0:
        subprocess.run(["ip", "link", "set", "lo", "up"], check=False)
    sys.exit(run_bundle.main([attacks]))
