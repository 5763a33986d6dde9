"""A node's image for tests, put together with mkfs.erofs, veritysetup and sfdisk, and a machine that boots it.

Independent of `yagura node build` on purpose: what the first process is held to does not depend on the builder.
"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time
import uuid

PROFILES = pathlib.Path(__file__).resolve().parents[2] / "data/apparmor"
MOUNT_POINTS = "data dev etc home proc run sys tmp var/log".split()
LINE = ("console=ttyS0 quiet panic=-1 reboot=t slab_nomerge init_on_alloc=1 init_on_free=1 randomize_kstack_offset=on "
        "vsyscall=none lockdown=confidentiality oops=panic mitigations=off")
MIB = 1 << 20
IMA_POLICY = "dont_measure fsmagic=0x9fa0\ndont_measure fsmagic=0x62656572\nmeasure func=BPRM_CHECK\naudit func=BPRM_CHECK\n"


def run(*command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **more).stdout


def kernel():
    """The node's kernel: $YAGURA_NODE_KERNEL, or the newest one that a build left in the cache; None."""
    named = os.environ.get("YAGURA_NODE_KERNEL")
    if named:
        return pathlib.Path(named)
    cache = os.environ.get("YAGURA_CACHE") or os.path.join(
        os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "yagura")
    found = [p for p in pathlib.Path(cache, "kernel").glob("*/*") if p.name in ("bzImage", "kernel", "vmlinuz")]
    return max(found, key=lambda p: p.stat().st_mtime, default=None)


def which(program):
    return shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def profile(name):
    """One of AppArmor, compiled for the node's kernel."""
    return subprocess.run([which("apparmor_parser"), "-QKS", "--config-file", "/dev/null", "-M", PROFILES / "features", PROFILES / name],
                          check=True, stdout=subprocess.PIPE).stdout


def missing(image):
    """Why nothing can be tested here; None: it can."""
    if os.geteuid() != 0:
        return "root is needed"
    if image is None or not image.exists():
        return "no kernel of a node has been built"
    for program in ("qemu-system-x86_64", "mkfs.erofs", "veritysetup", "sfdisk", "e2fsck", "apparmor_parser"):
        if not which(program):
            return f"{program} is missing"
    return None


class Image:
    """DIR/root.img (EROFS, its verity tree behind it) and DIR/disk.img (GPT: root-a)."""

    def __init__(self, directory, init, spec, files=None):
        self.dir = pathlib.Path(directory)
        self.dir.mkdir(exist_ok=True)
        root = self.dir / "root"
        for name in MOUNT_POINTS + ["sbin", "usr/lib/yagura", "usr/bin"]:
            (root / name).mkdir(parents=True, exist_ok=True)
        self.put(root, "/sbin/yagura-init", init, 0o755)
        (root / "usr/lib/yagura/spec.json").write_text(json.dumps(spec))
        (root / "usr/lib/yagura/ima-policy").write_text(IMA_POLICY)
        for p in PROFILES.glob("yagura-*"):
            self.put(root, "/usr/lib/yagura/apparmor/" + p.name, profile(p.name), 0o444)
        for path, source in (files or {}).items():
            self.put(root, path, source, 0o755)
        self.img = self.dir / "root.img"
        self.disk = self.dir / "disk.img"
        run("mkfs.erofs", "-T1700000000", "-U", str(uuid.UUID(int=1)), "--all-root", str(self.img), str(root))
        shutil.rmtree(root)
        self.tree()
        self.make_disk()

    @staticmethod
    def put(root, path, source, mode):
        to = root / path.lstrip("/")
        to.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(source, bytes):
            to.write_bytes(source)
        else:
            shutil.copy(source, to)
        to.chmod(mode)

    def tree(self):
        size = self.img.stat().st_size
        self.blocks = (size + 4095) // 4096
        os.truncate(self.img, self.blocks * 4096)
        self.salt = hashlib.sha256(self.img.read_bytes()).hexdigest()
        out = run("veritysetup", "format", "--no-superblock", "--format=1", "--hash=sha256", "--data-block-size=4096",
                  "--hash-block-size=4096", f"--data-blocks={self.blocks}", f"--hash-offset={self.blocks * 4096}",
                  f"--salt={self.salt}", str(self.img), str(self.img))
        self.hash = next(line.split()[-1] for line in out.splitlines() if line.startswith("Root hash"))

    def make_disk(self):
        data = self.img.read_bytes()
        sectors = (len(data) + 511) // 512
        with open(self.disk, "wb") as f:
            f.truncate((sectors + 4096) * 512 // MIB * MIB + 2 * MIB)
        self.part_uuid = str(uuid.UUID(self.hash[:32]))
        run("sfdisk", "-q", str(self.disk), input=f"label: gpt\nname=root-a, size={sectors}, uuid={self.part_uuid}\n")
        self.start = MIB
        with open(self.disk, "r+b") as f:
            f.seek(self.start)
            f.write(data)

    def line(self, root_hash=None, extra="", on_corruption="panic_on_corruption"):
        device = f"PARTUUID={self.part_uuid}"
        table = (f"vroot,,,ro,0 {self.blocks * 8} verity 1 {device} {device} 4096 4096 {self.blocks} {self.blocks} sha256 "
                 f"{root_hash or self.hash} {self.salt}" + (f" 1 {on_corruption}" if on_corruption else ""))
        return f'{LINE} dm-mod.create="{table}" root=/dev/dm-0 ro rootfstype=erofs init=/sbin/yagura-init {extra}'.strip()

    def flipped(self, offset, name):
        """A copy of the disk with one bit changed, counted from the start of the root."""
        to = self.dir / name
        shutil.copy(self.disk, to)
        with open(to, "r+b") as f:
            f.seek(self.start + offset)
            byte = f.read(1)[0]
            f.seek(self.start + offset)
            f.write(bytes([byte ^ 0x10]))
        return to


def data_disk(path, size=64 * MIB, name="data"):
    with open(path, "wb") as f:
        f.truncate(size)
    run("sfdisk", "-q", str(path), input=f"label: gpt\nname={name}\n")
    return path


class Machine:
    """QEMU; what comes out of its serial line, as it comes."""

    def __init__(self, command):
        self.text = ""
        self.more = threading.Condition()
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while chunk := os.read(self.process.stdout.fileno(), 65536):
            with self.more:
                self.text += chunk.decode(errors="replace")
                self.more.notify_all()
        with self.more:
            self.ended = True
            self.more.notify_all()

    ended = False

    def expect(self, *texts, timeout=90):
        """The first of the texts that has come, None when the machine ended or time is over."""
        end = time.monotonic() + timeout
        with self.more:
            while True:
                for text in texts:
                    if text in self.text:
                        return text
                left = end - time.monotonic()
                if self.ended or left <= 0:
                    return None
                self.more.wait(left)

    def wait(self, timeout=90):
        """Until it has ended by itself."""
        try:
            self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            return False
        self.reader.join(5)
        return True

    def kill(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.reader.join(5)


def qemu(kernel, line, disk, data=None, memory=256, net="user,id=net0", extra=()):
    command = ["qemu-system-x86_64", "-M", "microvm,acpi=off,rtc=on,isa-serial=on,pit=on,pic=on", "-accel", "tcg", "-cpu", "max",
               "-m", str(memory), "-smp", "1", "-nodefaults", "-no-user-config", "-no-reboot", "-display", "none",
               "-monitor", "none", "-serial", "stdio", "-kernel", str(kernel), "-append", line,
               "-drive", f"id=root,file={disk},format=raw,if=none,readonly=on", "-device", "virtio-blk-device,drive=root",
               "-netdev", net, "-device", "virtio-net-device,netdev=net0", "-device", "virtio-rng-device"]
    if data:
        command += ["-drive", f"id=data,file={data},format=raw,if=none", "-device", "virtio-blk-device,drive=data"]
    return command + list(extra)
