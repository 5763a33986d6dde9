#!/usr/bin/env python3
"""A node by the way of firmware: Secure Boot starts a signed kernel image from the disk, and no other.

usage: node-uefi.py YAGURA_INIT NODE_PROBE

The keys are those that Debian's package of the firmware brings for tests ("snakeoil").
"""
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import node_image as ni  # noqa: E402
from tap import Tap  # noqa: E402

INIT, PROBE = sys.argv[1:3]
OVMF = pathlib.Path("/usr/share/OVMF")
CODE, VARS = OVMF / "OVMF_CODE_4M.secboot.fd", OVMF / "OVMF_VARS_4M.snakeoil.fd"
KEYS = pathlib.Path("/usr/share/ovmf")
STUB = pathlib.Path("/usr/lib/systemd/boot/efi/linuxx64.efi.stub")
SPEC = {"version": 1, "name": "demo", "release": "1.0", "network": [{"interface": "eth0", "dhcp": True}]}
tap = Tap()
ok = tap.ok


def uki(work, kernel, line):
    """The kernel and its command line behind systemd's stub; no initrd."""
    ends = [int(words[3], 16) + int(words[2], 16) for words in
            (text.split() for text in ni.run("objdump", "-h", str(STUB)).splitlines()) if len(words) >= 7 and words[0].isdigit()]
    at = (max(ends) + 0xfff) & ~0xfff
    (work / "line").write_bytes(line.encode() + b"\0")
    (work / "osrel").write_text("ID=demo\nVERSION_ID=1\n")
    to = work / "uki.efi"
    ni.run("objcopy", "--add-section", f".osrel={work / 'osrel'}", "--change-section-vma", f".osrel={at}",
           "--add-section", f".cmdline={work / 'line'}", "--change-section-vma", f".cmdline={at + 0x1000}",
           "--add-section", f".linux={kernel}", "--change-section-vma", f".linux={at + 0x10000}", str(STUB), str(to))
    return to


def signed(work, image):
    key, to = work / "sb.key", work / "uki.signed.efi"
    ni.run("openssl", "rsa", "-in", str(KEYS / "PkKek-1-snakeoil.key"), "-passin", "pass:snakeoil", "-out", str(key))
    ni.run("sbsign", "--key", str(key), "--cert", str(KEYS / "PkKek-1-snakeoil.pem"), "--output", str(to), str(image))
    return to


def boot(work, efi, root):
    esp, variables = work / "esp.img", work / "vars.fd"
    with open(esp, "wb") as f:
        f.truncate(40 * ni.MIB)
    ni.run("mformat", "-i", str(esp), "-F", "::")
    ni.run("mmd", "-i", str(esp), "::/EFI", "::/EFI/BOOT")
    ni.run("mcopy", "-i", str(esp), str(efi), "::/EFI/BOOT/BOOTX64.EFI")
    shutil.copy(VARS, variables)
    return ni.Machine([
        "qemu-system-x86_64", "-M", "q35,smm=on", "-global", "driver=cfi.pflash01,property=secure,value=on", "-accel", "tcg",
        "-cpu", "max", "-m", "512", "-nodefaults", "-no-reboot", "-display", "none", "-monitor", "none", "-serial", "stdio",
        "-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={CODE}", "-drive", f"if=pflash,unit=1,format=raw,file={variables}",
        "-drive", f"id=root,file={root},format=raw,if=none,readonly=on", "-device", "virtio-blk-pci,drive=root",
        "-drive", f"id=esp,file={esp},format=raw,if=none,readonly=on", "-device", "virtio-blk-pci,drive=esp,bootindex=1",
        "-device", "virtio-rng-pci"])


def main():
    kernel = ni.kernel()
    missing = ni.missing(kernel)
    for path in (CODE, VARS, KEYS / "PkKek-1-snakeoil.key", STUB):
        missing = missing or (None if path.exists() else f"{path} is missing")
    for program in ("sbsign", "mformat", "objcopy", "openssl"):
        missing = missing or (None if shutil.which(program) else f"{program} is missing")
    if missing:
        print(f"1..0 # SKIP {missing}")
        return 0
    with tempfile.TemporaryDirectory(prefix="yagura-node-") as name:
        work = pathlib.Path(name)
        image = ni.Image(work / "image", INIT, SPEC, {"/usr/bin/yagura-agent": PROBE})
        plain = uki(work, kernel, image.line())
        good = signed(work, plain)
        m = boot(work, good, image.disk)
        ok(m.expect("yagura-init: demo 1.0 runs after", timeout=240), "a signed kernel image is started, the node runs", m.text)
        m.kill()
        m = boot(work, plain, image.disk)
        ok(m.expect("Access Denied", "starts after", timeout=240) == "Access Denied", "one without a signature is refused", m.text)
        m.kill()
        altered = work / "altered.efi"
        altered.write_bytes(good.read_bytes().replace(b"panic_on_corruption", b"ignore_corruption  "))
        ok(altered.read_bytes() != good.read_bytes(), "its command line can be altered")
        m = boot(work, altered, image.disk)
        ok(m.expect("Access Denied", "starts after", timeout=240) == "Access Denied", "and is then refused", m.text)
        m.kill()
        m = boot(work, good, image.flipped(1024 + 40, "flipped"))
        ok(m.expect("Kernel panic", "starts after", timeout=240) == "Kernel panic", "a signed one with a root that has a changed bit panics", m.text)
        m.kill()
    return tap.end()


sys.exit(main())
