#!/usr/bin/env python3
"""What feeds say of language packages, to hold `yagura scan` against; see oracle.py.

usage: languages.py LIST REPORT.json REJECTED FEED...     compares; LIST as draw.py writes it, REJECTED as oracle.py does
FEED: zip files of OSV records, and what advisories.py reads

A vulnerability goes by every id of its records; rows agree when package, version, fixed version and one of the ids do.
"""
import json
import pathlib
import re
import sys
import zipfile

import advisories
import versions

KEY = {"PyPI": versions.pep440, "Go": versions.semver, "crates.io": versions.semver, "Maven": versions.maven,
       "npm": versions.semver, "NuGet": versions.nuget, "RubyGems": versions.key(versions.gem),
       "Packagist": versions.key(versions.php)}
TYPE = {"PyPI": "pypi", "Go": "golang", "crates.io": "cargo", "Maven": "maven", "npm": "npm", "NuGet": "nuget", "RubyGems": "gem",
        "Packagist": "composer"}


def same_name(ecosystem, name):
    if ecosystem == "PyPI":
        return re.sub(r"[-_.]+", "-", name).lower()
    if ecosystem in ("NuGet", "Packagist"):
        return name.lower()
    return name.replace("_", "-") if ecosystem == "crates.io" else name


def vulnerabilities(all_records):
    """{record id: ids it counts for}: each CVE it names; without one, the CVE its neighbours agree on; else its own group."""
    cves, neighbours = {}, {}
    for r in all_records:
        cves.setdefault(r.id, set()).update(i for i in (r.id, *r.aliases) if i.startswith("CVE-"))
        for i in r.aliases:
            neighbours.setdefault(r.id, set()).add(i)
            neighbours.setdefault(i, set()).add(r.id)
    def group(start):
        seen, todo = set(), [start]
        while todo:
            i = todo.pop()
            if i not in seen and not cves.get(i) and not i.startswith("CVE-"):
                seen.add(i)
                todo += neighbours.get(i, ())
        return seen
    out = {}
    for i in cves:
        out[i] = cves[i]
        if not cves[i]:
            near = set().union(*(cves.get(n, set()) for n in neighbours.get(i, ())))
            out[i] = near if len(near) == 1 else {min(group(i))}
    return out


def stretches(affected, key):
    """[(from, to, ends inclusively)] with keys; None for the beginning and for no end."""
    for r in affected.get("ranges") or ():
        if r["type"] == "GIT":
            continue
        begin = open_ = None
        for event in r["events"]:
            if "introduced" in event:
                begin, open_ = (None if event["introduced"] == "0" else key(event["introduced"])), True
            else:
                (kind, text), = event.items()
                yield begin, key(text), kind == "last_affected", text if kind == "fixed" else None
                open_ = False
        if open_:
            yield begin, None, False, None


def undecidable(affected, key):
    """A bound of it is no version."""
    events = (e for r in affected.get("ranges") or () if r["type"] != "GIT" for e in r["events"])
    return any(text != "0" and key(text) is None for e in events for text in e.values())


def holds(stretch, v):
    begin, end, inclusive, _ = stretch
    return (begin is None or begin <= v) and (end is None or v < end or inclusive and v == end)


def osv(path):
    with zipfile.ZipFile(path) as z:
        for name in sorted(z.namelist()):
            r = json.loads(z.read(name)) if name.endswith(".json") else {"withdrawn": True}
            if "withdrawn" in r:
                continue
            affected = [a for a in r.get("affected") or () if a["package"]["ecosystem"] in KEY]
            for a in affected:
                yield osv_record(r, a)
            if not affected:  # it still joins names
                yield advisories.Record(r["id"], r.get("aliases") or (), "", "", lambda v: False, [], [])


def osv_record(r, affected):
    key = KEY[affected["package"]["ecosystem"]]
    ranges = [] if undecidable(affected, key) else list(stretches(affected, key))
    listed = set(affected.get("versions") or ())
    mentioned = [v for x in affected.get("ranges") or () if x["type"] != "GIT" for e in x["events"] for v in e.values() if v != "0"]
    spelt = [key(v) for v in listed] if affected["package"]["ecosystem"] in ("PyPI", "Packagist") else []
    def affects(text):
        v = key(text)
        return text in listed or v is not None and (v in spelt or any(holds(s, v) for s in ranges))
    return advisories.Record(r["id"], r.get("aliases") or (), affected["package"]["ecosystem"], affected["package"]["name"],
                             affects, [s[3] for s in ranges if s[3]], mentioned + sorted(listed))


def records(feeds):
    for path in feeds:
        yield from osv(path) if path.endswith(".zip") else advisories.read(path)


def expected(listing, feeds):
    all_records = list(records(feeds))
    counts_for = vulnerabilities(all_records)
    said = {}  # (ecosystem, name): {vulnerability: records}
    for r in all_records:
        for i in counts_for[r.id] if r.ecosystem else ():
            said.setdefault((r.ecosystem, same_name(r.ecosystem, r.name)), {}).setdefault(i, []).append(r)
    rows = set()
    for line in pathlib.Path(listing).read_text().splitlines():
        ecosystem, name, version = line.split("\t")
        key = KEY[ecosystem]
        v = key(version)
        for i, speaking in said.get((ecosystem, same_name(ecosystem, name)), {}).items():
            if not any(r.affects(version) for r in speaking):
                continue
            fixes = {f for r in speaking for f in r.fixes} if v is not None else ()
            good = [f for f in fixes if v < key(f) and not any(r.affects(f) for r in speaking)]
            rows.add((TYPE[ecosystem], name, version, i, min(good, key=key) if good else ""))
    return rows


def main(args):
    want, have, other = expected(args[0], args[3:]), set(), {}
    gone = set(pathlib.Path(args[2]).read_text().split())
    report = json.loads(pathlib.Path(args[1]).read_text())
    for f in report["findings"]:
        kind = report["packages"][f["package_id"]]["type"]
        row = lambda i: (kind, f["package"], f["installed"].removeprefix("v") if kind == "golang" else f["installed"], i, f.get("fixed") or "")
        if f["package"] == "stdlib":
            continue
        have.add(row(f["id"]))
        for alias in f.get("aliases") or ():
            other[row(alias)] = row(f["id"])
    want = {other.get(row, row) for row in want if row[3] not in gone}
    for word, rows in (("missing", want - have), ("not expected", have - want)):
        for row in sorted(rows):
            print(word + "\t" + "\t".join(row))
    print(f"# {len(want & have)} agree, {len(want - have)} missing, {len(have - want)} not expected")
    return 0 if want and want == have else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
