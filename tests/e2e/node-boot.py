#!/usr/bin/env python3
"""A node in QEMU: it boots, root in it is held, a changed bit is not used, what is to be kept is kept, ports are closed.

usage: node-boot.py YAGURA_INIT NODE_PROBE
"""
import errno
import json
import os
import pathlib
import resource
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node_image as ni  # noqa: E402
from tap import Tap  # noqa: E402

INIT, PROBE = sys.argv[1:3]
PANIC = "Kernel panic - not syncing"
tap = Tap()
ok = tap.ok


def results(text, who):
    """The probe's lines "who: T name result" as a dictionary."""
    found = {}
    for line in text.replace("\r", "").splitlines():
        words = line.split()
        if len(words) == 4 and words[0] == who + ":" and words[1] == "T":
            found[words[2]] = words[3]
    return found


def block(text, who, mark):
    head = f"{who}: {mark} "
    return [line[len(head):] for line in text.replace("\r", "").splitlines() if line.startswith(head)]


SPEC = {
    "version": 1, "name": "demo", "release": "1.0", "hostname": "tower",
    "network": [{"interface": "eth0", "dhcp": True}],
    "firewall": [{"proto": "tcp", "port": 1111, "from": "0.0.0.0/0"}],
    "services": [
        {"name": "root", "command": ["/usr/bin/node-probe", "root"], "user": 0, "capabilities": ["CAP_SYS_ADMIN", "CAP_MKNOD"],
         "memory": "32Mi", "pids": 16},
        {"name": "user", "command": ["/usr/bin/node-probe", "user"], "user": 1000, "memory": "32Mi", "pids": 16},
        {"name": "hog", "command": ["/usr/bin/node-probe", "hog"], "user": 1001, "memory": "8Mi", "pids": 4},
        {"name": "fails", "command": ["/usr/bin/node-probe", "fails"], "user": 1002},
    ],
}

# What root in a service, and the agent, may not do; the results that are right.
DENIED = {
    "remount-root": "EPERM EACCES EROFS", "remount-root-bind": "EPERM EACCES EROFS", "write-root": "EROFS EACCES",
    "write-init": "EROFS EACCES ETXTBSY", "write-etc": "EROFS EACCES", "module": "EPERM ENOSYS", "kexec": "EPERM ENOSYS",
    "memory": "ENOENT EPERM EACCES", "kernel-memory": "ENOENT EPERM EACCES", "ptrace": "EPERM", "loadpin": "ENOENT EACCES EINVAL",
    "modules": "ENOENT EACCES EINVAL", "disk-node": "EPERM", "exec-home": "EACCES", "exec-tmp": "EACCES",
    "exec-run": "EACCES no-file-EACCES", "exec-shm": "EACCES no-file-EACCES", "exec-dev": "EACCES no-file-EACCES",
}
# The agent makes mounts: a bind remount of the root changes a flag of the mount and not the file system, which stays
# read-only (write-root).
AGENT_MAY = {"remount-root-bind"}


def judge_probe(text, who, may=()):
    got = results(text, who)
    for name, right in DENIED.items():
        if name not in may:
            ok(got.get(name) in right.split(), f"{who}: {name}", f"{got.get(name)}, not one of {right}")
    disks = {name: value for name, value in got.items() if name.startswith("disk-write-")}
    ok(disks and all(value in ("EPERM", "EACCES", "EROFS", "EBUSY") for value in disks.values()),
       f"{who}: no disk below the root or the data can be opened for writing", disks)


def judge_profiles(text):
    """A socket of the family vsock is what nothing but AppArmor refuses to a service: the agent, which has no profile, gets one."""
    for who in ("root", "user"):
        ok(block(text, who, "PROFILE") == ["yagura-service (enforce)"], f"{who}: held to its profile", block(text, who, "PROFILE"))
        ok(results(text, who).get("vsock") == "EACCES", f"{who}: no socket of another family", results(text, who).get("vsock"))
    ok(block(text, "agent", "PROFILE") == ["unconfined"] and results(text, "agent").get("vsock") == "ok",
       "the kernel has such sockets", (block(text, "agent", "PROFILE"), results(text, "agent").get("vsock")))
    labels = dict(line.split(" ", 1) for line in block(text, "agent", "LABEL"))
    ok(labels.get("net") == "yagura-net (enforce)" and labels.get("audit") == "yagura-audit (enforce)", "net and audit have theirs", labels)


def judge_fences(text):
    """What holds each service, as the kernel says it."""
    def held(who):
        # A tab is '?' on the console.
        return dict(line.replace("?", "").split(":", 1) for line in block(text, who, "HELD") if ":" in line)
    for who in ("root", "user", "agent"):
        status = held(who)
        ok(status.get("Seccomp") == "2" and status.get("NoNewPrivs") == "1", f"{who}: a filter of system calls, no new privileges", status)
        limits = " ".join(" ".join(line.split()) for line in block(text, who, "HELD"))
        ok("Max core file size 0 0" in limits and "Max open files 1024 1024" in limits, f"{who}: no core dumps, 1,024 files", limits)
    # CAP_SYS_ADMIN and CAP_MKNOD are what it names.
    ok([int(held("root").get(key, "1"), 16) for key in ("CapPrm", "CapEff", "CapBnd")] == [1 << 21 | 1 << 27] * 3 and
       int(held("user").get("CapBnd", "1"), 16) == 0, "services have the capabilities that they name", (held("root"), held("user")))
    ok([results(text, who).get("landlock") for who in ("root", "user", "agent")] == ["EACCES", "EACCES", "ok"],
       "Landlock keeps services from what is not theirs, root as well", [results(text, who).get("landlock") for who in ("root", "user")])


def judge_mounts(lines):
    """Talos's rule: writable means nosuid and nodev and noexec; but /dev has devices."""
    bad = []
    for line in lines:
        fields = line.split()
        where, options = fields[4], set(fields[5].split(","))
        if "nosuid" not in options:
            bad.append(line)
        if "rw" not in options:
            continue
        if "noexec" not in options or ("nodev" not in options and where not in ("/dev", "/dev/pts")):
            bad.append(line)
    ok(len(lines) >= 12 and not bad, "every writable mount is nosuid, nodev, noexec", "\n".join(bad or lines))
    by = {line.split()[4]: set(line.split()[5].split(",")) for line in lines}
    ok(all("ro" in by.get(where, ()) for where in ("/", "/etc", "/sys")), "/, /etc and /sys are read-only", by)


def boots_whole(image, kernel, data):
    m = ni.Machine(ni.qemu(kernel, image.line(), image.disk, data))
    m.expect("agent: T done")
    m.expect("root: T done")
    m.expect("user: T done")
    m.expect("eth0 has")
    m.expect("service fails ended (status 7), again in 1000 ms")
    m.expect("service hog ended (signal 9)")
    time.sleep(1)
    m.kill()
    text = m.text
    ok("yagura-init: demo 1.0 runs after" in text, "it boots", text)
    ok(f"root {image.hash[:16]}" in text, "it runs from the root it was told", text)
    ok("LoadPin pinned, IPE" in text, "LoadPin is pinned to the verified root, without a way off", text)
    ok("audit locked" in text, "the audit rules are locked", text)
    ok("data made" in text, "an empty data partition is made", text)
    ok("net: eth0 has 10.0.2.15/24" in text, "DHCP gives it an address", text)
    ok("service hog ended (signal 9)" in text, "a service that takes more than its memory is ended", text)
    ok("service fails ended (status 7), again in 1000 ms" in text, "a service that ends is started again, later each time", text)
    for who in ("root", "user"):
        judge_probe(text, who)
    judge_probe(text, "agent", AGENT_MAY)
    judge_profiles(text)
    judge_fences(text)
    judge_mounts(block(text, "agent", "M"))
    ok(block(text, "agent", "HOSTNAME") == ["tower"], "/etc is from the specification", text)
    state = json.loads("\n".join(block(text, "agent", "STATE")) or "{}")
    boot = state.get("boot", {})
    ok(boot.get("root_hash") == image.hash and boot.get("firewall") and boot.get("audit_locked") and boot.get("watchdog") and boot.get("ima_measurements", 0) > 1 and "trouble" not in boot,
       "state.json says what is in force", state)
    ok(results(text, "user").get("kept") == "1", "home is writable", text)


def profile_bad(kernel, work):
    """A profile that the kernel does not take, or that is not there, ends the boot."""
    path = "/usr/lib/yagura/apparmor/yagura-net"
    for name, content, why in (("other bytes", b"\x04\x08\0version\0 no profile", path + ": the kernel does not take it"),
                               ("nothing", b"", "the kernel does not have yagura-net to be enforced")):
        image = ni.Image(work / "profile", INIT, SPEC, {path: content})
        m = ni.Machine(ni.qemu(kernel, image.line(), image.disk))
        ok(m.expect(PANIC) and f"this node cannot run: AppArmor: {why}" in m.text and "runs after" not in m.text,
           f"a profile of {name}: the node does not run", m.text)
        m.kill()


def boots_again(image, kernel, data):
    m = ni.Machine(ni.qemu(kernel, image.line(), image.disk, data))
    m.expect("user: T done")
    m.expect("agent: T done")
    m.kill()
    ok("data ok" in m.text, "the data partition is found again", m.text)
    ok(results(m.text, "agent").get("kept") == "2" and results(m.text, "user").get("kept") == "2", "what is in /home was kept", m.text)
    ok(block(m.text, "agent", "HOSTNAME") == ["changed"], "settings that were kept are in /etc", m.text)
    ok(block(m.text, "agent", "SYSCTL") == ["2"], "a sysctl that root changed is as it was", m.text)


def find_in(image, needle):
    return image.img.read_bytes().index(needle)


def refuses(image, kernel, work):
    """Rows of changed bytes: none is used."""
    probe = pathlib.Path(PROBE).read_bytes()
    file_at = find_in(image, probe[65536:65536 + 4096]) + 100
    tree_at = image.blocks * 4096
    digit = "0" if image.hash[10] != "0" else "1"
    wrong = image.hash[:10] + digit + image.hash[11:]
    rows = [
        ("a bit of the superblock", image.flipped(1024 + 40, "d1"), image.line(), PANIC, "starts after"),
        ("a bit of a file", image.flipped(file_at, "d2"), image.line(), PANIC, "T done"),
        ("a bit of the hash tree's root", image.flipped(tree_at + 5, "d3"), image.line(), PANIC, "starts after"),
        ("a bit of the hash tree's leaves", image.flipped(tree_at + 4096 + 5, "d4"), image.line(), PANIC, "T done"),
        ("a digit of the root hash", image.disk, image.line(root_hash=wrong), PANIC, "starts after"),
        ("a partition that is not there", image.disk, image.line().replace("PARTUUID=", "PARTUUID=0"), PANIC, "starts after"),
        ("a changed bit, restart_on_corruption", image.flipped(1024 + 40, "d5"),
         image.line(on_corruption="restart_on_corruption"), "Restarting system", "starts after"),
    ]
    for name, disk, line, right, wrong_text in rows:
        m = ni.Machine(ni.qemu(kernel, line.replace(" quiet", ""), disk))
        found = m.expect(right, timeout=120)
        ended = m.wait(90)
        ok(found and ended and wrong_text not in m.text, f"{name}: not used", m.text)
        if disk != image.disk:
            disk.unlink()
    changed = work / "kernel"
    shutil.copy(kernel, changed)
    with open(changed, "r+b") as f:
        f.seek(os.path.getsize(kernel) // 2)
        f.write(b"\0" * 64)
    m = ni.Machine(ni.qemu(changed, image.line(), image.disk))
    ok(not m.expect("starts after", timeout=15), "a kernel with changed bytes does not boot", m.text)
    m.kill()


def small(image, kernel, data):
    m = ni.Machine(ni.qemu(kernel, image.line(), image.disk, data, memory=64))
    ok(m.expect("agent: T done") and m.expect("user: T done"), "64 MB of memory are enough", m.text)
    m.kill()


# One that writes more than a log keeps, and so many that do not end when asked that the watchdog (60 s) would lose patience.
DOWN_SPEC = dict(SPEC, services=[{"name": "talks", "command": ["/usr/bin/node-probe", "talks"], "user": 1000}] + [
    {"name": f"stays{i}", "command": ["/usr/bin/node-probe", "stays"], "user": 1001} for i in range(7)])


def down_begins(kernel, work):
    """It takes more than a minute in which there is little to do: other machines run meanwhile."""
    image = ni.Image(work / "down", INIT, DOWN_SPEC, {"/usr/bin/yagura-agent": PROBE, "/usr/bin/node-probe": PROBE,
                                                      "/etc/reboot-at-once": b"yes\n"})
    data = ni.data_disk(work / "down.img")
    return ni.Machine(ni.qemu(kernel, image.line(), image.disk, data)), data


def goes_down(m, data):
    """Asked to reboot, it ends its services, and the file system of the data is clean."""
    m.expect("going down to reboot", timeout=200)
    ok(m.wait(200) and "going down to reboot" in m.text, "it reboots when it is asked to", m.text)
    text = m.text.partition("going down to reboot")[2]
    ended = [line.split()[2] for line in text.splitlines() if line.startswith("yagura-init: service ") and " ended " in line]
    # The last that is killed may be seen to have ended after those that are asked next.
    ok("stays0" in ended[6:] and [name for name in ended if name != "stays0"] ==
       [f"stays{i}" for i in range(6, 0, -1)] + ["talks", "agent", "audit", "net"], "services end in the reverse order", ended)
    ok(all(f"service stays{i} ended (signal 9)\r" in text for i in range(7)) and "again" not in text,
       "those that do not end are ended, the watchdog waits for all of them, and none is started again", text)
    part = data.with_suffix(".part")
    part.write_bytes(data.read_bytes()[ni.MIB:])
    head = part.read_bytes()[1024:2048]
    ok(not int.from_bytes(head[0x60:0x64], "little") & 4, "the data was unmounted: its journal is empty")
    fsck = subprocess.run(["e2fsck", "-fn", str(part)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    ok(fsck.returncode == 0, "and e2fsck finds nothing", fsck.stdout)
    logs = [subprocess.run(["debugfs", "-R", f"cat /log/talks.log{n}", str(part)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL).stdout
            for n in ("", ".1")]
    ok(all(0 < len(log) < ni.MIB + 1200 for log in logs) and b"T talked ok" in logs[0] and b"Z 000000 " not in logs[1],
       "a log has a mebibyte and the line it ends with, and so has the one before", [(len(log), log[:40], log[-40:]) for log in logs])


TAP_SPEC = dict(SPEC, network=[{"interface": "eth0", "address": "10.9.0.2/24", "gateway": "10.9.0.1"}], services=[])


def closed_ports(kernel, work):
    """From a network of our own (main() has entered it): only what is opened answers."""
    image = ni.Image(work / "tap", INIT, TAP_SPEC, {"/usr/bin/yagura-agent": PROBE})
    ni.run("ip", "link", "set", "lo", "up")
    ni.run("ip", "tuntap", "add", "tap0", "mode", "tap")
    ni.run("ip", "addr", "add", "10.9.0.1/24", "dev", "tap0")
    ni.run("ip", "link", "set", "tap0", "up")
    m = ni.Machine(ni.qemu(kernel, image.line(), image.disk, net="tap,id=net0,ifname=tap0,script=no,downscript=no"))
    ok(m.expect("eth0 has 10.9.0.2/24") and m.expect("agent: T done"), "a static address", m.text)
    ping = subprocess.run(["ping", "-c1", "-W10", "10.9.0.2"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode \
        if shutil.which("ping") else 0
    ok(ping == 0, "it answers a ping")
    ok(answering([1111]) == {1111}, "the open port answers")
    ok(answering(list(range(1, 65536))) == {1111}, "of all 65,535 no other does")
    m.kill()


def answering(ports, wait_s=3.0, at_once=8000):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    at_once = min(at_once, hard - 100)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    found = set()
    for first in range(0, len(ports), at_once):
        poll, waiting = select.epoll(), {}
        for port in ports[first:first + at_once]:
            s = socket.socket()
            s.setblocking(False)
            if s.connect_ex(("10.9.0.2", port)) in (0, errno.EINPROGRESS):
                waiting[s.fileno()] = (s, port)
                poll.register(s.fileno(), select.EPOLLOUT | select.EPOLLERR)
        end = time.monotonic() + wait_s
        while waiting and (left := end - time.monotonic()) > 0:
            for fd, _ in poll.poll(left):
                s, port = waiting.pop(fd)
                poll.unregister(fd)
                # A reset is an answer as well: dropped is dropped.
                found.add(port)
                s.close()
        for s, _ in waiting.values():
            s.close()
        poll.close()
    return found


def main():
    kernel = ni.kernel()
    missing = ni.missing(kernel)
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    if os.environ.get("YAGURA_NODE_NET") != "1":
        # A network of its own, for the tap interface; everything else runs in it as well.
        env = dict(os.environ, YAGURA_NODE_NET="1")
        return subprocess.run(["unshare", "--net", sys.executable, __file__, *sys.argv[1:]], env=env).returncode
    with tempfile.TemporaryDirectory(prefix="yagura-node-") as name:
        work = pathlib.Path(name)
        image = ni.Image(work / "image", INIT, SPEC, {"/usr/bin/yagura-agent": PROBE, "/usr/bin/node-probe": PROBE})
        data = ni.data_disk(work / "data.img")
        going = down_begins(kernel, work)
        boots_whole(image, kernel, data)
        boots_again(image, kernel, data)
        profile_bad(kernel, work)
        refuses(image, kernel, work)
        small(image, kernel, data)
        goes_down(*going)
        closed_ports(kernel, work)
    return tap.end()


sys.exit(main())
