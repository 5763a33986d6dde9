"""Packages and indexes for image-build.sh.

image-archive.py DIR                         good and hostile packages as DIR/NAME.deb
image-archive.py --index ARCHIVE SUITE DATE  ARCHIVE/dists/SUITE of what is in ARCHIVE/pool; its Release on stdout
image-archive.py --lock DIR FILE             a lock of the good ones, which also go into the store of $YAGURA_CACHE
"""
import gzip
import hashlib
import io
import json
import lzma
import os
import pathlib
import random
import subprocess
import sys
import tarfile


def ar(*members):
    out = b"!<arch>\n"
    for name, body in members:
        head = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(body):<10}`\n"
        out += head.encode() + body + b"\n" * (len(body) % 2)
    return out


def tar(*entries):
    """(name, bytes), (name, None) a directory, (name, "symlink"|"link"|"device"|SIZE, target)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, body, *target in entries:
            info = tarfile.TarInfo("./" + name)
            info.mtime, info.mode = 1700000000, 0o644
            if body is None:
                info.type, info.mode = tarfile.DIRTYPE, 0o755
            elif body in ("symlink", "link"):
                info.type = tarfile.SYMTYPE if body == "symlink" else tarfile.LNKTYPE
                info.linkname = target[0]
            elif body == "device":
                info.type, info.devmajor, info.devminor = tarfile.CHRTYPE, 1, 3
            else:
                info.size = len(body)
            archive.addfile(info, io.BytesIO(body) if isinstance(body, bytes) else None)
    return file.getvalue()


def claims(name, size):
    """A tar whose only file claims more bytes than there are."""
    info = tarfile.TarInfo(name)
    info.size = size
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(1 << 20)


def deb(name, data, version="1", fields="", control_name=None, pack=lzma.compress, extension=".xz", cut=None):
    text = f"Package: {control_name or name}\nVersion: {version}\nArchitecture: all\nMaintainer: A <a@example.org>\n{fields}"
    control = tar(("control", text.encode()), ("md5sums", b"00000000000000000000000000000000  usr/x\n"))
    packed = pack(data) if data is not None else None
    members = [("debian-binary", b"2.0\n"), ("control.tar.xz", lzma.compress(control))]
    if packed is not None:
        members.append(("data.tar" + extension, packed[:cut]))
    return ar(*members)


def zstd(data):
    return subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout


def packages(to):
    os_release = b'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
    good = tar(("lib", None), ("lib/libgood.so", b"\x7fELF"), ("usr/share/doc/libgood/copyright", b"free"),
               ("usr/share/doc/libgood/changelog.gz", b"x"), ("usr/share/man/man1/good.1", b"x"))
    made = {
        "base-files": deb("base-files", tar(("usr/lib/os-release", os_release), ("etc/debian_version", b"12.1\n"),
                                            ("etc/os-release", "symlink", "../usr/lib/os-release")), fields="Essential: yes\n"),
        "ca-certificates": deb("ca-certificates", tar(("usr/share/ca-certificates/x/1.crt", b"ONE"),
                                                      ("usr/share/ca-certificates/x/2.crt", b"TWO\n")),
                               fields="Depends: debconf, openssl\n"),
        "netbase": deb("netbase", tar(("etc/protocols", b"tcp 6\n")), pack=gzip.compress, extension=".gz"),
        "tzdata": deb("tzdata", tar(("usr/share/zoneinfo/UTC", b"TZif")), pack=zstd, extension=".zst"),
        "libgood_1": deb("libgood", good, fields="Source: good\n"),
        "libgood_2": deb("libgood", good, version="2", fields="Source: good\n"),
        # does not compress, and takes several requests to send
        "large": deb("large", tar(("usr/lib/large", random.Random(1).randbytes(20 << 20))), pack=bytes, extension=""),
        "rival": deb("rival", tar(("usr/lib/libgood.so", b"other"))),
        "needy": deb("needy", tar(("x", b"x")), fields="Depends: absent (>= 1)\n"),
        "cut": deb("cut", tar(("x", bytes(range(256)) * 40)), cut=-40),
        "dotdot": deb("dotdot", tar(("../../etc/x", b"x"))),
        "linkout": deb("linkout", tar(("out", "symlink", "../../../etc"), ("out/debian_version", b"x"))),
        "hardout": deb("hardout", tar(("passwd", "link", "../../etc/passwd"))),
        "bomb": deb("bomb", claims("x", 20 << 30), pack=zstd, extension=".zst"),
        "other": deb("other", tar(("x", b"x")), control_name="another"),
        "device": deb("device", tar(("usr/lib/null", "device"))),
        "nodata": deb("nodata", None),
    }
    to.mkdir(parents=True)
    for name, data in made.items():
        (to / f"{name}.deb").write_bytes(data)


# Names in the index are those of the files: a hostile package may say anything of itself.
FIELDS = {"base-files": "Essential: yes\n", "ca-certificates": "Depends: debconf, openssl\n", "needy": "Depends: absent (>= 1)\n"}


def index(archive, suite, date):
    place = archive / "dists" / suite / "main" / "binary-amd64"
    arch = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    place = place.with_name("binary-" + arch)
    place.mkdir(parents=True, exist_ok=True)
    text = ""
    names = sorted((archive / "pool").glob("*.deb")) if not suite.endswith("-updates") else []
    for file in names:
        data = file.read_bytes()
        name, _, version = file.stem.partition("_")
        text += (f"Package: {name}\nVersion: {version or 1}\nArchitecture: all\n{FIELDS.get(name, '')}"
                 + ("Source: good\n" if name == "libgood" else "")
                 + f"Filename: pool/{file.name}\nSize: {len(data)}\nSHA256: {hashlib.sha256(data).hexdigest()}\n\n")
    rows = ""
    for name, data in (("Packages", text.encode()), ("Packages.xz", lzma.compress(text.encode()))):
        (place / name).write_bytes(data)
        rows += f" {hashlib.sha256(data).hexdigest()} {len(data)} main/binary-{arch}/{name}\n"
    print(f"Origin: Debian\nSuite: {suite}\nVersion: 12\nCodename: {suite}\nDate: {date}\nSHA256:\n{rows}", end="")


def lock(debs, to):
    store = pathlib.Path(os.environ["YAGURA_CACHE"]) / "store"
    arch = subprocess.run(["dpkg", "--print-architecture"], stdout=subprocess.PIPE, check=True).stdout.decode().strip()
    rows = []
    for name in ("base-files", "ca-certificates", "large", "libgood_1", "netbase", "tzdata"):
        data = (debs / f"{name}.deb").read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        place = store / digest[:2] / digest[2:]
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(data)
        rows.append({"name": name.partition("_")[0], "version": "1", "arch": "all", "suite": 0, "path": f"pool/{name}.deb",
                     "size": len(data), "digest": f"sha256:{digest}"})
    suite = {"uri": "http://127.0.0.1:9/debian", "suite": "bookworm", "components": "main", "origin": "Debian", "codename": "bookworm",
             "date": "2026-11-17", "release": "sha256:" + "0" * 64}
    to.write_text(json.dumps({"version": 1, "image": "debian:12", "variant": "static", "arch": arch, "date": "2026-11-17T00:00:00Z",
                              "include": ["libgood"], "suites": [suite], "packages": rows}))


if sys.argv[1] == "--lock":
    lock(pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3]))
elif sys.argv[1] == "--index":
    index(pathlib.Path(sys.argv[2]), *sys.argv[3:])
else:
    packages(pathlib.Path(sys.argv[1]))
