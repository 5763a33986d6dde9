#!/usr/bin/env python3
"""What is not repaired: made-up OVAL of class "vulnerability" beside fixes of the same CVEs, and a second answer to it.

usage: unfixed.py make FAMILY DIR          DIR/feeds, DIR/root and DIR/list; the same each time
       unfixed.py compare FAMILY DIR REPORT.json

FAMILY   rhel: resolutions of components, in modules and out of them, definitions of what is not affected, patches
         ubuntu: a file of CVEs, whose criteria say what is not repaired by their comments; fixes for everybody and for subscribers
DIR/list has name, version, module, by tabs. Answers are (package, id, status, fixed version), read from DIR/feeds by Python's
xml with the rules of docs/matching.md written down once more; the making and the answering share nothing but the files.
"""
import itertools
import json
import pathlib
import sys
import xml.etree.ElementTree as ET

import draw
import versions

PACKAGES, CVES = 60, 40
STATES = ["Affected", "Not affected", "Will not fix", "Out of support scope", "Fix deferred", "Under investigation", "Something new", ""]
MODULES = ["", "", "nodejs:18", "virt:rhel"]
COMMENTS = [
    "is affected and needs fixing.", "is affected and may need fixing.", "is affected. An update containing the fix has been completed and is pending publication (note: '9').",
    "is affected, but a decision has been made to defer addressing it (note: 'x').",
    ": while related to the CVE in some way, a decision has been made to ignore this issue (note: 'end of life').",
    ": while related to the CVE in some way, a decision has been made to ignore this issue (note: 'out of standard support').",
    ": while related to the CVE in some way, a decision has been made to ignore this issue (note: 'intrusive')."]
UBUNTU_FIXES = ["1.0-1", "1.0-2", "1.0-2ubuntu0.1", "1.0-0", "1.0-2+esm1", "1.0-1+esm2", "1.0-1~esm1"]
UBUNTU_INSTALLED = ["1.0-1", "1.0-1", "1.0-2", "1.0-1+esm1", "1.0-2+esm1", "2:0.1"]
RHEL_FIXES = ["0:1.0-1.el9", "0:1.0-2.el9", "0:0.9-9.el9", "1:0.1-1.el9"]
RHEL_INSTALLED = ["1.0-1.el9", "1.0-2.el9", "1:0.1-1.el9"]


# ---- making ----

class Document:
    """Definitions and what they refer to; every test stands behind them with an id of its own."""

    def __init__(self, kind):
        self.kind, self.definitions, self.tests, self.objects, self.states = kind, [], [], [], []
        self.numbers = itertools.count(1)

    def test(self, name, evr="", more=""):
        n = next(self.numbers)
        self.objects.append(f'<{self.kind}_object id="o:{n}"><name>{name}</name></{self.kind}_object>')
        state = f'<state state_ref="s:{n}"/>' if evr else ""
        if evr:
            self.states.append(f'<{self.kind}_state id="s:{n}"><evr operation="less than">{evr}</evr>{more}</{self.kind}_state>')
        self.tests.append(f'<{self.kind}_test check="at least one" id="t:{n}"><object object_ref="o:{n}"/>{state}</{self.kind}_test>')
        return f"t:{n}"

    def text(self):
        parts = [("definitions", self.definitions), ("tests", self.tests), ("objects", self.objects), ("states", self.states)]
        body = "\n".join(f"<{name}>\n" + "\n".join(rows) + f"\n</{name}>" for name, rows in parts)
        return f'<oval_definitions xmlns="http://oval.mitre.org/XMLSchema/oval-definitions-5">\n{body}\n</oval_definitions>\n'


def installed_here(module, criteria):
    named = f'<criterion comment="Module {module} is enabled" test_ref="t:0"/>' if module else ""
    return f'<criteria operator="AND">{named}<criteria operator="OR">{criteria}</criteria></criteria>'


def redhat_definition(d, n, kind, metadata, criteria):
    d.definitions.append(
        f'<definition class="{"patch" if kind == "rhsa" else "vulnerability"}" id="oval:com.redhat.{kind}:def:{n}"><metadata>'
        f'<reference ref_id="CVE-2024-{n}" source="CVE"/>{metadata}</metadata><criteria operator="AND">'
        f'<criterion comment="Red Hat Enterprise Linux 9 is installed" test_ref="t:0"/><criteria operator="OR">{criteria}</criteria></criteria></definition>')


def redhat(names):
    d = Document("rpminfo")
    cpe = "<affected_cpe_list><cpe>cpe:/o:redhat:enterprise_linux:9</cpe></affected_cpe_list>"
    for n in range(1000, 1000 + CVES):
        chosen = [(name, draw.choose(MODULES, name, str(n), "of")) for name in names if draw.choose("abcd", name, str(n)) == "a"]
        open_, resolutions = "", ""
        for name, module in chosen:
            open_ += installed_here(module, f'<criterion comment="{name} is installed" test_ref="{d.test(name)}"/>')
            for spelled in {name, f"{module}/{name}" if module else name, f"other:1/{name}"}:
                state = draw.choose(STATES, spelled, str(n))
                if state:
                    resolutions += f'<resolution state="{state}"><component>{spelled}</component></resolution>'
        kind = "unaffected" if n % 9 == 0 else "cve"
        redhat_definition(d, n, kind, f"<advisory><severity>Low</severity><affected>{resolutions}</affected>{cpe}</advisory>", open_)
        fixes = ""
        for name, module in chosen:
            if draw.choose("abc", name, str(n), "fix") == "a":
                test = d.test(name, draw.choose(RHEL_FIXES, name, str(n), "evr"))
                fixes += installed_here(module, f'<criterion comment="{name} is earlier than it" test_ref="{test}"/>')
        if fixes:
            redhat_definition(d, n, "rhsa", f"<advisory><severity>Low</severity>{cpe}</advisory>", fixes)
    return d


def ubuntu(names):
    d = Document("dpkginfo")
    for n in range(1000, 1000 + CVES):
        criteria = ""
        for name in [name for name in names if draw.choose("abc", name, str(n)) == "a"]:
            for turn in range(draw.choose([1, 2], name, str(n), "turns")):
                said = draw.choose(["fix", *COMMENTS], name, str(n), str(turn))
                if said == "fix":
                    evr = draw.choose(UBUNTU_FIXES, name, str(n), str(turn), "evr")
                    said, test = f"was vulnerable but has been fixed (note: '{evr}').", d.test(name, "0:" + evr)
                else:
                    test = d.test(name)
                criteria += f'<criterion test_ref="{test}" comment="{name} package in jammy {said}"/>'
        d.definitions.append(
            f'<definition class="vulnerability" id="oval:com.ubuntu.jammy:def:{n}"><metadata><affected family="unix"><platform>Ubuntu 22.04 LTS</platform>'
            f'</affected><reference source="CVE" ref_id="CVE-2024-{n}"/></metadata><criteria><criteria operator="OR">{criteria}</criteria></criteria></definition>')
    return d


def make(family, top):
    names = [f"tool{i}" for i in range(PACKAGES)]
    if family == "rhel":
        document = redhat(names)
        rows = [(n, draw.choose(RHEL_INSTALLED, n), draw.choose(MODULES, n, "in")) for n in names]
        _, data = draw.image.rpm(*[{"name": n, "evr": v, "arch": "x86_64", "source": f"{n}-{v.split(':')[-1]}.src.rpm", "vendor": "Red Hat, Inc.",
                                    **({"module": m + ":9:abcd"} if m else {})} for n, v, m in rows])
        draw.save(top, "root/var/lib/rpm/rpmdb.sqlite", data)
        draw.save(top, "root/etc/os-release", 'ID="rhel"\nVERSION_ID="9.0"\n')
    else:
        document = ubuntu(names)
        rows = [(n, draw.choose(UBUNTU_INSTALLED, n), "") for n in names]
        draw.save(top, "root/var/lib/dpkg/status", "".join(draw.image.paragraph(n, v) for n, v, _ in rows))
        draw.save(top, "root/etc/os-release", 'ID=ubuntu\nVERSION_ID="22.04"\n')
    draw.save(top, "feeds/made.xml", document.text())
    draw.save(top, "list", "".join("\t".join(r) + "\n" for r in rows))


# ---- answering ----

RANK = ["under-investigation", "affected", "deferred", "wont-fix", "end-of-life"]  # of several the last
REDHAT = {"Not affected": "not affected", "Will not fix": "wont-fix", "Out of support scope": "end-of-life", "Fix deferred": "deferred",
          "Under investigation": "under-investigation"}
UBUNTU = [("may need fixing", "under-investigation"), ("to defer", "deferred"), ("'end of life", "end-of-life"), ("'out of standard", "end-of-life"),
          ("to ignore", "wont-fix"), ("", "affected")]


def statements(path, family):
    """(name, module, id, status or "fixed", version)"""
    root = ET.parse(path).getroot()
    names = {o.get("id"): o.find("{*}name").text for o in root.find("{*}objects")}
    evrs = {s.get("id"): s.find("{*}evr").text for s in root.find("{*}states")}
    tests = {}
    for t in root.find("{*}tests"):
        state = t.find("{*}state")
        tests[t.get("id")] = (names[t.find("{*}object").get("object_ref")], evrs[state.get("state_ref")] if state is not None else "")
    for definition in root.find("{*}definitions"):
        i = definition.find(".//{*}reference").get("ref_id")
        resolved = {c.text: r.get("state") for r in definition.iter("{http://oval.mitre.org/XMLSchema/oval-definitions-5}resolution") for c in r}
        parent = {child: node for node in definition.iter() for child in node}
        for criterion in definition.findall(".//{*}criterion"):
            name, evr = tests.get(criterion.get("test_ref"), ("", ""))
            if not name:
                continue
            comment, module, node = criterion.get("comment"), "", criterion
            while node in parent and not module:
                node = parent[node]
                for c in node.findall("{*}criterion"):
                    words = c.get("comment").split()
                    module = words[1] if words[0] == "Module" else module
            if evr:
                yield name, module, i, "fixed", evr.removeprefix("0:")
            elif family == "ubuntu":
                yield name, "", i, next(s for words, s in UBUNTU if words in comment), ""
            elif ".unaffected:" in definition.get("id"):
                yield name, module, i, "not affected", ""
            else:
                state = resolved.get(f"{module}/{name}", resolved.get(name)) if module else resolved.get(name)
                yield name, module, i, REDHAT.get(state, "affected"), ""


def verdict(said, installed, order):
    """(status, fixed) or None, from [(status, version)]"""
    if any(s == "not affected" for s, _ in said):
        return None
    everybody = [v for s, v in said if s == "fixed" and "esm" not in v]
    subscribers = [v for s, v in said if s == "fixed" and "esm" in v]
    later = [v for v in everybody if order(installed, v) < 0]
    theirs = [v for v in subscribers if order(installed, v) < 0]
    if subscribers and not theirs and (not later or "esm" in installed):
        return None
    if later:
        return "fixed", versions.highest(later, order)
    if everybody:
        return None
    if theirs:
        return "subscription", versions.highest(theirs, order)
    return max((s for s, _ in said), key=RANK.index), ""


def expected(family, top):
    order = versions.rpm if family == "rhel" else versions.dpkg
    said = {}
    for name, module, i, status, version in statements(top / "feeds" / "made.xml", family):
        said.setdefault((name, module), {}).setdefault(i, []).append((status, version))
    for line in (top / "list").read_text().splitlines():
        name, installed, module = line.split("\t")
        for i, words in said.get((name, module), {}).items():
            answer = verdict(words, installed, order)
            if answer:
                yield (name, i, *answer)


def differences(want, report):
    have = {(f["package"], f["id"], f["status"], f["fixed"] or "") for f in json.loads(pathlib.Path(report).read_text())["findings"]}
    for row in sorted(want - have):
        print("missing\t" + "\t".join(row))
    for row in sorted(have - want):
        print("not expected\t" + "\t".join(row))
    kinds = {row[2] for row in want}
    print(f"# {len(want & have)} agree, {len(want - have)} missing, {len(have - want)} not expected; statuses: {' '.join(sorted(kinds))}")
    return 0 if want == have and len(want) > 100 and len(kinds) >= 5 else 1


def main(args):
    if len(args) == 3 and args[0] == "make":
        make(args[1], pathlib.Path(args[2]))
        return 0
    if len(args) == 4 and args[0] == "compare":
        return differences(set(expected(args[1], pathlib.Path(args[2]))), args[3])
    sys.exit(__doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
