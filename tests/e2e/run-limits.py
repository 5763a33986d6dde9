#!/usr/bin/env python3
"""Limits of yagura-run: asked from three sides, in force before the program runs, read back, refused, undone.

usage: tests/e2e/run-limits.py YAGURA_RUN        prints TAP; needs root
"""
import json
import os
import pathlib
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402

MIB = 1 << 20


def limited(rt, annotations=None, resources=None, args=("sleep", "1000"), readonly=True, change=None):
    def shape(config):
        config["annotations"] = dict(annotations or {})
        config["linux"]["resources"] = dict(resources or {})
        config["root"]["readonly"] = readonly
        if change:
            change(config)
    rt.args(*args, change=shape)


def rows(rt, name="c"):
    result = rt.call("verify", "--format", "json", name)
    return result.returncode, {row["limit"]: row for row in json.loads(result.stdout)["limits"]}


def sources(tap, rt):
    """Configuration, annotation, built in: each row says where its number is from, and holds."""
    limited(rt, {"yagura.pids": "50", "yagura.cpu": "250m"},
            {"memory": {"limit": 64 * MIB}, "cpu": {"quota": 50000, "period": 100000, "shares": 512}})
    rt.call("create", "c", check=True)
    status, got = rows(rt)
    tap.equal(status, 0, "verify: everything holds")
    for limit, source, effective in (("memory.limit", "config", str(64 * MIB)), ("pids.limit", "annotation", "50"),
                                     ("cpu.shares", "config", None)):
        row = got[limit]
        tap.ok(row["holds"] and row["from"] == source and effective in (None, row["effective"]), f"verify: {limit}", row)
    tap.ok(any(row["from"] == "default" for row in got.values()), "verify: something is built in", got)
    table = rt.call("verify", "c")
    tap.ok(table.stdout.startswith("LIMIT"), "verify: a table", table.stdout)
    rt.call("delete", "--force", "c", check=True)


def nobody_asks(tap, rt):
    limited(rt)
    rt.call("create", "c", check=True)
    tap.equal(rows(rt)[1]["pids.limit"]["effective"], "512", "nobody asks: 512 processes")
    rt.call("delete", "--force", "c", check=True)


def compat(tap, rt):
    rt.options = ["--compat"]
    limited(rt, {"yagura.pids": "5"})
    rt.call("create", "c", check=True)
    tap.ok("pids.limit" not in rows(rt)[1], "compat: no limit that the configuration does not have")
    rt.call("delete", "--force", "c", check=True)
    rt.options = []


def drifted(tap, rt):
    """What somebody changed behind our back is told, with status 1."""
    limited(rt, resources={"memory": {"limit": 64 * MIB}, "pids": {"limit": 20}})
    rt.call("create", "c", check=True)
    rt.call("start", "c", check=True)
    knob = next(p for p in (g / "pids.max" for g in rt.groups()) if p.exists() and p.parent.name == "c")
    knob.write_text("21")
    status, got = rows(rt)
    tap.equal((status, got["pids.limit"]["holds"], got["pids.limit"]["effective"]), (1, False, "21"), "drift is found")
    tap.ok("NO" in rt.call("verify", "c").stdout, "drift: in the table")
    rt.call("update", "--pids-limit", "30", "c", check=True)
    status, got = rows(rt)
    tap.equal((status, got["pids.limit"]["asked"]), (0, "30"), "an update is what is asked from then on")
    rt.call("delete", "--force", "c", check=True)


REFUSED = (
    ("a looser annotation", {"yagura.pids": "30"}, {"pids": {"limit": 20}}, "limit pids: the annotation's 30 is looser"),
    ("no quantity", {"yagura.disk.size": "much"}, {}, "yagura.disk.size: 'much' is no quantity"),
    ("a typing error", {"yagura.dsik.size": "1Gi", "yagura.disk.szie": "1Gi"}, {}, "there is no such limit"),
    ("too few files for the size", {"yagura.disk.size": "100Gi", "yagura.disk.inodes": "100"}, {}, "too few"),
    ("cpu.idle of 7", {}, {"cpu": {"idle": 7}}, "cpu.idle"),
    ("a file that is no limit", {}, {"unified": {"cgroup.procs": "1"}}, "cgroup.procs"),
    ("a device hole on v1", {}, {"devices": [{"allow": True, "type": "c", "major": 10, "access": "rwm"},
                                             {"allow": False, "type": "c", "major": 10, "minor": 1, "access": "rwm"}]},
     "cgroup v1 cannot deny" if not pathlib.Path("/sys/fs/cgroup/cgroup.controllers").exists() else None),
    ("a disk that is not there", {}, {"blockIO": {"throttleReadBpsDevice": [{"major": 9, "minor": 999, "rate": 5}]}},
     "blockIO.throttleReadBpsDevice cannot be set"),
)


def cache_share(tap, rt):
    """linux.intelRdt: as the kernel has it, or one clear line and nothing left."""
    limited(rt, change=lambda c: c["linux"].update(intelRdt={"closID": "yagura-nobody-has-this"}))
    result = rt.call("create", "c")
    said = "there is no group" if pathlib.Path("/sys/fs/resctrl/schemata").exists() else "no resctrl file system"
    tap.ok(result.returncode == 1 and said in result.stderr and len(result.stderr.splitlines()) == 1, "intelRdt: one clear line", result.stderr)


def refused(tap, rt):
    """An error before anything runs, naming the limit; nothing is left."""
    for name, annotations, resources, said in REFUSED:
        if said is None:
            continue
        limited(rt, annotations, resources, readonly=False)
        result = rt.call("create", "c")
        tap.ok(result.returncode == 1 and said in result.stderr, f"refused: {name}", result.stderr)
        tap.equal(rt.left(), [], f"refused: {name}: nothing is left")


def layer(tap, rt):
    limited(rt, {"yagura.disk.size": "64Mi", "yagura.disk.inodes": "2000"}, readonly=False,
            args=("sh", "-c", "echo kept > /x && cat /x && ls / && sleep 1000"))
    rt.call("create", "c", check=True)
    status, got = rows(rt)
    tap.ok(status == 0 and {"disk.size", "disk.inodes"} <= set(got), "layer: verified", got)
    rt.call("start", "c", check=True)
    tap.ok(not (rt.bundle / "rootfs" / "x").exists(), "layer: the root file system itself is not written to")
    tap.equal(rt.call("exec", "c", "sh", "-c", "echo more >> /y && cat /y").stdout, "more\n", "layer: it can be written to")
    device = got["disk.size"]["where"].split()[-1]
    backing = pathlib.Path(f"/sys/dev/block/{device}/loop/backing_file")
    tap.ok(backing.exists(), "layer: a loop device of its own", device)
    rt.call("delete", "--force", "c", check=True)
    tap.ok(run_wait(lambda: not backing.exists()), "layer: the device is given back")


def run_wait(condition):
    end = time.monotonic() + 20
    while time.monotonic() < end and not condition():
        time.sleep(0.02)
    return condition()


def killed(tap, rt):
    """A container whose every process was killed behind the runtime's back leaves no rule and no device."""
    limited(rt, {"yagura.disk.size": "64Mi", "yagura.disk.write-bps": "4Mi"}, readonly=False)
    rt.call("create", "c", check=True)
    rt.call("start", "c", check=True)
    device = rows(rt)[1]["disk.size"]["where"].split()[-1]
    os.kill(json.loads(rt.call("state", "c").stdout)["pid"], signal.SIGKILL)
    tap.ok(run_wait(lambda: rt.status("c") == "stopped"), "killed: stopped")
    tap.equal(rt.call("verify", "c").returncode, 1, "killed: nothing to verify")
    rt.call("delete", "c", check=True)
    rules = "".join(p.read_text() for p in run_bundle.CGROUPS.glob("blkio/blkio.throttle.*_device"))
    tap.ok(f"{device} " not in rules, "killed: no rule is left", rules)


def host_network(tap, rt):
    """By BPF on the group, or an error where there is no v2 hierarchy."""
    def no_netns(config):
        config["linux"]["namespaces"] = [n for n in config["linux"]["namespaces"] if n["type"] != "network"]
        config["mounts"] = [m for m in config["mounts"] if m["destination"] != "/sys"]
    limited(rt, {"kubernetes.io/ingress-bandwidth": "10M", "kubernetes.io/egress-bandwidth": "5M"}, change=no_netns)
    result = rt.call("create", "c")
    if result.returncode:
        tap.ok("network" in result.stderr or "limit net" in result.stderr, "host network: refused with the reason", result.stderr)
        return
    status, got = rows(rt)
    tap.ok(status == 0 and got.get("net.in", {}).get("effective") == "10000000", "host network: in", got)
    tap.ok(got.get("net.out", {}).get("effective") == "5000000", "host network: out", got)
    rt.call("delete", "--force", "c", check=True)


def update_ceilings(tap, rt):
    """`update` gets no more than the policy and the annotations leave."""
    rt.policy("pids <= 40\nmemory <= 64Mi\ncpu <= 500m\n")
    limited(rt, {"yagura.memory": "32Mi"}, {"memory": {"limit": 48 * MIB}, "pids": {"limit": 20}})
    rt.call("create", "c", check=True)
    rt.call("update", "--pids-limit", "1000", "c", check=True)
    rt.call("update", "--memory", "1g", "c", check=True)
    rt.call("update", "--cpu-quota", "100000", "c", check=True)
    rt.call("update", "--cpu-period", "20000", "c", check=True)
    status, got = rows(rt)
    tap.equal(status, 0, "update: what is in force is what was recorded")
    tap.equal((got["pids.limit"]["effective"], got["pids.limit"]["from"]), ("40", "ceiling"), "update: the ceiling of pids")
    tap.equal((got["memory.limit"]["effective"], got["memory.limit"]["from"]), (str(32 * MIB), "annotation"),
              "update: the annotation of memory")
    share = got["cpu.quota"]["effective"].split() + [got.get("cpu.period", {}).get("effective")]
    tap.equal(int(share[0]) / int(share[1]), 0.5, "update: the ceiling of the CPU, by quota and by period")
    rt.call("update", "--pids-limit", "10", "c", check=True)
    tap.equal(rows(rt)[1]["pids.limit"]["effective"], "10", "update: less is always to be had")
    rt.call("delete", "--force", "c", check=True)


def granted(tap, rt):
    """Strict mode leaves what the policy says; an annotation can only take of it."""
    rt.policy("strict.capabilities = CHOWN SETUID\nstrict.writable-root = yes\n")
    show = ("sh", "-c", "cat /proc/self/status; touch /there; ls /there")

    def shape(config):
        for kind in ("bounding", "effective", "permitted"):
            config["process"]["capabilities"][kind] = ["CAP_CHOWN", "CAP_KILL", "CAP_SETUID"]
    for name, annotations, mask, writable in (
            ("policy", {}, 0x81, True), ("fewer", {"yagura.strict.capabilities": "CHOWN"}, 0x1, True),
            ("none", {"yagura.strict.capabilities": "none", "yagura.strict.writable-root": "no"}, 0, False)):
        limited(rt, annotations, args=show, readonly=False, change=shape)
        said = rt.call("run", "c").stdout
        found = [int(line.split()[1], 16) for line in said.splitlines() if line.startswith(("CapBnd:", "CapEff:", "CapPrm:"))]
        tap.equal(found, [mask] * 3, f"granted: {name}: capabilities")
        tap.equal("/there" in said.splitlines(), writable, f"granted: {name}: the root file system")
        (rt.bundle / "rootfs" / "there").unlink(missing_ok=True)
    limited(rt, readonly=False, args=("sleep", "1000"), change=shape)
    rt.call("run", "--detach", "c", check=True)
    rt.policy("strict.capabilities = none\n")
    said = rt.call("exec", "--cap", "CAP_CHOWN", "--cap", "CAP_KILL", "c", "cat", "/proc/self/status").stdout
    effective = [int(line.split()[1], 16) for line in said.splitlines() if line.startswith("CapEff:")]
    tap.equal([mask & ~0x81 for mask in effective], [0], "granted: a process that joins gets no more")
    tap.ok(effective and effective[0] & 1, "granted: and as much as when it was made", said)
    rt.call("delete", "--force", "c", check=True)
    for name, annotations, said in (("another", {"yagura.strict.capabilities": "SYS_ADMIN"}, "does not grant CAP_SYS_ADMIN"),
                                    ("a root", {"yagura.strict.writable-root": "yes"}, "does not grant it"),
                                    ("no word", {"yagura.strict.writable-root": "1"}, "neither yes nor no")):
        limited(rt, annotations)
        result = rt.call("create", "c")
        tap.ok(result.returncode == 1 and said in result.stderr, f"granted: refused: {name}", result.stderr)


def log_size(tap, rt):
    """Who keeps the output has to say how much of it."""
    for name, options, good in (("no word", [], False), ("too much", ["--log-kept", "2MiB"], False), ("held", ["--log-kept", "1MiB"], True)):
        rt.options = options
        limited(rt, {"yagura.log.size": "1Mi"})
        result = rt.call("create", "c")
        tap.ok((result.returncode == 0) == good and (good or "limit log.size" in result.stderr), f"log: {name}", result.stderr)
        if good:
            tap.equal(rows(rt)[1]["log.size"]["effective"], "1Mi", "log: verified")
            rt.call("delete", "--force", "c", check=True)
    rt.options = []


def tmpfs_of_run(tap, rt):
    limited(rt, {"yagura.shm.size": "1Mi"})
    rt.call("run", "--detach", "c", check=True)
    got = rows(rt)[1]["shm.size"]
    tap.equal((got["holds"], got["effective"]), (True, "1Mi"), "tmpfs: verified")
    rt.call("delete", "--force", "c", check=True)


def tmpfs_hidden(tap, rt):
    """A volume over /dev, as `-v /dev:/dev`: what lies under it is not what is compared."""
    def host_dev(config):
        config["mounts"].append({"destination": "/dev", "type": "bind", "source": "/dev", "options": ["rbind", "rw"]})
        config["mounts"].append({"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["size=1m"]})
    rt.args("sleep", "1000", change=host_dev)
    result = rt.call("run", "--detach", "c")
    tap.equal(result.returncode, 0, f"a volume over /dev {result.stderr}")
    places = [row["where"] for row in json.loads(rt.call("verify", "--format", "json", "c").stdout)["limits"] if row["limit"] in ("tmpfs.size", "shm.size")]
    tap.equal(places, ["/tmp"], "only what is seen is compared")
    rt.call("delete", "--force", "c", check=True)


def no_groups(tap, rt):
    rt.options = ["--cgroup-manager", "disabled"]
    limited(rt, {"yagura.pids": "5"})
    result = rt.call("create", "c")
    tap.ok(result.returncode and "control groups are disabled" in result.stderr, "no groups: what is asked for is refused",
           result.stderr)
    limited(rt)
    tap.equal(rt.call("create", "c").returncode, 0, "no groups: what is built in is left out")
    rt.call("delete", "--force", "c", check=True)
    rt.options = []


if __name__ == "__main__":
    sys.exit(run_bundle.main([sources, nobody_asks, compat, drifted, refused, cache_share, layer, killed, host_network, update_ceilings,
                              granted, log_size, tmpfs_of_run, tmpfs_hidden, no_groups]))
