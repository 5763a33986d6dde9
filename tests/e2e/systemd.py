#!/usr/bin/env python3
"""--systemd-cgroup: what is said to systemd, against a bus of our own that does what systemd does for it.

usage: tests/e2e/systemd.py YAGURA_RUN        prints TAP; needs root
"""
import json
import os
import pathlib
import socket
import struct
import sys
import threading

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import run_bundle  # noqa: E402

MIB = 1 << 20


class Reader:
    """Bytes of D-Bus as Python values, by signature."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def align(self, n):
        self.at += -self.at % n

    def number(self, fmt, size):
        self.align(size)
        value, = struct.unpack_from("<" + fmt, self.data, self.at)
        self.at += size
        return value

    def text(self, n):
        value = self.data[self.at:self.at + n].decode()
        self.at += n + 1
        return value

    def value(self, kind):
        if kind in ("s", "o"):
            return self.text(self.number("I", 4))
        if kind == "g":
            return self.text(self.number("B", 1))
        if kind == "v":
            return self.value(self.value("g"))
        if kind == "a(sv)":
            end = self.number("I", 4)
            self.align(8)
            end += self.at
            found = {}
            while self.at < end:
                self.align(8)
                name = self.value("s")
                found[name] = self.value("v")
            return found
        if kind == "au":
            end = self.number("I", 4) + self.at
            found = []
            while self.at < end:
                found.append(self.number("I", 4))
            return found
        return self.number(*{"u": ("I", 4), "b": ("I", 4), "t": ("Q", 8), "y": ("B", 1)}[kind])

    def fields(self, n):
        end, found = self.at + n, {}
        while self.at < end:
            self.align(8)
            code = self.value("y")
            found[code] = self.value("v")
        return found


def written(signature, *values):
    out = b""
    for kind, value in zip(signature, values):
        out += b"\0" * (-len(out) % (1 if kind == "g" else 4))
        if kind == "u":
            out += struct.pack("<I", value)
        elif kind == "g":
            out += bytes([len(value)]) + value.encode() + b"\0"
        else:
            out += struct.pack("<I", len(value)) + value.encode() + b"\0"
    return out


def message(kind, fields, signature="", *values):
    head, body = b"", written(signature, *values)
    for code, sign, value in [*fields, *([(8, "g", signature)] if signature else [])]:
        head += b"\0" * (-len(head) % 8) + bytes([code, 1]) + sign.encode() + b"\0" + written(sign, value)
    whole = b"l" + bytes([kind, 1, 1]) + struct.pack("<III", len(body), 1, len(head)) + head
    return whole + b"\0" * (-len(whole) % 8) + body


class Bus:
    """One connection after the other; remembers every call to the manager."""

    def __init__(self, place, result="done", error=None, garbage=b""):
        self.calls, self.result, self.error, self.garbage = [], result, error, garbage
        self.path = place / "bus"
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen()
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                try:
                    self.talk(connection)
                except (OSError, struct.error, EOFError):
                    pass

    def talk(self, connection):
        stream = connection.makefile("rb")
        if stream.read(1) != b"\0" or not stream.readline().startswith(b"AUTH EXTERNAL " + b"0".hex().encode()):
            return
        connection.sendall(b"OK 0123456789abcdef0123456789abcdef\r\n")
        if stream.readline() != b"BEGIN\r\n":
            return
        connection.sendall(self.garbage)
        while True:
            head = stream.read(16)
            if len(head) < 16:
                return
            body_bytes, serial, field_bytes = struct.unpack_from("<III", head, 4)
            data = head + stream.read(field_bytes + -field_bytes % 8 + body_bytes)
            reader = Reader(data)
            reader.at = 16
            fields = reader.fields(field_bytes)
            self.answer(connection, serial, fields, data[16 + field_bytes + -field_bytes % 8:])

    def answer(self, connection, serial, fields, body):
        reader, name = Reader(body), fields[3]
        if name in ("Hello", "AddMatch", "Subscribe"):
            connection.sendall(message(2, [(5, "u", serial)], *(["s", ":1.7"] if name == "Hello" else [])))
            return
        args = [reader.value(kind) for kind in {"StartTransientUnit": ["s", "s", "a(sv)"], "StopUnit": ["s", "s"],
                                                "SetUnitProperties": ["s", "b", "a(sv)"]}[name]]
        self.calls.append((name, *args))
        if self.error:
            connection.sendall(message(3, [(5, "u", serial), (4, "s", self.error)], "s", "said no"))
            return
        if name == "SetUnitProperties":
            connection.sendall(message(2, [(5, "u", serial)]))
            return
        if name == "StartTransientUnit" and self.result == "done":
            place_scope(args[0], args[2])
        job = "/org/freedesktop/systemd1/job/7"
        connection.sendall(message(4, [(1, "o", "/x"), (2, "s", "org.x"), (3, "s", "JobRemoved")], "uoss", 6, job[:-1] + "6", "y", "done"))
        connection.sendall(message(2, [(5, "u", serial)], "o", job))
        connection.sendall(message(4, [(1, "o", "/org/freedesktop/systemd1"), (2, "s", "org.freedesktop.systemd1.Manager"),
                                       (3, "s", "JobRemoved")], "uoss", 7, job, args[0], self.result))

    def end(self):
        """The thread first: it would take the next bus's calls by the number of its descriptor."""
        self.listener.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listener.close()


def place_scope(name, properties):
    """As systemd: a group in its own hierarchy, and the processes in it."""
    top = run_bundle.CGROUPS / "systemd"
    top = top if top.exists() else run_bundle.CGROUPS
    parts = properties["Slice"].removesuffix(".slice").split("-")
    place = top.joinpath(*("-".join(parts[:i + 1]) + ".slice" for i in range(len(parts))), name)
    place.mkdir(parents=True, exist_ok=True)
    for pid in properties["PIDs"]:
        (place / "cgroup.procs").write_text(str(pid))


def shape(rt, **resources):
    def change(config):
        config["linux"]["cgroupsPath"] = f"{rt.group.replace('_', 'x')}.slice:yagura:c"
        config["linux"]["resources"] = resources
    rt.args("sleep", "1000", change=change)


def clean(rt):
    first = rt.group.split("-")[0] + ".slice"
    for top in [*run_bundle.CGROUPS.glob("*/" + first), *run_bundle.CGROUPS.glob(first)]:
        for place in sorted((p for p in top.rglob("*") if p.is_dir()), reverse=True):
            place.rmdir()
        top.rmdir()


def whole(tap, rt):
    rt.options = ["--systemd-cgroup"]
    bus = Bus(rt.place)
    env = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus.path},guid=0"}
    shape(rt, memory={"limit": 64 * MIB}, pids={"limit": 20}, cpu={"quota": 50000, "period": 100000})
    result = rt.call("create", "c", env=env)
    tap.equal(result.returncode, 0, f"create {result.stderr}")
    started, properties = bus.calls[0][:3], bus.calls[0][3]
    slice_name = rt.group.replace("_", "x") + ".slice"
    tap.equal(started, ("StartTransientUnit", "yagura-c.scope", "replace"), "the scope is started")
    tap.equal((properties["Slice"], properties["Delegate"], properties["DefaultDependencies"]), (slice_name, 1, 0), "in its slice, delegated")
    set_, unit, runtime, limits = bus.calls[1]
    tap.equal((set_, unit, runtime), ("SetUnitProperties", "yagura-c.scope", 1), "its limits are said")
    memory = limits.get("MemoryMax", limits.get("MemoryLimit"))
    tap.equal((memory, limits["TasksMax"], limits["CPUQuotaPerSecUSec"]), (64 * MIB, 20, 500000), "and are ours")
    pid = json.loads(rt.call("state", "c").stdout)["pid"]
    groups = pathlib.Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    tap.ok(all(line.endswith("/yagura-c.scope") for line in groups), "in the scope in every hierarchy", groups)
    holder = properties["PIDs"][0]
    tap.ok(holder != pid and not pathlib.Path(f"/proc/{holder}").exists(), "the placeholder is gone")
    tap.equal(rt.call("verify", "c").returncode, 0, "every limit reads back")
    rt.call("update", "--pids-limit", "10", "c", check=True, env=env)
    tap.equal(bus.calls[-1][3], {"TasksMax": 10}, "update: systemd is told too")
    rt.call("delete", "--force", "c", check=True, env=env)
    tap.equal(bus.calls[-1], ("StopUnit", "yagura-c.scope", "replace"), "delete: the scope is forgotten")
    bus.end()
    clean(rt)


def refused(tap, rt):
    rt.options = ["--systemd-cgroup"]
    shape(rt)
    for name, more, text in (("a unit that is there", {"error": "org.freedesktop.systemd1.UnitExists"}, "said no"),
                             ("a job that fails", {"result": "failed"}, "ended as failed"),
                             ("garbage", {"garbage": b"\0" * 64}, "D-Bus"),
                             ("a message without end", {"garbage": b"l\4\1\1\377\377\377\377\1\0\0\0\0\0\0\0"}, "D-Bus")):
        bus = Bus(rt.place, **more)
        result = rt.call("create", "c", env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={bus.path}"})
        first = result.stderr.splitlines()[-1:]
        tap.ok(result.returncode == 1 and text in result.stderr, f"{name}: refused", result.stderr)
        tap.equal(rt.call("state", "c").returncode, 1, f"{name}: no container {first}")
        if name == "a unit that is there":
            tap.equal([call[0] for call in bus.calls], ["StartTransientUnit"], f"{name}: it is left alone")
        bus.end()
    for name, address, text in (("no bus", "unix:path=/nowhere/bus", "/nowhere/bus"), ("an address of another kind", "tcp:host=x", "unix:path=")):
        result = rt.call("create", "c", env={**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": address})
        tap.ok(result.returncode == 1 and text in result.stderr and len(result.stderr.splitlines()) == 1, f"{name}: one clear line", result.stderr)
    shape(rt)
    config = json.loads((rt.bundle / "config.json").read_text())
    config["linux"]["cgroupsPath"] = "/a/path"
    (rt.bundle / "config.json").write_text(json.dumps(config))
    tap.ok("slice:prefix:name" in rt.call("create", "c").stderr, "a path of the other manager is refused")
    clean(rt)  # a bus that spoke garbage may have made its slices all the same


if __name__ == "__main__":
    sys.exit(run_bundle.main([whole, refused]))
