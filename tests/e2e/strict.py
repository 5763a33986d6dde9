#!/usr/bin/env python3
"""Kernel entry points that strict closes, tried from inside: docs/escapes.md, "Kernel entry points".

usage: tests/e2e/strict.py YAGURA_RUN PROBER        prints TAP; needs root

Each is tried in a strict container and, as the control, in one with --compat, every capability, no filter and no mask:
there the kernel has to do it, or to say in another way that it has no such thing. Then the filter must have counted it.
Then `why` and `profile`, which say what was refused and what is needed.
"""
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402
from run_bundle import wait_for  # noqa: E402

FILTER = {"EPERM"}
FAMILY = {"EAFNOSUPPORT"}
PROTOCOL = {"EPROTONOSUPPORT"}
RIGHTS = {"EPERM", "EACCES"}
CLOSED = {
    "net-sched/unshare": FILTER, "net-sched/clone": FILTER, "net-sched/clone3": {"ENOSYS"}, "net-sched/setns": FILTER,
    "net-sched/qdisc": RIGHTS,
    "netfilter/netlink": PROTOCOL, "netfilter/ip-tables": RIGHTS,
    "netdev/xfrm": PROTOCOL, "netdev/pf-key": FAMILY, "netdev/udp-encap": FILTER, "netdev/new-link": RIGHTS,
    "netdev/generic-netlink": PROTOCOL,
    "io-uring/setup": FILTER,
    "ktls/tcp-ulp": FILTER, "ktls/tcp-ulp-high-bits": FILTER,
    "families/packet": FAMILY, "families/packet-by-type": FAMILY, "families/packet-high-bits": FAMILY, "families/alg": FAMILY,
    "families/vsock": FAMILY, "families/rxrpc": FAMILY, "families/tipc-pair": FAMILY, "families/sctp": PROTOCOL,
    "families/raw-ip": RIGHTS,
    "bpf-mounts/bpf": FILTER, "bpf-mounts/mount": FILTER, "bpf-mounts/remount": FILTER, "bpf-mounts/umount": FILTER,
    "bpf-mounts/fsopen": FILTER, "bpf-mounts/open-tree": FILTER, "bpf-mounts/open-tree-attr": FILTER,
    "bpf-mounts/mount-setattr": FILTER, "bpf-mounts/clone-mount-namespace": FILTER,
    "bpf-mounts/cgroup-write": {"EROFS", "EACCES"},
    "more/keyctl": FILTER, "more/add-key": FILTER, "more/userfaultfd": FILTER, "more/perf": FILTER, "more/module": FILTER,
    "more/kexec": FILTER, "more/ptrace": FILTER, "more/read-process": FILTER, "more/open-by-handle": FILTER,
    "more/tiocsti": FILTER, "more/executable-stack": FILTER, "more/mknod": RIGHTS, "more/core-size": RIGHTS,
    "more/chown": RIGHTS, "more/new-privileges": FILTER, "more/write-root": {"EROFS", "EACCES"},
    "more/core-pattern": {"EROFS", "EACCES"}, "more/masked": {"EACCES"},
}
# What a kernel says of what it was built without.
ABSENT = {"EAFNOSUPPORT", "EPROTONOSUPPORT", "ENOSYS", "EOPNOTSUPP"}


def everything(config):
    capabilities = [f"CAP_{name}" for name in
                    "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE "
                    "NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT "
                    "SYS_ADMIN SYS_BOOT SYS_NICE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP "
                    "MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE".split()]
    config["process"]["capabilities"] = {kind: capabilities for kind in ("bounding", "effective", "permitted")}
    config["process"]["noNewPrivileges"] = False
    config["process"]["rlimits"] = []
    config["root"]["readonly"] = False
    config["linux"].update(maskedPaths=[], readonlyPaths=[])
    config["linux"].pop("seccomp", None)
    config["linux"]["resources"] = {"devices": [{"allow": True, "access": "rwm"}]}
    asked_for_everything(config)


def asked_for_everything(config):
    """What a strict container asks for in vain: the same, and a place to write."""
    config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["mode=1777", "exec"]})
    config["mounts"].append({"destination": "/sys/fs/cgroup", "type": "cgroup", "source": "cgroup", "options": ["nosuid"]})
    if {"type": "cgroup"} not in config["linux"]["namespaces"]:
        config["linux"]["namespaces"].append({"type": "cgroup"})


def probe(rt, change):
    rt.args("/prober", change=change)
    result = rt.call("run", "p")
    return dict(line.split() for line in result.stdout.splitlines()), result


def entry_points(tap, rt):
    compat = run_bundle.Runtime(rt.program, "--compat")
    try:
        for one in (rt, compat):
            shutil.copy(sys.argv[2], one.bundle / "rootfs" / "prober")
        strict, said = probe(rt, everything)
        tap.equal(said.stderr, "", "a strict container that asks for everything runs")
        control, said = probe(compat, everything)
        tap.equal(said.stderr, "", "a container with everything granted runs")
        for name, want in CLOSED.items():
            got, other = strict.get(name), control.get(name)
            tap.ok(got in want and (other not in want or other in ABSENT), f"{name}: {got}; with everything granted: {other}",
                   f"closed is one of {sorted(want)}")
        tap.equal(sorted(strict), sorted(CLOSED), "every probe has a row")
        tap.equal(compat.left(), [], "the control leaves nothing")
    finally:
        compat.done()


# What `why` calls the probes of things that this kernel may have been built without: there the count is the proof.
COUNTED = {"netdev/pf-key": "socket(AF_KEY, 2)", "families/alg": "socket(AF_ALG, 0)", "families/rxrpc": "socket(AF_RXRPC, 2)",
           "families/tipc-pair": "socketpair(AF_TIPC)", "families/sctp": "socket(AF_INET, 132)",
           "families/vsock": "socket(AF_VSOCK, 0)", "families/packet": "socket(AF_PACKET, 0)", "bpf-mounts/bpf": "bpf(0)"}


def begin(rt, *args, change=None):
    """A container in the background: nobody holds its standard output."""
    rt.args(*args, change=change)
    subprocess.run(rt.argv("run", "-d", "w"), cwd=rt.bundle, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL, check=True)


def why(rt):
    return json.loads(rt.call("why", "--format", "json", "w", check=True).stdout)


def count(rt, call):
    return sum(row["count"] for row in why(rt)["calls"] if row["call"] == call)


def watchers(rt):
    found = []
    for comm in pathlib.Path("/proc").glob("[0-9]*/comm"):
        try:
            if comm.read_text() == "yagura-watch\n" and str(rt.root).encode() in (comm.parent / "cmdline").read_bytes():
                found.append(int(comm.parent.name))
        except OSError:  # it has ended meanwhile
            pass
    return found


def why_calls(tap, rt):
    shutil.copy(sys.argv[2], rt.bundle / "rootfs" / "prober")
    begin(rt, "sleep", "1000", change=asked_for_everything)
    tap.equal(why(rt), {"watched": True, "calls": [], "limits": [], "full": []}, "why: nothing was refused yet")
    rt.call("exec", "w", "/prober", *COUNTED, check=True)
    rt.call("exec", "w", "/prober", "families/alg", check=True)
    for name, call in COUNTED.items():
        tap.equal(count(rt, call), 2 if name == "families/alg" else 1, f"why: {name} is counted as {call}")
    rt.call("exec", "w", "mount", "-t", "tmpfs", "x", "/tmp")
    row = [r for r in why(rt)["calls"] if r["call"] == "mount"]
    tap.equal([(r["path"], r["program"], r["errno"]) for r in row], [("/tmp", "mount", 1)], "why: path, program and errno")
    tap.ok("socket(AF_ALG, 0)" in rt.call("why", "w").stdout, "why: table")
    rt.call("delete", "-f", "w", check=True)
    time.sleep(0.2)
    tap.ok("does not exist" in rt.call("why", "w").stderr, "why: of none")


def why_of_ones_own(tap, rt):
    """An unprivileged user's own container, asked by that user."""
    user = {"user": 65534, "group": 65534, "extra_groups": []}
    shutil.copy(rt.program, rt.place / "yagura-run")
    shutil.copy(sys.argv[2], rt.bundle / "rootfs" / "prober")
    rt.program = str(rt.place / "yagura-run")
    for path in [rt.place, *rt.place.rglob("*")]:
        os.chown(path, 65534, 65534, follow_symlinks=False)
    (rt.bundle / "config.json").unlink()
    rt.call("spec", "--rootless", check=True, **user)
    config = json.loads((rt.bundle / "config.json").read_text())
    config["process"].update(terminal=False, args=["sh", "-c", "/prober bpf-mounts/bpf net-sched/unshare; sleep 1000"])
    (rt.bundle / "config.json").write_text(json.dumps(config))
    subprocess.run(rt.argv("run", "-d", "w"), cwd=rt.bundle, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, **user)
    tap.ok(wait_for(lambda: "unshare" in rt.call("why", "w", **user).stdout), "why: of one's own container, without rights")
    tap.equal(rt.call("exec", "w", "/prober", "bpf-mounts/bpf", **user).stdout, "bpf-mounts/bpf EPERM\n",
              "a process that joins it is refused the same")
    pid = json.loads(rt.call("state", "w", **user).stdout)["pid"]
    tap.equal(rt.call("delete", "-f", "w", **user).returncode, 0, "it is deleted")
    tap.ok(not pathlib.Path(f"/proc/{pid}/root").exists(), "and its process with it")


def why_limits(tap, rt):
    def few(config):
        config["linux"]["resources"] = {"pids": {"limit": 8}}
        config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=64k"]})
    begin(rt, "sh", "-c", "while :; do sleep 1; done", change=few)
    rt.call("exec", "w", "sh", "-c", "head -c 100000 /dev/zero >/tmp/x")
    rt.call("exec", "w", "sh", "-c", "for i in 1 2 3 4 5 6 7 8 9 10; do sleep 5 & done 2>/dev/null")
    said = why(rt)
    tap.ok(any(r["limit"] == "processes" and r["count"] > 0 for r in said["limits"]), "why: the limit of processes", said)
    tap.ok({"path": "/tmp", "meaning": "no space left"} in said["full"], "why: a full file system", said)
    rt.call("delete", "-f", "w", check=True)


def in_front(tap, rt):
    """A program that joins is answered by the command itself, and what it leaves running by a watcher."""
    shutil.copy(sys.argv[2], rt.bundle / "rootfs" / "prober")
    begin(rt, "sleep", "1000", change=asked_for_everything)
    joined = subprocess.Popen(rt.argv("exec", "w", "sh", "-c", "/prober net-sched/unshare; read x; /prober net-sched/unshare"), stdin=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True)
    tap.equal(joined.stdout.readline(), "net-sched/unshare EPERM\n", "a program that joins is refused")
    tap.equal(len(watchers(rt)), 1, "by nobody but the command it came with")
    tap.equal(joined.communicate("\n")[0], "net-sched/unshare EPERM\n", "as long as it runs")
    tap.equal(len(watchers(rt)), 1, "nobody left, no watcher")
    rt.call("exec", "w", "sh", "-c", "(while [ ! -e /tmp/go ]; do sleep 0.1; done; /prober net-sched/unshare) >/tmp/left 2>&1 </dev/null &", check=True)
    # It has its name a moment after it was started.
    tap.ok(wait_for(lambda: len(watchers(rt)) == 2), "what it left running has a watcher", watchers(rt))
    rt.call("exec", "w", "touch", "/tmp/go", check=True)
    tap.ok(wait_for(lambda: rt.call("exec", "w", "cat", "/tmp/left").stdout == "net-sched/unshare EPERM\n"), "which answers")
    tap.ok(wait_for(lambda: len(watchers(rt)) == 1), "and ends with it")
    tap.equal(sum(row["count"] for row in why(rt)["calls"] if row["call"].startswith("unshare")), 3, "all of it is counted")
    rt.call("delete", "-f", "w", check=True)


def watcher(tap, rt):
    shutil.copy(sys.argv[2], rt.bundle / "rootfs" / "prober")
    begin(rt, "sh", "-c", "while [ ! -e /tmp/go ]; do sleep 0.1; done; /prober bpf-mounts/bpf net-sched/unshare >/tmp/out; sleep 1000",
          change=asked_for_everything)
    found = watchers(rt)
    tap.equal(len(found), 1, "one watcher a container")
    for pid in found:
        memory = [line.split()[1] for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
        print(f"# a watcher holds {memory[0]} KiB")
    inside = json.loads(rt.call("ps", "-f", "json", "w").stdout)
    tap.ok(not set(found) & set(inside), "which is not one of its processes")
    for pid in found:
        os.kill(pid, signal.SIGKILL)
    rt.call("exec", "w", "touch", "/tmp/go", check=True)
    time.sleep(0.5)
    tap.equal(rt.call("exec", "w", "cat", "/tmp/out").stdout, "net-sched/unshare ENOSYS\nbpf-mounts/bpf ENOSYS\n",
              "without its watcher a container is refused the same")
    rt.call("delete", "-f", "w", check=True)
    tap.ok(wait_for(lambda: not watchers(rt)), "no watcher is left")


def profile(tap, rt):
    work = "ls / >/dev/null; echo hello; id"
    rt.args("sh", "-c", work)
    result = rt.call("profile", "record", "w")
    tap.equal((result.returncode, result.stdout, result.stderr), (0, "hello\nuid=0 gid=0\n", ""), "profile record: runs")
    recorded = json.loads(rt.call("profile", "show", "w", check=True).stdout)
    names = recorded["syscalls"][0]["names"]
    tap.ok("getdents64" in names and "mkdir" not in names and len(names) < 70, "profile show: few calls", names)

    def use(config):
        config["linux"]["seccomp"] = recorded
    rt.args("sh", "-c", work, change=use)
    result = rt.call("run", "w")
    tap.equal((result.returncode, result.stdout), (0, "hello\nuid=0 gid=0\n"), "the same runs under its profile")
    rt.args("sh", "-c", "mkdir /tmp/x; echo $?", change=use)
    result = rt.call("run", "w")
    tap.ok("Operation not permitted" in result.stderr and result.stdout == "1\n", "another thing does not", result.stderr)
    tap.ok("nothing was recorded" in rt.call("profile", "show", "none").stderr, "profile show: of none")
    tap.ok("no container ID" in rt.call("profile", "show", "../w").stderr, "profile show: a name that leads out")
    shutil.rmtree(rt.root / ".profiles")


def joins_anywhere(tap, rt):
    """What a process that joins may execute and write is the container's, wherever it begins."""
    def change(config):
        config["process"]["cwd"] = "/etc"
        config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
    begin(rt, "sleep", "1000", change=change)
    for options, where in (([], "/etc"), (["--cwd", "/"], "/"), (["--cwd", "/tmp"], "/tmp"), (["--cwd", "/proc"], "/proc"), (["--cwd", "/bin"], "/bin")):
        result = rt.call("exec", *options, "w", "sh", "-c", "pwd; echo x >/tmp/x && cat /tmp/x; sh -c 'echo y >/bin/y' 2>/dev/null || echo no")
        tap.equal((result.returncode, result.stdout), (0, f"{where}\nx\nno\n"), f"in {where} {result.stderr}")
    rt.call("delete", "-f", "w", check=True)


def start_hook(tap, rt):
    """A startContainer hook runs behind the filter that the program has."""
    def change(config):
        config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "echo hooked >&2; ls /; mkdir /x"]}]}
    rt.args("echo", "ran", change=change)
    result = rt.call("run", "w")
    tap.ok(result.returncode == 1 and "hooked" in result.stderr and "Read-only" in result.stderr, "it runs, and its failure ends the start", result.stderr)
    rt.args("echo", "ran", change=lambda c: c.update(hooks={"startContainer": [{"path": "/bin/true"}]}))
    result = rt.call("run", "w")
    tap.equal((result.returncode, result.stdout), (0, "ran\n"), f"then the program {result.stderr}")


if __name__ == "__main__":
    sys.exit(run_bundle.main([entry_points, why_calls, why_of_ones_own, why_limits, in_front, watcher, profile, joins_anywhere, start_hook]))
