#!/usr/bin/env python3
"""Containers under a kernel of their own, and guests that mean harm.

usage: tier.py uml|vm|hostile TIER_RUN MONITOR HOSTILE        TAP; needs root, and linux.uml or QEMU with a kernel for the guest
"""
import fcntl
import glob
import json
import os
import pathlib
import pty
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from tap import Tap  # noqa: E402

TIER, RUN, MONITOR, HOSTILE = sys.argv[1:5]
ROOT = pathlib.Path(__file__).resolve().parents[2]
LIMIT = 120  # seconds for whatever is waited for: an end to hanging, not a measure
TAP = Tap()


def ok(good, name, why=""):
    TAP.ok(good, f"{TIER}: {name}", why)


def skip_all(why):
    print(f"1..0 # SKIP {why}")
    sys.exit(0)


def config(args, uid=0, terminal=False, readonly=False, memory=None, pids=64, disk=False, mounts=(), sysrq=False, env=()):
    caps = ["CAP_KILL", "CAP_SETUID", "CAP_SETGID", "CAP_DAC_OVERRIDE"]
    return {
        "ociVersion": "1.2.0",
        "process": {
            "terminal": terminal, "user": {"uid": uid, "gid": uid}, "args": args, "cwd": "/", "noNewPrivileges": True,
            "env": ["PATH=/bin", "TERM=dumb", *env],
            "capabilities": {} if uid else {k: caps for k in ("bounding", "effective", "permitted")},
            "rlimits": [{"type": "RLIMIT_NOFILE", "soft": 100, "hard": 100}],
        },
        "root": {"path": "rootfs", "readonly": readonly},
        "hostname": "inside",
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
            {"destination": "/dev/pts", "type": "devpts", "source": "devpts", "options": ["nosuid", "noexec", "newinstance"]},
            {"destination": "/dev/shm", "type": "tmpfs", "source": "shm", "options": ["nosuid", "noexec", "nodev", "size=1024k"]},
            {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": ["nosuid", "noexec", "nodev", "ro"]},
            {"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["ro"]},
            *mounts],
        "annotations": {"test.disk": "32M"} if disk else {},
        "linux": {
            "namespaces": [{"type": t} for t in ("pid", "ipc", "uts", "mount", "network")],
            "resources": {"memory": {"limit": memory or (128 << 20 if TIER == "uml" else 288 << 20)}, "pids": {"limit": pids}},
            "maskedPaths": ["/proc/kcore", "/proc/keys", "/sys/firmware"],
            "readonlyPaths": [] if sysrq else ["/proc/sys", "/proc/sysrq-trigger"],
        },
    }


class Container:
    number = 0

    def __init__(self, args, stdin=None, **more):
        Container.number += 1
        self.dir = work / f"c{Container.number}"
        self.dir.mkdir(mode=0o755)
        self.config = work / f"c{Container.number}.json"
        self.config.write_text(json.dumps(config(args, **more)))
        self.process = subprocess.Popen(
            [RUN, TIER, self.config, rootfs, self.dir, *kernel], stdin=subprocess.PIPE if stdin is None else stdin,
            stdout=subprocess.PIPE if stdin is None else stdin, stderr=subprocess.PIPE if stdin is None else stdin)

    def end(self, data=b""):
        try:
            out, err = self.process.communicate(data, timeout=LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            os.kill(self.pid(), signal.SIGKILL)
            out, err = self.process.communicate()
        return self.process.returncode, (out or b"").decode(errors="replace"), (err or b"").decode(errors="replace")

    def pid(self):
        return int((self.dir / "pid").read_text())

    def line(self):
        return self.process.stdout.readline().decode(errors="replace").strip()

    def exec(self, args, data=b"", **more):
        path = work / "exec.json"
        path.write_text(json.dumps(config(args, **more)["process"]))
        done = subprocess.run([RUN, "exec", path, str(self.pid())], input=data, capture_output=True, timeout=LIMIT, check=False)
        return done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")


def shell(script, **more):
    return Container(["sh", "-c", script], **more)


def make_rootfs():
    (rootfs / "bin").mkdir(parents=True)
    for name in ("tmp", "etc"):
        (rootfs / name).mkdir()
    shutil.copy(shutil.which("busybox"), rootfs / "bin/busybox")
    for applet in subprocess.run(["busybox", "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet not in ("busybox", "tunctl"):
            (rootfs / "bin" / applet).symlink_to("busybox")
    (rootfs / "etc/not-executable").write_text("x")
    work.chmod(0o755)


BASIC = """echo out; echo err >&2; hostname; id -u; cat /etc/copied; echo $WORD; cat; cat /proc/1/comm
grep NoNewPrivs /proc/self/status; ulimit -n; test -e /dev/null && cat /proc/kcore | wc -c; echo x 2>/dev/null >/proc/sysrq-trigger || echo ro
ls /sys/class/net; touch /written && echo written; exit 7"""


def test_basic():
    copied = work / "copied"
    copied.write_text("copied\n")
    c = shell(BASIC, env=["WORD=word"], mounts=[{"destination": "/etc/copied", "type": "bind", "source": str(copied),
                                                 "options": ["rbind", "ro"]}])
    status, out, err = c.end(b"stdin\n")
    ok(status == 7, "the exit status", (status, out, err))
    want = "out inside 0 copied word stdin sh NoNewPrivs:\t1 100 0 ro lo written".split()
    ok(out.split() == want, "streams, names, limits, masks, no network but lo, as asked", out + err)
    ok(err == "err\n", "standard error apart", err)
    ok([p.name for p in c.dir.iterdir()] == ["pid"], "the images are gone", list(c.dir.iterdir()))


def test_streams():
    data = bytes(range(256)) * 4096
    c = shell("cat")
    out, err = c.process.communicate(data, timeout=LIMIT)
    ok(c.process.returncode == 0 and out == data, "a megabyte in and out, byte for byte", (len(out), err))


def test_start_errors():
    for args, want, words in ((["/bin/nothing"], 127, "no such file"), (["nothing"], 127, "not found in $path"),
                              (["/etc/not-executable"], 126, "permission denied")):
        status, _, err = Container(args).end()
        ok(status == want and words in err.lower() and err.count("\n") == 1, f"{args[0]}: {want} and one line", (status, err))


def test_exec_and_signals():
    c = shell("trap 'echo caught; exit 9' TERM; echo ready; while :; do sleep 1; done", uid=1000)
    ok(c.line() == "ready", "it runs")
    status, out, err = c.exec(["sh", "-c", "id -u; cat; echo e >&2; cat /proc/1/cmdline | head -c 2; exit 5"], b"to exec\n")
    ok((status, out, err) == (5, "0\nto exec\nsh", "e\n"), "exec beside it: user, streams, status, same processes",
       (status, out, err))
    ok(c.exec(["/nothing"])[0] == 127, "exec of what is not there")
    status, out, err = c.exec(["sh", "-c", "kill -USR1 $$; sleep 5"])
    ok(status == 128 + signal.SIGUSR1, "exec ended by a signal", (status, out, err))
    os.kill(c.pid(), signal.SIGTERM)
    status, out, err = c.end()
    ok((status, out) == (9, "caught\n"), "a signal to the monitor is a signal to the container", (status, out, err))


def machines(pid):
    """What lives in the monitor's PID namespace."""
    found, mine = [], os.readlink(f"/proc/{pid}/ns/pid")
    for path in glob.glob("/proc/[0-9]*/ns/pid"):
        try:
            if os.readlink(path) == mine:
                found.append(path.split("/")[2])
        except OSError:
            pass
    return found


def test_monitor_killed():
    c = shell("echo ready; sleep 1000")
    c.line()
    inside = machines(c.pid())
    os.kill(c.pid(), signal.SIGKILL)
    status, _, _ = c.end()
    left = [p for p in inside if os.path.exists(f"/proc/{p}") and "Z" not in open(f"/proc/{p}/stat").read().split()[2]]
    ok(status == 137 and len(inside) > 1 and not left, "the monitor killed: everything is gone", (status, inside, left))
    ok([p.name for p in c.dir.iterdir()] == ["pid"], "and nothing is left of it", list(c.dir.iterdir()))


def test_memory():
    status, out, err = shell("echo begin; tail /dev/zero; echo never").end()
    ok(status == 137 and out == "begin\n" and "want of memory" in err, "memory taken to the end: killed inside, and said",
       (status, out, err))


def test_processes():
    status, out, err = shell("for i in $(seq 100); do sleep 1000 & done; echo all", pids=24).end()
    ok(status != 0 and "all" not in out and "fork" in err, "more processes than may be: refused inside", (status, out, err))
    # Begun by a child: a shell that is refused a process of its own ends, without a word where its errors go nowhere.
    status, out, err = shell("b() { b | b & }; (b 2>/dev/null) & sleep 3; cat /sys/fs/cgroup/pids.current; echo alive", pids=24).end()
    ok("alive" in out or "fork" in err, "a fork bomb is held, and its first process goes on", (status, out, err))


def test_disk():
    status, out, err = shell("dd if=/dev/zero of=/full bs=1M; stat -c %s /full; exit 0", disk=True).end()
    size = int(out.split()[-1]) if out.split() else 0
    ok("No space left" in err and 16 << 20 < size <= 32 << 20, "the writable layer ends where it should", (out, err))
    status, out, err = shell("touch /x 2>&1; touch /tmp/y 2>&1", readonly=True).end()
    ok(status == 1 and out.count("Read-only") == 2, "a read-only root", (status, out, err))


def test_panic():
    neighbour = shell("echo ready; read word; echo $word; exit 5")
    neighbour.line()
    c = shell("echo c >/proc/sysrq-trigger; sleep 100", sysrq=True)
    status, out, err = c.end()
    ok(status == 134 and err == "yagura-monitor: the guest kernel panicked: sysrq triggered crash\n",
       "the guest's kernel panics: status 134 and one line", (status, out, err))
    ok(neighbour.end(b"on\n")[:2] == (5, "on\n"), "its neighbour goes on")


def test_terminal():
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 99, 0, 0))
    before = termios.tcgetattr(slave)
    c = shell("stty size; tty; stty -echo; trap 'echo int; exit 4' INT; echo ready; while :; do sleep 1; done", stdin=slave, terminal=True)
    text = b""
    while b"ready" not in text and len(text) < 10000:
        text += os.read(master, 1000)
    os.write(master, b"\x03")
    status = c.process.wait(timeout=LIMIT)
    os.set_blocking(master, False)
    try:
        text += os.read(master, 10000)
    except BlockingIOError:
        pass
    lines = text.decode().replace("\r", "").split("\n")
    ok(lines[:2] == ["33 99", "/dev/pts/0"], "a terminal of the right size with a name", text)
    ok(status == 4 and "int" in lines, "its interrupt character", (status, text))
    ok(termios.tcgetattr(slave) == before, "ours is as it was")
    os.close(master)
    os.close(slave)


def test_refused():
    for what, mount in (("a directory of the host to be written", {"destination": "/data", "type": "bind", "source": "/usr", "options": ["rbind"]}),
                        ("a network file system", {"destination": "/data", "type": "nfs", "source": "x", "options": []})):
        c = shell("true", mounts=[mount])
        status, _, err = c.end()
        ok(status == 99 and "/data" in err and not list(c.dir.iterdir()), f"{what} is refused, and nothing is left", (status, err))
    status, _, err = shell("true", memory=16 << 20).end()
    ok(status == 99 and "memory.limit" in err, "less memory than the machine needs is refused", (status, err))


def test_together():
    """One start for what a virtual machine has to show."""
    c = shell("echo ready; read word; echo $word; cat /proc/meminfo | head -n 1; trap 'exit 9' TERM; while :; do sleep 1; done")
    ok(c.line() == "ready", "it runs")
    c.process.stdin.write(b"in\n")
    c.process.stdin.flush()
    ok(c.line() == "in", "standard input")
    ok(0 < int(c.line().split()[1]) < 288 << 10, "its memory is below the limit")
    status, out, err = c.exec(["sh", "-c", "dd if=/dev/zero of=/full bs=1M count=20 2>/dev/null; wc -c </full; df / | tail -n 1; exit 5"])
    ok(status == 5 and out.startswith("20971520\noverlay"), "exec, and the writable layer", (status, out, err))
    os.kill(c.pid(), signal.SIGTERM)
    status, out, err = c.end()
    ok(status == 9, "a signal", (status, out, err))


HARM = (
    ("silent", 125, "does not answer"), ("mute-after-hello", 125, "does not answer"), ("garbage", 125, "broke the protocol"), ("lying-length", 125, "broke the protocol"),
    ("output-before-start", 125, "broke the protocol"), ("output-of-another", 125, "broke the protocol"),
    ("output-beyond-credit", 125, "broke the protocol"), ("credit-out-of-nothing", 125, "broke the protocol"),
    ("output-of-no-connection", 125, "broke the protocol"), ("close-of-nothing", 125, "broke the protocol"),
    ("limited-unasked", 125, "broke the protocol"), ("second-hello", 125, "broke the protocol"), ("other-version", 125, "speaks version 65535"),
    ("exit-before-start", 125, "broke the protocol"), ("host-frame", 125, "broke the protocol"),
    ("escapes", 125, "?[2Jgone?second line"), ("console-flood", 134, "the guest kernel panicked: ?[31mflooded"),
    ("figures-unasked", 125, "broke the protocol"), ("datagram-to-nobody", 125, "broke the protocol"),
    ("silent-after-start", 125, "has not answered for 1 s"),
)


def varint(n):
    out = bytearray()
    while True:
        out.append(n & 127 | (128 if n > 127 else 0))
        n >>= 7
        if not n:
            return bytes(out)


def text(s):
    return varint(len(s.encode())) + s.encode()


def hostile(mode, write):
    """The monitor of a machine that boots, or says nothing, for at most 1.5 s."""
    job = work / f"job-{mode}"
    job.write_bytes(varint(0) + varint(1500) + varint(1500) + varint(0) + varint(2) + text(HOSTILE) + text(mode) + varint(0) + text("plan") + varint(0))
    # In 48 MiB of address space: what a guest sends must not gather. /run is where the monitor's socket comes.
    return subprocess.Popen(
        ["unshare", "-mpf", "--kill-child", "sh", "-c", f"mount -t tmpfs none /run && exec prlimit --as={48 << 20} {MONITOR} 3<{job}"],
        stdin=subprocess.DEVNULL, stdout=write, stderr=subprocess.PIPE, start_new_session=True)


def test_harm():
    for mode, want, words in HARM:
        read, write = os.pipe()
        process = hostile(mode, write)
        err = process.communicate(timeout=LIMIT)[1].decode(errors="replace")
        os.close(write)
        os.close(read)
        ok(process.returncode == want and words in err and err.count("\n") == 1, f"{mode}: ended with {want} and one line",
           (process.returncode, err))


def pause(process, seconds):
    """Stops it with all it started, as a control group's freezer does. Returns how many that were."""
    stopped = [int(p) for p in glob.glob("/proc/[0-9]*") for p in [p.split("/")[2]] if in_session(p, process.pid)]
    for sign, wait in ((signal.SIGSTOP, seconds), (signal.SIGCONT, 0)):
        for pid in stopped:
            os.kill(pid, sign)
        time.sleep(wait)
    return len(stopped)


def test_paused():
    """A guest that only says what it is asked goes on, and neither it nor its monitor is older for being stopped."""
    with hostile("answering", subprocess.DEVNULL) as process:
        time.sleep(3)
        ok(process.poll() is None, "a guest that answers goes on")
        stopped = pause(process, 3)
        time.sleep(2)
        ok(stopped > 1 and process.poll() is None, "and so it does after a pause", (stopped, process.poll()))
        os.killpg(process.pid, signal.SIGKILL)
    with hostile("silent", subprocess.DEVNULL) as process:
        time.sleep(0.3)
        pause(process, 3)
        begin = time.monotonic()
        process.wait(LIMIT)
        ok(time.monotonic() - begin > 0.2, "a pause is no part of the time that a guest has to boot", time.monotonic() - begin)


def in_session(pid, session):
    """The machine has begun one of its own."""
    try:
        status = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        parent = status[1]
        return session in (int(status[3]), os.getsid(int(parent)) if int(parent) else 0)
    except OSError:
        return False


TESTS = {
    "uml": [test_basic, test_streams, test_start_errors, test_exec_and_signals, test_monitor_killed, test_memory, test_processes,
            test_disk, test_panic, test_terminal, test_refused],
    "vm": [test_together, test_panic, test_refused],
    "hostile": [test_harm, test_paused],
}

if os.geteuid():
    skip_all("needs root")
if not shutil.which("busybox"):
    skip_all("busybox is not installed")
if TIER == "uml" and not os.path.exists("/usr/bin/linux.uml"):
    skip_all("User-Mode Linux is not installed")
kernel = []
if TIER == "vm":
    found = subprocess.run([ROOT / "tools/guest-kernel"], capture_output=True, text=True, check=False)
    if found.returncode or not os.path.exists("/usr/bin/qemu-system-x86_64"):
        skip_all("QEMU or a kernel for the guest is not here: " + found.stderr.strip())
    kernel = [found.stdout.strip()]
with tempfile.TemporaryDirectory(prefix="yagura-tier.") as name:
    work = pathlib.Path(name)
    rootfs = work / "rootfs"
    make_rootfs()
    for test in TESTS[TIER]:
        try:
            test()
        except Exception as e:  # one that fails must not take the others with it
            ok(False, test.__name__, repr(e))
sys.exit(TAP.end())
