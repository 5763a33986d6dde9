#!/usr/bin/env python3
"""Made-up inventories drawn from feeds: every package a feed knows, in versions around its fixes. The same each time.

usage: draw.py rpm FEED.zip... ECOSYSTEM OS-RELEASE DIR      a root file system with an rpm database, and DIR.tsv, its list
       draw.py oval FEED.xml.bz2 OS-RELEASE DIR              the same
       draw.py languages FEED... DIR                         a root file system with language packages, and DIR.tsv
       Lists: rpm: name, epoch, version, release, arch, source, module, vendor; languages: ecosystem, name, version.
"""
import hashlib
import json
import pathlib
import re
import struct
import sys
import zipfile
import zlib

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent.parent / "cases" / "tools"))
import image

COPIES = 4  # versions of one package that are installed side by side
VENDORS = {"almalinux": "AlmaLinux", "rhel": "Red Hat, Inc.", "sles": "SUSE LLC <https://www.suse.com/>"}


def records(paths):
    for path in paths:
        with zipfile.ZipFile(path) as z:
            for name in sorted(z.namelist()):
                if name.endswith(".json"):
                    yield json.loads(z.read(name))


def choose(values, *seed):
    """One of them, by a hash of the seed."""
    values = sorted(values)
    return values[int(hashlib.sha256("\0".join(seed).encode()).hexdigest(), 16) % len(values)]


def save(root, name, data):
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode() if isinstance(data, str) else data)


# ---- rpm ----

def modules_of(record):
    words = record["summary"].partition(": ")[2].split()
    return [w.rstrip(",") for w in words if ":" in w.strip(":,")]


def osv_fixes(feeds, ecosystem):
    """{package: {(fixed version, module)}}"""
    fixes = {}
    for record in records(feeds):
        for affected in record["affected"]:
            if affected["package"]["ecosystem"] != ecosystem:
                continue
            for r in affected["ranges"]:
                for event in r["events"]:
                    if "fixed" in event:
                        modules = modules_of(record) if ".module_el" in event["fixed"] else []
                        fixes.setdefault(affected["package"]["name"], set()).add((event["fixed"], (modules or [""])[0]))
    return fixes


def oval_fixes(feed):
    import oracle
    said, fixes = oracle.Statements(), {}
    oracle.rpm_oval(pathlib.Path(feed), said, False)
    for ((name, _, module), _), ids in said.items():
        fixes.setdefault(name, set()).update((evr, module) for evrs in ids.values() for evr in evrs)
    return fixes


def rpm(fixes, os_release, root):
    vendor = next(v for k, v in VENDORS.items() if k in os_release)
    rows = []
    for name, known in sorted(fixes.items()):
        evr, module = choose(known, name)
        if choose("abc", name, "older") == "a":
            evr = evr.rpartition("-")[0] + "-0"
        if module and choose("abcd", name, "module") == "a":
            module = "other:1"
        epoch, colon, rest = evr.rpartition(":")
        version, _, release = rest.partition("-")
        rows.append([name, epoch if colon else "(none)", version, release, "x86_64", f"{name}-{rest}.src.rpm",
                     module + ":8000020240101:abcdef01" if module else "(none)", vendor])
    pathlib.Path(str(root) + ".tsv").write_text("".join("\t".join(r) + "\n" for r in rows))
    save(root, "etc/os-release", os_release)
    _, data = image.rpm(*[{"name": r[0], "evr": (r[1] + ":" if r[1] != "(none)" else "") + f"{r[2]}-{r[3]}", "arch": r[4],
                           "source": r[5], "vendor": r[7], **({"module": r[6]} if r[6] != "(none)" else {})} for r in rows])
    save(root, "usr/lib/sysimage/rpm/rpmdb.sqlite", data)


# ---- languages ----

def elf(sections):
    """A program with nothing but sections: (name, address, bytes)."""
    names = b"\0" + b"".join(n.encode() + b"\0" for n, _, _ in sections) + b".shstrtab\0"
    body, rows = b"", [bytes(64)]
    for name, address, data in [*sections, (".shstrtab", 0, names)]:
        at = 64 + len(body)
        rows.append(struct.pack("<IIQQQQIIQQ", names.index(b"\0" + name.encode() + b"\0") + 1, 3 if name == ".shstrtab" else 1,
                                3 if address else 0, address, at, len(data), 0, 0, 16, 0))
        body += data + b"\0" * (-len(data) % 16)
    head = struct.pack("<4sBBBBQHHIQQQIHHHHHH", b"\x7fELF", 2, 1, 1, 0, 0, 2, 62, 1, 0, 0, 64 + len(body), 0, 64, 56, 0, 64,
                       len(rows), len(rows) - 1)
    return head + body + b"".join(rows)


def varint(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def go_program(modules):
    text = b"path\tmain\n" + b"".join(f"dep\t{n}\t{v}\th1:x=\n".encode() for n, v in modules)
    text = bytes.fromhex("3077af0c9274080241e1c107e6d618e6") + text + bytes.fromhex("f932433186182072008242104116d8f2")
    info = b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16) + varint(8) + b"go1.99.0" + varint(len(text)) + text
    return elf([(".go.buildinfo", 0x400000, info)])


def rust_program(crates):
    text = json.dumps({"packages": [{"name": n, "version": v, "source": "crates.io"} for n, v in crates]})
    return elf([(".dep-v0", 0, zlib.compress(text.encode()))])


def jar(packages):
    import io
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
        for i, (name, version) in enumerate(packages):
            group, _, artifact = name.partition(":")
            z.writestr(zipfile.ZipInfo(f"META-INF/maven/{i}/x/pom.properties"),
                       f"groupId={group}\nartifactId={artifact}\nversion={version}\n")
    return out.getvalue()


def gemspec(name, version):
    return f'# stub: {name} {version} ruby lib\n\nGem::Specification.new do |s|\n  s.name = "{name}".freeze\n  s.version = "{version}"\nend\n'


def installed_json(packages):
    return json.dumps({"packages": [{"name": n, "version": v} for n, v in packages]})


def deps_json(packages):
    return json.dumps({"libraries": {f"{n}/{v}": {"type": "package"} for n, v in packages}})


PRERELEASE = {"npm": "-beta.1", "NuGet": "-beta.1", "RubyGems": ".beta1", "Packagist": "-beta1"}


def around(ecosystem, version):
    """It, one before it, one behind it, and a prerelease of it."""
    yield version
    numbers = re.fullmatch(r"v?(\d+\.\d+\.)(\d+)", version)
    if numbers and ecosystem in PRERELEASE:
        yield numbers[1] + str(int(numbers[2]) + 1)
        yield numbers[1] + numbers[2] + PRERELEASE[ecosystem]
        if numbers[2] != "0":
            yield numbers[1] + str(int(numbers[2]) - 1)


def is_whole(ecosystem, version):
    """Something a package can have as its version: advisories say "1.x" and "2"."""
    if ecosystem in ("npm", "NuGet"):
        return re.fullmatch(r"\d+\.\d+\.\d+(\.\d+)?(-[0-9A-Za-z.-]+)?", version) is not None and (ecosystem == "NuGet" or version.split("-")[0].count(".") == 2)
    return ecosystem not in PRERELEASE or re.fullmatch(r"\d[0-9A-Za-z.+-]*", version) is not None and ".x" not in version


def languages(feeds, root):
    import languages as oracle
    known = {}
    for r in oracle.records(feeds):
        if r.ecosystem and r.name not in ("stdlib", "toolchain"):
            found = known.setdefault((r.ecosystem, r.name), set())
            found.update(v for m in r.mentioned for v in around(r.ecosystem, m) if is_whole(r.ecosystem, v))
    rows = []
    for copy in range(COPIES):
        chosen = [(e, n, choose(v | {"0.0.1"}, e, n, str(copy))) for (e, n), v in sorted(known.items())]
        of = lambda ecosystem: [(n, v) for e, n, v in chosen if e == ecosystem]
        rows += chosen
        for name, version in of("PyPI"):
            save(root, f"opt/{copy}/{name}-{version}.dist-info/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n\n")
        for name, version in of("npm"):
            save(root, f"opt/{copy}/node_modules/{name}/package.json", json.dumps({"name": name, "version": version}))
        for name, version in of("RubyGems"):
            save(root, f"opt/{copy}/specifications/{name}-{version}.gemspec", gemspec(name, version))
        save(root, f"opt/{copy}/vendor/composer/installed.json", installed_json(of("Packagist")))
        save(root, f"opt/{copy}/app.deps.json", deps_json(of("NuGet")))
        save(root, f"opt/{copy}/go", go_program([(n, "v" + v) for n, v in of("Go")]))
        save(root, f"opt/{copy}/rust", rust_program(of("crates.io")))
        save(root, f"opt/{copy}/all.jar", jar(of("Maven")))
        for name in ("go", "rust"):
            (root / f"opt/{copy}/{name}").chmod(0o755)
    pathlib.Path(str(root) + ".tsv").write_text("".join("\t".join(r) + "\n" for r in rows))


def main(args):
    root = pathlib.Path(args[-1])
    if args[0] == "rpm":
        return rpm(osv_fixes(args[1:-3], args[-3]), args[-2], root)
    if args[0] == "oval":
        return rpm(oval_fixes(args[1]), args[2], root)
    if args[0] == "languages":
        return languages(args[1:-1], root)
    sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
