"""Makes small images of known content: image-make.py DIR

DIR/layout             OCI layout: :one (amd64, two layers), :two (the same but for the second layer), :multi (index of amd64 and arm64), :nested (index of :multi)
DIR/old.tar            docker-archive as docker before 25 wrote it: VERSION, json, layer.tar, a layer that is a symlink
DIR/two.tar            docker-archive of two images, x:1 and y:2
DIR/both.tar           docker 25 and later: OCI layout with a manifest.json
DIR/oci.tar            the layout as an oci-archive
DIR/fs.tar             a file system
DIR/lie.tar            a config with a diff id too many
DIR/cut.tar            old.tar without its end
DIR/twice.tar          two members manifest.json
DIR/loop.tar           a layer that is a link to itself
DIR/gone.tar           a layer that is not there
and each of old.tar, oci.tar and fs.tar with .gz
"""
import gzip
import hashlib
import io
import json
import pathlib
import sys
import tarfile

root = pathlib.Path(sys.argv[1])
layout = root / "layout"
blobs = layout / "blobs" / "sha256"
blobs.mkdir(parents=True)


def hex_of(data):
    return hashlib.sha256(data).hexdigest()


def tar_of(members):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as tar:
        for name, content in members:
            info = tarfile.TarInfo(name)
            if isinstance(content, tuple):
                info.type, info.linkname = tarfile.SYMTYPE, content[0]
                tar.addfile(info)
            else:
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def put(data):
    (blobs / hex_of(data)).write_bytes(data)
    return {"digest": "sha256:" + hex_of(data), "size": len(data)}


def config_of(arch, layers, more=()):
    return json.dumps({
        "os": "linux", "architecture": arch, "created": "2024-01-02T03:04:05Z",
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hex_of(layer) for layer in layers] + list(more)},
        "history": [{"created_by": "ADD base"}, {"created_by": "CMD [sh]", "empty_layer": True},
                    {"created_by": "RUN top"}],
        "config": {},
    }).encode()


def image(arch, layers):
    manifest = {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
                "config": {"mediaType": "application/vnd.oci.image.config.v1+json", **put(config_of(arch, layers))},
                "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
                            **put(gzip.compress(layer, mtime=0))} for layer in layers]}
    return {"mediaType": manifest["mediaType"], **put(json.dumps(manifest).encode())}


def index(entries):
    return {"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json", "manifests": entries}


def named(entry, name):
    return {**entry, "annotations": {"org.opencontainers.image.ref.name": name}}


base = tar_of([("etc/os-release", b"ID=debian\nVERSION_ID=12\nVERSION_CODENAME=bookworm\n"),
               ("var/lib/dpkg/status", b"Package: hello\nStatus: install ok installed\nVersion: 2.10-3\nArchitecture: all\n")])
# Not to be compressed, so that transfers have something to break in.
top = tar_of([("data", b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(20000)))])
other = tar_of([("opt/node_modules/left-pad/package.json", b'{"name":"left-pad","version":"1.3.0"}')])
amd = image("amd64", [base, top])
two = image("amd64", [base, other])
arm = image("arm64", [base, base])
platforms = [{**amd, "platform": {"os": "linux", "architecture": "amd64"}},
             {**arm, "platform": {"os": "linux", "architecture": "arm64", "variant": "v8"}}]
multi = {"mediaType": index([])["mediaType"], **put(json.dumps(index(platforms)).encode())}
nested = {"mediaType": index([])["mediaType"], **put(json.dumps(index([multi])).encode())}
(layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
(layout / "index.json").write_text(json.dumps(index(
    [named(amd, "one"), named(two, "two"), named(multi, "multi"), named(nested, "nested")])))
(root / "digests").write_text(f"AMD={amd['digest']}\nARM={arm['digest']}\nMULTI={multi['digest']}\n")

config = config_of("amd64", [base, top])
name = hex_of(config) + ".json"


def entry(tags, layers):
    return {"Config": name, "RepoTags": tags, "Layers": layers}


def archive(file, manifest, members):
    data = tar_of([*members, ("manifest.json", json.dumps(manifest).encode())])
    (root / file).write_bytes(data)
    return data


old = archive("old.tar", [entry(["x:1"], ["a/layer.tar", "b/layer.tar"])],
              [("a/VERSION", b"1.0"), ("a/json", b"{}"), ("a/layer.tar", base), ("b/VERSION", b"1.0"), ("b/json", b"{}"),
               ("b/layer.tar", ("../top.tar",)), ("top.tar", top), (name, config), ("repositories", b"{}")])
archive("two.tar", [entry(["x:1"], ["base.tar", "top.tar"]), entry(["docker.io/library/y:2"], ["base.tar", "top.tar"])],
        [("base.tar", base), ("top.tar", top), (name, config)])
lie = config_of("amd64", [base, top], ["sha256:" + "0" * 64])
(root / "lie.tar").write_bytes(tar_of([
    ("manifest.json", json.dumps([{"Config": "c.json", "RepoTags": ["x:1"], "Layers": ["b", "t"]}]).encode()),
    ("c.json", lie), ("b", base), ("t", top)]))
archive("twice.tar", [entry(["x:1"], ["b", "t"])], [("manifest.json", b"[]"), ("b", base), ("t", top), (name, config)])
archive("loop.tar", [entry(["x:1"], ["b", "t"])], [("b", ("b",)), ("t", top), (name, config)])
archive("gone.tar", [entry(["x:1"], ["b", "t"])], [("t", top), (name, config)])
(root / "cut.tar").write_bytes(old[:len(old) // 2 // 512 * 512])
files = [(str(p.relative_to(layout)), p.read_bytes()) for p in sorted(layout.rglob("*")) if p.is_file()]
(root / "oci.tar").write_bytes(tar_of(files))
uncompressed = [("blobs/sha256/" + hex_of(data), data) for data in (base, top)]
(root / "both.tar").write_bytes(tar_of(files + uncompressed + [("manifest.json", json.dumps(
    [{"Config": "blobs/sha256/" + hex_of(config), "RepoTags": ["x:1"],
      "Layers": ["blobs/sha256/" + hex_of(base), "blobs/sha256/" + hex_of(top)]}]).encode())]))
(root / "fs.tar").write_bytes(base)
for file in ("old.tar", "oci.tar", "fs.tar"):
    (root / (file + ".gz")).write_bytes(gzip.compress((root / file).read_bytes(), mtime=0))
