"""Makes small images, good and bad, for the end-to-end cases. Deterministic: the same calls give the same bytes.

    from image import *
    base = layer(file("etc/os-release", DEBIAN_12), dpkg(("bash", "5.2-1")))
    oci("img", [base, layer(whiteout("etc/x"))], pack="gzip")
    docker_archive("img.tar", [base])
"""
import bz2
import gzip
import hashlib
import io
import json
import lzma
import pathlib
import sqlite3
import struct
import subprocess
import tarfile
import tempfile

DEBIAN_12 = 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'
UBUNTU_2204 = 'ID=ubuntu\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\n'
RHEL_9 = 'ID="rhel"\nVERSION_ID="9.3"\n'
ALMA_8 = 'ID="almalinux"\nVERSION_ID="8.9"\n'
ALPINE_318 = 'ID=alpine\nVERSION_ID=3.18.9\nPRETTY_NAME="Alpine Linux v3.18"\n'


def _bytes(data) -> bytes:
    return data.encode() if isinstance(data, str) else data


def entry(name, data=b"", kind=tarfile.REGTYPE, link="", mode=0o644, size=None, **more):
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.mode, info.mtime = kind, link, mode, 0
    data = _bytes(data)
    info.size = len(data) if size is None else size
    for key, value in more.items():
        setattr(info, key, value)
    return info, data


def file(name, data="", mode=0o644):
    return entry(name, data, mode=mode)


def directory(name):
    return entry(name, kind=tarfile.DIRTYPE, mode=0o755)


def symlink(name, target):
    return entry(name, kind=tarfile.SYMTYPE, link=target, mode=0o777)


def hardlink(name, target):
    return entry(name, kind=tarfile.LNKTYPE, link=target)


def whiteout(name):
    head, _, base = name.rpartition("/")
    return file((head + "/" if head else "") + ".wh." + base)


def opaque(name):
    return file(name + "/.wh..wh..opq")


def layer(*entries, format=tarfile.PAX_FORMAT) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format) as t:
        for info, data in entries:
            t.addfile(info, io.BytesIO(data) if info.isreg() else None)
    return out.getvalue()


def paragraph(name, version, source=None, arch="amd64", status="install ok installed"):
    source = f"Source: {source}\n" if source else ""
    return (f"Package: {name}\nStatus: {status}\nArchitecture: {arch}\n{source}Version: {version}\n"
            "Maintainer: Somebody <somebody@debian.org>\nDescription: x\n\n")


def dpkg(*packages, path="var/lib/dpkg/status"):
    """packages: (name, version[, source])"""
    return file(path, "".join(paragraph(*p) for p in packages))


def apk(*packages, path="lib/apk/db/installed"):
    """packages: (name, version[, origin])"""
    return file(path, "".join(f"P:{p[0]}\nV:{p[1]}\nA:x86_64\no:{p[2] if len(p) > 2 else p[0]}\n\n" for p in packages))


def _rpm_header(row: dict) -> bytes:
    """rpm's header: entries (tag, type, offset, count), then the values (rpm-format: header)."""
    index, store = b"", b""
    for tag, value in sorted(row.items()):
        if isinstance(value, int):
            value = [value]
        if isinstance(value, list) and isinstance(value[0], int):
            store += b"\0" * (-len(store) % 4)
            kind, count, data = 4, len(value), b"".join(struct.pack(">I", v) for v in value)
        elif isinstance(value, list):
            kind, count, data = 8, len(value), b"".join(v.encode() + b"\0" for v in value)
        else:
            kind, count, data = 6, 1, value.encode() + b"\0"
        index += struct.pack(">IIII", tag, kind, len(store), count)
        store += data
    return struct.pack(">II", len(index) // 16, len(store)) + index + store


def rpm(*packages, path="var/lib/rpm/rpmdb.sqlite"):
    """packages: dicts of name, evr and, when not the usual, arch, source, module, vendor, files"""
    with tempfile.TemporaryDirectory() as work:
        db = sqlite3.connect(work + "/db")
        db.execute("CREATE TABLE Packages (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)")
        for p in packages:
            epoch, colon, rest = p["evr"].rpartition(":")
            version, _, release = rest.partition("-")
            row = {1000: p["name"], 1001: version, 1002: release, 1011: p.get("vendor", "Red Hat, Inc."),
                   1022: p.get("arch", "x86_64"), 1044: p.get("source", f"{p['name']}-{rest}.src.rpm")}
            if colon:
                row[1003] = int(epoch)
            if "module" in p:
                row[5096] = p["module"]
            if "files" in p:
                folders = sorted({"/" + f.rpartition("/")[0] + "/" for f in p["files"]})
                row[1116] = [folders.index("/" + f.rpartition("/")[0] + "/") for f in p["files"]]
                row[1117] = [f.rpartition("/")[2] for f in p["files"]]
                row[1118] = folders
            db.execute("INSERT INTO Packages (blob) VALUES (?)", (_rpm_header(row),))
        db.commit()
        db.close()
        return file(path, pathlib.Path(work + "/db").read_bytes())


PACK = {
    None: lambda b: b,
    "gzip": lambda b: gzip.compress(b, mtime=0),
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": lambda b: subprocess.run(["zstd", "-q", "-c"], input=b, capture_output=True, check=True).stdout,
}


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def config(layers, history=None, diff_ids=None, **more) -> bytes:
    body = {
        "architecture": "amd64", "os": "linux", "created": "2024-01-01T00:00:00Z",
        "rootfs": {"type": "layers", "diff_ids": diff_ids if diff_ids is not None else [sha256(l) for l in layers]},
        "history": history if history is not None else [{"created_by": f"RUN step {i + 1}"} for i in range(len(layers))],
    }
    body.update(more)
    return json.dumps(body).encode()


def oci(path, layers, pack="gzip", blobs=None, change_manifest=None, change_blob=None, tag=None, **config_more):
    """An OCI layout directory. blobs: what is stored instead of the packed layers; change_manifest(dict) edits the
    manifest; change_blob(index, bytes) returns other bytes for a layer's blob, under the unchanged digest."""
    top = pathlib.Path(path)
    store = top / "blobs" / "sha256"
    store.mkdir(parents=True, exist_ok=True)

    def put(data, media):
        (store / sha256(data)[7:]).write_bytes(data)
        return {"mediaType": media, "digest": sha256(data), "size": len(data)}

    packed = blobs if blobs is not None else [PACK[pack](l) for l in layers]
    rows = [put(b, "application/vnd.oci.image.layer.v1.tar+gzip") for b in packed]
    manifest = {
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": put(config(layers, **config_more), "application/vnd.oci.image.config.v1+json"), "layers": rows,
    }
    if change_manifest:
        change_manifest(manifest)
    row = put(json.dumps(manifest).encode(), manifest["mediaType"])
    if tag:
        row["annotations"] = {"org.opencontainers.image.ref.name": tag}
    (top / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [row]}))
    (top / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    if change_blob:
        for i, b in enumerate(packed):
            (store / sha256(b)[7:]).write_bytes(change_blob(i, b))
    return manifest


def docker_archive(path, layers, pack=None, pack_all=None, tags=("case:latest",), change=None, **config_more):
    """A `docker save` archive; change(list) edits manifest.json."""
    body = config(layers, **config_more)
    name = sha256(body)[7:] + ".json"
    rows = [{"Config": name, "RepoTags": list(tags), "Layers": [f"{i}/layer.tar" for i in range(len(layers))]}]
    if change:
        change(rows)
    members = [file(f"{i}/layer.tar", PACK[pack](l)) for i, l in enumerate(layers)]
    members += [file(name, body), file("manifest.json", json.dumps(rows))]
    pathlib.Path(path).write_bytes(PACK[pack_all](layer(*members)))


def feeds(path, files):
    """A feed directory; files: {name: text or JSON value}."""
    top = pathlib.Path(path)
    for name, value in files.items():
        target = top / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(_bytes(value) if isinstance(value, (str, bytes)) else json.dumps(value).encode())


def tracker(**packages):
    """A Debian security tracker file: package={"CVE-…": {"12": "fixed version" or a dict of the release's fields}}."""
    names = {"10": "buster", "11": "bullseye", "12": "bookworm", "13": "trixie"}
    out = {}
    for package, issues in packages.items():
        for cve, releases in issues.items():
            rows = {}
            for number, value in releases.items():
                row = value if isinstance(value, dict) else {"status": "resolved", "fixed_version": value}
                row = {"repositories": {names[number]: "0"}, "urgency": "not yet assigned", **row}
                rows[names[number]] = row
            out.setdefault(package.replace("_", "-"), {})[cve] = {"scope": "local", "releases": rows}
    return out


def osv(id, *affected, **more):
    """An OSV record; affected: (ecosystem, name, fixed version or list of events[, fields of the affected package])."""
    rows = []
    for ecosystem, name, fixed, *fields in affected:
        events = fixed if isinstance(fixed, list) else [{"introduced": "0"}, {"fixed": fixed}]
        rows.append({"package": {"ecosystem": ecosystem, "name": name}, "ranges": [{"type": "ECOSYSTEM", "events": events}],
                     **(fields[0] if fields else {})})
    return {"schema_version": "1.7.0", "id": id, "modified": "2024-01-01T00:00:00Z", "affected": rows, **more}


def secdb(branch, **packages):
    """An Alpine secdb file: package={"fixed version": ["CVE-…"]}"""
    rows = [{"pkg": {"name": name.replace("_", "-"), "secfixes": fixes}} for name, fixes in packages.items()]
    return {"distroversion": branch, "reponame": "main", "urlprefix": "https://dl-cdn.example.org/alpine",
            "apkurl": "{{urlprefix}}/{{distroversion}}/{{reponame}}/{{arch}}/{{pkg.name}}-{{pkg.ver}}.apk", "packages": rows}
