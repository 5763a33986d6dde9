#!/usr/bin/env python3
"""Containers under a kernel of their own through yagura-run itself. What the tiers do is tested by tier.py.

usage: run-tiers.py YAGURA_RUN_UML|YAGURA_RUN_VM UDP_ECHO        TAP; needs root, linux.uml or QEMU with a kernel for the guest
"""
import fcntl
import json
import os
import pathlib
import pty
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402
from run_bundle import wait_for  # noqa: E402
from tap import PATIENCE  # noqa: E402

MACHINE = 65534  # whom machines run as on the host
MIB = 1 << 20
LINK = pathlib.Path(sys.argv[1]).absolute()
TIER = LINK.name.rpartition("-")[2]
PLAIN = str(LINK.parent / "yagura-run")
COSTS = {"uml": 32, "vm": 160}[TIER] * MIB  # what of it is the machine's
MEMORY = {"uml": 128, "vm": 320}[TIER] * MIB
LESS = MEMORY - 48 * MIB  # what the guest's kernel leaves to the container is less than the machine has
PIDS = 32


def with_limits(config):
    config["linux"]["resources"] = {"memory": {"limit": MEMORY}, "pids": {"limit": PIDS}}


def knob(rt, names):
    """Of the group c, in whichever hierarchy has it."""
    for group in rt.groups():
        for name in names:
            if group.name == "c" and (group / name).exists():
                return (group / name).read_text().strip()
    return None


def test_run(tap, rt):
    rt.args("sh", "-c", "echo out; echo err >&2; id -u; cat /proc/version; exit 7", change=with_limits)
    result = rt.call("run", "c")
    lines = result.stdout.splitlines()
    tap.equal(result.returncode, 7, "run: the exit status")
    tap.ok(lines[:2] == ["out", "0"] and result.stderr == "err\n", "run: standard output and error", (lines, result.stderr))
    tap.ok(lines[-1:] != [pathlib.Path("/proc/version").read_text().strip()], "run: another kernel than the host's", lines)


def test_images_on_disk(tap, rt):
    """A state in memory, as /run is: the images are not there, and go with the container, or with the next one."""
    machines = pathlib.Path("/var/lib/yagura/machines")
    with tempfile.TemporaryDirectory(dir="/dev/shm") as memory:
        rt.root = pathlib.Path(memory) / "state"
        owned = lambda: [m for m in (machines.iterdir() if machines.exists() else [])  # noqa: E731
                         if (m / "owner").is_symlink() and os.readlink(m / "owner").startswith(memory)]
        rt.args("true", change=with_limits)
        rt.call("create", "c", check=True)
        tap.equal(len(owned()), 1, "images: a directory on disk")
        tap.ok(any(p.suffix for p in owned()[0].iterdir() if p.name != "owner"), "images: they are in it", list(owned()[0].iterdir()))
        big = [p for p in (rt.root / "c").rglob("*") if p.is_file() and p.stat().st_size > 1 << 20]
        tap.equal(big, [], "images: none in memory")
        rt.call("delete", "-f", "c", check=True)
        tap.equal(owned(), [], "images: deleted with the container")
        rt.call("create", "c", check=True)
        # as after a restart of the host: the state is gone
        pid = json.loads(rt.call("state", "c").stdout)["pid"]
        os.kill(pid, 9)
        tap.ok(wait_for(lambda: rt.status("c") == "stopped"), "images: it has ended")
        shutil.rmtree(rt.root / "c")
        for busy in (rt.root / ".busy").iterdir() if (rt.root / ".busy").exists() else []:
            busy.unlink()
        rt.end_groups()
        rt.call("create", "d", check=True)
        tap.equal(len(owned()), 1, "images: what nobody owns any more goes with the next")
        rt.call("delete", "-f", "d", check=True)
        rt.root = rt.place / "state"


# In the network namespace the ports are in: much and little, several at once, and nobody who listens.
CLIENT = """
import socket
data = bytes(range(256)) * 1200
s = socket.create_connection(("127.0.0.1", 8080), 30)
s.sendall(data)
s.shutdown(socket.SHUT_WR)
print(b"".join(iter(lambda: s.recv(65536), b"")) == data)
many = [socket.create_connection(("127.0.0.1", 8080), 30) for _ in range(8)]
for i, s in enumerate(many):
    s.sendall(b"%d" % i)
print(all(s.recv(9) == b"%d" % i for i, s in enumerate(many)))
for s in many:
    s.close()
try:
    print(socket.create_connection(("127.0.0.1", 8081), 30).recv(1) == b"")
except OSError:
    print(True)


def ask(s, data):  # as often as it takes: datagrams may be lost
    for _ in range(20):
        s.send(data)
        try:
            while True:
                got = s.recv(65536)
                if got == data:
                    return True
        except OSError:
            pass
    return False


def client(host="127.0.0.1", family=socket.AF_INET):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.settimeout(2)
    s.connect((host, 5353))
    return s


one, two = client(), client("127.0.0.2")
print(ask(one, b"first") and ask(two, b"second") and ask(one, bytes(3000)) and ask(client("::1", socket.AF_INET6), b"third"))
one.settimeout(0.5)
two.send(b"not for you")
try:
    print(one.recv(100) not in (b"second", b"not for you"))
except OSError:
    print(True)
flood = [client() for _ in range(400)]
for s in flood:
    s.setblocking(False)
s = socket.create_connection(("127.0.0.1", 8080), 30)
s.settimeout(40)
sent = 0
s.sendall(data[:65536])
for i in range(20000):
    try:
        sent += flood[i % len(flood)].send(bytes(1400))
    except OSError:
        pass
s.sendall(data[65536:])
s.shutdown(socket.SHUT_WR)
print(sent > 4 << 20 and b"".join(iter(lambda: s.recv(65536), b"")) == data)
print(ask(client(), b"after it"))
"""


def inside(rt):
    """The guest's rows of verify: limit -> (asked, effective, holds)."""
    result = rt.call("verify", "--format", "json", "c")
    return result.returncode, {r["limit"]: (r["asked"], r["effective"], r["holds"]) for r in json.loads(result.stdout)["limits"]
                               if "in the guest" in r["where"]}


def limit_behind_its_back(rt, pids):
    """As `update`, but nobody writes down what was asked. The last of it waits for the guest's answer."""
    pid = json.loads(rt.call("state", "c").stdout)["pid"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
        s.connect(f"/proc/{pid}/root/run/control")
        s.send(struct.pack("<BQQ", 6, 0, pids))
        s.recv(512)


def verified(tap, rt, asked):
    status, rows = inside(rt)
    tap.ok(status == 0 and {k: v[0] for k, v in rows.items()} == asked and all(v[2] for v in rows.values()),
           "verify: what was asked of the guest, and its kernel's answer", (status, rows))
    limit_behind_its_back(rt, 21)
    status, rows = inside(rt)
    tap.equal((status, rows["pids"]), (1, ("20", "21", False)), "verify: another limit in the guest is a difference")
    limit_behind_its_back(rt, 20)
    rt.call("pause", "c", check=True)
    status, rows = inside(rt)
    tap.ok(status == 1 and not any(v[2] for v in rows.values()) and len(rows) == 2, "verify: a guest that cannot answer is a difference", rows)
    rt.call("resume", "c", check=True)
    rows = [line.split() for line in rt.call("verify", "c").stdout.splitlines() if line.endswith("yes")]
    tap.ok(["pids", "config", "pids.max", "in", "the", "guest", "20", "20", "yes"] in rows, "verify: the same as a table", rows)


class Outside:
    """What is made on the host for one container: a network namespace, a directory, an image, a block device."""

    def __init__(self, rt):
        self.netns = rt.group
        self.directory, self.image, self.disk = (rt.place / n for n in ("shared", "volume.ext4", "disk.ext4"))
        self.empty = rt.place / "empty"
        self.empty.mkdir()
        os.chmod(self.empty, 0o2775)
        os.chown(self.empty, 0, 4321)
        self.directory.mkdir()
        (self.directory / "file").write_text("copied\n")
        for image in (self.image, self.disk):
            subprocess.run(["mke2fs", "-q", "-t", "ext4", image, "16M"], check=True, stdout=subprocess.DEVNULL)
        os.chown(self.image, 1234, 1234)
        os.chmod(self.image, 0o600)
        self.loop = subprocess.run(["losetup", "-f", "--show", self.disk], capture_output=True, text=True, check=True).stdout.strip()
        subprocess.run(["ip", "netns", "add", self.netns], check=True)
        subprocess.run(["ip", "-n", self.netns, "link", "set", "lo", "up"], check=True)

    def change(self, config):
        with_limits(config)
        config["mounts"] += [{"destination": "/shared", "type": "bind", "source": str(self.directory), "options": ["rbind", "ro"]},
                             {"destination": "/volume", "type": "ext4", "source": str(self.image), "options": []},
                             {"destination": "/disk", "type": "ext4", "source": self.loop, "options": ["noexec"]},
                             {"destination": "/empty", "type": "bind", "source": str(self.empty), "options": ["rbind", "rw"]}]
        config["annotations"] = {"yagura.ports": "8080,8081,5353/udp", "yagura.volume.size": "32Mi"}
        config["linux"]["namespaces"] = [{**n, "path": f"/run/netns/{self.netns}"} if n["type"] == "network" else n
                                         for n in config["linux"]["namespaces"]]

    def client(self):
        return subprocess.run(["ip", "netns", "exec", self.netns, sys.executable, "-c", CLIENT], capture_output=True, text=True,
                              timeout=PATIENCE, check=False)

    def file_in(self, image, name):
        return subprocess.run(["debugfs", "-R", f"cat {name}", image], capture_output=True, text=True, check=False).stdout

    def done(self):
        subprocess.run(["losetup", "-d", self.loop], check=False)
        subprocess.run(["ip", "netns", "delete", self.netns], check=False)


def test_life(tap, rt):
    shutil.copy(sys.argv[2], rt.bundle / "rootfs/bin/udp-echo")
    outside = Outside(rt)
    try:
        life(tap, rt, outside)
    finally:
        rt.call("delete", "--force", "c")
        outside.done()


def outside_in(tap, rt, outside):
    """Ports, volumes and changed limits, in the guest that runs."""
    result = outside.client()
    for said, what in zip(result.stdout.split() + [None] * 7, ("a connection, whole", "connections, apart", "where nobody listens",
                                                               "datagrams there and back, of both families",
                                                               "clients told apart", "a connection during a flood of datagrams",
                                                               "datagrams after it")):
        tap.ok(said == "True", f"ports: {what}", result)
    tap.equal(rt.call("exec", "c", "sh", "-c", "ls /sys/class/net; cat /shared/file; echo x 2>/dev/null >/shared/file || echo ro").stdout.split(),
              ["lo", "copied", "ro"], "a directory is there as it was, to be read; and no network")
    tap.equal(rt.call("exec", "c", "sh", "-c", "ls -A /empty | wc -l; ls -ldn /empty").stdout.split()[:5], ["0", "drwxrwsr-x", "2", "0", "4321"],
              "an empty directory is one inside, with its mode and owner")
    rt.call("exec", "c", "sh", "-c", "for v in /volume /disk /empty; do echo written >$v/new; done", check=True)
    rt.args("true", cgroup="d", change=lambda c: (outside.change(c), c.update(annotations={"yagura.volume.size": "32Mi"}, linux={**c["linux"], "namespaces": rt.base["linux"]["namespaces"]})))
    result = rt.call("create", "d")
    tap.ok(result.returncode == 1 and "another container has it" in result.stderr, "volumes: one guest's only", result)
    rt.call("update", "--pids-limit", "20", "--memory", str(LESS), "--cpu-share", "512", "c", check=True)
    inside = rt.call("exec", "c", "sh", "-c", "cd /sys/fs/cgroup; cat pids.max; cat memory.max").stdout.split()
    tap.ok(inside[0] == "20" and int(inside[1]) < LESS, "update: processes and memory, inside", inside)
    if TIER == "uml":
        tap.equal(knob(rt, ["pids.max"]), "36", "update: processes, on the host")
    tap.ok(knob(rt, ["cpu.shares", "cpu.weight"]) in ("512", "59"), "update: shares of the processor, on the host", knob(rt, ["cpu.shares", "cpu.weight"]))
    verified(tap, rt, {"pids": "20", "memory": str(LESS - COSTS)})
    result = rt.call("update", "--memory", str(2 * MEMORY), "c")
    tap.ok(result.returncode == 1 and "this machine can have" in result.stderr, "update: a machine does not grow", result)


def life(tap, rt, outside):
    rt.args("sh", "-c", "trap 'echo caught >&2; exit 9' TERM; busybox nc -ll -p 8080 -e cat & udp-echo 5353 & while :; do sleep 1; done", change=outside.change)
    rt.call("create", "c", check=True)
    state = json.loads(rt.call("state", "c").stdout)
    pid = state["pid"]
    tap.equal((state["status"], state.get("tier")), ("created", TIER), "create: the state says the tier")
    inside = [g for g in rt.groups() if g.name == "c" and str(pid) in (g / "cgroup.procs").read_text().split()]
    tap.ok(inside and len(inside) == len([g for g in rt.groups() if g.name == "c"]), "the monitor is in each of the container's groups",
           (pid, rt.groups()))
    tap.equal(knob(rt, ["memory.max", "memory.limit_in_bytes"]), str(MEMORY), "the memory limit is on the monitor's group")
    if TIER == "uml":  # each process of the guest is one of the host's
        tap.equal(knob(rt, ["pids.max"]), str(PIDS + 16), "the limit on processes, and what the machine needs besides")
    tap.equal(rt.call("verify", "c").returncode, 0, "verify: every limit reads back")
    tap.equal(rt.call("update", "--memory", str(MEMORY), "c").returncode, 1, "update: not before there is a machine")
    tap.equal(rt.call("exec", "c", "true").returncode, 255, "exec: not before start")
    rt.call("start", "c", check=True)
    result = rt.call("exec", "c", "sh", "-c", "cat /proc/1/comm; id -u; grep -c Seccomp_filters:.*[1-9] /proc/self/status; exit 5")
    tap.equal((result.returncode, result.stdout.split()), (5, ["sh", "0", "1"]), "exec: beside it, with its filter")
    tap.equal(knob(rt, ["pids.events"]).split()[:2], ["max", "0"], "what the machine needs of processes is there while it boots")
    outside_in(tap, rt, outside)
    owner = os.stat(f"/proc/{pid}").st_uid
    tap.equal(owner, MACHINE, "on the host it is nobody")
    tap.equal(rt.call("exec", "c", "/nothing").returncode, 127, "exec of what is not there")
    tap.equal(rt.call("delete", "c").returncode, 1, "delete: not while it runs")
    rt.call("pause", "c", check=True)
    tap.equal(rt.status("c"), "paused", "pause: the whole machine")
    rt.call("resume", "c", check=True)
    tap.equal(subprocess.run([PLAIN, *rt.argv("exec", "c", "echo", "in")[1:]], capture_output=True, text=True, check=False).stdout,
              "in\n", "exec by the plain name: the state knows the tier")
    rt.call("kill", "--all", "c", "TERM", check=True)
    tap.ok(wait_for(lambda: rt.status("c") == "stopped"), "kill: the signal gets to the container's process", rt.status("c"))
    rt.call("delete", "c", check=True)
    made = outside.empty / "yagura-volume.ext4"
    tap.equal([outside.file_in(i, "new") for i in (outside.image, outside.disk, made)], ["written\n"] * 3, "volumes: what was written stays")
    tap.ok(made.stat().st_size == 32 * MIB and [p.name for p in outside.empty.iterdir()] == [made.name], "volumes: an image in the empty directory")
    tap.equal(os.stat(outside.image).st_uid, 1234, "volumes: whose it was")


def test_terminal(tap, rt):
    def change(config):
        with_limits(config)
        config["process"]["terminal"] = True
    rt.args("sh", "-c", "tty; exit 4", change=change)
    master, slave = pty.openpty()
    process = subprocess.Popen(rt.argv("run", "c"), stdin=slave, stdout=slave, stderr=slave, cwd=rt.bundle)
    os.close(slave)
    text = b""
    while select.select([master], [], [], PATIENCE)[0]:
        try:
            text += os.read(master, 4096)
        except OSError:  # nobody has it any more
            break
    tap.equal((process.wait(PATIENCE), text.decode().split()), (4, ["/dev/pts/0"]), "run: with a terminal")
    os.close(master)


def sysrq(config):
    with_limits(config)
    config["linux"]["readonlyPaths"] = []


def test_panic(tap, rt):
    rt.args("sh", "-c", "sleep 1000", cgroup="neighbour")
    subprocess.run([PLAIN, *rt.argv("run", "--detach", "neighbour")[1:]], cwd=rt.bundle, check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    rt.args("sh", "-c", "echo c >/proc/sysrq-trigger; sleep 1000", change=sysrq)
    result = rt.call("--compat", "run", "c")
    tap.equal((result.returncode, result.stderr), (134, "yagura-monitor: the guest kernel panicked: sysrq triggered crash\n"),
              "the guest's kernel panics: its container ends, and says so in one line")
    tap.equal(rt.status("neighbour"), "running", "a neighbour goes on")
    tap.equal(rt.status("c"), None, "the container is gone")
    rt.call("delete", "--force", "neighbour", check=True)


def test_disk(tap, rt):
    def limited(config):
        with_limits(config)
        config["annotations"] = {"yagura.disk.size": "32Mi"}
        config["root"]["readonly"] = False
    rt.args("sh", "-c", "echo x >/x; cat /dev/zero >/full; ls -l /full; exit 3", change=limited)
    result = rt.call("run", "c")
    size = int((result.stdout.split() + [0] * 5)[4])
    tap.ok(result.returncode == 3 and "No space left" in result.stderr and 16 * MIB < size <= 32 * MIB,
           "disk.size: the writable layer ends where it should", result)
    rt.args("sh", "-c", "echo x >/x", change=with_limits)
    result = rt.call("run", "c")
    tap.ok(result.returncode == 1 and "Read-only" in result.stderr, "without it the root is read-only", result)


def test_annotation(tap, rt):

    def annotated(word):
        def change(config):
            with_limits(config)
            config["annotations"] = {"yagura.tier": word}
        rt.args("cat", "/proc/version", change=change)

    host = pathlib.Path("/proc/version").read_text()
    link, rt.program = rt.program, PLAIN
    rt.args("true", change=lambda c: c.update(annotations={"yagura.volume.size": "16Mi"}))
    result = rt.call("run", "c")
    tap.ok(result.returncode == 1 and "yagura.volume.size: it is of the tiers" in result.stderr, "a volume's size without a guest is an error", result)
    annotated("uml")
    result = rt.call("run", "c")
    tap.ok(result.returncode == 0 and result.stdout and result.stdout != host, "an annotation makes it stronger", result)
    annotated("nothing")
    result = rt.call("run", "c")
    tap.ok(result.returncode == 1 and "yagura.tier" in result.stderr, "an unknown one is an error", result)
    rt.program = link
    annotated("ns")
    result = rt.call("run", "c")
    tap.ok(result.returncode == 0 and result.stdout and result.stdout != host, "and never makes it weaker", result)


def test_killed(tap, rt):
    """Commands that come after remove what a killed create left, or it is whole."""
    rt.args("true", change=with_limits)
    for ms in (2, 5, 10, 15, 20, 30, 45, 60, 90):
        with subprocess.Popen(rt.argv("create", "c"), cwd=rt.bundle, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL) as create:
            time.sleep(ms / 1000)  # wherever that is: no moment may leave anything
            create.kill()
            create.wait()
        # A child that dies with it may have the lock a moment longer.
        wait_for(lambda: (rt.call("list"), rt.status("c"))[1] in (None, "created"))
        if rt.status("c"):
            tap.equal(rt.status("c"), "created", f"killed after {ms} ms: whole")
            rt.call("delete", "c", check=True)
        left = [p for p in rt.left() if not p.endswith(rt.group)]
        tap.equal(left, [], f"killed after {ms} ms: nothing is left")


def test_monitor_killed(tap, rt):
    """While it boots, while the process begins, while it runs and something is executed: the kernel takes the machine with it."""
    rt.args("sh", "-c", "while :; do sleep 1; done", change=with_limits)
    for ms in (0, 50, 150, 300, 500, 800, 1200, 2000):
        rt.call("create", "c", check=True)
        rt.call("start", "c", check=True)
        pid = json.loads(rt.call("state", "c").stdout)["pid"]
        beside = subprocess.Popen(rt.argv("exec", "c", "sleep", "100"), cwd=rt.bundle, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL) if ms >= 800 else None
        time.sleep(ms / 1000)
        os.kill(pid, 9)
        tap.ok(wait_for(lambda: rt.status("c") == "stopped"), f"the monitor killed after {ms} ms: it has ended")
        if beside:
            tap.ok(beside.wait(PATIENCE) != 0, f"the monitor killed after {ms} ms: exec has, too", beside.returncode)
        rt.call("delete", "c", check=True)
        left = [p for p in rt.left() if not p.endswith(rt.group)]
        tap.equal(left, [], f"the monitor killed after {ms} ms: nothing is left")


def test_made_volume(tap, rt):
    """An empty directory that is mounted to be written: what one container leaves the next one finds."""
    data = rt.place / "data"
    data.mkdir()

    def mounted(config):
        with_limits(config)
        config["mounts"].append({"destination": "/data", "type": "bind", "source": str(data), "options": ["nocopy", "rbind"]})
        config["annotations"] = {"yagura.volume.size": "16Mi"}
    rt.args("sh", "-c", "cat /data/count; echo $(($(cat /data/count 2>/dev/null || echo 0) + 1)) >/data/count", change=mounted)
    rt.call("run", "c")
    tap.equal(rt.call("run", "c").stdout, "1\n", "a volume that was made: the next one finds what was written")
    with open(data / "yagura-volume.ext4", "r+b") as image:
        fcntl.flock(image, fcntl.LOCK_EX)
        result = rt.call("create", "c")
        tap.ok(result.returncode == 1 and "another container has it" in result.stderr, "one guest's only", result)
    (data / "file").touch()
    result = rt.call("create", "c")
    tap.ok(result.returncode == 1 and "holds file" in result.stderr and result.stderr.count("\n") == 1, "a directory that is not empty is refused", result)


def test_refused(tap, rt):
    def directory(config):
        with_limits(config)
        config["mounts"].append({"destination": "/data", "type": "bind", "source": "/usr", "options": ["rbind"]})
    rt.args("true", change=directory)
    result = rt.call("create", "c")
    tap.ok(result.returncode == 1 and "yagura run -v FILE:/data:ext4" in result.stderr, "a directory of the host's to be written is refused", result)
    rt.args("true", change=lambda c: c["linux"].update(resources={"memory": {"limit": 64 * MIB}}))
    result = rt.call("create", "c")
    tap.ok(result.returncode == 1 and "tier uml needs at least" in result.stderr, "too little memory is refused", result)
    rt.args("true", change=lambda c: (with_limits(c), c.update(hooks={"startContainer": [{"path": "/bin/true"}]})))
    tap.equal(rt.call("create", "c").returncode, 1, "a hook that would run inside is refused")

    def joined(config):
        with_limits(config)
        config["linux"]["namespaces"] = [{**n, "path": "/proc/self/ns/net"} if n["type"] == "network" else n for n in config["linux"]["namespaces"]]
    rt.args("true", change=joined)
    result = rt.call("create", "c")
    tap.ok(result.returncode == 1 and "a guest has no network" in result.stderr, "a network without ports is refused", result)


def skip(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def need_vm():
    """The guest's kernel is looked for in /etc: it is there in a mount namespace of ours."""
    if os.environ.get("RUN_TIERS_KERNEL"):
        return
    found = subprocess.run([pathlib.Path(__file__).parents[2] / "tools/guest-kernel"], capture_output=True, text=True, check=False)
    if found.returncode or not shutil.which("qemu-system-x86_64"):
        skip("QEMU or a kernel for the guest is not here: " + found.stderr.strip())
    script = """set -e
        mount --make-rprivate /
        mount -t tmpfs tmpfs /mnt
        mkdir -p /mnt/yagura
        ln -s "$RUN_TIERS_KERNEL" /mnt/yagura/guest-kernel
        mount -t overlay -o lowerdir=/mnt:/etc overlay /etc
        exec "$@" """
    os.environ["RUN_TIERS_KERNEL"] = found.stdout.strip()
    os.execvp("unshare", ["unshare", "-m", "sh", "-c", script, "sh", sys.executable, *sys.argv])


if os.geteuid():
    skip("needs root")
for program, package in (("linux.uml", "user-mode-linux"), ("mkfs.erofs", "erofs-utils"), ("mke2fs", "e2fsprogs"), ("ip", "iproute2"),
                         ("debugfs", "e2fsprogs"), ("losetup", "mount")):
    if not shutil.which(program) and (TIER == "uml" or program != "linux.uml"):
        skip(f"{program} is not installed ({package})")
if TIER == "vm":
    need_vm()
tests = [test_run, test_life]
if TIER == "uml":  # the same code for both
    tests += [test_images_on_disk, test_terminal, test_panic, test_disk, test_annotation, test_killed, test_monitor_killed, test_made_volume, test_refused]
sys.exit(run_bundle.main(tests))
