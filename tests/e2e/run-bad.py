#!/usr/bin/env python3
"""Bundles that are broken: one clear line, exit status 1, nothing left.

usage: tests/e2e/run-bad.py YAGURA_RUN        prints TAP; needs root
"""
import os
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402


def process(**members):
    return lambda c: c["process"].update(members)


def linux(**members):
    return lambda c: c["linux"].update(members)


def resources(**members):
    return lambda c: c["linux"]["resources"].update(members)


def mount(**members):
    return lambda c: c["mounts"].append({"destination": "/mnt", **members})


def without(*path):
    def change(config):
        for name in path[:-1]:
            config = config[name]
        del config[path[-1]]
    return change


def namespace(kind, remove=False, **members):
    def change(config):
        rest = [n for n in config["linux"]["namespaces"] if n["type"] != kind]
        config["linux"]["namespaces"] = rest if remove else rest + [{"type": kind, **members}]
    return change


# what is wrong, how, what the message must say
CHANGES = [
    ("no version", without("ociVersion"), '"ociVersion" is missing'),
    ("a version to come", lambda c: c.update(ociVersion="2.0.0"), "2.0.0"),
    ("no process", without("process"), '"process" is missing'),
    ("no program", process(args=[]), "process.args"),
    ("a program that is not there", process(args=["/nope"]), "no such file or directory"),
    ("a program that is nowhere in PATH", process(args=["nope"]), "executable file not found in $PATH"),
    ("a program that is a directory", process(args=["/etc"]), "exec"),
    ("a directory that is a file", process(cwd="/bin/busybox"), "process.cwd"),
    ("a relative directory", process(cwd="tmp"), "process.cwd"),
    ("a uid that is text", process(user={"uid": "0", "gid": 0}), "process.user.uid"),
    ("an rlimit twice", process(rlimits=[{"type": "RLIMIT_CPU", "soft": 1, "hard": 1}] * 2), "process.rlimits"),
    ("no root", without("root"), "root.path is missing"),
    ("a root that is not there", lambda c: c["root"].update(path="nope"), "nope"),
    ("a root that is a file", lambda c: c["root"].update(path="config.json"), "config.json"),
    ("a mount without a place", lambda c: c["mounts"].append({"type": "tmpfs"}), 'mounts[7]: "destination" is missing'),
    ("a mount of nothing", mount(source="/nope", options=["bind"]), "/nope"),
    ("a file system that is none", mount(type="nopefs", source="x"), "/mnt"),
    ("an option that is none", mount(type="tmpfs", source="x", options=["nope=1"]), "/mnt"),
    ("a place that is a file", lambda c: c["mounts"].append(
        {"destination": "/bin/busybox/x", "type": "tmpfs", "source": "x"}), "/bin/busybox"),
    ("a namespace twice", lambda c: c["linux"]["namespaces"].append({"type": "pid"}), "given twice"),
    ("an unknown namespace", namespace("nope"), "namespaces"),
    ("a namespace that is not there", namespace("network", path="/nope"), "/nope"),
    ("a namespace of another kind", namespace("network", path="/proc/self/ns/uts"), "network"),
    ("a hostname without a namespace", namespace("uts", remove=True), "hostname"),
    ("a user namespace without ids", namespace("user"), "linux.uidMappings"),
    ("ids without a user namespace", linux(uidMappings=[{"containerID": 0, "hostID": 0, "size": 1}]), "linux.uidMappings"),
    ("a sysctl of the host", linux(sysctl={"kernel.core_pattern": "x"}), "linux.sysctl.kernel.core_pattern"),
    ("a sysctl that leads away", linux(sysctl={"net.../../kernel/core_pattern": "x"}), "linux.sysctl"),
    ("a sysctl of a shared namespace", lambda c: (namespace("ipc", remove=True)(c), linux(sysctl={"kernel.sem": "1"})(c)),
     "linux.sysctl.kernel.sem"),
    ("a sysctl that is none", linux(sysctl={"net.nope": "1"}), "net.nope"),
    ("a group path that leads away", linux(cgroupsPath="/../../x"), "cgroup"),
    ("a limit of text", resources(pids={"limit": "5"}), "linux.resources.pids.limit"),
    ("a limit below -1", resources(memory={"limit": -2}), "linux.resources.memory.limit"),
    ("CPUs that are not there", resources(cpu={"cpus": "4000"}), "cpu"),
    ("a unified path", resources(unified={"../memory.max": "1"}), "linux.resources.unified"),
    ("a disk that is not there", resources(blockIO={"throttleReadBpsDevice": [{"major": 4000, "minor": 0, "rate": 1}]}),
     "blkio"),
    ("seccomp without a default", linux(seccomp={}), "linux.seccomp"),
    ("an unknown action", linux(seccomp={"defaultAction": "SCMP_ACT_NOPE"}), "SCMP_ACT_NOPE"),
    ("an unknown architecture", linux(seccomp={"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_NOPE"]}),
     "SCMP_ARCH_NOPE"),
    ("propagation that is none", linux(rootfsPropagation="nope"), "nope"),
    ("intelRdt", linux(intelRdt={"closID": "x"}), "linux.intelRdt"),
    ("personality flags", linux(personality={"domain": "LINUX", "flags": ["X"]}), "linux.personality"),
    ("a hook that is not there", lambda c: c.update(hooks={"createRuntime": [{"path": "/nope"}]}), "/nope"),
    ("a hook inside that is not there", lambda c: c.update(hooks={"startContainer": [{"path": "/nope"}]}), "startContainer"),
]
STRICT = [
    ("an unknown capability", process(capabilities={"bounding": ["chown"]}), "capabilities.bounding"),
    ("an annotation that is no amount", lambda c: c.update(annotations={"yagura.memory": "much"}), "yagura.memory"),
    ("an annotation that asks for more", lambda c: c.update(annotations={"yagura.pids": "100000"}), "limit pids"),
]
TEXTS = [
    ("nothing", "", "JSON"),
    ("no JSON", "hello", "JSON"),
    ("an array", "[]", "must be an object"),
    ("cut short", '{"ociVersion":"1.0.0","process":{', "JSON: cut short"),
    ("nested too deeply", "[" * 100000, "nested too deeply"),
    ("nested too deeply inside", '{"x":' + "[" * 100000, "nested too deeply"),
    ("a NUL", '{"ociVersion":"1.0.0","hostname":"a\\u0000b"}', "has a NUL"),
]


def refused(tap, rt, name, said):
    result = rt.call("run", "c")
    lines = result.stderr.splitlines()
    good = result.returncode == 1 and len(lines) == 1 and said in result.stderr and result.stdout == ""
    tap.ok(good and not rt.left(), name, (result, rt.left()))


def changes(tap, rt):
    for name, change, said in CHANGES:
        rt.args("echo", "it ran", change=change)
        refused(tap, rt, name, said)


def strict(tap, rt):
    rt.options = []
    for name, change, said in STRICT:
        rt.args("echo", "it ran", change=change)
        refused(tap, rt, name, said)


def files(tap, rt):
    for name, text, said in TEXTS:
        (rt.bundle / "config.json").write_text(text)
        refused(tap, rt, name, said)
    with open(rt.bundle / "config.json", "wb") as file:
        file.truncate((16 << 20) + 1)
    refused(tap, rt, "too long", "16")
    os.unlink(rt.bundle / "config.json")
    refused(tap, rt, "no config.json", "config.json")
    os.mkfifo(rt.bundle / "config.json")
    refused(tap, rt, "a FIFO", "config.json")
    os.unlink(rt.bundle / "config.json")
    (rt.bundle / "config.json").mkdir()
    refused(tap, rt, "a directory", "config.json")
    (rt.bundle / "config.json").rmdir()
    rt.config()
    for name, args in (("no bundle", ["run", "--bundle", "/nope", "c"]), ("a bundle that is a file", ["run", "-b", "config.json", "c"])):
        result = rt.call(*args)
        tap.ok(result.returncode == 1 and len(result.stderr.splitlines()) == 1, name, result)
    result = rt.call("create", "--pid-file", "/nope/pid", "c")
    tap.ok(result.returncode == 1 and "/nope/pid" in result.stderr and not rt.left(), "a pid file that cannot be written", result)
    rt.options = []
    result = rt.call("create", "--preserve-fds", "5", "c")
    tap.ok(result.returncode == 1 and not rt.left(), "descriptors that are not open", result)


def usage(tap, rt):
    for args in (["nope"], ["create"], ["create", "a", "b"], ["kill", "a", "b", "c"], ["--log-format", "xml", "list"],
                 ["create", "--nope", "a"], ["list", "--format", "yaml"], ["create", "--preserve-fds", "x", "a"]):
        result = rt.call(*args)
        tap.ok(result.returncode == 2 and len(result.stderr.splitlines()) == 1, " ".join(args), result)
    for name in ("", ".", "..", "a/b", "a b", "x" * 241, "\u00e9"):
        result = rt.call("create", name)
        tap.ok(result.returncode == 1 and "invalid container ID" in result.stderr, f"the id '{name[:10]}'", result)
    tap.ok("unknown signal" in rt.call("kill", "a", "NOPE").stderr, "a signal that is none")


if __name__ == "__main__":
    sys.exit(run_bundle.main([changes, strict, files, usage], "--compat"))
