#!/usr/bin/env python3
"""The life of containers under yagura-run: real ones, of a busybox root file system.

usage: tests/e2e/run.py YAGURA_RUN        prints TAP; needs root
"""
import json
import os
import pathlib
import pty
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402
from run_bundle import wait_for  # noqa: E402


def life(tap, rt):
    rt.args("sleep", "1000")
    pid_file = rt.place / "pid"
    tap.equal(rt.call("create", "--pid-file", str(pid_file), "c").returncode, 0, "create")
    state = json.loads(rt.call("state", "c").stdout)
    tap.equal((state["status"], state["id"], state["bundle"]), ("created", "c", str(rt.bundle)), "state: created")
    tap.equal(pid_file.read_text(), str(state["pid"]), "the pid file has the pid and nothing else")
    tap.equal(state["rootfs"], str(rt.bundle / "rootfs"), "state: rootfs")
    tap.ok("given ID already exists" in rt.call("create", "c").stderr, "an id is taken once")
    tap.equal(rt.call("start", "c").returncode, 0, "start")
    tap.equal(rt.status("c"), "running", "running")
    tap.ok("already running" in rt.call("start", "c").stderr, "it starts once")
    tap.equal(json.loads(rt.call("ps", "-f", "json", "c").stdout), [state["pid"]], "ps: json")
    tap.ok("sleep 1000" in rt.call("ps", "c").stdout, "ps: table")
    tap.equal(rt.call("pause", "c").returncode, 0, "pause")
    tap.equal(rt.status("c"), "paused", "paused")
    tap.ok("paused container" in rt.call("exec", "c", "true").stderr, "no exec while paused")
    tap.equal(rt.call("resume", "c").returncode, 0, "resume")
    tap.ok("not paused" in rt.call("resume", "c").stderr, "it resumes once")
    tap.ok("that is not stopped: running" in rt.call("delete", "c").stderr, "a running one is not deleted")
    tap.equal(rt.call("kill", "c", "KILL").returncode, 0, "kill")
    tap.ok(wait_for(lambda: rt.status("c") == "stopped"), "stopped")
    tap.equal(json.loads(rt.call("state", "c").stdout)["pid"], 0, "a stopped one has no pid")
    for name, said in (("kill", "container not running"), ("start", "has stopped"), ("pause", "not running")):
        tap.ok(said in rt.call(name, "c").stderr, f"{name} of a stopped one")
    tap.equal(rt.call("kill", "--all", "c", "9").returncode, 0, "kill --all of a stopped one")
    tap.ok("stopped container" in rt.call("exec", "c", "true").stderr, "no exec in a stopped one")
    tap.equal(rt.call("delete", "c").returncode, 0, "delete")
    for name in ("state", "start", "delete", "kill", "pause", "ps"):
        tap.ok("container does not exist" in rt.call(name, "c").stderr, f"{name} of none")
    tap.equal(rt.call("delete", "--force", "c").returncode, 0, "delete --force of none")


def statuses(tap, rt):
    for args, want in ((("true",), 0), (("sh", "-c", "exit 7"), 7), (("sh", "-c", "sh -c 'kill -9 $$'; exit $?"), 137)):
        rt.args(*args)
        tap.equal(rt.call("run", "c").returncode, want, f"run ends as {' '.join(args)}")
    rt.args("/bin/nope")
    result = rt.call("run", "c")
    tap.ok(result.returncode == 1 and "no such file" in result.stderr, "run of a missing program", result.stderr)
    rt.args("sleep", "100")
    rt.call("run", "-d", "c", check=True)
    for args, want in ((["true"], 0), (["sh", "-c", "exit 9"], 9), (["sh", "-c", "kill -15 $$"], 143), (["nope"], 255)):
        tap.equal(rt.call("exec", "c", *args).returncode, want, f"exec ends as {' '.join(args)}")
    result = rt.call("exec", "-e", "A=b", "--cwd", "/tmp", "-u", "5:6", "c", "sh", "-c", "id; pwd; echo $A")
    tap.equal(result.stdout, "uid=5 gid=6\n/tmp\nb\n", "exec: user, directory, environment")
    tap.ok(rt.call("exec", "-u", "1x", "c", "id").returncode == 255, "half a number is no user")
    rt.call("delete", "-f", "c", check=True)


def exec_of_a_file(tap, rt):
    rt.args("sleep", "100")
    rt.call("run", "-d", "c", check=True)
    file = rt.place / "process.json"
    file.write_text(json.dumps({"cwd": "/tmp", "args": ["sh", "-c", "pwd; id; echo $X; exit 4"], "env": ["X=y", "PATH=/bin"],
                                "user": {"uid": 1, "gid": 2, "additionalGids": [7]}}))
    result = rt.call("exec", "--process", str(file), "c")
    tap.equal((result.returncode, result.stdout), (4, "/tmp\nuid=1 gid=2 groups=7\ny\n"), "exec --process")
    pid_file = rt.place / "pid"
    tap.equal(rt.call("exec", "--detach", "--pid-file", str(pid_file), "c", "sleep", "77").returncode, 0, "exec --detach")
    pid = int(pid_file.read_text())
    tap.ok(b"sleep\x0077" in pathlib.Path(f"/proc/{pid}/cmdline").read_bytes(), "its pid file is right")
    tap.ok(pid in json.loads(rt.call("ps", "-f", "json", "c").stdout), "and it is in the container")
    file.write_text('{"cwd": "/", "args": ["true"], "user": {"uid": "0"}}')
    tap.ok("process.user.uid" in rt.call("exec", "--process", str(file), "c").stderr, "a process that is wrong")
    rt.call("delete", "-f", "c", check=True)


def signals_go_on(tap, rt):
    rt.args("sh", "-c", "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.05; done")
    with subprocess.Popen(rt.argv("run", "c"), cwd=rt.bundle, stdout=subprocess.PIPE, text=True) as run:
        tap.equal(run.stdout.readline(), "ready\n", "it runs")
        run.send_signal(signal.SIGTERM)
        tap.equal(run.stdout.readline(), "got\n", "SIGTERM reached it")
        tap.equal(run.wait(20), 5, "and its status came back")


def terminal(tap, rt):
    def tty(config):
        config["process"]["terminal"] = True
        config["process"]["consoleSize"] = {"height": 20, "width": 100}
    rt.args("sh", "-c", "tty; stty size; read x; echo got $x; exit 6", change=tty)
    master, slave = pty.openpty()
    with subprocess.Popen(rt.argv("run", "c"), cwd=rt.bundle, stdin=slave, stdout=slave, stderr=slave) as run:
        os.close(slave)
        os.write(master, b"word\n")
        text = b""
        try:
            while True:
                some = os.read(master, 4096)
                text += some
                if not some:
                    break
        except OSError:  # its other end is closed
            pass
        tap.equal(run.wait(20), 6, "run with a terminal")
    os.close(master)
    tap.ok(b"/dev/pts/0" in text and b"got word" in text, "relayed both ways", text)
    tap.ok("--console-socket" in rt.call("create", "c").stderr, "create with a terminal needs a socket")
    tap.equal(rt.left(), [], "and leaves nothing")


def console_socket(tap, rt):
    def tty(config):
        config["process"]["terminal"] = True
    rt.args("sh", "-c", "read x; echo got $x", change=tty)
    path = rt.place / "console"
    _, got = run_bundle.received(path, lambda: rt.call("create", "--console-socket", str(path), "c", check=True))
    tap.equal(len(got), 1, "the terminal comes over the socket")
    rt.call("start", "c", check=True)
    os.write(got[0], b"word\n")
    text = b""
    while b"got word" not in text:
        text += os.read(got[0], 4096)
    tap.ok(True, "and works")
    os.close(got[0])
    tap.ok("--detach" in rt.call("run", "--console-socket", str(path), "d").stderr, "a socket needs --detach")
    rt.call("delete", "-f", "c", check=True)
    rt.args("true")
    tap.ok("process.terminal is not set" in rt.call("create", "--console-socket", str(path), "c").stderr,
           "a socket without a terminal")


HOOKS = ("prestart", "createRuntime", "createContainer", "startContainer", "poststart", "poststop")


def hook(rt, name, more=""):
    """A hook that notes its name, status and environment; startContainer's runs inside."""
    script = rt.place / "hook"
    if not script.exists():
        script.write_text(f'#!/bin/sh\nread -r all <<EOF\n$(cat | tr -d "\\n")\nEOF\n'
                          f'echo "$1 $(echo "$all" | sed "s/.*\\"status\\": *\\"\\([a-z]*\\)\\".*/\\1/") ${{A-}} ${{HOME-}}"'
                          f' >>{rt.place}/log\neval "$2"\n')
        script.chmod(0o755)
    return {"path": str(script), "args": ["hook", name, more], "env": ["A=b", "PATH=/usr/bin:/bin"]}


def hooks(tap, rt):
    log = rt.place / "log"
    kinds = [k for k in HOOKS if k != "startContainer"]

    def all_kinds(config):
        config["hooks"] = {k: [hook(rt, k)] for k in kinds}
        config["hooks"]["startContainer"] = [{"path": "/bin/touch", "args": ["touch", "/tmp/started"]}]
        config["root"]["readonly"] = False
        config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"})
    rt.args("ls", "/tmp", change=all_kinds)
    result = rt.call("run", "c")
    tap.equal((result.returncode, result.stdout), (0, "started\n"), "startContainer ran inside, before the program")
    tap.equal(log.read_text().splitlines(),
              ["prestart created b ", "createRuntime created b ", "createContainer created b ", "poststart running b ",
               "poststop stopped b "], "order, state and environment of the hooks")
    for kind in kinds[:3]:
        log.write_text("")

        def failing(config):
            config["hooks"] = {kind: [hook(rt, kind, "echo it is broken; exit 3")], "poststop": [hook(rt, "poststop")]}
        rt.args("echo", "ran", change=failing)
        result = rt.call("run", "c")
        tap.ok(result.returncode == 1 and "ran" not in result.stdout and "hook" in result.stderr, f"{kind} that fails",
               result.stderr)
        tap.ok("poststop stopped" in log.read_text(), f"poststop ran after {kind} failed", log.read_text())
        tap.equal(rt.left(), [], f"nothing is left after {kind} failed")

    def slow(config):
        config["hooks"] = {"createRuntime": [dict(hook(rt, "slow", "sleep 30"), timeout=1)]}
    rt.args("true", change=slow)
    result = rt.call("run", "c")
    tap.ok(result.returncode == 1 and "not done after 1 s" in result.stderr, "a hook that takes too long", result.stderr)

    def missing(config):
        config["hooks"] = {"prestart": [{"path": "/nope"}]}
    rt.args("true", change=missing)
    tap.ok("/nope" in rt.call("run", "c").stderr, "a hook that is missing")


def kept_apart(tap, rt):
    """The configuration is the one of create; what the bundle says later does not count."""
    rt.args("echo", "first")
    rt.call("create", "c", check=True)
    rt.args("echo", "second")
    tap.equal(rt.call("start", "c").returncode, 0, "start after the bundle was changed")
    rt.call("delete", "-f", "c", check=True)
    rt.args("sh", "-c", "sleep 100 & exec sleep 101")
    rt.call("run", "-d", "c", check=True)
    tap.ok(wait_for(lambda: len(json.loads(rt.call("ps", "-f", "json", "c").stdout)) == 2), "two processes")
    tap.equal(rt.call("update", "--pids-limit", "30", "--memory", "64m", "c").returncode, 0, "update")
    result = subprocess.run(rt.argv("update", "--resources", "-", "c"), input='{"pids":{"limit":31}}', text=True,
                            capture_output=True)
    tap.equal(result.returncode, 0, "update from standard input")
    tap.ok("pids.limit" in subprocess.run(rt.argv("update", "-r", "-", "c"), input='{"pids":{"limit":"x"}}', text=True,
                                          capture_output=True).stderr, "an update that is wrong")
    rt.call("delete", "-f", "c", check=True)


def figures(tap, rt):
    rt.args("sleep", "100", change=lambda c: c["linux"]["resources"].update(pids={"limit": 44}, memory={"limit": 1 << 26}))
    rt.call("run", "-d", "c", check=True)
    stats = json.loads(rt.call("events", "--stats", "c").stdout)
    tap.equal((stats["type"], stats["id"]), ("stats", "c"), "events --stats")
    tap.equal((stats["data"]["pids"]["limit"], stats["data"]["memory"]["usage"]["limit"]), (44, 1 << 26), "its limits")
    tap.ok(stats["data"]["memory"]["usage"]["usage"] > 0 and stats["data"]["pids"]["current"] == 1, "and what it uses")
    result = rt.call("verify", "--format", "json", "c")
    tap.ok(result.returncode == 0 and json.loads(result.stdout), "verify", result)
    group = [g for g in rt.groups() if (g / "pids.max").exists()][0]
    (group / "pids.max").write_text("45")
    result = rt.call("verify", "c")
    tap.ok(result.returncode == 1 and "45" in result.stdout, "verify sees what somebody changed", result)
    rt.call("delete", "-f", "c", check=True)


NOBODY = 65534


def without_rights(tap, rt):
    """A user without rights and without control groups: what it cannot have is an error, the rest works."""
    os.chmod(rt.place, 0o755)
    program = rt.place / "yagura-run"  # the build's own place may be closed to others
    program.write_bytes(pathlib.Path(rt.program).read_bytes())
    program.chmod(0o755)
    runtime_dir = rt.place / "runtime"
    runtime_dir.mkdir(mode=0o700)
    os.chown(runtime_dir, NOBODY, NOBODY)
    os.chown(rt.bundle, NOBODY, NOBODY)
    (rt.bundle / "config.json").unlink()

    def call(*args):
        with open(rt.place / "out", "w+") as out:
            result = subprocess.run([program, "--compat", *args], user=NOBODY, group=NOBODY, extra_groups=[],
                                    cwd=rt.bundle, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
                                    env={"XDG_RUNTIME_DIR": str(runtime_dir)}, timeout=60)
            out.seek(0)
            return result.returncode, out.read()
    tap.equal(call("spec", "--rootless")[0], 0, "spec --rootless")
    config = json.loads((rt.bundle / "config.json").read_text())
    config["process"].update(terminal=False, args=["id", "-u"])

    def write():
        os.chown(rt.bundle / "config.json", 0, 0)
        (rt.bundle / "config.json").write_text(json.dumps(config))
        os.chown(rt.bundle / "config.json", NOBODY, NOBODY)
    write()
    tap.equal(call("run", "r"), (0, "0\n"), "run, as root of its own namespace")
    config["process"]["args"] = ["sleep", "100"]
    write()
    tap.equal(call("run", "-d", "r")[0], 0, "run --detach")
    tap.ok("running" in call("list")[1], "list, below $XDG_RUNTIME_DIR")
    tap.equal(call("exec", "r", "id", "-u"), (0, "0\n"), "exec")
    tap.equal(len(json.loads(call("ps", "-f", "json", "r")[1])), 1, "ps")
    tap.ok("no cgroup" in call("pause", "r")[1], "pause says what is missing")
    tap.equal(call("delete", "--force", "r")[0], 0, "delete")
    config["linux"]["resources"] = {"pids": {"limit": 5}}
    write()
    status, text = call("run", "r")
    tap.ok(status == 1 and "pids" in text, "a limit that cannot be had is an error", text)
    tap.equal([p.name for p in (runtime_dir / "yagura-run").rglob("*") if p.name not in (".busy", ".seccomp")], [],
              "nothing is left of it")


def at_once(tap, rt):
    """Commands on one container at the same time: one of them wins, nothing breaks."""
    rt.args("sleep", "100")
    many = [subprocess.Popen(rt.argv("create", "c"), cwd=rt.bundle, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for _ in range(6)]
    tap.equal(sorted(p.wait(60) for p in many), [0, 1, 1, 1, 1, 1], "six creates, one container")
    tap.equal(rt.status("c"), "created", "it is whole")
    many = [subprocess.Popen(rt.argv("delete", "--force", "c"), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                             stderr=subprocess.DEVNULL) for _ in range(6)]
    tap.equal([p.wait(60) for p in many], [0] * 6, "six deletes")


def listed(tap, rt):
    tap.ok("No such file" in rt.call("list").stderr, "a root that is not there")
    rt.root.mkdir(mode=0o700)
    tap.equal(rt.call("list", "--format", "json").stdout, "[]\n", "no containers")
    for name in ("b", "a"):
        rt.args("sleep", "100", cgroup=name, change=lambda c: c.update(annotations={"k": "v"}))
        rt.call("create", name, check=True)
    found = json.loads(rt.call("list", "--format", "json").stdout)
    tap.equal([c["id"] for c in found], ["a", "b"], "list: json, in order")
    tap.equal(found[0]["annotations"], {"k": "v"}, "with annotations")
    tap.equal(rt.call("list", "-q").stdout, "a\nb\n", "list -q")
    tap.ok(rt.call("list").stdout.startswith("ID  "), "list: table")
    (rt.root / "a" / "state.json").write_text("{")
    result = rt.call("list", "-q")
    tap.ok(result.stdout == "b\n" and "state.json" in result.stderr, "a state that is broken is told", result)
    tap.equal(rt.call("delete", "--force", "a").returncode, 0, "and can be deleted by force")
    rt.call("delete", "b", check=True)
    tap.ok("exists. Remove it first" in rt.call("spec").stderr, "spec does not replace a file")
    for name in ("checkpoint", "restore"):
        tap.ok("is not supported" in rt.call(name, "--image-path", "x", "a").stderr, f"{name} is refused")
    rt.end_groups()  # that of the container whose state was broken is not known to anybody any more


def logged(tap, rt):
    log = rt.place / "log.json"
    result = rt.call("--log", str(log), "--log-format", "json", "state", "nope")
    entry = json.loads(log.read_text())
    tap.ok(entry["level"] == "error" and "container does not exist" in entry["msg"], "--log-format json")
    tap.ok("container does not exist" in result.stderr, "and on standard error")
    log.unlink()
    rt.call("--log", str(log), "state", "nope")
    tap.ok('level=error msg="container does not exist' in log.read_text(), "--log-format text")


if __name__ == "__main__":
    sys.exit(run_bundle.main([life, statuses, exec_of_a_file, signals_go_on, terminal, console_socket, hooks, kept_apart, figures, without_rights,
                              at_once, listed, logged], "--compat"))
