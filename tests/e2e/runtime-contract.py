#!/usr/bin/env python3
"""What engines rely on beyond the life of a container (tests/e2e/run.py): docs/runtime-cli.md, without any engine.

usage: tests/e2e/runtime-contract.py YAGURA_RUN        prints TAP; needs root
"""
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402
from run_bundle import wait_for  # noqa: E402


def error_texts(tap, rt):
    """What podman makes an exit status of: 126 and 127 are found in the text (libpod, getOCIRuntimeError)."""
    (rt.bundle / "rootfs/etc/plain").write_text("")
    cases = [("nope", r"executable file not found in \$PATH"), ("/bin/nope", "(?i)no such file or directory"),
             ("/etc", "(?i)permission denied|operation not permitted"),
             ("/etc/plain", "(?i)permission denied|operation not permitted")]
    for program, text in cases:
        rt.args(program)
        for command in ("create", "run"):
            result = rt.call(command, "c")
            tap.ok(result.returncode == 1 and re.search(text, result.stderr), f"{command} of {program}", result.stderr)
    rt.args("sleep", "100")
    rt.call("run", "-d", "c", check=True)
    for program, text in cases:
        pid_file = rt.place / "pid"
        result = rt.call("exec", "-d", "--pid-file", str(pid_file), "c", program)
        tap.ok(result.returncode == 255 and re.search(text, result.stderr), f"exec of {program}", result.stderr)
        tap.ok(not pid_file.exists(), f"exec of {program}: conmon would take a pid file for success")
    rt.call("delete", "-f", "c", check=True)
    rt.config(lambda c: c["root"].update(path="nope"))
    tap.ok("o such file" in rt.call("create", "c").stderr, "a root file system that is missing")
    for name in ("a/b", "..", "", "ü"):
        tap.ok("invalid" in rt.call("create", name).stderr, f"the id {name!r}")


def log_is_one_value(tap, rt):
    """podman reads the whole file as one JSON value, containerd its last line of level error."""
    log = rt.place / "log"
    rt.args("nope")
    rt.call("--log", str(log), "--log-format", "json", "create", "c")
    tap.ok("not found" in json.loads(log.read_text())["msg"], "a failed create writes one line", log.read_text())
    log.unlink()
    rt.args("true")
    rt.call("--log", str(log), "--log-format=json", "run", "c", check=True)
    tap.ok(not log.exists() or not log.read_text(), "a good one writes nothing")
    rt.call("--log", str(log), "--debug", "state", "c")
    tap.ok("level=debug" in log.read_text(), "--debug")


def log_that_is_none(tap, rt):
    """As runc and crun: an engine that names a log file will look there for the reason."""
    for command in (["list"], ["create", "c"], ["state", "nope"]):
        result = rt.call("--log", str(rt.place / "nope" / "log"), *command)
        tap.ok(result.returncode == 1 and re.search("--log .*No such file", result.stderr), f"{command[0]}: a log that cannot be written",
               result.stderr)
    tap.equal(rt.left(), [], "nothing is left")


def root_of_all(tap, rt):
    for root in ("/", "//", "/proc/self/root", "/usr/.."):
        for command in (["list"], ["create", "c"], ["run", "c"]):
            result = subprocess.run([rt.program, "--root", root, *command], cwd=rt.bundle, capture_output=True, text=True, stdin=subprocess.DEVNULL)
            tap.ok(result.returncode == 1 and "root directory itself" in result.stderr, f"--root {root} {command[0]}", result.stderr)


def directories(tap, rt):
    """A container's working directory is made, as runc and crun do; that of a process that joins has to be there."""
    rt.args("sleep", "100", change=lambda c: (c["process"].update(cwd="/made/here"), c["root"].update(readonly=False)))
    rt.call("run", "-d", "c", check=True)
    tap.ok((rt.bundle / "rootfs/made/here").is_dir(), "create makes it")
    result = rt.call("exec", "--cwd", "/nope/at/all", "c", "true")
    tap.ok(result.returncode == 255 and "chdir: No such file or directory" in result.stderr, "exec: an error", result.stderr)
    tap.ok(not (rt.bundle / "rootfs/nope").exists(), "exec makes none")
    result = rt.call("exec", "--cwd", "/bin/sh", "c", "true")
    tap.ok(result.returncode == 255 and "chdir: Not a directory" in result.stderr, "exec: a file", result.stderr)
    tap.equal(rt.call("exec", "c", "pwd").stdout, "/made/here\n", "exec: the container's")
    rt.call("delete", "-f", "c", check=True)


def tmpfs_mode(tap, rt):
    """A tmpfs has the mode of the directory it hides, unless it says another one: as runc and crun."""
    (rt.bundle / "rootfs/private").mkdir()
    (rt.bundle / "rootfs/private").chmod(0o712)
    for options, place, mode in ((["ro"], "/private", "712"), (["rw", "size=1m"], "/private", "712"), (["mode=750"], "/private", "750"),
                                 ([], "/bin/new", "1777")):
        rt.args("busybox", "stat", "-c", "%a", place, change=lambda c, o=options, p=place: (
            c["mounts"].append({"destination": p, "type": "tmpfs", "source": "tmpfs", "options": o}), c["root"].update(readonly=False)))
        result = rt.call("run", "c")
        tap.equal(result.stdout.strip(), mode, f"{place} {options} {result.stderr}")
    rt.args("touch", "/private/x", change=lambda c: c["mounts"].append({"destination": "/private", "type": "tmpfs", "source": "tmpfs", "options": ["ro"]}))
    tap.ok("Read-only" in rt.call("run", "c").stderr, "and is read-only when it is to be")


def takes_number(pid):
    """A process of ours that has this number, if it can be had."""
    for _ in range(200):
        pathlib.Path("/proc/sys/kernel/ns_last_pid").write_text(str(pid - 1))
        child = subprocess.Popen(["sleep", "60"])
        if child.pid == pid:
            return child
        child.kill()
        child.wait()
    return None


def number_of_another(tap, rt):
    """While exec comes in, the container ends and its number becomes another process's: that one is not joined, whenever it happens."""
    if not shutil.which("strace") or not os.access("/proc/sys/kernel/ns_last_pid", os.W_OK):
        tap.ok(True, "exec and a number that is another's # SKIP needs strace and /proc/sys/kernel/ns_last_pid")
        return
    trace = rt.place / "trace"

    def traced(*options):
        # A leak sanitizer traces, too, and cannot where somebody else does.
        return ["strace", "-E", "LSAN_OPTIONS=detect_leaks=0", "-o", str(trace), "-e", "trace=pidfd_open", *options,
                *rt.argv("exec", "c", "echo", "joined")]
    rt.args("sleep", "100")
    rt.call("run", "-d", "c", check=True)
    subprocess.run(traced(), cwd=rt.bundle, check=True, stdout=subprocess.DEVNULL)
    looks = trace.read_text().count("pidfd_open(")
    tap.ok(looks > 0, "exec looks at the process", trace.read_text())
    for look in range(1, looks + 1):
        pid = json.loads(rt.call("state", "c", check=True).stdout)["pid"]
        late = traced("-e", f"inject=pidfd_open:delay_exit=2000000:when={look}")
        with subprocess.Popen(late, cwd=rt.bundle, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as exec_:
            wait_for(lambda n=look: trace.read_text().count("pidfd_open(") == n)
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda p=pid: not pathlib.Path(f"/proc/{p}").exists())
            other = takes_number(pid)
            said = exec_.communicate(timeout=30)[0]
        if other:
            other.kill()
            other.wait()
        tap.ok(exec_.returncode == 255 and "joined" not in said, f"at look {look} of {looks}: {'refused' if other else 'ended'}", said)
        rt.call("delete", "-f", "c", check=True)
        rt.call("run", "-d", "c", check=True)
    rt.call("delete", "-f", "c", check=True)


def default_root(tap, rt):
    """podman asks for the state with an environment of one variable and without --root."""
    for name in ("create", "list"):
        result = subprocess.run([rt.program, name, "-h"], env={"XDG_RUNTIME_DIR": ""}, capture_output=True, text=True)
        tap.ok(result.returncode == 0 and "Usage" in result.stdout, f"{name} -h without PATH and HOME", result.stderr)
    result = subprocess.run([rt.program, "state", "yagura-no-such"], env={"XDG_RUNTIME_DIR": ""}, capture_output=True, text=True)
    tap.ok("does not exist" in result.stderr, "state without --root", result.stderr)


def descriptors(tap, rt):
    """--preserve-fds hands on exactly those; nothing else is open in the container."""
    read, write = os.pipe()
    rt.args("sh", "-c", "ls /proc/self/fd; echo through >&3")

    def three():
        os.dup2(write, 3)
    with subprocess.Popen(rt.argv("run", "--preserve-fds", "1", "c"), cwd=rt.bundle, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          pass_fds=[3], preexec_fn=three, text=True) as run:
        os.close(write)
        tap.equal(os.read(read, 100), b"through\n", "the descriptor is the same")
        # the last one is the directory that ls itself reads
        tap.equal(run.stdout.read().split(), ["0", "1", "2", "3", "4"], "and no other is open")
    os.close(read)
    compat, rt.options = rt.options, []
    rt.args("true")
    tap.ok(rt.call("run", "--preserve-fds", "5", "c").returncode == 1, "descriptors that are not open are refused")
    rt.options = compat
    rt.args("sh", "-c", "ls /proc/self/fd; echo $LISTEN_FDS $LISTEN_PID")
    result = rt.call("run", "c", env={"LISTEN_FDS": "2"})
    tap.equal(result.stdout.split(), ["0", "1", "2", "3", "2", "1"], "with --compat they are left out")
    tap.ok("descriptor 3 is not open" in result.stderr, "and it is said", result.stderr)
    read, write = os.pipe()
    result = rt.call("run", "c", env={"LISTEN_FDS": "1"}, pass_fds=[3, 4], preexec_fn=lambda: (os.dup2(write, 3), os.dup2(write, 4)))
    tap.equal(result.stdout.split(), ["0", "1", "2", "3", "4", "1", "1"], "of two that are open only the one for it")
    os.close(read)
    os.close(write)


def pid_of_the_caller(tap, rt):
    """A relative pid file belongs to the caller's directory; the process becomes the caller's, if that is a subreaper."""
    elsewhere = rt.place / "elsewhere"
    elsewhere.mkdir()
    rt.args("sleep", "100")
    code = ("import ctypes, os, subprocess, sys; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0); "
            "subprocess.run(sys.argv[1:], check=True, stdin=subprocess.DEVNULL); pid = int(open('pid').read()); "
            "print(os.getpid() == int(open(f'/proc/{pid}/stat').read().rsplit(')', 1)[1].split()[1])); os.kill(pid, 9); "
            "print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))")
    result = subprocess.run([sys.executable, "-c", code, *rt.argv("create", "--bundle", str(rt.bundle), "--pid-file", "pid", "c")],
                            cwd=elsewhere, capture_output=True, text=True)
    tap.equal(result.stdout, "True\n-9\n", "conmon can wait for the container")
    tap.equal(rt.status("c"), "stopped", "and it is stopped then")
    rt.call("delete", "c", check=True)


def received(rt, place, *command):
    """What comes over the socket while the command runs: (payload, the process of the pidfd)."""
    payload, fds = run_bundle.received(rt.place / place, lambda: rt.call(*command, check=True))
    about = pathlib.Path(f"/proc/self/fdinfo/{fds[0]}").read_text()
    for fd in fds:
        os.close(fd)
    return payload, int(re.search(r"^Pid:\s+(-?\d+)", about, re.M)[1])


def pidfd_socket(tap, rt):
    rt.args("sleep", "100")
    payload, pid = received(rt, "1", "create", "--pidfd-socket", str(rt.place / "1"), "c")
    tap.equal((payload, pid), (b"standard", json.loads(rt.call("state", "c").stdout)["pid"]), "create: a pidfd of the first process")
    rt.call("start", "c", check=True)
    payload, pid = received(rt, "2", "exec", "-d", "--pid-file", str(rt.place / "pid"), "--pidfd-socket", str(rt.place / "2"), "c",
                            "sleep", "100")
    tap.equal((payload, pid), (b"setns", int((rt.place / "pid").read_text())), "exec: a pidfd of that process")
    rt.call("delete", "-f", "c", check=True)
    result = rt.call("create", "--pidfd-socket", str(rt.place / "nope"), "c")
    tap.ok(result.returncode == 1 and "nope" in result.stderr, "a socket that is not there", result.stderr)


def notify_socket(tap, rt):
    """sd_notify(3) from inside: that one socket of the service manager, nothing beside it."""
    place = rt.place / "manager"
    place.mkdir()
    (place / "other").write_text("")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(place / "notify"))
        rt.args("sh", "-c", "echo $NOTIFY_SOCKET; ls -i $NOTIFY_SOCKET; ls /run/notify")
        said = rt.call("run", "c", env={"NOTIFY_SOCKET": str(place / "notify")}).stdout.split()
        tap.equal(said, ["/run/notify/notify.sock", str((place / "notify").stat().st_ino), "/run/notify/notify.sock", "notify.sock"],
                  "the manager's socket, and no other file")
    rt.args("env")
    tap.ok("NOTIFY" not in rt.call("run", "c", env={}).stdout, "none without one")


def exec_groups(tap, rt):
    """Groups below the container's own, one for some controllers, another for others."""
    rt.args("sleep", "100")
    rt.call("run", "-d", "c", check=True)
    v2 = (run_bundle.CGROUPS / "cgroup.controllers").exists()
    for group in [g for g in rt.groups() if g.name == "c"]:
        for name in ("one", "two", "all"):
            (group / name).mkdir()
            for file in ("cpuset.cpus", "cpuset.mems"):  # a new group of v1 has none, and takes no process
                if (group / file).exists() and not v2:
                    (group / name / file).write_text((group / file).read_text())

    def groups_of(*options):
        result = rt.call("exec", *options, "c", "cat", "/proc/self/cgroup")
        places = [line.split(":") for line in result.stdout.splitlines()]
        return result, {name: path.rsplit("/", 1)[-1] for _, names, path in places for name in names.split(",")}
    result, where = groups_of("--cgroup", "all")
    tap.ok(where and all(where[name] == "all" for name in ([""] if v2 else ["pids", "memory", "cpu"])), "one path for all",
           (where, result.stderr))
    for options, text in ((["--cgroup", "../up"], "not a sub cgroup path"), (["--cgroup", "nope"], "o such file"),
                          (["--cgroup", "nope:one"], "unknown controller nope"), (["--cgroup", ":one"], "empty <controller>")):
        result, _ = groups_of(*options)
        tap.ok(result.returncode == 255 and text in result.stderr, f"refused: {options[1]}", result.stderr)
    if not v2:
        result, where = groups_of("--cgroup", "pids,memory:one", "--cgroup", "cpu:two")
        tap.equal([where.get(name) for name in ("pids", "memory", "cpu")], ["one", "one", "two"], "several controllers")
        tap.ok(where.get("freezer") not in ("one", "two", "all", None), "the others stay in the container's own", where)
        result, _ = groups_of("--cgroup", "pids:one", "--cgroup", "two")
        tap.ok("missing <controller>: prefix" in result.stderr, "refused: a path for all beside one", result.stderr)
        result, _ = groups_of("--cgroup", "pids:one", "--cgroup", "pids:two")
        tap.ok("multiple entries for controller pids" in result.stderr, "refused: one controller twice", result.stderr)
    rt.call("delete", "-f", "c", check=True)


def mount_namespace(tap, rt):
    """Joined by path: the process is in it, its root is the container's, and who was there before keeps theirs."""
    with subprocess.Popen(["unshare", "--mount", "sleep", "100"]) as other:
        own = os.readlink("/proc/self/ns/mnt")
        wait_for(lambda: os.readlink(f"/proc/{other.pid}/ns/mnt") != own)
        rt.args("sleep", "100", change=lambda c: [n.update(path=f"/proc/{other.pid}/ns/mnt")
                                                 for n in c["linux"]["namespaces"] if n["type"] == "mount"])
        rt.call("run", "-d", "c", check=True)
        pid = json.loads(rt.call("state", "c").stdout)["pid"]
        tap.equal(os.readlink(f"/proc/{pid}/ns/mnt"), os.readlink(f"/proc/{other.pid}/ns/mnt"), "in the namespace")
        tap.equal(sorted(os.listdir(f"/proc/{pid}/root")), sorted(os.listdir(rt.bundle / "rootfs")), "its root is the container's")
        tap.ok(os.path.samefile(f"/proc/{other.pid}/root/usr", "/usr"), "the other's root stays")
        tap.ok("busybox" in rt.call("exec", "c", "ls", "/bin").stdout, "exec is inside")
        compat, rt.options = rt.options, []
        result = rt.call("create", "d")
        tap.ok(result.returncode == 1 and "not for strict containers" in result.stderr, "refused to strict ones", result.stderr)
        rt.options = compat
        rt.call("delete", "-f", "c", check=True)
        other.kill()


def another_config(tap, rt):
    rt.args("echo", "here")
    (rt.bundle / "config.json").rename(rt.place / "other.json")
    tap.equal(rt.call("run", "--config", str(rt.place / "other.json"), "c").stdout, "here\n", "run --config")
    tap.ok("config.json" in rt.call("run", "c").stderr, "without it, the bundle's")


def events(tap, rt):
    rt.args("sleep", "1000")
    rt.call("run", "-d", "c", check=True)
    line = rt.call("events", "--stats", "c").stdout
    tap.ok(line.startswith('{"type":"stats","id":"c","data":{') and line.count("\n") == 1, "one line, in this order", line)
    data = json.loads(line)["data"]
    tap.ok(data["cpu"]["usage"]["total"] > 0 and data["memory"]["usage"]["usage"] > 0, "figures of cpu and memory", data)
    tap.equal(data["pids"]["current"], 1, "and of processes")
    tap.equal(list(data), ["cpu", "cpuset", "memory", "pids", "blkio", "hugetlb", "intel_rdt", "network_interfaces"], "members as runc's")
    tap.equal([i["Name"] for i in data["network_interfaces"]][:1], ["lo"], "interfaces of its own namespace")
    tap.equal(len(data["cpuset"]["cpus"]) >= 1, True, "processors it may use")
    if not (run_bundle.CGROUPS / "cgroup.controllers").exists():
        tap.ok(sum(data["cpu"]["usage"]["percpu"]) > 0, "figures by processor", data["cpu"])
    with subprocess.Popen(rt.argv("events", "--interval", "50ms", "c"), stdout=subprocess.PIPE, text=True) as follow:
        lines = [json.loads(follow.stdout.readline()) for _ in range(2)]
        tap.equal([e["type"] for e in lines], ["stats", "stats"], "at intervals")
        rt.call("delete", "-f", "c", check=True)
        tap.equal(follow.wait(20), 0, "until the container ends")
    rt.args("sleep", "1000")
    rt.call("create", "c", check=True)
    tap.equal(rt.call("events", "--interval", "x", "c").returncode, 1, "an interval that is none")
    rt.call("kill", "c", "KILL", check=True)
    wait_for(lambda: rt.status("c") == "stopped")
    tap.ok("container with id c is not running" in rt.call("events", "--stats", "c").stderr, "of a stopped one")
    rt.call("delete", "c", check=True)


def memory_ends(tap, rt):
    def small(config):
        config["linux"]["resources"]["memory"] = {"limit": 8 << 20}
        config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
    rt.args("sh", "-c", "read x; (echo 1000 >/proc/self/oom_score_adj; exec cat /dev/zero >/tmp/x); sleep 100", change=small)
    with subprocess.Popen(rt.argv("run", "c"), cwd=rt.bundle, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL) as run:
        tap.ok(wait_for(lambda: rt.status("c") == "running"), "it runs")
        with subprocess.Popen(rt.argv("events", "--interval", "100ms", "c"), stdout=subprocess.PIPE, text=True) as follow:
            follow.stdout.readline()
            run.stdin.write(b"\n")
            run.stdin.flush()
            found = next((e for e in map(json.loads, follow.stdout) if e["type"] == "oom"), None)
            tap.equal(found, {"type": "oom", "id": "c"}, "events: oom")
            rt.call("kill", "c", "KILL")
            follow.wait(20)
        run.wait(20)


def listed(tap, rt):
    rt.args("sleep", "100")
    rt.call("create", "c", check=True)
    text = rt.call("list", "-f", "json").stdout
    tap.ok(re.fullmatch(r'\[\{"ociVersion":"[^"]*","id":"c","pid":\d+,"status":"created","bundle":"[^"]*","rootfs":"[^"]*",'
                        r'"created":"\d{4}-\d\d-\d\dT[\d:.]+Z","owner":"root"\}\]\n', text), "list: json on one line", text)
    head, row = rt.call("list").stdout.splitlines()
    tap.equal(head.split(), ["ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER"], "list: the columns")
    tap.equal([row.split()[i] for i in (0, 2, 5)], ["c", "created", "root"], "list: a row")
    rt.call("delete", "c", check=True)


def features(tap, rt):
    """What containerd and CRI-O look for."""
    f = json.loads(rt.call("features").stdout)
    linux = f["linux"]
    tap.ok(f["ociVersionMin"] and f["ociVersionMax"] == "1.3.0", "versions")
    tap.ok("pid" in linux["namespaces"], "namespaces")
    tap.ok("rro" in f["mountOptions"], "recursive read-only mounts")
    tap.equal(linux["mountExtensions"]["idmap"]["enabled"], True, "id-mapped mounts")
    tap.ok({"v1", "v2"} <= set(linux["cgroup"]), "control groups")
    tap.ok("SCMP_ACT_NOTIFY" in linux["seccomp"]["actions"], "seccomp")
    version = rt.call("--version").stdout.splitlines()
    tap.ok(re.fullmatch(r"yagura-run version \S+", version[0]) and any(v.startswith("spec: ") for v in version), "--version", version)


def caller_environment(tap, rt):
    """Hooks and the container get nothing of the caller's environment."""
    def hooked(config):
        config["hooks"] = {"createRuntime": [{"path": "/bin/sh", "args": ["sh", "-c", f"env >{rt.place}/env"], "env": ["A=b"]}]}
    rt.args("env", change=hooked)
    result = rt.call("run", "c", env={**os.environ, "SECRET": "x"})
    tap.ok("SECRET" not in result.stdout, "nothing of the caller's environment", result.stdout)
    tap.ok("SECRET" not in (rt.place / "env").read_text() and "A=b" in (rt.place / "env").read_text(), "nor in a hook that has one")

    def unnamed(config):
        hooked(config)
        del config["hooks"]["createRuntime"][0]["env"]
    compat = rt.options
    for options, inherits in ((compat, True), ([], False)):
        rt.options = options
        rt.args("true", change=unnamed)
        rt.call("run", "c", env={**os.environ, "SECRET": "x"}, check=True)
        tap.equal("SECRET" in (rt.place / "env").read_text(), inherits, f"a hook that names none, {options}: as runc only with --compat")
    rt.options = compat


def words_of_others(tap, rt):
    """--compat: capital letters as runc reads them, an access of no meaning, crun's annotation for the caller's groups."""
    def odd(config):
        config["linux"]["resources"]["CPU"] = {"Cpus": "0"}
        config["linux"]["resources"]["devices"].append({"allow": False, "type": "c", "major": 1, "minor": 11, "access": "rwa"})
        config["annotations"] = {"run.oci.keep_original_groups": "1"}
        config["process"]["capabilities"]["ambient"] = ["CAP_KILL"]  # and not inheritable: buildah
    rt.args("id", "-G", change=odd)
    result = rt.call("run", "c", extra_groups=[1, 7])
    tap.equal(result.stdout.split()[1:], ["1", "7"], f"the caller's groups {result.stderr}")
    tap.ok("rwa" in result.stderr, "the access is told", result.stderr)
    compat, rt.options = rt.options, []
    result = rt.call("run", "c")
    tap.ok(result.returncode == 1 and ("CPU" in result.stderr or "rwa" in result.stderr), "strict refuses such words", result.stderr)
    rt.options = compat


def ignored_signals(tap, rt):
    """conmon ignores SIGPIPE: the program does not, nor one that joins."""
    def ignore():
        for number in (signal.SIGPIPE, signal.SIGCHLD, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
    (rt.bundle / "rootfs/bin/grep").symlink_to("busybox")
    none = "SigIgn:\t0000000000000000\n"
    rt.args("grep", "SigIgn", "/proc/self/status")
    tap.equal(rt.call("run", "c", preexec_fn=ignore).stdout, none, "no signal is ignored in a container")
    rt.args("sleep", "100")
    rt.call("run", "-d", "c", check=True)
    tap.equal(rt.call("exec", "c", "grep", "SigIgn", "/proc/self/status", preexec_fn=ignore).stdout, none, "nor by exec")
    rt.call("delete", "-f", "c", check=True)


def home_and_directory(tap, rt):
    """HOME comes of the container's user database, the working directory is made, also below a read-only root."""
    (rt.bundle / "rootfs/etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nbad:x:5x:0::/bad:\nu:x:1000:1000::/home/u:/bin/sh")
    script = "echo $HOME"
    for uid, home in ((0, "/root"), (1000, "/home/u"), (5, "/")):
        rt.args("sh", "-c", script, change=lambda c: c["process"]["user"].update(uid=uid))
        tap.equal(rt.call("run", "c").stdout, home + "\n", f"HOME of user {uid}")
    rt.args("sh", "-c", script, change=lambda c: c["process"]["env"].append("HOME=/given"))
    tap.equal(rt.call("run", "c").stdout, "/given\n", "a HOME that is given stays")
    rt.args("pwd", change=lambda c: c["process"].update(cwd="/not/there"))
    tap.equal(rt.call("run", "c").stdout, "/not/there\n", "the working directory is made")
    rt.args("sleep", "100")
    rt.call("run", "-d", "c", check=True)
    tap.equal(rt.call("exec", "-u", "1000", "c", "sh", "-c", script).stdout, "/home/u\n", "HOME in exec")
    rt.call("delete", "-f", "c", check=True)


def hooks_confined(tap, rt):
    """createContainer begins in the root file system; startContainer has the container's rights and filter."""
    def hooked(config):
        config["process"]["user"]["uid"] = 5
        config["hooks"] = {"createContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "cat bin/../etc/mark >&2"]}],
                           "startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "grep CapEff /proc/self/status >&2"]}]}
    (rt.bundle / "rootfs/etc/mark").write_text("marked\n")
    (rt.bundle / "rootfs/bin/grep").symlink_to("busybox")
    rt.args("true", change=hooked)
    result = rt.call("run", "c")
    tap.ok("marked" in result.stderr, "createContainer begins in the root file system", result.stderr)
    tap.ok("CapEff:\t0000000000000000" in result.stderr, "startContainer has no more rights than the program", result.stderr)

    def engines(config):
        hooked(config)
        config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW",
                                      "syscalls": [{"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}]}
    rt.args("echo", "ran", change=engines)
    result = rt.call("run", "c")
    tap.ok(result.stdout == "ran\n" and "CapEff" in result.stderr, "startContainer under a filter of engines: no clone3", result.stderr)

    def filtered(config):
        config["linux"]["seccomp"] = {"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["mkdir"], "action": "SCMP_ACT_KILL"}]}
        config["hooks"] = {"startContainer": [{"path": "/bin/sh", "args": ["sh", "-c", "mkdir /dev/shm/x"]}]}
    rt.args("echo", "ran", change=filtered)
    result = rt.call("run", "c")
    tap.ok(result.returncode != 0 and "ran" not in result.stdout and "hook" in result.stderr, "startContainer is filtered",
           result.stdout + result.stderr)


def without_namespaces(tap, rt):
    """Nothing asked for: the host's, but mounts are never made there."""
    def bare(config):
        config["linux"]["namespaces"] = []
        del config["hostname"]
    rt.args("sh", "-c", "cd /proc/self/ns; ls -l mnt net uts", change=bare)
    text = rt.call("run", "c").stdout
    for name in ("net", "uts"):
        tap.ok(os.readlink(f"/proc/self/ns/{name}") in text, f"the host's {name}", text)
    tap.ok("mnt ->" in text and os.readlink("/proc/self/ns/mnt") not in text, "mounts of its own")


def unknown_is_dropped(tap, rt):
    """As runc and crun: what this kernel does not have is a warning with --compat; strict refuses it."""
    def odd(config):
        for rights in config["process"]["capabilities"].values():
            rights += ["UNKNOWN_CAP", "CAP_UNKNOWN"]
        config["linux"]["mountLabel"] = "system_u:object_r:container_file_t:s0"
    rt.args("sleep", "100", change=odd)
    result = rt.call("run", "-d", "c")
    tap.ok(result.returncode == 0 and "UNKNOWN_CAP" in result.stderr, "a capability that is none", result.stderr)
    result = rt.call("exec", "--cap", "CAP_NEVER", "c", "true")
    tap.ok(result.returncode == 0 and "CAP_NEVER" in result.stderr, "and with exec", result.stderr)
    rt.call("delete", "-f", "c", check=True)
    compat, rt.options = rt.options, []
    rt.config(lambda c: c["process"]["capabilities"]["bounding"].append("UNKNOWN_CAP"))
    result = rt.call("create", "c")
    tap.ok(result.returncode == 1 and "UNKNOWN_CAP" in result.stderr, "strict refuses the capability", result.stderr)
    if "selinuxfs" not in pathlib.Path("/proc/filesystems").read_text():
        rt.config(lambda c: c["linux"].update(mountLabel="system_u:object_r:container_file_t:s0"))
        result = rt.call("create", "c")
        tap.ok(result.returncode == 1 and "context" in result.stderr, "strict refuses a label nobody reads", result.stderr)
    rt.options = compat
    if not pathlib.Path("/sys/module/apparmor").exists():
        rt.args("true", change=lambda c: c["process"].update(apparmorProfile="nobody"))
        result = rt.call("create", "c")
        tap.ok(result.returncode == 1 and "apparmor" in result.stderr.lower(), "never a profile that would confine it", result.stderr)


def exec_environment(tap, rt):
    rt.args("sleep", "100", change=lambda c: c["process"].update(env=["PATH=/bin", "A=1"]))
    rt.call("run", "-d", "c", check=True)
    tap.equal(rt.call("exec", "-e", "A=2", "--env", "B=3", "-e", "A=4", "c", "env").stdout.splitlines()[:3], ["PATH=/bin", "B=3", "A=4"],
              "a variable given again replaces the one of the configuration")
    rt.call("delete", "-f", "c", check=True)


def deleted_by_expression(tap, rt):
    for name in ("test-1", "test-2", "other"):
        rt.args("sleep", "100", cgroup=name)
        rt.call("run", "-d", name, check=True)
    tap.equal(rt.call("delete", "-f", "--regex", "(").returncode, 1, "an expression that is none")
    tap.equal(rt.call("delete", "--regex", "test-*").returncode, 1, "what runs is not deleted without --force")
    tap.equal(rt.call("delete", "-f", "--regex", "^test-*").returncode, 0, "delete --regex")
    tap.equal(rt.call("list", "-q").stdout.split(), ["other"], "and those it does not match stay")
    rt.call("delete", "-f", "other", check=True)


def device_of_no_host(tap, rt):
    """In a user namespace there is no mknod: a device the host has no node for is made by the host's side."""
    path = "/dev/yagura-no-such"

    def device(config, **more):
        mapped(config)
        for ids in ("uidMappings", "gidMappings"):
            config["linux"][ids] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
        config["linux"]["devices"] = [dict({"path": path, "type": "c", "major": 1, "minor": 5, "uid": 10, "gid": 11, "fileMode": 0o640}, **more)]
        config["linux"]["resources"]["devices"].append({"allow": True, "type": "c", "major": 1, "minor": 5, "access": "r"})
        config["root"]["readonly"] = True
        config["process"]["user"].update(uid=10, gid=11)
        config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "network"]
        config["mounts"] = [m for m in config["mounts"] if not m["destination"].startswith("/sys")]
        del config["hostname"]
    os.chmod(rt.place, 0o755)
    rt.args("sh", "-c", f"stat -c '%u %g %a %t %T' {path}; head -c 3 {path} | wc -c", change=device)
    for applet in ("stat", "wc"):
        (rt.bundle / "rootfs/bin" / applet).symlink_to("busybox")
    result = rt.call("run", "c")
    tap.equal(result.stdout, "10 11 640 1 5\n3\n", f"its owner, mode and number, and it can be read {result.stderr}")
    rt.args("true", change=lambda c: device(c, path="/dev/null"))
    result = rt.call("run", "c")
    tap.ok(result.returncode == 1 and "another device" in result.stderr, "one the host has with another number is refused", result.stderr)


def no_pivot(tap, rt):
    """--no-pivot leaves nothing of the host's procfs and sysfs below the root: else a user namespace made inside gets new ones, unmasked."""
    script = ("cat /proc/self/mountinfo; unshare -Urmpf sh -c 'mount -t proc p /proc && echo proc is new; "
              "mount -t sysfs s /sys && echo sys is new'; echo end")
    (rt.bundle / "rootfs/bin/unshare").symlink_to("busybox")
    for change, what in ((may_map, "a container"), (mapped, "a container in a user namespace")):
        rt.args("sh", "-c", script, change=change)
        for options in ((), ("--no-pivot",)):
            result = rt.call("run", *options, "c")
            tap.ok(result.stdout.endswith("end\n") and " / /proc " in result.stdout, f"{what} {options} runs", result.stdout + result.stderr)
            tap.ok("is new" not in result.stdout and "ermi" in result.stderr, f"{what} {options}: no procfs or sysfs without the masks",
                   result.stdout + result.stderr)


def may_map(config):
    for rights in ("bounding", "permitted", "effective"):
        config["process"]["capabilities"][rights].append("CAP_SETFCAP")


def mapped(config):
    may_map(config)
    config["linux"]["namespaces"].append({"type": "user"})
    config["linux"]["uidMappings"] = config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 0, "size": 65536}]


def frozen_and_killed(tap, rt):
    rt.args("sleep", "1000")
    rt.call("run", "-d", "c", check=True)
    rt.call("pause", "c", check=True)
    tap.equal(rt.call("kill", "c", "KILL").returncode, 0, "KILL of a paused container")
    tap.ok(wait_for(lambda: rt.status("c") == "stopped"), "takes effect")
    rt.call("delete", "c", check=True)
    rt.call("run", "-d", "c", check=True)
    rt.call("pause", "c", check=True)
    with subprocess.Popen(rt.argv("exec", "--ignore-paused", "c", "echo", "ok"), stdout=subprocess.PIPE, text=True) as waiting:
        wait_for(lambda: len(json.loads(rt.call("ps", "-f", "json", "c").stdout)) == 2)
        tap.equal(rt.call("resume", "c").returncode, 0, "resume while an exec waits for it")
        tap.equal(waiting.communicate(timeout=20)[0], "ok\n", "which then goes on")
    rt.call("pause", "c", check=True)
    tap.equal(rt.call("delete", "--force", "c").returncode, 0, "delete --force of a paused container")


FREEZERS = (("freezer.state", "FROZEN", "THAWED"), ("cgroup.freeze", "1", "0"))


def group_of_another(tap, rt):
    rt.args("sleep", "100")
    rt.call("run", "-d", "c", check=True)
    result = rt.call("run", "-d", "d")
    tap.ok(result.returncode == 1 and "is not empty" in result.stderr, "a group that holds another container is refused", result.stderr)
    tap.equal((rt.call("list", "-q").stdout, rt.status("c")), ("c\n", "running"), "and that one runs on")
    rt.call("delete", "-f", "c", check=True)


def frozen_by_others(tap, rt):
    """A group that is there already and frozen is refused: nothing would ever happen in it. A process that was moved into one dies."""
    tops = [(top, *words) for top in [*run_bundle.CGROUPS.iterdir(), run_bundle.CGROUPS] for words in FREEZERS
            if (top / "cgroup.procs").exists() and (top.name == "freezer" if words[0] == "freezer.state" else (top / "cgroup.controllers").exists())]
    for top, file, frozen, _ in tops:
        group = top / rt.group / "c"
        group.mkdir(parents=True)
        (group / file).write_text(frozen)
        rt.args("true")
        tap.ok("unexpectedly frozen" in rt.call("run", "c").stderr, f"refused: {file}")
        group.rmdir()
    for top, file, frozen, thawed in tops:
        if file != "freezer.state":
            continue
        rt.args("sleep", "100")
        rt.call("run", "-d", "c", check=True)
        other = top / rt.group / "other"
        other.mkdir()
        (other / "cgroup.procs").write_text(str(json.loads(rt.call("state", "c").stdout)["pid"]))
        (other / file).write_text(frozen)
        tap.equal(rt.call("delete", "--force", "c").returncode, 0, "delete --force of what sits in another's frozen group")
        (other / file).write_text(thawed)
        other.rmdir()


if __name__ == "__main__":
    sys.exit(run_bundle.main([error_texts, log_is_one_value, log_that_is_none, root_of_all, directories, tmpfs_mode, number_of_another, default_root, descriptors, pid_of_the_caller, another_config, events,
                              memory_ends, listed, features, caller_environment, pidfd_socket, notify_socket, exec_groups,
                              mount_namespace, ignored_signals, home_and_directory,
                              hooks_confined, without_namespaces, unknown_is_dropped, exec_environment, deleted_by_expression, device_of_no_host, no_pivot,
                              frozen_and_killed, group_of_another, frozen_by_others, words_of_others], "--compat"))
