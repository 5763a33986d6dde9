"""What tests of yagura-run share: bundles of busybox made here, calls of the program, and what it may leave behind."""
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from tap import Tap, within

BUSYBOX = shutil.which("busybox")
APPLETS = "sh ls cat id echo sleep true false kill pwd env mount tty stty touch trap mkdir rm head ps".split()
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def wait_for(condition):
    return within(condition, 0.02)


def received(path, act, descriptors=4):
    """What comes over a UNIX socket of that name while act() runs: bytes and descriptors, which are the caller's."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        act()
        connection, _ = listener.accept()
        with connection:
            payload, fds, _, _ = socket.recv_fds(connection, 4096, descriptors)
    return payload, fds


def reason_to_skip():
    if os.geteuid():
        return "needs root"
    if not BUSYBOX:
        return "busybox is not installed"
    if b"not a dynamic executable" not in subprocess.run(["ldd", BUSYBOX], capture_output=True).stderr:
        return "busybox is not static (busybox-static)"
    return None


class Runtime:
    """One state root, one bundle, one parent cgroup; everything is removed at the end."""

    def __init__(self, program, *options):
        self.program = program
        self.options = list(options)
        self.prefix = []
        self.place = pathlib.Path(tempfile.mkdtemp(prefix="yagura-run-"))
        self.root = self.place / "state"
        self.group = self.place.name
        self.bundle = self.place / "bundle"
        self.make_bundle()
        self.base = self.base_config()
        self.config()

    def make_bundle(self):
        rootfs = self.bundle / "rootfs"
        for name in ("bin", "proc", "dev", "sys", "tmp", "etc"):
            (rootfs / name).mkdir(parents=True)
        shutil.copy(BUSYBOX, rootfs / "bin" / "busybox")
        for name in APPLETS:
            (rootfs / "bin" / name).symlink_to("busybox")

    def base_config(self):
        self.call("spec", "--bundle", str(self.bundle), check=True)
        config = json.loads((self.bundle / "config.json").read_text())
        config["process"]["terminal"] = False
        config["process"]["args"] = ["true"]
        return config

    def config(self, change=None, cgroup="c"):
        """Writes config.json: the one of `spec`, changed by a function."""
        config = json.loads(json.dumps(self.base))
        config["linux"]["cgroupsPath"] = f"/{self.group}/{cgroup}"
        if change:
            change(config)
        (self.bundle / "config.json").write_text(json.dumps(config))

    def args(self, *args, cgroup="c", change=None):
        def program(config):
            config["process"]["args"] = list(args)
            if change:
                change(config)
        self.config(program, cgroup)

    def argv(self, *args):
        return [*self.prefix, self.program, "--root", str(self.root), *self.options, *args]

    def policy(self, text):
        """The node's policy, for our calls only: laid over /etc in a mount namespace of each."""
        place = self.place / "etc" / "yagura" / "run.d"
        place.mkdir(parents=True, exist_ok=True)
        (place / "99-test.conf").write_text(text)
        self.prefix = ["unshare", "--mount", "sh", "-c",
                       f'mount -t overlay overlay -o lowerdir={self.place}/etc:/etc /etc && exec "$@"', "sh"]

    def call(self, *args, check=False, **more):
        """Its output goes to files: a container that stays keeps them open, and nobody waits for their end."""
        more.setdefault("stdin", subprocess.DEVNULL)
        with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
            result = subprocess.run(self.argv(*args), stdout=out, stderr=err, cwd=self.bundle, timeout=60, **more)
            for file, name in ((out, "stdout"), (err, "stderr")):
                file.seek(0)
                setattr(result, name, file.read())
        if check and result.returncode:
            raise AssertionError(f"{args}: {result.returncode}: {result.stderr}")
        return result

    def status(self, name):
        result = self.call("state", name)
        return json.loads(result.stdout)["status"] if result.returncode == 0 else None

    def groups(self):
        """Directories of control groups below ours, in any hierarchy."""
        found = []
        for top in list(CGROUPS.glob("*/" + self.group)) + list(CGROUPS.glob(self.group)):
            found += [p for p in top.rglob("*") if p.is_dir()]
        return found

    def mounts(self):
        text = pathlib.Path("/proc/self/mountinfo").read_text()
        return [line for line in text.splitlines() if str(self.place) in line or self.group in line]

    def left(self):
        """What should not be there when there is no container."""
        state = [p for p in self.root.rglob("*") if p.name not in (".busy", ".seccomp") and p.parent.name != ".seccomp"]
        return [str(p) for p in state + self.groups()] + self.mounts()

    def done(self):
        if self.root.exists():
            for name in self.call("list", "-q").stdout.split():
                self.call("delete", "--force", name)
        self.end_groups()
        shutil.rmtree(self.place)

    def end_groups(self):
        """Also those of containers whose state was broken on purpose."""
        for group in sorted(self.groups(), reverse=True):
            for _ in range(1000):
                pids = (group / "cgroup.procs").read_text().split()
                for pid in pids:
                    os.kill(int(pid), signal.SIGKILL)
                if not pids:
                    break
                time.sleep(0.01)
            group.rmdir()
        for top in list(CGROUPS.glob("*/" + self.group)) + list(CGROUPS.glob(self.group)):
            top.rmdir()


def main(tests, *options):
    skip = reason_to_skip()
    if skip:
        print(f"1..0 # SKIP {skip}")
        return 0
    tap = Tap()
    for test in tests:
        runtime = Runtime(str(pathlib.Path(sys.argv[1]).absolute()), *options)
        try:
            test(tap, runtime)
            tap.equal(runtime.left(), [], f"{test.__name__}: nothing is left")
        except Exception as error:  # a broken test is a failed one, and the others run
            tap.ok(False, test.__name__, repr(error))
        finally:
            runtime.done()
    return tap.end()
