#!/usr/bin/env python3
"""What OSV feeds say of language packages, to hold `yagura scan` against; see oracle.py.

usage: languages.py LIST REPORT.json FEED.zip...      compares; LIST as draw.py writes it

A vulnerability goes by every id of its records; rows agree when package, version, fixed version and one of the ids do.
"""
import json
import pathlib
import re
import sys

import versions
from draw import records

KEY = {"PyPI": versions.pep440, "Go": versions.semver, "crates.io": versions.semver, "Maven": versions.maven}
TYPE = {"PyPI": "pypi", "Go": "golang", "crates.io": "cargo", "Maven": "maven"}


def same_name(ecosystem, name):
    if ecosystem == "PyPI":
        return re.sub(r"[-_.]+", "-", name).lower()
    return name.replace("_", "-") if ecosystem == "crates.io" else name


def vulnerabilities(all_records):
    """{record id: ids it counts for}: each CVE it names; without one, the CVE its neighbours agree on; else its own group."""
    cves, neighbours = {}, {}
    for r in all_records:
        ids = [r["id"], *(r.get("aliases") or ())]
        cves[r["id"]] = {i for i in ids if i.startswith("CVE-")}
        for i in ids[1:]:
            neighbours.setdefault(r["id"], set()).add(i)
            neighbours.setdefault(i, set()).add(r["id"])
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


def expected(listing, feeds):
    all_records = [r for r in records(feeds) if "withdrawn" not in r]
    counts_for = vulnerabilities(all_records)
    said = {}  # (ecosystem, name): {vulnerability: [stretches], [versions]}
    for r in all_records:
        for affected in r.get("affected") or ():
            ecosystem = affected["package"]["ecosystem"]
            if ecosystem not in KEY:
                continue
            package = said.setdefault((ecosystem, same_name(ecosystem, affected["package"]["name"])), {})
            for i in counts_for[r["id"]]:
                ranges, listed = package.setdefault(i, ([], set()))
                if not undecidable(affected, KEY[ecosystem]):
                    ranges += stretches(affected, KEY[ecosystem])
                listed |= set(affected.get("versions") or ())
    rows = set()
    for line in pathlib.Path(listing).read_text().splitlines():
        ecosystem, name, version = line.split("\t")
        key = KEY[ecosystem]
        v = key(version)
        for i, (ranges, listed) in said.get((ecosystem, same_name(ecosystem, name)), {}).items():
            if version not in listed and (v is None or not any(holds(s, v) for s in ranges)):
                continue
            fixes = sorted(((s[1], s[3]) for s in ranges if s[3] and v is not None), key=lambda f: f[0])
            good = [text for f, text in fixes if v < f and text not in listed and not any(holds(s, f) for s in ranges)]
            rows.add((TYPE[ecosystem], name, version, i, good[0] if good else ""))
    return rows


def main(args):
    want, have, other = expected(args[0], args[2:]), set(), {}
    report = json.loads(pathlib.Path(args[1]).read_text())
    for f in report["findings"]:
        kind = report["packages"][f["package_id"]]["type"]
        row = lambda i: (kind, f["package"], f["installed"].removeprefix("v") if kind == "golang" else f["installed"], i, f.get("fixed") or "")
        if f["package"] == "stdlib":
            continue
        have.add(row(f["id"]))
        for alias in f.get("aliases") or ():
            other[row(alias)] = row(f["id"])
    want = {other.get(row, row) for row in want}
    for word, rows in (("missing", want - have), ("not expected", have - want)):
        for row in sorted(rows):
            print(word + "\t" + "\t".join(row))
    print(f"# {len(want & have)} agree, {len(want - have)} missing, {len(have - want)} not expected")
    return 0 if want and want == have else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
